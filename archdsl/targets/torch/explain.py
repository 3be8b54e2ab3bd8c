"""Explaining numbers that differ between the specialisations of a block by names that are known in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.dims.dim import Dim, Size, format_size, symbol

Vector = tuple[Any, ...]
"""One value for each specialisation."""


@dataclass(frozen=True)
class Told:
    """An expression, and how tightly it binds: 0 a sum, 1 a product, 2 an atom."""

    text: str
    tight: int = 2

    def inside(self, least: int) -> str:
        return self.text if self.tight >= least else f"({self.text})"


def explain(wanted: Vector, names: Mapping[str, Vector]) -> tuple[Told, tuple[str, ...]] | None:
    """The shortest expression over `names` (expression to values, in order of preference) that gives `wanted` everywhere.

    The name itself, `c * name`, `name // c`, `name + c`, then sums, products, quotients and differences of two names. Equality is
    exact: of polynomials where there are symbols. With it come the names used.
    """
    for name, values in names.items():
        if _equal(values, wanted):
            return Told(name), (name,)
    if not all(isinstance(one, (int, Dim)) and not isinstance(one, bool) for one in wanted):
        return None
    for name, values in _sizes(names):
        told = _by_number(name, values, wanted)
        if told is not None:
            return told, (name,)
    pairs = list(_sizes(names))
    for left, a in pairs:
        for right, b in pairs:
            told = _by_pair(left, a, right, b, wanted)
            if told is not None:
                return told, (left, right)
    return _as_written(wanted, names)


def _as_written(wanted: Vector, names: Mapping[str, Vector]) -> tuple[Told, tuple[str, ...]] | None:
    """A size that is the same everywhere, over symbols that have a name each: the polynomial itself."""
    first = wanted[0]
    if not isinstance(first, Dim) or any(one != first for one in wanted):
        return None
    called: dict[str, str] = {}
    for name, values in names.items():
        for label in first.symbols:
            if label not in called and all(one == symbol(label) for one in values):
                called[label] = name
    if called.keys() != first.symbols:
        return None
    return Told(format_size(first, "python", called.__getitem__), 0), tuple(called.values())


def _sizes(names: Mapping[str, Vector]) -> Iterable[tuple[str, Vector]]:
    return ((name, values) for name, values in names.items() if all(isinstance(one, (int, Dim)) for one in values))


def _equal(left: Vector, right: Vector) -> bool:
    return all(type(a) is type(b) and a == b for a, b in zip(left, right, strict=True))


def _by_number(name: str, values: Vector, wanted: Vector) -> Told | None:
    if all(one == values[0] for one in values) and not isinstance(values[0], Dim):
        return None
    factor = _ratio(wanted[0], values[0])
    if factor is not None and factor > 1 and _equal(tuple(one * factor for one in values), wanted):
        return Told(f"{factor} * {name}", 1)
    divisor = _ratio(values[0], wanted[0])
    for trial in dict.fromkeys(one for one in (2, divisor) if one is not None and one > 1):
        if _equal(tuple(one // trial for one in values), wanted):
            return Told(f"{name} // {trial}", 1)
    gap = wanted[0] - values[0]
    if isinstance(gap, int) and gap and _equal(tuple(one + gap for one in values), wanted):
        return Told(f"{name} {'+' if gap > 0 else '-'} {abs(gap)}", 0)
    return None


def _ratio(above: Size, below: Size) -> int | None:
    """The whole number that `above` is of `below`, where it is one."""
    if isinstance(above, int) and isinstance(below, int):
        return above // below if below and above % below == 0 else None
    if isinstance(below, int):
        return None
    if isinstance(above, int):
        return None
    mono = next(iter(below.terms))
    if mono not in above.terms:
        return None
    ratio = above.terms[mono] / below.terms[mono] if below.terms[mono] else 0
    return int(ratio) if ratio == int(ratio) and below * int(ratio) == above else None


def _by_pair(left: str, a: Vector, right: str, b: Vector, wanted: Vector) -> Told | None:
    if left <= right:
        if _equal(tuple(x * y for x, y in zip(a, b, strict=True)), wanted):
            return Told(f"{left} * {right}", 1)
        if _equal(tuple(x + y for x, y in zip(a, b, strict=True)), wanted):
            return Told(f"{left} + {right}", 0)
    if left == right:
        return None
    if all(y != 0 for y in b) and _equal(tuple(x // y for x, y in zip(a, b, strict=True)), wanted):
        return Told(f"{left} // {right}", 1)
    if _equal(tuple(x - y for x, y in zip(a, b, strict=True)), wanted):
        return Told(f"{left} - {right}", 0)
    return None
