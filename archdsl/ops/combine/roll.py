"""`roll` and `flip`: the same elements in other places along an axis."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_axes, given
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

LAST = 2**63 - 1
"""Further than any end, for ONNX's Slice."""


class Roll(Op):
    """Shifts along axes and around their ends: `roll(x, 1, axis=-1)`; unlike in PyTorch, the axis must be said.

    Source: PyTorch `torch.roll`.
    """

    name = "roll"
    linear = ("x",)
    family = "combine"
    shifts: int | tuple[int, ...] = required("how far, towards the end", "int | list[int]")
    axis: int | tuple[int, ...] = required("the axis, or one for each shift", "int | list[int]")

    examples = (
        Example({"shifts": 1, "axis": -1}, ("[B, K]",), ("[B, K]",)),
        Example({"shifts": -2, "axis": 0}, ("i64[K, 1]",), ("i64[K, 1]",)),
        Example({"shifts": (-3, 7), "axis": (1, 2)}, ("[N, H, 5]",), ("[N, H, 5]",)),
        Example({"shifts": 0, "axis": 0}, ("[N]",), ("[N]",)),
    )
    refusals = (
        Refusal({"shifts": 1, "axis": 2}, ("[N, 4]",), "axis-out-of-range"),
        Refusal({"shifts": (1, 2), "axis": 1}, ("[N, 4]",), "bad-argument"),
        Refusal({"shifts": (1, 2), "axis": (1, 1)}, ("[N, 4]",), "bad-argument"),
    )

    def pairs(self, rank: int) -> tuple[tuple[int, int], ...]:
        """Axis, counted from 0, and shift. Raises `OpFault`."""
        shifts = self.shifts if isinstance(self.shifts, tuple) else (self.shifts,)
        axes = check_axes(self.axis if isinstance(self.axis, tuple) else (self.axis,), rank)
        if len(shifts) != len(axes):
            raise OpFault(f"{len(shifts)} shifts for {len(axes)} axes", code="bad-argument", argument="shifts")
        return tuple(zip(axes, shifts, strict=True))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        self.pairs(x.rank)
        return (x,)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.roll", self.shifts, dims=self.axis)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, shape = inputs[0] or "", tape.inputs[0].shape
        for axis, shift in self.pairs(len(shape)):
            size: Size = shape[axis]
            # Mod of integers takes the sign of the divisor, as Python's
            start = (
                tape.ints([-shift % size])
                if isinstance(size, int)
                else tape.node("Mod", [tape.ints([-shift]), tape.shape([size])])
            )
            ends = tape.node("Slice", [x, start, tape.ints([LAST]), tape.ints([axis])])
            x = tape.node("Concat", [ends, tape.node("Slice", [x, tape.ints([0]), start, tape.ints([axis])])], axis=axis)
        return x

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        moved = any(axis == one and shift for one, shift in self.pairs(outputs[0].rank))
        return Everywhere() if moved else Along(axis)


class Flip(Op):
    """Turns axes round, the last element first: `flip(1)`.

    Source: PyTorch `torch.flip`.
    """

    name = "flip"
    linear = ("x",)
    family = "combine"
    variadic = "axis"
    axis: tuple[int, ...] = required("the axes to turn round", "int")

    examples = (
        Example({"axis": (1,)}, ("[B, T, 3]",), ("[B, T, 3]",)),
        Example({"axis": (-1, 0)}, ("i64[B, 1, 4]",), ("i64[B, 1, 4]",)),
    )
    refusals = (
        Refusal({"axis": (2,)}, ("[N, 4]",), "axis-out-of-range"),
        Refusal({"axis": (1, -1)}, ("[N, 4]",), "bad-argument"),
        Refusal({"axis": ()}, ("[N, 4]",), "bad-argument"),
    )

    def axes(self, rank: int) -> tuple[int, ...]:
        """The axes, counted from 0. Raises `OpFault`."""
        if not self.axis:
            raise OpFault("say which axis to flip", code="bad-argument", argument="axis")
        return check_axes(self.axis, rank)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        self.axes(x.rank)
        return (x,)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.flip", *self.axis)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        axes = self.axes(tape.inputs[0].rank)
        back = [-1] * len(axes)
        return tape.node(
            "Slice", [inputs[0] or "", tape.ints(back), tape.ints([-LAST] * len(axes)), tape.ints(list(axes)), tape.ints(back)]
        )

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis in self.axes(outputs[0].rank) else Along(axis)
