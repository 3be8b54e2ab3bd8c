"""Sums, means, products, variances and counts over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, INTEGERS, check_least
from archdsl.ops.contract import Code, Context, Example, OnnxTape, OpFault, Refusal, TorchTape, option
from archdsl.ops.reduce.axes import Reduction, method, reduced_axes
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

EVERY = (*FLOATS, *INTEGERS, "bool")
SHAPES = (
    Example({}, ("[N, 3]",), ("[]",)),
    Example({"axis": -1}, ("[N, 3]",), ("[N]",)),
    Example({"axis": 0, "keepdim": True}, ("[N, 3]",), ("[1, 3]",)),
    Example({"axis": (-1, 1)}, ("[N, 4, 2, W]",), ("[N, 2]",)),
    Example({"axis": (0, 2), "keepdim": True}, ("[N, 1, W]",), ("[1, 1, 1]",)),
    Example({"keepdim": True}, ("[2, N]",), ("[1, 1]",)),
    Example({"axis": 1}, ("[N, 1]",), ("[N]",)),
    Example({"axis": (1,)}, ("[N, 2, 3]",), ("[N, 3]",)),
    Example({}, ("[]",), ("[]",)),
)


class Sum(Reduction):
    """The sum over axes; of integers and booleans an i64.

    `[N, C, H, W]` with `axis=[2, 3]` gives `[N, C]`. Source: PyTorch, `torch.sum`.
    """

    name = "sum"
    precise = True
    linear = ("x",)
    dtypes = EVERY
    examples = (
        *SHAPES,
        Example({"axis": 1}, ("i32[N, 3]",), ("i64[N]",)),
        Example({}, ("bool[N, 3]",), ("i64[]",)),
        Example({"axis": -1}, ("u8[N, 3]",), ("i64[N]",)),
    )

    def result(self, dtype: str) -> str:
        return dtype if dtype in FLOATS else "i64"

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return method("sum", self, tape, inputs[0])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.reduce(tape, "ReduceSum", widened(tape, str(inputs[0])))


def widened(tape: OnnxTape, x: str) -> str:
    """Integers and booleans as int64, in which they are added up."""
    return x if tape.inputs[0].dtype in (*FLOATS, "i64") else tape.node("Cast", [x], to="i64")


class Mean(Reduction):
    """The mean over axes.

    `[N, C, H, W]` with `axis=[2, 3]` gives `[N, C]`. Source: PyTorch, `torch.mean`.
    """

    name = "mean"
    precise = True
    linear = ("x",)
    floats = True
    examples = SHAPES
    refusals = (*Reduction.refusals, Refusal({}, ("bool[N]",), "dtype-mismatch"))

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return method("mean", self, tape, inputs[0])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.reduce(tape, "ReduceMean", str(inputs[0]))


class Prod(Reduction):
    """The product over one axis, or over all; of integers and booleans an i64.

    `[N, C]` with `axis=1` gives `[N]`. Source: PyTorch, `torch.prod`.
    """

    name = "prod"
    precise = True
    dtypes = EVERY
    axis: int | None = option(None, "an axis, or none for all", "int | none")
    examples = (
        *(one for one in SHAPES if not isinstance(one.args.get("axis"), tuple)),
        Example({"axis": 1}, ("i32[N, 3]",), ("i64[N]",)),
        Example({}, ("bool[N, 3]",), ("i64[]",)),
    )
    refusals = tuple(one for one in Reduction.refusals if not isinstance(one.args["axis"], tuple))

    def result(self, dtype: str) -> str:
        return dtype if dtype in FLOATS else "i64"

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, axis = inputs[0], self.axis
        if not x.type.shape:
            return x.d
        if axis is None:
            x, axis = x.reshape(sizes=(-1,)), 0
        # The product of all the others, without dividing: one may be 0.
        others = before(x.plain, axis) * before(x.plain.flip(axis=(axis,)), axis).flip(axis=(axis,))
        return (others * x.d).sum(axis=axis, keepdim=self.keepdim)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        if self.axis is None and self.keepdim:  # PyTorch's keepdim wants an axis
            ones = (1,) * len(tape.inputs[0].shape)
            return tape.call(f"{inputs[0]}.prod().reshape", ones)
        return method("prod", self, tape, inputs[0])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.reduce(tape, "ReduceProd", widened(tape, str(inputs[0])))


class Spread(Reduction):
    """Variance and standard deviation."""

    precise = True
    floats = True
    correction: int = option(1, "subtracted from the number of elements that is divided by; 0 for all of them", "int")
    refusals = (
        *Reduction.refusals,
        Refusal({"correction": -1}, ("[N]",), "bad-argument"),
        Refusal({}, ("bool[N]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.correction, 0, "correction")
        return self

    def along(self, *inputs: Any) -> Any:
        """The tangent of the variance."""
        x, axes = inputs[0], reduced_axes(self.axis, inputs[0].type.rank)
        count = TensorType(tuple(x.type.shape[axis] for axis in axes)).numel()
        centred = x.plain - x.plain.mean(axis=self.axis, keepdim=True)
        return (centred * x.d).sum(axis=self.axis, keepdim=self.keepdim) * 2 / (count - self.correction)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.{self.name}", **self.named(tape), **changed(self, "correction"))

    def variance(self, tape: OnnxTape, x: str) -> str:
        """The sum of squares about the mean, over the number of elements less the correction."""
        type = tape.inputs[0]
        axes = reduced_axes(self.axis, len(type.shape))
        count = TensorType(tuple(type.shape[axis] for axis in axes)).numel()
        mean = tape.node("ReduceMean", [x, tape.ints(list(axes))], keepdims=1) if axes else x
        apart = tape.node("Sub", [x, mean])
        total = self.reduce(tape, "ReduceSumSquare", apart) if axes else tape.node("Mul", [apart, apart])
        return tape.node("Div", [total, tape.scalar(count - self.correction, type.dtype)])


SPREAD = (
    *(one for one in SHAPES if one.inputs not in (("[]",), ("[N, 1]",))),
    Example({"correction": 0, "axis": 1}, ("[N, 1, 3]",), ("[N, 3]",)),
    Example({"correction": 2, "axis": (1, 2)}, ("[N, T, 3]",), ("[N]",)),
)


class Var(Spread):
    """The variance over axes, divided by the number of elements less `correction`.

    `[N, C]` with `axis=1` gives `[N]`. Source: PyTorch, `torch.var`.
    """

    name = "var"
    examples = SPREAD

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return self.along(inputs[0])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.variance(tape, str(inputs[0]))


class Std(Spread):
    """The standard deviation over axes: the root of `var`.

    `[N, C]` with `axis=1` gives `[N]`. Source: PyTorch, `torch.std`.
    """

    name = "std"
    examples = (
        *(one for one in SPREAD if one.inputs != ("[N, 1, 3]",)),
        Example({"correction": 0, "axis": 1}, ("[N, 4, 1]",), ("[N, 1]",)),
    )

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        y = tape.outputs[0]
        flat = y.eq(0)
        return flat.where(0, self.along(inputs[0]) / flat.where(1, 2 * y))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Sqrt", [self.variance(tape, str(inputs[0]))])


class Norm(Reduction):
    """The p-norm over axes: (sum of abs(x)^p)^(1/p).

    `[N, C]` with `axis=1` gives `[N]`. Over all axes it is the norm of the flattened tensor. Source: PyTorch,
    `torch.linalg.vector_norm`, which is what `torch.norm` is for numbers.
    """

    name = "norm"
    precise = True
    floats = True
    p: float = option(2.0, "the exponent; above 0", "float")
    axis: int | tuple[int, ...] | None = option(None, "an axis, a list of them, or none for all", "int | list[int] | none")
    keepdim: bool = option(False, "keep the axes, with size 1", "bool")
    examples = (
        *SHAPES[:8],
        Example({"p": 1.0, "axis": -1, "keepdim": True}, ("[N, 3]",), ("[N, 1]",)),
        Example({"p": 3.0, "axis": (0, 1)}, ("[N, 3, 2]",), ("[2]",)),
        Example({"p": 0.5}, ("[N, 3]",), ("[]",)),
    )
    refusals = (
        *Reduction.refusals,
        Refusal({"p": 0.0}, ("[N]",), "bad-argument"),
        Refusal({"p": float("inf")}, ("[N]",), "bad-argument"),
        Refusal({}, ("bool[N]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if not 0 < self.p < float("inf"):
            said = f"`p` must be a number above 0; got {self.p}"
            raise OpFault(said, code="bad-argument", argument="p", help="the largest of them is max(abs(x))")
        return self

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, y = inputs[0], tape.outputs[0]
        if self.p == 1:
            return (x.plain.sign() * x.d).sum(axis=self.axis, keepdim=self.keepdim)
        if self.p == 2:
            none = y.eq(0)
            return none.where(0, (x.plain * x.d).sum(axis=self.axis, keepdim=self.keepdim) / none.where(1, y))
        size = x.plain.abs()
        none = size.eq(0)
        rates = none.where(0, x.plain.sign() * none.where(1, size) ** (self.p - 1))
        total = (rates * x.d).sum(axis=self.axis, keepdim=self.keepdim)
        none = y.eq(0)
        return none.where(0, total * none.where(1, y) ** (1 - self.p))

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        order = {"ord": self.p} if self.p != 2 else {}
        named = self.named(tape) if self.axis is not None else {"keepdim": True} if self.keepdim else {}
        return tape.call("torch.linalg.vector_norm", inputs[0], **order, **named)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        if not tape.inputs[0].shape:
            return tape.node("Abs", [x])
        if self.p in (1, 2):
            return self.reduce(tape, f"ReduceL{int(self.p)}", x)
        powers = tape.node("Pow", [tape.node("Abs", [x]), tape.scalar(self.p, dtype)])
        return tape.node("Pow", [self.reduce(tape, "ReduceSum", powers), tape.scalar(1 / self.p, dtype)])


class CountNonzero(Reduction):
    """How many elements are not 0, over axes.

    `[N, C]` with `axis=1` gives `i64[N]`. Source: PyTorch, `torch.count_nonzero`.
    """

    name = "count_nonzero"
    dtypes = EVERY
    examples = (
        *(Example(one.args, one.inputs, (f"i64{one.outputs[0]}",)) for one in SHAPES),
        Example({"axis": 1}, ("bool[N, 3]",), ("i64[N]",)),
        Example({}, ("i64[N, 3]",), ("i64[]",)),
    )

    def result(self, dtype: str) -> str:
        return "i64"

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"({inputs[0]} != 0).sum", **self.named(tape))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        truth = str(inputs[0]) if tape.inputs[0].dtype == "bool" else tape.node("Cast", [str(inputs[0])], to="bool")
        return self.reduce(tape, "ReduceSum", tape.node("Cast", [truth], to="i64"))


def before(x: Any, axis: int) -> Any:
    """Of each element the product of all that stand before it along an axis."""
    size = x.type.shape[axis]
    place = tuple(size if at == axis % x.type.rank else 1 for at in range(x.type.rank))
    first = x.op("arange", bounds=(size,)).eq(0).reshape(sizes=place)
    return first.where(1, x.roll(shifts=1, axis=axis)).cumprod(axis=axis)
