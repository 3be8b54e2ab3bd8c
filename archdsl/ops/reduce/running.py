"""Running sums, products and extremes along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_axis, check_dtype, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, Reach, Refusal, TorchTape, required

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

EXAMPLES = (
    Example({"axis": -1}, ("[N, 5]",), ("[N, 5]",)),
    Example({"axis": 0}, ("[T, 1]",), ("[T, 1]",)),
    Example({"axis": 1}, ("[2, T, 3]",), ("[2, T, 3]",)),
)
REFUSALS = (Refusal({"axis": 1}, ("[N]",), "axis-out-of-range"), Refusal({"axis": 0}, ("[]",), "axis-out-of-range"))
NO_BOOL = (*REFUSALS, Refusal({"axis": 0}, ("bool[N]",), "dtype-mismatch"))


class Running(Op):
    """Element t of the result takes together the elements up to t."""

    family = "reduce"
    alike = "every"
    axis: int = required("the axis along which it runs", "int")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        check_axis(self.axis, len(x.shape))
        return (TensorType(x.shape, x.dtype if x.dtype in FLOATS else "i64"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.{self.name}", dim=self.axis)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis, None, 0) if axis == check_axis(self.axis, len(outputs[0].shape)) else Along(axis)

    def folded(self, tape: OnnxTape, op_type: str, x: str, neutral: float | int) -> str:
        """A reduction of every beginning of the axis: ONNX has no such running function, and this takes length² of memory."""
        type = tape.inputs[0]
        dtype = tape.outputs[0].dtype
        axis = check_axis(self.axis, len(type.shape))
        rows = tape.node("Range", [tape.scalar(0, "i64"), tape.size(type.shape[axis]), tape.scalar(1, "i64")])
        ends = tape.node("Reshape", [rows, tape.ints([-1] + [1] * (len(type.shape) - axis))])
        places = tape.node("Reshape", [rows, tape.ints([1, -1] + [1] * (len(type.shape) - axis - 1))])
        seen = tape.node("LessOrEqual", [places, ends])
        spread = tape.node("Unsqueeze", [x, tape.ints([axis])])
        kept = tape.node("Where", [seen, spread, tape.scalar(neutral, dtype)])
        return tape.node(op_type, [kept, tape.ints([axis + 1])], keepdims=0)


def wide(tape: OnnxTape, x: str) -> str:
    """Integers and booleans as int64."""
    return x if tape.inputs[0].dtype in (*FLOATS, "i64") else tape.node("Cast", [x], to="i64")


class CumSum(Running):
    """The running sum along an axis; of integers and booleans an i64.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `torch.cumsum`.
    """

    name = "cumsum"
    precise = True
    linear = ("x",)
    examples = (
        *EXAMPLES,
        Example({"axis": 1}, ("i32[N, 4, 2]",), ("i64[N, 4, 2]",)),
        Example({"axis": 0}, ("bool[N]",), ("i64[N]",)),
    )
    refusals = REFUSALS

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("CumSum", [wide(tape, str(inputs[0])), tape.scalar(self.axis, "i64")])


class CumProd(Running):
    """The running product along an axis; of integers and booleans an i64. In ONNX it takes length² of memory.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `torch.cumprod`.
    """

    name = "cumprod"
    precise = True
    examples = (
        *EXAMPLES,
        Example({"axis": 1}, ("i32[N, 4, 2]",), ("i64[N, 4, 2]",)),
        Example({"axis": 0}, ("bool[N]",), ("i64[N]",)),
    )
    refusals = REFUSALS

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, d, y = inputs[0].plain, inputs[0].d, tape.outputs[0]
        zero = x.eq(0)
        count = zero.cast(dtype="i64").cumsum(axis=self.axis)
        first = zero.logical_and(count.eq(1))
        ahead = count.eq(0)
        shares = (ahead.where(d, 0) / ahead.where(x, 1)).cumsum(axis=self.axis)
        # Behind the first 0 its own tangent alone counts, times all the others.
        rest = first.where(1, x).cumprod(axis=self.axis) * first.where(d, 0).cumsum(axis=self.axis)
        return ahead.where(y * shares, rest)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.folded(tape, "ReduceProd", wide(tape, str(inputs[0])), 1)


class RunningExtreme(Running):
    """The largest or smallest so far."""

    examples = (*EXAMPLES, Example({"axis": 1}, ("i64[N, 4, 2]",), ("i64[N, 4, 2]",)))
    refusals = NO_BOOL

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(given(inputs[0]), (*FLOATS, "i64"), wants="floats or i64")
        check_axis(self.axis, len(x.shape))
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, y = inputs[0].plain, tape.outputs[0]
        size = x.type.shape[self.axis]
        place = tuple(size if at == self.axis % x.type.rank else 1 for at in range(x.type.rank))
        position = tape.op("arange", bounds=(size,)).reshape(sizes=place)
        # Where the extreme so far stands: the last place that reached it.
        found = x.eq(y).where(position, 0).cummax(axis=self.axis)
        return inputs[0].d.gather(found, axis=self.axis)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(f"{tape.call(f'{inputs[0]}.{self.name}', dim=self.axis)}.values")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        largest = self.name == "cummax"
        end = float("-inf") if largest else float("inf")
        if tape.inputs[0].dtype == "i64":
            end = -(2**63) if largest else 2**63 - 1
        return self.folded(tape, "ReduceMax" if largest else "ReduceMin", str(inputs[0]), end)


class CumMax(RunningExtreme):
    """The largest element so far along an axis: the values alone. In ONNX it takes length² of memory.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `torch.cummax`.
    """

    name = "cummax"


class CumMin(RunningExtreme):
    """The smallest element so far along an axis: the values alone. In ONNX it takes length² of memory.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `torch.cummin`.
    """

    name = "cummin"


class LogCumSumExp(Running):
    """The logarithm of the running sum of exp(x), without overflow. In ONNX it takes length² of memory.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `torch.logcumsumexp`.
    """

    name = "logcumsumexp"
    precise = True
    floats = True
    examples = EXAMPLES
    refusals = NO_BOOL

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        check_dtype(given(inputs[0]), FLOATS)
        return super().infer(context, *inputs)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, y = inputs[0], tape.outputs[0]
        top = x.plain.max(axis=self.axis, keepdim=True)
        return ((x.plain - top).exp() * x.d).cumsum(axis=self.axis) * (top - y).exp()

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.folded(tape, "ReduceLogSumExp", str(inputs[0]), float("-inf"))
