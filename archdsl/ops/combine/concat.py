"""`concat` and `stack`: several tensors into one."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first, shifted
from archdsl.ops.checks import check_axis, check_equal, check_same_dtype, given
from archdsl.ops.contract import Along, Batched, Code, Context, Example, OnnxTape, Op, OpFault, Reach, Refusal, TorchTape, option


def _same_rank(first: TensorType, other: TensorType, index: int) -> None:
    if other.rank != first.rank:
        raise OpFault(f"{first} and {other} differ in their number of axes", code="rank-mismatch", operand=index, other=0)


class Concat(Op):
    """Joins tensors along an axis: `concat(a, b, axis=1)`, `concat([a, b], axis=1)`, `(a, b) -> concat(axis=1)`.

    All other axes, and the dtypes, must agree: nothing is promoted.

    Source: PyTorch `torch.cat`, `torch.concat`.
    """

    name = "concat"
    linear = ("xs",)
    family = "combine"
    alike = "every"
    channels_last = "keeps"
    tensors = ("*xs",)
    axis: int = option(0, "the axis along which they follow each other", "int")

    examples = (
        Example({"axis": 1}, ("[N, 3, H]", "[N, C, H]"), ("[N, C + 3, H]",)),
        Example({"axis": -1}, ("i64[N, 1]", "i64[N, 2]", "i64[N, 1]"), ("i64[N, 4]",)),
        Example({}, ("[N]",), ("[N]",)),
    )
    refusals = (
        Refusal({"axis": 1}, ("[N, 3, 4]", "[N, 3, 5]")),
        Refusal({"axis": 1}, ("[N, 3]", "[M, 3]"), "unproved-dimension"),
        Refusal({}, ("[N, 3]", "[N]"), "rank-mismatch"),
        Refusal({"axis": 2}, ("[N, 3]", "[N, 3]"), "axis-out-of-range"),
        Refusal({}, ("[N, 3]", "i64[N, 3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        tensors = [given(one, "xs") for one in inputs]
        first = tensors[0]
        axis = check_axis(self.axis, first.rank)
        total: Size = first.shape[axis]
        for index, other in enumerate(tensors[1:], 1):
            _same_rank(first, other, index)
            for k in range(first.rank):
                if k != axis:
                    check_equal(
                        context, first.shape[k], other.shape[k], f"they differ in axis {k}", operand=index, axis=k, other=0
                    )
            total = total + other.shape[axis]
        return (TensorType((*first.shape[:axis], total, *first.shape[axis + 1 :]), check_same_dtype(*tensors)),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        tensors = Code(f"({', '.join(map(str, inputs))}{',' if len(inputs) == 1 else ''})")
        return tape.call("torch.cat", tensors, **({} if self.axis == 0 else {"dim": self.axis}))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Concat", [one or "" for one in inputs], axis=self.axis)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if axis != check_axis(self.axis, outputs[0].rank):
            return Along(axis)
        offset: Size = 0
        for one in inputs[:operand]:
            offset = offset + given(one).shape[axis]
        # behind a symbolic length: somewhere before
        return Along(axis, -offset, -offset) if isinstance(offset, int) else Along(axis, None, 0)


class Stack(Op):
    """Puts tensors of one shape beside each other along a new axis: `stack(list, axis=1)`.

    Source: PyTorch `torch.stack`.
    """

    name = "stack"
    linear = ("xs",)
    family = "combine"
    alike = "every"
    tensors = ("*xs",)
    axis: int = option(0, "where the new axis stands in the result", "int")

    examples = (
        Example({"axis": 1}, ("[N, H]", "[N, H]", "[N, H]"), ("[N, 3, H]",)),
        Example({"axis": -1}, ("bool[N, 1]",), ("bool[N, 1, 1]",)),
        Example({}, ("[]", "[]"), ("[2]",)),
    )
    refusals = (
        Refusal({}, ("[N, 3]", "[N, 4]")),
        Refusal({}, ("[N]", "[M]"), "unproved-dimension"),
        Refusal({}, ("[N, 3]", "[N]"), "rank-mismatch"),
        Refusal({"axis": 3}, ("[N, 3]", "[N, 3]"), "axis-out-of-range"),
        Refusal({}, ("[N]", "i64[N]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        tensors = [given(one, "xs") for one in inputs]
        first = tensors[0]
        axis = check_axis(self.axis, first.rank + 1)
        for index, other in enumerate(tensors[1:], 1):
            _same_rank(first, other, index)
            for k in range(first.rank):
                check_equal(context, first.shape[k], other.shape[k], f"they differ in axis {k}", operand=index, axis=k, other=0)
        return (TensorType((*first.shape[:axis], len(tensors), *first.shape[axis:]), check_same_dtype(*tensors)),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        tensors = Code(f"({', '.join(map(str, inputs))}{',' if len(inputs) == 1 else ''})")
        return tape.call("torch.stack", tensors, **({} if self.axis == 0 else {"dim": self.axis}))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        axes = tape.ints([self.axis])
        return tape.node("Concat", [tape.node("Unsqueeze", [one or "", axes]) for one in inputs], axis=self.axis)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis + (axis >= check_axis(self.axis, outputs[0].rank)))
