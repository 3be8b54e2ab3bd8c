"""What is known of constant tables of positions: affine numbers (`arange`), and masks that are true only where bounds hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.dims.shape import TensorType
from archdsl.ir.value import Number, Operand
from archdsl.ops.contract import Along, Op

MOVES = ("unsqueeze", "squeeze", "transpose", "permute", "movedim", "expand", "rearrange", "stop_gradient", "cast")


@dataclass(frozen=True)
class Affine:
    """A whole number at each place: the sum of `slopes[k]` times the index along axis k, plus `start`."""

    slopes: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Bounded:
    """A mask that is true only where every bound is at most 0; `exactly` there, if that is known.

    With `barred` it is a float table instead, which is minus infinity wherever some bound is above 0.
    """

    bounds: frozenset[Affine]
    exactly: bool = False
    barred: bool = False


Form = Affine | Bounded | None


def form_of(
    op: Op, operands: tuple[Operand, ...], forms: tuple[Form, ...], inputs: tuple[TensorType | None, ...], output: TensorType
) -> Form:
    """What is known of the (first) result of an operator on such tables."""
    rank = output.rank
    told = tuple(_number(one) if isinstance(one, Number) else form for one, form in zip(operands, forms, strict=True))
    if op.name == "arange":
        return _arange(dict(op.items()))
    if op.name == "causal_mask":
        return Bounded(frozenset((_lower(rank, 0),)), True)
    if op.name == "tril" and inputs[0] is not None and inputs[0].dtype == "bool":
        diagonal = dict(op.items()).get("diagonal", 0)
        return Bounded(frozenset((_lower(rank, diagonal),))) if isinstance(diagonal, int) else None
    if op.name == "index":
        return _indexed(op, told[0], inputs[0])
    if op.name in MOVES:
        if op.name == "cast" and (inputs[0] is None or dict(op.items()).get("dtype") not in (inputs[0].dtype, "i64", "i32")):
            return None
        if op.name == "cast" and isinstance(told[0], Bounded):
            return None
        return _moved(op, told[0], inputs, output)
    return _combined(op.name, operands, told, rank)


def _combined(name: str, operands: tuple[Operand, ...], told: tuple[Form, ...], rank: int) -> Form:
    if name in ("add", "sub", "le", "lt", "ge", "gt"):
        left, right = _wide(told[0], rank), _wide(told[1], rank)
        if not isinstance(left, Affine) or not isinstance(right, Affine):
            return None
        if name == "add":
            return _sum(left, right, 1)
        if name == "sub":
            return _sum(left, right, -1)
        bound = _sum(left, right, -1) if name in ("le", "lt") else _sum(right, left, -1)
        if name in ("lt", "gt"):
            bound = Affine(bound.slopes, bound.start + 1)
        return Bounded(frozenset((bound,)), True)
    if name == "neg" and isinstance(told[0], Affine):
        return _negative(told[0], 0)
    if name in ("logical_and", "bitwise_and"):
        both = [one for one in (_wide(told[0], rank), _wide(told[1], rank)) if isinstance(one, Bounded)]
        return (
            Bounded(frozenset().union(*(one.bounds for one in both)), len(both) == 2 and all(one.exactly for one in both))
            if both
            else None
        )
    if name in ("logical_or", "bitwise_or"):
        first, second = _wide(told[0], rank), _wide(told[1], rank)
        return Bounded(first.bounds & second.bounds) if isinstance(first, Bounded) and isinstance(second, Bounded) else None
    if name in ("logical_not", "bitwise_not"):
        return _outside(told[0])
    if name == "where" and _minus_infinity(operands[2]):
        mask = _wide(told[0], rank)
        return Bounded(mask.bounds, barred=True) if isinstance(mask, Bounded) and not mask.barred else None
    if name == "masked_fill" and len(operands) > 2 and _minus_infinity(operands[2]):
        mask = _outside(_wide(told[1], rank))
        return Bounded(mask.bounds, barred=True) if isinstance(mask, Bounded) else None
    return None


def visible(form: Form, rank: int) -> tuple[int | None, int | None]:
    """How far from its own position a row of a table sees: lowest and highest column, None where no bound is known."""
    low: int | None = None
    high: int | None = None
    for one in form.bounds if isinstance(form, Bounded) else ():
        slopes = (0,) * (rank - len(one.slopes)) + one.slopes
        row, column = slopes[-2:] if rank >= 2 else (0, 0)
        if any(slopes[:-2]) or row != -column or column == 0:
            continue
        if column > 0:
            edge = -one.start // column
            high = edge if high is None else min(high, edge)
        else:
            edge = -(-one.start // row)
            low = edge if low is None else max(low, edge)
    return low, high


def _number(one: Number) -> Form:
    return Affine((), one.number) if isinstance(one.number, int) and not isinstance(one.number, bool) else None


def _minus_infinity(one: Operand) -> bool:
    return isinstance(one, Number) and one.number == float("-inf")


def _arange(said: Mapping[str, object]) -> Form:
    found = [said.get("start", 0), said.get("step", 1)]
    for value in said.values():
        if isinstance(value, tuple):
            found = [value[0] if len(value) > 1 else 0, value[2] if len(value) > 2 else 1]
    start, step = found
    return Affine((step,), start) if isinstance(start, int) and isinstance(step, int) else None


def _lower(rank: int, diagonal: int) -> Affine:
    return Affine((*(0,) * (rank - 2), -1, 1), -diagonal)


def _negative(one: Affine, more: int) -> Affine:
    return Affine(tuple(-slope for slope in one.slopes), more - one.start)


def _sum(left: Affine, right: Affine, sign: int) -> Affine:
    slopes = tuple(a + sign * b for a, b in zip(left.slopes, right.slopes, strict=True))
    return Affine(slopes, left.start + sign * right.start)


def _outside(form: Form) -> Form:
    """Where the mask is false: known only of one exact bound (not p <= 0 is 1 - p <= 0)."""
    if not isinstance(form, Bounded) or not form.exactly or form.barred or len(form.bounds) != 1:
        return None
    return Bounded(frozenset((_negative(next(iter(form.bounds)), 1),)), True)


def _each(form: Form, change: dict[int, tuple[int, int, int]], rank: int) -> Form:
    """The table with axis k moved to `change[k]`: its new place, the step there, and the first index; axes not told index 0."""

    def moved(one: Affine) -> Affine:
        slopes, start = [0] * rank, one.start
        for axis, slope in enumerate(one.slopes):
            if axis in change:
                place, step, first = change[axis]
                start += slope * first
                if place >= 0:
                    slopes[place] += slope * step
        return Affine(tuple(slopes), start)

    if isinstance(form, Affine):
        return moved(form)
    return Bounded(frozenset(map(moved, form.bounds)), form.exactly, form.barred) if form is not None else None


def _wide(form: Form, rank: int) -> Form:
    """The table broadcast to more leading axes."""
    if form is None:
        return None
    own = len(form.slopes) if isinstance(form, Affine) else max((len(one.slopes) for one in form.bounds), default=rank)
    return _each(form, {axis: (axis + rank - own, 1, 0) for axis in range(own)}, rank)


def _moved(op: Op, form: Form, inputs: tuple[TensorType | None, ...], output: TensorType) -> Form:
    if form is None or inputs[0] is None:
        return None
    change: dict[int, tuple[int, int, int]] = {}
    for axis, size in enumerate(inputs[0].shape):
        reach = op.reach(0, axis, inputs, (output,))
        if size == 1:
            continue
        if not isinstance(reach, Along) or reach.low != 0 or reach.high != 0:
            return None
        change[axis] = (reach.axis, 1, 0)
    return _each(form, change, output.rank)


def _indexed(op: Op, form: Form, type: TensorType | None) -> Form:
    if form is None or type is None:
        return None
    change: dict[int, tuple[int, int, int]] = {}
    rank = 0
    for place in op.places(type.rank):  # type: ignore[attr-defined]
        rank += place.result is not None
        if place.axis is None or type.shape[place.axis] == 1:
            continue
        if place.part[0] == "int":
            first, step = place.part[1], 1
        else:
            first, step = place.part[1] or 0, place.part[3] or 1
        if not isinstance(first, int) or not isinstance(step, int):
            return None
        if first < 0:
            size = type.shape[place.axis]
            if not isinstance(size, int):
                return None
            first += size
        change[place.axis] = (-1 if place.result is None else place.result, step, first)
    return _each(form, change, rank)
