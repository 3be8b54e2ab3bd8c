"""`segment_sum`, `segment_mean`, `segment_max`, `segment_softmax`: rows by the segment each belongs to, as in graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, INTEGERS, check_dtype, check_least, check_rank, given
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, required
from archdsl.ops.index.indices import check_line, check_positions, filled, spread

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

LOWEST = {"i64": -(2**63), "i32": -(2**31), "i16": -(2**15), "i8": -128, "u8": 0}
REFUSALS = (
    ({"n": 3}, ("[E, 4]", "[E]"), "dtype-mismatch"),
    ({"n": 3}, ("[E, 4]", "i64[E, 1]"), "rank-mismatch"),
    ({"n": 3}, ("[]", "i64[E]"), "rank-mismatch"),
    ({"n": 3}, ("[4, 3]", "i64[3]"), "shape-mismatch"),
    ({"n": 3}, ("[E, 4]", "i64[F]"), "unproved-dimension"),
    ({"n": 0}, ("[E, 4]", "i64[E]"), "bad-argument"),
)


class Segments(Op):
    """What the segment operators share: rows along axis 0, one segment for each."""

    n: Size = required("how many segments there are", "size")

    def rows(self, context: Context, *inputs: TensorType | None) -> TensorType:
        """The type of `x`, checked against the segments."""
        x, segments = check_rank(given(inputs[0]), 1, None), check_positions(inputs[1], 1, "segments")
        check_least(self.n, 1, "n")
        check_line(context, segments, x, 0, 1)
        return x

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (self.n,) if operand == 1 else ()

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis) if operand == 0 and axis > 0 else Everywhere()

    def total(self, tape: OnnxTape, x: str, index: str, type: TensorType) -> str:
        """The sums of the segments' rows."""
        zeros = filled(tape, 0, type.dtype, (self.n, *type.shape[1:]))
        return tape.node("ScatterElements", [zeros, index, x], axis=0, reduction="add")

    def largest(self, tape: OnnxTape, x: str, index: str, type: TensorType) -> str:
        """The largest of the segments' rows; the lowest number there is where a segment has none."""
        lowest = filled(tape, LOWEST.get(type.dtype, float("-inf")), type.dtype, (self.n, *type.shape[1:]))
        return tape.node("ScatterElements", [lowest, index, x], axis=0, reduction="max")

    def count(self, tape: OnnxTape, segments: str, type: TensorType) -> str:
        """How many rows each segment has, as [n, 1, …] i64."""
        ones = filled(tape, 1, "i64", type.shape[:1])
        counts = tape.node("ScatterElements", [filled(tape, 0, "i64", (self.n,)), segments, ones], axis=0, reduction="add")
        return tape.node("Unsqueeze", [counts, tape.ints(list(range(1, type.rank)))]) if type.rank > 1 else counts


