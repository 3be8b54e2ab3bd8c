"""`gather` and `index_select`: elements chosen by an index tensor."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_axis, check_rank, given
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, required
from archdsl.ops.index.indices import check_covers, check_positions


class Gather(Op):
    """For each entry of `index` the element of `x` at that position of the axis: `gather(x, index, axis=1)` (PyTorch: dim first).

    `index` is i64 with the axes of `x`, none longer but for `axis`; the result has its shape.

    Source: PyTorch `torch.gather`.
    """

    name = "gather"
    linear = ("x",)
    family = "index"
    tensors = ("x", "index")
    axis: int = required("the axis the indices are positions of", "int")

    examples = (
        Example({"axis": 1}, ("[B, T, 3]", "i64[B, 4, 3]"), ("[B, 4, 3]",), values={1: (0, "T")}),
        Example({"axis": -1}, ("[N + 2, 5]", "i64[N, 1]"), ("[N, 1]",), values={1: (0, 5)}),
    )
    refusals = (
        Refusal({"axis": 1}, ("[B, 4]", "[B, 4]"), "dtype-mismatch"),
        Refusal({"axis": 1}, ("[B, 4]", "i64[B]"), "rank-mismatch"),
        Refusal({"axis": 1}, ("[2, 4]", "i64[3, 4]")),
        Refusal({"axis": 1}, ("[B, 4]", "i64[C, 4]"), "unproved-dimension"),
        Refusal({"axis": 2}, ("[B, 4]", "i64[B, 4]"), "axis-out-of-range"),
    )

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (given(inputs[0]).shape[self.axis],) if operand == 1 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, index = given(inputs[0]), check_positions(inputs[1], 1)
        check_rank(index, x.rank, operand=1)
        check_covers(context, index, x, check_axis(self.axis, x.rank), 0)
        return (TensorType(index.shape, x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.gather", self.axis, inputs[1])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("GatherElements", [inputs[0] or "", inputs[1] or ""], axis=self.axis)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if operand == 0 and axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class IndexSelect(Op):
    """The slices of `x` at these positions of the axis: `index_select(x, source, axis=0)` (PyTorch: dim first).

    `index` is i64; its axes stand in place of that axis, so that a table of matrices gives the matrix of each position.

    Source: PyTorch `torch.index_select`, whose index has one axis; indexing for more.
    """

    name = "index_select"
    linear = ("x",)
    family = "index"
    tensors = ("x", "index")
    axis: int = required("the axis the indices are positions of", "int")

    examples = (
        Example({"axis": 0}, ("[V, H]", "i64[E]"), ("[E, H]",), values={1: (0, "V")}),
        Example({"axis": -2}, ("[N, 4, 1]", "i64[6]"), ("[N, 6, 1]",), values={1: (0, 4)}),
        Example({"axis": 0}, ("[V, H, W]", "i64[B, T]"), ("[B, T, H, W]",), values={1: (0, "V")}),
        Example({"axis": 1}, ("[N, 4, 1]", "i64[N, 2, K]"), ("[N, N, 2, K, 1]",), values={1: (0, 4)}),
        Example({"axis": -1}, ("[N, 4]", "i64[]"), ("[N]",), values={1: (0, 4)}),
    )
    refusals = (
        Refusal({"axis": 0}, ("[V, 4]", "[E]"), "dtype-mismatch"),
        Refusal({"axis": 2}, ("[V, 4]", "i64[E]"), "axis-out-of-range"),
    )

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (given(inputs[0]).shape[self.axis],) if operand == 1 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, index = given(inputs[0]), check_positions(inputs[1], 1)
        axis = check_axis(self.axis, x.rank)
        return (TensorType((*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, index = tape.inputs[0], given(tape.inputs[1])
        if index.rank == 1:
            return tape.call(f"{inputs[0]}.index_select", self.axis, inputs[1])
        if index.rank == 0:  # as an index it would be read into Python
            return tape.call(f"{tape.call(f'{inputs[0]}.index_select', self.axis, inputs[1])}.squeeze", self.axis)
        before = ":, " * check_axis(self.axis, given(x).rank)
        return Code(f"{inputs[0]}[{before}{inputs[1]}]")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Gather", [inputs[0] or "", inputs[1] or ""], axis=self.axis)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        index = given(inputs[1])
        along = check_axis(self.axis, given(inputs[0]).rank)
        if operand == 1:
            return Along(along + axis)
        return Everywhere() if axis == along else Along(axis if axis < along else axis + index.rank - 1)
