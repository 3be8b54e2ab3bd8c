"""The largest, the smallest, where they stand, and whether any or all are true."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, INTEGERS, check_axis, check_dtype, given
from archdsl.ops.contract import Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option
from archdsl.ops.reduce.axes import KEEP_DOC, Reduction, reduced_axes, reduced_shape, surviving
from archdsl.ops.reduce.sums import EVERY, SHAPES

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

NUMERIC = (*FLOATS, *INTEGERS)


class Extreme(Reduction):
    """The largest or smallest over axes."""

    dtypes = NUMERIC
    function: ClassVar[str] = ""
    examples = (
        *SHAPES,
        Example({"axis": 1}, ("i64[N, 3]",), ("i64[N]",)),
        Example({"axis": -1, "keepdim": True}, ("i16[N, 3]",), ("i16[N, 1]",)),
        Example({}, ("i32[N]",), ("i32[]",)),
    )
    refusals = (*Reduction.refusals, Refusal({}, ("bool[N]",), "dtype-mismatch"))

    def tangent(self, tape: TangentTape, *inputs: typing.Any, **more: typing.Any) -> typing.Any:
        x = inputs[0]
        best = x.plain.max(axis=self.axis, keepdim=True) if self.name == "max" else x.plain.min(axis=self.axis, keepdim=True)
        share = x.plain.eq(best).where(1, 0)  # equal ones share it, as in PyTorch
        total = (share * x.d).sum(axis=self.axis, keepdim=self.keepdim)
        return total / share.sum(axis=self.axis, keepdim=self.keepdim)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.{self.function}", **self.named(tape))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        op_type = "ReduceMax" if self.name == "max" else "ReduceMin"
        if dtype != "i16":
            return self.reduce(tape, op_type, x)
        return tape.node("Cast", [self.reduce(tape, op_type, tape.node("Cast", [x], to="i32"))], to=dtype)


class Max(Extreme):
    """The largest element over axes: the values alone, PyTorch's `amax`; of two tensors it is `maximum`.

    `[N, C]` with `axis=1` gives `[N]`. Source: PyTorch, `torch.amax`.
    """

    name = "max"
    of_two = "maximum"
    function = "amax"


class Min(Extreme):
    """The smallest element over axes: the values alone, PyTorch's `amin`; of two tensors it is `minimum`.

    `[N, C]` with `axis=1` gives `[N]`. Source: PyTorch, `torch.amin`.
    """

    name = "min"
    of_two = "minimum"
    function = "amin"


class Truth(Reduction):
    """Whether any or all elements over axes are true, or not 0."""

    dtypes = EVERY
    examples = (
        *(Example(one.args, (f"bool{one.inputs[0]}",), (f"bool{one.outputs[0]}",)) for one in SHAPES),
        Example({"axis": 1}, ("[N, 3]",), ("bool[N]",)),
        Example({"axis": 1}, ("i64[N, 3]",), ("bool[N]",), values={0: (0, 2)}),
    )

    def result(self, dtype: str) -> str:
        return "bool"

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.{self.name}", **self.named(tape))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        truth = str(inputs[0]) if tape.inputs[0].dtype == "bool" else tape.node("Cast", [str(inputs[0])], to="bool")
        found = self.reduce(tape, "ReduceMax" if self.name == "any" else "ReduceMin", tape.node("Cast", [truth], to="i32"))
        return tape.node("Cast", [found], to="bool")


class Any(Truth):
    """Whether any element over axes is true, or not 0.

    `bool[N, T]` with `axis=1` gives `bool[N]`. Source: PyTorch, `torch.any`.
    """

    name = "any"


class All(Truth):
    """Whether all elements over axes are true, or not 0.

    `bool[N, T]` with `axis=1` gives `bool[N]`. Source: PyTorch, `torch.all`.
    """

    name = "all"


class Position(Op):
    """The index of the largest or smallest element."""

    family = "reduce"
    alike = "every"
    axis: int | None = option(None, "an axis, or none for the index in the flattened tensor", "int | none")
    keepdim: bool = option(False, KEEP_DOC, "bool")
    examples = (
        Example({"axis": -1}, ("[N, 5]",), ("i64[N]",)),
        Example({"axis": 0, "keepdim": True}, ("[T, 3]",), ("i64[1, 3]",)),
        Example({}, ("[N, 4]",), ("i64[]",)),
        Example({"keepdim": True}, ("[N, 4]",), ("i64[1, 1]",)),
        Example({"axis": 1}, ("i64[N, 1, 2]",), ("i64[N, 2]",)),
        Example({"axis": 1}, ("i32[N, 7]",), ("i64[N]",), values={0: (-3000, 4000)}),
    )
    refusals = (
        Refusal({"axis": 2}, ("[N, 3]",), "axis-out-of-range"),
        Refusal({"axis": 0}, ("[]",), "axis-out-of-range"),
        Refusal({"axis": 0}, ("bool[N]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(given(inputs[0]), NUMERIC)
        return (TensorType(reduced_shape(x.shape, reduced_axes(self.axis, len(x.shape)), self.keepdim), "i64"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        named: dict[str, object] = {} if self.axis is None else {"dim": self.axis}
        return tape.call(f"{inputs[0]}.{self.name}", **named, **({"keepdim": True} if self.keepdim else {}))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, type = str(inputs[0]), tape.inputs[0]
        if type.dtype in ("i64", "i16"):
            # ONNX Runtime finds no position in these; float64 holds every integer to 2^53 and orders the others.
            x = tape.node("Cast", [x], to="f64" if type.dtype == "i64" else "i32")
        op_type = "ArgMax" if self.name == "argmax" else "ArgMin"
        if self.axis is not None:
            return tape.node(op_type, [x], axis=check_axis(self.axis, len(type.shape)), keepdims=int(self.keepdim))
        found = tape.node(op_type, [tape.node("Reshape", [x, tape.ints([-1])])], axis=0, keepdims=0)
        return tape.node("Reshape", [found, tape.ints([1] * len(type.shape))]) if self.keepdim else found

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        # The order does matter over the axis itself: the result is a position.
        axes = reduced_axes(self.axis, len(given(inputs[0]).shape))
        return Everywhere() if axis in axes else surviving(axis, axes, self.keepdim)


class ArgMax(Position):
    """The index of the largest element along an axis, of equal ones any.

    `[N, C]` with `axis=1` gives `i64[N]`. Source: PyTorch, `torch.argmax`.
    """

    name = "argmax"


class ArgMin(Position):
    """The index of the smallest element along an axis, of equal ones any.

    `[N, C]` with `axis=1` gives `i64[N]`. Source: PyTorch, `torch.argmin`.
    """

    name = "argmin"
