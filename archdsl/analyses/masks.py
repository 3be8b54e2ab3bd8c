"""What is known of tables of positions: affine numbers (`arange`), and what is zero or minus infinity outside of bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from archdsl.dims.shape import TensorType
from archdsl.ir.value import Number, Operand
from archdsl.ops.contract import Along, Op


@dataclass(frozen=True)
class Affine:
    """A whole number at each place: the sum of `slopes[k]` times the index along axis k, plus `start`."""

    slopes: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Bounded:
    """A table that is zero (false) wherever some bound is above 0, and with `exactly` one (true) elsewhere.

    With `barred` it is minus infinity there instead of zero. The numbers beside it are taken to be finite.
    """

    bounds: frozenset[Affine]
    exactly: bool = False
    barred: bool = False


Form = Affine | Bounded | None


def form_of(
    op: Op, operands: tuple[Operand, ...], forms: tuple[Form, ...], inputs: tuple[TensorType | None, ...], output: TensorType
) -> Form:
    """What is known of the (first) result of an operator on such tables. Along an axis of size 1 nothing changes with the index,
    so that the result may be broadcast."""
    found = _made(op, operands, forms, inputs, output)
    if found is None or 1 not in output.shape:
        return found
    return _each(found, {axis: (axis, 1, 0) for axis, size in enumerate(output.shape) if size != 1}, output.rank)


def _made(
    op: Op, operands: tuple[Operand, ...], forms: tuple[Form, ...], inputs: tuple[TensorType | None, ...], output: TensorType
) -> Form:
    rank = output.rank
    told = tuple(_number(one) if isinstance(one, Number) else form for one, form in zip(operands, forms, strict=True))
    if op.name == "arange":
        return _arange(dict(op.items()))
    if op.fill() in (0, 1, -inf):
        value = op.fill()
        return Bounded(frozenset() if value == 1 else frozenset((Affine((0,) * rank, 1),)), value != -inf, value == -inf)
    if op.name == "causal_mask":
        return Bounded(frozenset((_lower(rank, 0),)), True)
    if op.name in ("tril", "triu"):
        return _triangle(op, told[0], rank)
    if op.name == "index":
        return _indexed(op, told[0], inputs[0])
    if op.name == "cast" and inputs[0] is not None:
        return _cast(told[0], inputs[0].dtype, output.dtype)
    if op.moves:
        return _moved(op, told[0], inputs, output)
    if op.at:
        return _mapped(op.at, told[0])
    return _combined(op, operands, told, rank)


def _triangle(op: Op, form: Form, rank: int) -> Form:
    said = dict(op.items()).get("diagonal", 0)
    if not isinstance(said, int):
        return None
    lower = _lower(rank, said)
    before = form if isinstance(form, Bounded) and not form.barred else Bounded(frozenset())
    bound = lower if op.name == "tril" else _negative(lower, 0)
    return Bounded(before.bounds | {bound}, before.exactly)


def _cast(form: Form, before: str, after: str) -> Form:
    """Numbers keep their values in wider types; the truth of a float says nothing, which may be NaN."""
    if isinstance(form, Bounded):
        return form if after == before or (before == "bool" and not form.barred) else None
    return form if after in (before, "i64", "i32") else None


def _mapped(at: Mapping[float, float], form: Form) -> Form:
    """A table through a function of which some values are known."""
    if not isinstance(form, Bounded):
        return None
    value = at.get(-inf if form.barred else 0.0)
    return None if value not in (0.0, -inf) else Bounded(form.bounds, barred=value == -inf)


def _combined(op: Op, operands: tuple[Operand, ...], told: tuple[Form, ...], rank: int) -> Form:
    name, forms = op.name, tuple(_wide(one, rank) for one in told)
    tables = [one for one in forms if isinstance(one, Bounded)]
    if name in ("add", "sub", "le", "lt", "ge", "gt") and isinstance(forms[0], Affine) and isinstance(forms[1], Affine):
        return _compared(name, forms[0], forms[1])
    if name in ("eq", "ne", "gt") and isinstance(forms[0], Bounded) and _number_of(operands[1]) == 0:
        return _outside(forms[0]) if name == "eq" else forms[0] if forms[0].exactly and not forms[0].barred else None
    if name == "sub" and _number_of(operands[0]) == 1:
        return _outside(forms[1])
    if name in ("add", "sub"):
        barred = [one for one in (tables if name == "add" else tables[:1] if isinstance(forms[0], Bounded) else []) if one.barred]
        return Bounded(frozenset().union(*(one.bounds for one in barred)), barred=True) if barred else None
    if name in ("mul", "logical_and", "bitwise_and", "div"):
        return _product(name, operands, forms)
    if name in ("logical_or", "bitwise_or"):
        first, second = forms[:2]
        return Bounded(first.bounds & second.bounds) if isinstance(first, Bounded) and isinstance(second, Bounded) else None
    if name in ("logical_not", "bitwise_not"):
        return _outside(forms[0])
    if name == "where":
        return _chosen(forms[0], operands[2], forms[2]) or _chosen(_outside(forms[0]), operands[1], forms[1])
    if name == "masked_fill":
        value = dict(op.items())["value"]
        return _chosen(_outside(forms[1]), Number(value, TensorType(())), None)
    return None


def _compared(name: str, left: Affine, right: Affine) -> Form:
    if name in ("add", "sub"):
        return _sum(left, right, 1 if name == "add" else -1)
    bound = _sum(left, right, -1) if name in ("le", "lt") else _sum(right, left, -1)
    if name in ("lt", "gt"):
        bound = Affine(bound.slopes, bound.start + 1)
    return Bounded(frozenset((bound,)), True)


def _product(name: str, operands: tuple[Operand, ...], forms: tuple[Form, ...]) -> Form:
    """Zero where a factor is; minus infinity times or over a positive number is what it was."""
    factors = [one for one in (forms[:1] if name == "div" else forms) if isinstance(one, Bounded)]
    if any(one.barred for one in factors):
        other = operands[1] if isinstance(forms[0], Bounded) else operands[0]
        scale = _number_of(other)
        return factors[0] if scale is not None and 0 < scale < inf and len(factors) == 1 else None
    exactly = len(factors) == 2 and all(one.exactly for one in factors)
    return Bounded(frozenset().union(*(one.bounds for one in factors)), exactly) if factors else None


def _chosen(mask: Form, other: Operand, form: Form) -> Form:
    """A table that is `other` where the mask is false."""
    if not isinstance(mask, Bounded) or mask.barred:
        return None
    value = _number_of(other)
    if isinstance(form, Bounded) and any(not any(one.slopes) and one.start > 0 for one in form.bounds):
        value = -inf if form.barred else 0.0
    return Bounded(mask.bounds, barred=value == -inf) if value in (0.0, -inf) else None


def visible(form: Form, rank: int, column: int, barred: bool) -> dict[int, tuple[int | None, int | None]]:
    """Which positions along axis `column` count, from the position along another axis: lowest and highest, None for no bound."""
    found: dict[int, tuple[int | None, int | None]] = {}
    if not isinstance(form, Bounded) or form.barred is not barred:
        return found
    for one in form.bounds:
        slopes = (0,) * (rank - len(one.slopes)) + one.slopes
        rows = [axis for axis, slope in enumerate(slopes) if slope and axis != column]
        step = slopes[column]
        if len(rows) != 1 or step == 0 or slopes[rows[0]] != -step:
            continue
        low, high = found.get(rows[0], (None, None))
        if step > 0:
            edge = -one.start // step
            high = edge if high is None else min(high, edge)
        else:
            edge = -(-one.start // -step)
            low = edge if low is None else max(low, edge)
        found[rows[0]] = (low, high)
    return found


def _number(one: Number) -> Form:
    return Affine((), one.number) if isinstance(one.number, int) and not isinstance(one.number, bool) else None


def _number_of(one: Operand) -> float | None:
    return float(one.number) if isinstance(one, Number) and isinstance(one.number, (int, float)) else None


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