class SegmentSum(Segments):
    """The sum of the rows of each segment, 0 where it has none: `segment_sum(x, segments, n)`.

    `x` is [E, …], `segments` i64[E] with values from 0 to n - 1; the result is [n, …].

    Source: PyTorch Geometric, `scatter(reduce="sum")`.
    """

    name = "segment_sum"
    precise = True
    linear = ("x",)
    family = "index"
    tensors = ("x", "segments")

    examples = (
        Example({"n": "V"}, ("[E, H, 1]", "i64[E]"), ("[V, H, 1]",), values={1: (0, "V")}),
        Example({"n": 4}, ("i64[E]", "i64[E]"), ("i64[4]",), values={1: (0, 4)}),
    )
    refusals = (*(Refusal(*one) for one in REFUSALS), Refusal({"n": 3}, ("bool[E, 4]", "i64[E]"), "dtype-mismatch"))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(self.rows(context, *inputs), FLOATS + INTEGERS, wants="numbers")
        return (TensorType((self.n, *x.shape[1:]), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        rest = "" if tape.inputs[0].rank == 1 else f", *{inputs[0]}.shape[1:]"
        return Code(f"{inputs[0]}.new_zeros({tape.value(self.n)}{rest}).index_add(0, {inputs[1]}, {inputs[0]})")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = tape.inputs[0]
        return self.total(tape, inputs[0] or "", spread(tape, inputs[1] or "", x.shape, 0), x)


class SegmentMean(Segments):
    """The mean of the rows of each segment, 0 where it has none: `segment_mean(x, segments, n)`.

    `x` is [E, …] of floats, `segments` i64[E] with values from 0 to n - 1; the result is [n, …].

    Source: PyTorch Geometric, `scatter(reduce="mean")`.
    """

    name = "segment_mean"
    precise = True
    linear = ("x",)
    family = "index"
    tensors = ("x", "segments")

    examples = (
        Example({"n": "V"}, ("[E, H, 1]", "i64[E]"), ("[V, H, 1]",), values={1: (0, "V")}),
        Example({"n": 4}, ("[E]", "i64[E]"), ("[4]",), values={1: (0, 4)}),
    )
    refusals = (*(Refusal(*one) for one in REFUSALS), Refusal({"n": 3}, ("i64[E, 4]", "i64[E]"), "dtype-mismatch"))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(self.rows(context, *inputs), FLOATS, wants="floats", help="convert: cast(x, float)")
        return (TensorType((self.n, *x.shape[1:]), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(tape.helper("segment_mean"), inputs[0], inputs[1], self.n)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = tape.inputs[0]
        total = self.total(tape, inputs[0] or "", spread(tape, inputs[1] or "", x.shape, 0), x)
        count = tape.node("Max", [self.count(tape, inputs[1] or "", x), tape.scalar(1, "i64")])
        return tape.node("Div", [total, tape.node("Cast", [count], to=x.dtype)])


class SegmentMax(Segments):
    """The largest of the rows of each segment, 0 where it has none: `segment_max(x, segments, n)`.

    `x` is [E, …], `segments` i64[E] with values from 0 to n - 1; the result is [n, …].

    Source: PyTorch Geometric, `scatter(reduce="max")`.
    """

    name = "segment_max"
    family = "index"
    tensors = ("x", "segments")

    examples = (
        Example({"n": "V"}, ("[E, H, 1]", "i64[E]"), ("[V, H, 1]",), values={1: (0, "V")}),
        Example({"n": 4}, ("i64[E]", "i64[E]"), ("i64[4]",), values={1: (0, 4)}),
    )
    refusals = (*(Refusal(*one) for one in REFUSALS), Refusal({"n": 3}, ("bool[E, 4]", "i64[E]"), "dtype-mismatch"))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(self.rows(context, *inputs), FLOATS + INTEGERS, wants="numbers")
        return (TensorType((self.n, *x.shape[1:]), x.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, segments = inputs
        best = x.plain.eq(tape.outputs[0].index_select(segments, axis=0)).where(1, 0)
        count = best.segment_sum(segments, n=self.n)
        return (best * x.d).segment_sum(segments, n=self.n) / count.eq(0).where(1, count)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(tape.helper("segment_max"), inputs[0], inputs[1], self.n)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = tape.inputs[0]
        top = self.largest(tape, inputs[0] or "", spread(tape, inputs[1] or "", x.shape, 0), x)
        empty = tape.node("Equal", [self.count(tape, inputs[1] or "", x), tape.scalar(0, "i64")])
        return tape.node("Where", [empty, tape.scalar(0, x.dtype), top])


class SegmentSoftmax(Segments):
    """The softmax among the rows of each segment: `segment_softmax(x, segments, n)`.

    `x` is [E, …] of floats, `segments` i64[E] with values from 0 to n - 1; the result is [E, …].

    Source: PyTorch Geometric, `softmax(src, index, num_nodes)`, without its 1e-16 in the denominator, which is at least 1.
    """

    name = "segment_softmax"
    precise = True
    family = "index"
    tensors = ("x", "segments")

    examples = (
        Example({"n": "V"}, ("[E, H, 1]", "i64[E]"), ("[E, H, 1]",), values={1: (0, "V")}),
        Example({"n": 4}, ("[E]", "i64[E]"), ("[E]",), values={1: (0, 4)}),
    )
    refusals = (*(Refusal(*one) for one in REFUSALS), Refusal({"n": 3}, ("i64[E, 4]", "i64[E]"), "dtype-mismatch"))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (check_dtype(self.rows(context, *inputs), FLOATS, wants="floats", help="convert: cast(x, float)"),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, segments = inputs
        y = tape.outputs[0]
        mean = (y * x.d).segment_sum(segments, n=self.n)
        return y * (x.d - mean.index_select(segments, axis=0))

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(tape.helper("segment_softmax"), inputs[0], inputs[1], self.n)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, segments = tape.inputs[0], inputs[1] or ""
        index = spread(tape, segments, x.shape, 0)
        top = tape.node("Gather", [self.largest(tape, inputs[0] or "", index, x), segments], axis=0)
        grown = tape.node("Exp", [tape.node("Sub", [inputs[0] or "", top])])
        total = tape.node("Gather", [self.total(tape, grown, index, x), segments], axis=0)
        return tape.node("Div", [grown, total])
