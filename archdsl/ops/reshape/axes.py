"""Axes in another order, and axes of size 1 taken away and put in: permute, transpose, movedim, squeeze, unsqueeze."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first, shifted
from archdsl.ops.checks import check_axes, check_axis, given
from archdsl.ops.contract import (
    Along,
    Batched,
    Code,
    Context,
    Example,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    Refusal,
    TorchTape,
    required,
)


class Reordering(Op):
    """What the operators that reorder axes share: all follows from `order`."""

    alike = "every"

    def order(self, rank: int) -> tuple[int, ...]:
        """For each axis of the result, the axis of the input. Raises `OpFault`."""
        raise TypeError(f"{self.name} has no order")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        return (TensorType(tuple(x.shape[axis] for axis in self.order(x.rank)), x.dtype),)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        order = self.order(tape.inputs[0].rank)
        return tape.node("Transpose", [inputs[0] or ""], perm=list(order)) if order else tape.node("Identity", [inputs[0] or ""])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(self.order(outputs[0].rank).index(axis))


class Permute(Reordering):
    """Puts the axes in the order given: `permute(0, 2, 1)`.

    Source: PyTorch `torch.permute`.
    """

    name = "permute"
    moves = True
    linear = ("x",)
    family = "reshape"
    variadic = "axis"
    axis: tuple[int, ...] = required("for each axis of the result, the axis of the input", "int")

    examples = (
        Example({"axis": (0, 2, 3, 1)}, ("[N, 3, H, 1]",), ("[N, H, 1, 3]",)),
        Example({"axis": (-1, 0, -2)}, ("i64[N, 3, H]",), ("i64[H, N, 3]",), values={0: (0, 9)}),
    )
    refusals = (
        Refusal({"axis": (1, 0)}, ("[N, 3, H]",), "rank-mismatch"),
        Refusal({"axis": (1, 0, 3)}, ("[N, 3, H]",), "axis-out-of-range"),
        Refusal({"axis": (1, 0, -2)}, ("[N, 3, H]",), "bad-argument"),
    )

    def order(self, rank: int) -> tuple[int, ...]:
        if len(self.axis) != rank:
            raise OpFault(
                f"{len(self.axis)} axes are named, the input has {rank}", code="rank-mismatch", operand=0, argument="axis"
            )
        return check_axes(self.axis, rank)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=(0, *shifted(self.axis))), after, inputs, outputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.permute", *self.axis)


class Transpose(Reordering):
    """Swaps two axes: `transpose(1, 2)`.

    Source: PyTorch `torch.transpose` (there `dim0`, `dim1`).
    """

    name = "transpose"
    moves = True
    linear = ("x",)
    family = "reshape"
    axis0: int = required("one axis", "int")
    axis1: int = required("the other axis", "int")

    examples = (
        Example({"axis0": 1, "axis1": 2}, ("[B, T, 5]",), ("[B, 5, T]",)),
        Example({"axis0": -1, "axis1": 0}, ("[1, T, 5]",), ("[5, T, 1]",)),
    )
    refusals = (Refusal({"axis0": 0, "axis1": 2}, ("[B, T]",), "axis-out-of-range"),)

    def order(self, rank: int) -> tuple[int, ...]:
        first = check_axis(self.axis0, rank, argument="axis0")
        second = check_axis(self.axis1, rank, argument="axis1")
        swap = {first: second, second: first}
        return tuple(swap.get(axis, axis) for axis in range(rank))

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis0=shifted(self.axis0), axis1=shifted(self.axis1)), after, inputs, outputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.transpose", self.axis0, self.axis1)


class Movedim(Reordering):
    """Moves axes to other places; the rest keep their order: `movedim(1, -1)`.

    Source: PyTorch `torch.movedim`.
    """

    name = "movedim"
    moves = True
    linear = ("x",)
    family = "reshape"
    source: int | tuple[int, ...] = required("the axes to move", "int | list[int]")
    destination: int | tuple[int, ...] = required("where each of them goes", "int | list[int]")

    examples = (
        Example({"source": 1, "destination": -1}, ("[N, 3, H, W]",), ("[N, H, W, 3]",)),
        Example({"source": (-1, 0), "destination": (0, 1)}, ("[N, 3, 1, W]",), ("[W, N, 3, 1]",)),
    )
    refusals = (
        Refusal({"source": 4, "destination": 0}, ("[N, 3]",), "axis-out-of-range"),
        Refusal({"source": (0, 1), "destination": 0}, ("[N, 3]",), "bad-argument"),
        Refusal({"source": (0, -2), "destination": (0, 1)}, ("[N, 3]",), "bad-argument"),
    )

    def order(self, rank: int) -> tuple[int, ...]:
        source = self.source if isinstance(self.source, tuple) else (self.source,)
        destination = self.destination if isinstance(self.destination, tuple) else (self.destination,)
        if len(source) != len(destination):
            raise OpFault(f"{len(source)} axes move to {len(destination)} places", code="bad-argument", argument="destination")
        moved = dict(
            zip(check_axes(destination, rank, argument="destination"), check_axes(source, rank, argument="source"), strict=True)
        )
        rest = iter([axis for axis in range(rank) if axis not in moved.values()])
        return tuple(moved[index] if index in moved else next(rest) for index in range(rank))

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        op = self.changed(source=shifted(self.source), destination=shifted(self.destination))
        return first(op, after, inputs, outputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.movedim", self.source, self.destination)


class Squeeze(Op):
    """Takes away an axis whose size is the number 1: `squeeze(-1)`; unlike PyTorch, the axis must be said and must be of size 1.

    Source: PyTorch `torch.squeeze`.
    """

    name = "squeeze"
    moves = True
    linear = ("x",)
    family = "reshape"
    alike = "every"
    axis: int | tuple[int, ...] = required("the axis, or several", "int | list[int]")

    examples = (
        Example({"axis": -1}, ("[B, S, 1]",), ("[B, S]",)),
        Example({"axis": (0, 2)}, ("[1, S, 1]",), ("[S]",)),
    )
    refusals = (
        Refusal({"axis": 1}, ("[B, 4]",)),
        Refusal({"axis": 1}, ("[B, T]",)),
        Refusal({"axis": 2}, ("[B, 4]",), "axis-out-of-range"),
        Refusal({"axis": (0, -2)}, ("[1, 4]",), "bad-argument"),
    )

    def axes(self, rank: int) -> tuple[int, ...]:
        """The axes to take away, counted from 0."""
        return check_axes(self.axis if isinstance(self.axis, tuple) else (self.axis,), rank)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        axes = self.axes(x.rank)
        for axis in axes:
            if context.facts.equal(x.shape[axis], 1) is not True:
                raise OpFault(f"axis {axis} is of size {x.shape[axis]}, not 1", operand=0, axis=axis, argument="axis")
        return (TensorType(tuple(size for axis, size in enumerate(x.shape) if axis not in axes), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.squeeze", self.axis)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Squeeze", [inputs[0] or "", tape.ints(list(self.axes(tape.inputs[0].rank)))])

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        gone = self.axes(given(inputs[0]).rank)
        # the one position of an axis of size 1 is all there is of it
        return (
            Along(axis - sum(1 for one in gone if one < axis))
            if axis not in gone
            else super().reach(operand, axis, inputs, outputs)
        )


class Unsqueeze(Op):
    """Puts in an axis of size 1: `unsqueeze(1)`.

    Source: PyTorch `torch.unsqueeze`.
    """

    name = "unsqueeze"
    moves = True
    linear = ("x",)
    family = "reshape"
    alike = "every"
    axis: int = required("where it stands in the result", "int")

    examples = (
        Example({"axis": 1}, ("[B, S]",), ("[B, 1, S]",)),
        Example({"axis": -1}, ("[B, 1]",), ("[B, 1, 1]",)),
        Example({"axis": 0}, ("[]",), ("[1]",)),
    )
    refusals = (Refusal({"axis": 3}, ("[B, 4]",), "axis-out-of-range"),)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        axis = check_axis(self.axis, x.rank + 1)
        return (TensorType((*x.shape[:axis], 1, *x.shape[axis:]), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.unsqueeze", self.axis)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Unsqueeze", [inputs[0] or "", tape.ints([self.axis])])

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis + (axis >= check_axis(self.axis, outputs[0].rank)))
