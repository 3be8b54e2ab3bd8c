"""Indexing as NumPy: integers, slices, new axes and the ellipsis, with proof that nothing is out of range."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Size, ceil_div, symbol
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first
from archdsl.ops.checks import check_size_at_least, given
from archdsl.ops.contract import (
    Along,
    Batched,
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
from archdsl.records import record

Part = tuple[Any, ...]
ALL: Part = ("slice", None, None, None)
LAST = 2**63 - 1
"""Further than any end, for ONNX's Slice."""


@record
class Place:
    """One part with the axis of the input it is about (None for a new axis) and of the result (None for an integer)."""

    part: Part
    axis: int | None
    result: int | None


def _slice(start: Size | None = None, stop: Size | None = None, step: Size | None = None) -> Part:
    return ("slice", start, stop, step)


class Index(Op):
    """Chooses positions: `x[:, 0, a:b:2, none, ...]`; unlike in PyTorch a slice must be proved to lie within the axis.

    `parts` has an entry for each part: `("int", i)`, `("slice", start, stop, step)` with None for what is left out, `("none",)`,
    `("ellipsis",)`. Negative numbers count from the end; a slice needs 0 <= start <= stop <= size and a step of at least 1.

    Source: NumPy, basic indexing.
    """

    name = "index"
    linear = ("x",)
    family = "index"
    alike = "every"
    parts: tuple[Part, ...] = required("what is chosen, part by part", "index")

    examples = (
        Example({"parts": (ALL, ("int", 0))}, ("[B, T, 3]",), ("[B, 3]",)),
        Example({"parts": (("ellipsis",), _slice(-1))}, ("[B, T, 3]",), ("[B, T, 1]",)),
        Example({"parts": (ALL, _slice(None, -1))}, ("[B, T, 3]",), ("[B, T - 1, 3]",), ("T >= 2",)),
        Example({"parts": (ALL, ("none",), _slice(1, 6, 2), ("int", -1))}, ("[B, 7, 4]",), ("[B, 1, 3]",)),
        Example({"parts": (_slice(None, symbol("T")), ("ellipsis",), ("none",))}, ("[T + 3, 1]",), ("[T, 1, 1]",)),
        Example({"parts": (_slice(symbol("T"), None, 2),)}, ("i64[3*T + 1]",), ("i64[T + 1]",)),
        Example({"parts": (("int", symbol("T") - 1),)}, ("[T, H]",), ("[H]",)),
        Example({"parts": (_slice(-symbol("T"), 2 * symbol("T") - 1),)}, ("[2*T, H]",), ("[T - 1, H]",), ("T >= 2",)),
        Example({"parts": (("int", -symbol("T")), ("ellipsis",))}, ("[2*T, H]",), ("[H]",)),
        Example({"parts": (("int", 1), ("int", 0), ("none",))}, ("[2, N]",), ("[1]",)),
    )
    refusals = (
        Refusal({"parts": (("int", 3),)}, ("[3, N]",), "index-out-of-range"),
        Refusal({"parts": (("int", -4),)}, ("[3, N]",), "index-out-of-range"),
        Refusal({"parts": (("int", 1),)}, ("[N]",), "unproved-dimension"),
        Refusal({"parts": (_slice(0, 4),)}, ("[3]",), "index-out-of-range"),
        Refusal({"parts": (_slice(2, 1),)}, ("[3]",), "index-out-of-range"),
        Refusal({"parts": (_slice(None, 4),)}, ("[N]",), "unproved-dimension"),
        Refusal({"parts": (_slice(None, None, -1),)}, ("[3]",), "bad-argument"),
        Refusal({"parts": (ALL, ("int", 0))}, ("[3]",), "rank-mismatch"),
        Refusal({"parts": (("ellipsis",), ("ellipsis",))}, ("[3]",), "bad-argument"),
    )

    def places(self, rank: int) -> list[Place]:
        """Each part beside its axes, the ellipsis written out and what is left unsaid added. Raises `OpFault`."""
        dots = [index for index, part in enumerate(self.parts) if part[0] == "ellipsis"]
        taken = sum(part[0] in ("int", "slice") for part in self.parts)
        if len(dots) > 1:
            raise OpFault("`...` stands twice in an index", code="bad-argument", argument="parts")
        if taken > rank:
            raise OpFault(f"{taken} indices for {rank} axes", code="rank-mismatch", operand=0, argument="parts")
        at = dots[0] if dots else len(self.parts)
        parts = (*self.parts[:at], *(ALL,) * (rank - taken), *self.parts[at + 1 :])
        places: list[Place] = []
        axis = result = 0
        for part in parts:
            new, gone = part[0] == "none", part[0] == "int"
            places.append(Place(part, None if new else axis, None if gone else result))
            axis, result = axis + (not new), result + (not gone)
        return places

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return given(inputs[0]).shape if operand > 0 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        shape: list[Size] = []
        for place in self.places(x.rank):
            if place.axis is None:
                shape.append(1)
            elif place.part[0] == "int":
                _check_int(context, x, place.axis, place.part[1])
            else:
                shape.append(_check_slice(context, x, place.axis, *place.part[1:]))
        return (TensorType(tuple(shape), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(f"{inputs[0]}[{', '.join(_written(tape, part) for part in self.parts)}]")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = inputs[0] or ""
        places = self.places(tape.inputs[0].rank)
        sliced = [
            (place.axis, *place.part[1:])
            for place in places
            if place.axis is not None and place.part[0] == "slice" and place.part != ALL
        ]
        if sliced:
            starts = tape.shape([0 if start is None else start for _, start, _, _ in sliced])
            stops = tape.shape([LAST if stop is None else stop for _, _, stop, _ in sliced])
            steps = tape.shape([1 if step is None else step for _, _, _, step in sliced])
            x = tape.node("Slice", [x, starts, stops, tape.ints([axis for axis, _, _, _ in sliced]), steps])
        for place in reversed(places):
            if place.part[0] == "int" and place.axis is not None:
                x = tape.node("Gather", [x, tape.size(place.part[1])], axis=place.axis)
        new = [place.result for place in places if place.axis is None and place.result is not None]
        if new:
            x = tape.node("Unsqueeze", [x, tape.ints(new)])
        return x if sliced or new or any(part[0] == "int" for part in self.parts) else tape.node("Identity", [x])

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(parts=(ALL, *self.parts)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        x = given(inputs[0])
        place = next(one for one in self.places(x.rank) if one.axis == axis)
        if place.result is None:
            return Everywhere()
        start, step = place.part[1] or 0, place.part[3]
        if isinstance(start, int) and start < 0:
            start = x.shape[axis] + start
        low = start if isinstance(start, int) else 0
        exact = isinstance(start, int) and (step is None or step == 1)
        return Along(place.result, low, low if exact else None)


def _negative(context: Context, index: Size) -> bool:
    """Whether it counts from the end."""
    return index < 0 if isinstance(index, int) else context.facts.at_least(-1 - index, 0)


def _check_int(context: Context, x: TensorType, axis: int, index: Size) -> None:
    size = x.shape[axis]
    said = f"index {index} must lie within axis {axis} of {x}"
    where = {"operand": 0, "axis": axis}
    if _negative(context, index):
        check_size_at_least(context, size, -index, said, code="index-out-of-range", argument="parts", **where)
    else:
        check_size_at_least(context, index, 0, said, code="index-out-of-range", argument="parts", **where)
        check_size_at_least(context, size, index + 1, said, code="index-out-of-range", argument="parts", **where)


def _check_slice(context: Context, x: TensorType, axis: int, start: Size | None, stop: Size | None, step: Size | None) -> Size:
    """The number of positions."""
    size = x.shape[axis]
    if step is not None and not context.facts.at_least(step, 1):
        hint = f"turn the axis round with flip({axis}), then slice" if isinstance(step, int) and step < 0 else None
        raise OpFault(
            f"a step must be at least 1; got {step}", code="bad-argument", operand=0, axis=axis, argument="parts", help=hint
        )

    def bound(index: Size | None, default: Size) -> Size:
        if index is None:
            return default
        return size + index if _negative(context, index) else index

    first, last = bound(start, 0), bound(stop, size)
    said = f"the slice {_plain(start)}:{_plain(stop)} must lie within axis {axis} of {x}"
    for above, below in ((first, 0), (last, first), (size, last)):
        check_size_at_least(context, above, below, said, operand=0, axis=axis, code="index-out-of-range", argument="parts")
    return last - first if step is None else ceil_div(last - first, step)


def _plain(bound: Size | None) -> str:
    return "" if bound is None else str(bound)


def _written(tape: TorchTape, part: Part) -> str:
    """The part as Python writes it."""
    if part[0] == "int":
        return str(tape.value(part[1]))
    if part[0] != "slice":
        return "None" if part[0] == "none" else "..."
    bounds = ["" if one is None else str(tape.value(one)) for one in part[1:]]
    return f"{bounds[0]}:{bounds[1]}" + (f":{bounds[2]}" if bounds[2] else "")
