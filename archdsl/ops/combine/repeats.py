"""`tile` and `repeat_interleave`: the same elements several times."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_axis, check_least, given
from archdsl.ops.contract import (
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    Refusal,
    TorchTape,
    required,
)
from archdsl.ops.reshape.plan import reshape_onnx


class Tile(Op):
    """Repeats the whole tensor along each axis: `tile(2, 1)`; counts are aligned at the last axis.

    Source: PyTorch `torch.tile`.
    """

    name = "tile"
    linear = ("x",)
    family = "combine"
    variadic = "repeats"
    repeats: tuple[Size, ...] = required("how many times along each axis", "size")

    examples = (
        Example({"repeats": (2, 3)}, ("[N, 1]",), ("[2*N, 3]",)),
        Example({"repeats": (3, 1, 2)}, ("[N, 4]",), ("[3, N, 8]",)),
        Example({"repeats": (2,)}, ("i64[N, 4]",), ("i64[N, 8]",)),
    )
    refusals = (
        Refusal({"repeats": (0, 2)}, ("[N, 4]",), "bad-argument"),
        Refusal({"repeats": ()}, ("[N, 4]",), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        if not self.repeats:
            raise OpFault("at least one count is needed", code="bad-argument", argument="repeats")
        check_least(self.repeats, 1, "repeats")
        rank = max(x.rank, len(self.repeats))
        shape = (1,) * (rank - x.rank) + x.shape
        counts = (1,) * (rank - len(self.repeats)) + self.repeats
        return (TensorType(tuple(size * count for size, count in zip(shape, counts, strict=True)), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.tile", *self.repeats)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, rank = inputs[0] or "", tape.inputs[0].rank
        new = len(self.repeats) - rank
        if new > 0:
            x = tape.node("Unsqueeze", [x, tape.ints(list(range(new)))])
        return tape.node("Tile", [x, tape.shape((1,) * -new + self.repeats)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        rank = given(inputs[0]).rank
        at = axis - rank + len(self.repeats)
        return Along(axis + outputs[0].rank - rank) if at < 0 or self.repeats[at] == 1 else Everywhere()


class RepeatInterleave(Op):
    """Repeats each element along an axis: `repeat_interleave(2, axis=1)`; unlike in PyTorch, the axis must be said.

    Source: PyTorch `torch.repeat_interleave`.
    """

    name = "repeat_interleave"
    linear = ("x",)
    family = "combine"
    repeats: Size = required("how many times each element", "size")
    axis: int = required("the axis", "int")

    examples = (
        Example({"repeats": 2, "axis": 1}, ("[N, T, 3]",), ("[N, 2*T, 3]",)),
        Example({"repeats": 3, "axis": -1}, ("i64[N, 1]",), ("i64[N, 3]",)),
        Example({"repeats": 1, "axis": 0}, ("[N]",), ("[N]",)),
    )
    refusals = (
        Refusal({"repeats": 0, "axis": 1}, ("[N, 4]",), "bad-argument"),
        Refusal({"repeats": 2, "axis": 2}, ("[N, 4]",), "axis-out-of-range"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        axis = check_axis(self.axis, x.rank)
        check_least(self.repeats, 1, "repeats")
        return (TensorType((*x.shape[:axis], x.shape[axis] * self.repeats, *x.shape[axis + 1 :]), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.repeat_interleave", self.repeats, dim=self.axis)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        shape = tape.inputs[0].shape
        axis = check_axis(self.axis, len(shape))
        x = tape.node("Unsqueeze", [inputs[0] or "", tape.ints([axis + 1])])
        counts: list[Size] = [1] * (len(shape) + 1)
        counts[axis + 1] = self.repeats
        x = tape.node("Expand", [x, tape.shape(counts)])
        return reshape_onnx(tape, x, (*shape[: axis + 1], self.repeats, *shape[axis + 1 :]), tape.outputs[0].shape)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        same = axis != check_axis(self.axis, outputs[0].rank) or self.repeats == 1
        return Along(axis) if same else Everywhere()
