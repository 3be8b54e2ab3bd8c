"""Choices, bounds and conversions of one element: where, clamp, cast, and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.dtype import is_dtype, keeping
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_dtype, given
from archdsl.ops.contract import Code, Context, Example, OnnxTape, OpFault, Refusal, TorchTape, option, required
from archdsl.ops.pointwise.elementwise import EVERY, NUMERIC, Elementwise, joint_shape
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

_ANY = {0: (float("-inf"), float("inf"))}
_GREATEST = {"f64": 1.7976931348623157e308, "f32": 3.4028234663852886e38, "f16": 65504.0, "bf16": 3.3895313892515355e38}


class Where(Elementwise):
    """x where the condition is true, else y.

    condition `bool[...]`, x and y of one dtype, which the result has; the three shapes broadcast. A number may stand for x or y.
    Source: PyTorch, `torch.where`.
    """

    name = "where"
    linear = ("x y",)
    tensors = ("condition", "x", "y")
    numbers = True
    examples = (
        Example({}, ("bool[N, 3]", "[N, 3]", "[N, 3]"), ("[N, 3]",)),
        Example({}, ("bool[N, 1]", "[3]", "[4, 1, 1]"), ("[4, N, 3]",)),
        Example({}, ("bool[N, 3]", "[N, 3]", "-2"), ("[N, 3]",)),
        Example({}, ("bool[N, 1, 3]", "0.5", "[4, 3]"), ("[N, 4, 3]",)),
        Example({}, ("bool[N]", "i64[N]", "N + 1"), ("i64[N]",)),
        Example({}, ("bool[]", "bool[N]", "bool[1]"), ("bool[N]",)),
        Example({}, ("bool[2, N]", "i32[]", "i32[N]"), ("i32[2, N]",)),
        Example({}, ("bool[N, 2]", "1.5", "-2"), ("[N, 2]",)),
        Example({}, ("bool[N, 2]", "N", "0"), ("i64[N, 2]",)),
    )
    refusals = (
        Refusal({}, ("[N]", "[N]", "[N]"), "dtype-mismatch"),
        Refusal({}, ("bool[N]", "[N]", "i64[N]"), "dtype-mismatch"),
        Refusal({}, ("bool[2, N]", "[3, N]", "[N]"), "shape-mismatch"),
        Refusal({}, ("bool[N]", "[M]", "[M]"), "unproved-dimension"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        condition, x, y = (given(one, name) for one, name in zip(inputs, self.tensors, strict=True))
        check_dtype(condition, ("bool",), wants="a condition of bool")
        if x.dtype != y.dtype:
            wide = keeping(x.dtype, y.dtype)
            help = f"convert one: cast({'y' if wide == x.dtype else 'x'}, {wide})"
            raise OpFault(f"dtypes differ: {x} and {y}", code="dtype-mismatch", operand=2, other=1, help=help)
        return (TensorType(joint_shape(context, condition, x, y), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        condition, x, y = inputs
        result = tape.outputs[0].dtype
        if result in FLOATS and not (tape.inputs[1].shape or tape.inputs[2].shape):
            # Of two numbers PyTorch makes its default dtype, and rounds them to it.
            x = tape.call("torch.as_tensor", x, dtype=tape.dtype(result))
        return tape.call("torch.where", condition, x, y)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        dtype = tape.outputs[0].dtype
        if dtype not in ("bool", "i32", "i16", "i8"):
            return tape.node("Where", [str(one) for one in inputs])
        # ONNX Runtime chooses among floats, i64 and u8 alone.
        wide = [tape.node("Cast", [str(one)], to="i64") for one in inputs[1:]]
        return tape.node("Cast", [tape.node("Where", [str(inputs[0]), *wide])], to=dtype)


class Clamp(Elementwise):
    """x within min and max; either may be left out, and where they cross, max counts.

    Of any shape and numeric dtype, which the result has. For bounds that are tensors use `maximum` and `minimum`.
    Source: PyTorch, `torch.clamp`.
    """

    name = "clamp"
    dtypes = NUMERIC
    min: Any = option(None, "the least result, or none", "number | none")
    max: Any = option(None, "the greatest result, or none", "number | none")
    examples = (
        Example({"min": -0.5, "max": 0.25}, ("[N, 3]",), ("[N, 3]",)),
        Example({"min": 0}, ("[]",), ("[]",)),
        Example({"max": 0.5}, ("[1, N]",), ("[1, N]",)),
        Example({"min": 1, "max": -1}, ("[N, 3]",), ("[N, 3]",)),
        Example({"min": 0, "max": 4}, ("i64[N, 3]",), ("i64[N, 3]",)),
        Example({"min": -1}, ("i32[N, 3]",), ("i32[N, 3]",)),
        Example({"max": 5}, ("u8[N, 3]",), ("u8[N, 3]",)),
    )
    refusals = (
        Refusal({}, ("[N]",), "bad-argument"),
        Refusal({"min": 0.5}, ("i64[N]",), "dtype-mismatch"),
        Refusal({"min": 0}, ("bool[N]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        if self.min is None and self.max is None:
            raise OpFault("`clamp` needs `min`, `max` or both", code="bad-argument", argument="min")
        x = given(inputs[0])
        for name, bound in (("min", self.min), ("max", self.max)):
            if isinstance(bound, float) and x.dtype not in FLOATS:
                raise OpFault(f"a fractional `{name}` beside {x}", code="dtype-mismatch", operand=0, argument=name)
        return super().infer(context, *inputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.clamp", **changed(self, "min", "max"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, inside = inputs[0].plain, []
        if self.min is not None:
            inside.append(x >= self.min)
        if self.max is not None:
            inside.append(x <= self.max)
        return (inside[0] if len(inside) == 1 else inside[0].logical_and(inside[1])).where(inputs[0].d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        made, dtype = str(inputs[0]), tape.inputs[0].dtype
        narrow = dtype in ("u8", "i8", "i16")
        made = tape.node("Cast", [made], to="i32") if narrow else made
        for op_type, bound in (("Max", self.min), ("Min", self.max)):
            if bound is not None:
                made = tape.node(op_type, [made, tape.scalar(bound, "i32" if narrow else dtype)])
        return tape.node("Cast", [made], to=dtype) if narrow else made


class Cast(Elementwise):
    """The tensor in another dtype; `float` is the program's own float type.

    Of any shape, which the result has. A float becomes an integer by cutting off what is right of the point, and true where it is
    not 0. Source: PyTorch, `Tensor.to`.
    """

    name = "cast"
    linear = ("x",)
    dtypes = EVERY
    dtype: str = required("the dtype of the result", "dtype")
    examples = (
        Example({"dtype": "i64"}, ("[N, 3]",), ("i64[N, 3]",)),
        Example({"dtype": "float"}, ("i64[N, 3]",), ("[N, 3]",)),
        Example({"dtype": "bool"}, ("i32[N]",), ("bool[N]",)),
        Example({"dtype": "float"}, ("bool[1, N]",), ("[1, N]",)),
        Example({"dtype": "f64"}, ("[]",), ("f64[]",)),
        Example({"dtype": "u8"}, ("[N]",), ("u8[N]",), values={0: (0, 200)}),
        Example({"dtype": "i8"}, ("bool[N]",), ("i8[N]",)),
        Example({"dtype": "f32"}, ("i64[N]",), ("f32[N]",)),
    )
    refusals = (Refusal({"dtype": "f128"}, ("[N]",), "bad-argument"),)

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if not is_dtype(self.dtype):
            raise OpFault(f"there is no dtype `{self.dtype}`", code="bad-argument", argument="dtype")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType(given(inputs[0]).shape, self.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.to", tape.dtype(self.dtype))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Cast", [str(inputs[0])], to=self.dtype)


class StopGradient(Elementwise):
    """x itself, through which no gradient flows back: PyTorch's `detach`.

    Of any shape and dtype, which the result has. Source: PyTorch, `Tensor.detach`.
    """

    name = "stop_gradient"
    moves = True
    linear = ()
    dtypes = EVERY
    examples = (Example({}, ("[N, 3]",), ("[N, 3]",)), Example({}, ("i64[1, N]",), ("i64[1, N]",)), Example({}, ("[]",), ("[]",)))

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(f"{inputs[0]}.detach()")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return str(inputs[0])


class NanToNum(Elementwise):
    """x with other numbers for NaN and the infinities.

    Of any shape, which the result has. Source: PyTorch, `torch.nan_to_num`.
    """

    name = "nan_to_num"
    floats = True
    nan: float = option(0.0, "what stands for NaN", "float")
    posinf: float | None = option(None, "what stands for infinity; none is the greatest finite number", "float | none")
    neginf: float | None = option(None, "what stands for -infinity; none is the least finite number", "float | none")
    examples = (
        Example({}, ("[N, 30]",), ("[N, 30]",), values=_ANY, bind={"N": 2}),
        Example({"posinf": 5.0}, ("[N, 30]",), ("[N, 30]",), values=_ANY),
        Example({"nan": 2.0, "posinf": 5.0, "neginf": -7.5}, ("[N, 30]",), ("[N, 30]",), values=_ANY),
    )
    refusals = (Refusal({}, ("bool[N]",), "dtype-mismatch"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.nan_to_num", inputs[0], **changed(self, "nan", "posinf", "neginf"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return inputs[0].plain.isfinite().where(inputs[0].d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        most = _GREATEST[tape.float if dtype == "float" else dtype]
        high, low = (most if self.posinf is None else self.posinf), (-most if self.neginf is None else self.neginf)
        made = tape.node("Where", [tape.node("IsNaN", [x]), tape.scalar(self.nan, dtype), x])
        above = tape.node("Greater", [x, tape.scalar(most, dtype)])
        below = tape.node("Less", [x, tape.scalar(-most, dtype)])
        made = tape.node("Where", [above, tape.scalar(high, dtype), made])
        return tape.node("Where", [below, tape.scalar(low, dtype), made])


class Lerp(Elementwise):
    """x + weight (y - x): from x to y as the weight goes from 0 to 1.

    Shapes broadcast; all of one float dtype. A number may stand for any. Source: PyTorch, `torch.lerp`.
    """

    name = "lerp"
    tensors = ("x", "y", "weight")
    floats = True
    numbers = True
    examples = (
        Example({}, ("[N, 3]", "[N, 3]", "0.25"), ("[N, 3]",)),
        Example({}, ("[N, 1]", "[3]", "[2, 1, 1]"), ("[2, N, 3]",)),
        Example({}, ("[N]", "1", "[N]"), ("[N]",)),
        Example({}, ("0", "[N]", "[]"), ("[N]",)),
    )
    refusals = (
        Refusal({}, ("[N, 2]", "[N, 3]", "[]"), "shape-mismatch"),
        Refusal({}, ("[N]", "[M]", "[]"), "unproved-dimension"),
        Refusal({}, ("[N]", "bool[N]", "[]"), "dtype-mismatch"),
    )

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, y, weight = inputs
        if tape.inputs[0].shape and tape.inputs[1].shape:
            return tape.call("torch.lerp", x, y, weight)
        return Code(f"{x} + {weight} * ({y} - {x})")  # what has no axes may be a number, which `lerp` takes as the weight alone

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, y, weight = inputs
        return (x + weight * (y - x)).d

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, y, weight = (str(one) for one in inputs)
        return tape.node("Add", [x, tape.node("Mul", [weight, tape.node("Sub", [y, x])])])


class Logit(Elementwise):
    """log(x / (1 - x)), the inverse of the sigmoid; with eps, x is first brought within eps and 1 - eps.

    Of any shape, which the result has. Source: PyTorch, `torch.logit`.
    """

    name = "logit"
    precise = True
    floats = True
    eps: float | None = option(None, "how far x stays from 0 and 1, or none", "float | none")
    examples = (
        Example({}, ("[N, 3]",), ("[N, 3]",), values={0: (0.05, 0.95)}),
        Example({"eps": 0.125}, ("[N, 9]",), ("[N, 9]",), values={0: (0.0, 1.0)}),
    )
    refusals = (Refusal({}, ("bool[N]",), "dtype-mismatch"), Refusal({"eps": 0.75}, ("[N]",), "bad-argument"))

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if self.eps is not None and not 0 <= self.eps <= 0.5:
            raise OpFault(f"`eps` must be within 0 and 0.5; got {self.eps}", code="bad-argument", argument="eps")
        return self

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.logit", inputs[0], **changed(self, "eps"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x = inputs[0].plain
        d = inputs[0].d / (x * (1 - x))
        return d if self.eps is None else (x >= self.eps).logical_and(x <= 1 - self.eps).where(d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        if self.eps is not None:
            x = tape.node("Clip", [x, tape.scalar(self.eps, dtype), tape.scalar(1 - self.eps, dtype)])
        return tape.node("Log", [tape.node("Div", [x, tape.node("Sub", [tape.scalar(1.0, dtype), x])])])


class AddCMul(Elementwise):
    """x + value * y * z.

    Shapes broadcast; all of one dtype. Source: PyTorch, `torch.addcmul`.
    """

    name = "addcmul"
    combine: ClassVar[str] = "Mul"
    tensors = ("x", "y", "z")
    floats = True
    value: float = option(1.0, "the factor before it is added", "float")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ("[N, 3]", "[N, 3]", "[N, 3]"), ("[N, 3]",)),
        Example({"value": -0.5}, ("[3]", "[N, 1]", "[2, 1, 1]"), ("[2, N, 3]",)),
    )
    refusals = (
        Refusal({}, ("[N, 2]", "[N, 3]", "[]"), "shape-mismatch"),
        Refusal({}, ("[N]", "[M]", "[]"), "unproved-dimension"),
        Refusal({}, ("[N]", "bool[N]", "[]"), "dtype-mismatch"),
    )

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"torch.{self.name}", *inputs, **changed(self, "value"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, y, z = inputs
        return (x + self.value * (y * z if self.combine == "Mul" else y / z)).d

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, y, z = (str(one) for one in inputs)
        product = tape.node(self.combine, [y, z])
        product = product if self.value == 1 else tape.node("Mul", [product, tape.scalar(self.value, tape.inputs[0].dtype)])
        return tape.node("Add", [x, product])


class AddCDiv(AddCMul):
    """x + value * y / z.

    Shapes broadcast; all of one float dtype. Source: PyTorch, `torch.addcdiv`.
    """

    name = "addcdiv"
    combine = "Div"
    examples = tuple(Example(one.args, one.inputs, one.outputs, values={2: (0.5, 2.0)}) for one in AddCMul.examples)
