"""Which fact would prove what is not proved: tried one by one, the weakest first, and told only where it does."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, lcm
from typing import TYPE_CHECKING

from archdsl.dims.dim import Atom, Dim, Mono, Size, Terms, collect, symbol
from archdsl.dims.division import divide_mono

if TYPE_CHECKING:
    from archdsl.dims.facts import Facts

_Moduli = list[tuple[Size, Size]]


def missing_equal(facts: Facts, p: Size, q: Size) -> str | None:
    """The fact that would prove `p == q`."""
    if facts.equal(p, q) or facts.differ(p, q):
        return None
    gap = facts.simplify(p - q)
    for tried in _divisibilities(gap):
        more = facts
        for above, below in tried:
            more = more.and_divisible(above, below)
        if more.equal(p, q):
            return " and ".join(more.listed[len(facts.facts) :])
    sides = _sides(gap)
    if sides is not None:
        more = facts.and_equal(*sides)
        if more.equal(p, q):
            return more.listed[-1]
    more = facts.and_equal(p, q)
    return more.listed[-1] if more is not facts and more.equal(p, q) else None


def missing_divides(facts: Facts, k: Size, p: Size) -> str | None:
    """The fact that would prove `p % k == 0`."""
    p, k = facts.simplify(p), facts.simplify(k)
    if k == 0 or isinstance(p, int) and isinstance(k, int) or facts.divides(k, p):
        return None
    tries: list[tuple[Size, Size]] = []
    if isinstance(k, int):
        for name in sorted(p.symbols if isinstance(p, Dim) else ()):
            tries += [(symbol(name), modulus) for modulus in _divisors(k)]
    for above, below in [*sorted(tries, key=lambda one: (one[1], str(one[0]))), (p, k)]:
        more = facts.and_divisible(above, below)
        if more.divides(k, p):
            return more.listed[-1]
    return None


def missing_at_least(facts: Facts, p: Size, q: Size) -> str | None:
    """The fact that would prove `p >= q`."""
    if facts.at_least(p, q) or facts.at_least(q, p + 1):
        return None
    sides = _sides(facts.simplify(p - q))
    for above, below in ([sides] if sides is not None else []) + [(p, q)]:
        more = facts.and_at_most(below, above)
        if more is not facts and more.at_least(p, q):
            return more.listed[-1]
    return None


def _sides(gap: Size) -> tuple[Size, Size] | None:
    """`gap` as two sides without negative terms, divided by what they share: `3*C - 3*K` as C and K."""
    if isinstance(gap, int) or any(one.denominator != 1 for one in gap.terms.values()):
        return None
    shared = gcd(*(int(one) for one in gap.terms.values()))
    common = dict(next(iter(gap.terms)))
    for mono in gap.terms:
        other = dict(mono)
        common = {atom: min(power, other[atom]) for atom, power in common.items() if atom in other and atom.kind == "symbol"}
    by: Mono = tuple(common.items())
    left: Terms = {}
    right: Terms = {}
    for mono, one in gap.terms.items():
        divided = divide_mono(mono, by)
        if divided is not None:
            (left if one > 0 else right)[divided] = abs(int(one)) // shared
    return collect(left), collect(right)


def _divisibilities(gap: Size) -> Iterator[_Moduli]:
    """Sets of divisibilities that may make the floors in `gap` exact, the weakest first."""
    floors: dict[Atom, None] = {}
    _floors(gap, floors)
    singles: dict[tuple[str, int], _Moduli] = {}
    names: dict[str, int] = {}
    for atom in floors:
        above, below = atom.args
        if isinstance(below, int):
            for name in sorted(atom.symbols):
                names[name] = lcm(names.get(name, 1), below)
    for name, wide in names.items():
        for modulus in _divisors(wide):
            singles[name, modulus] = [(symbol(name), modulus)]
    for _, tried in sorted(singles.items(), key=lambda item: (item[0][1], item[0][0])):
        yield tried
    if len(names) > 1:
        for modulus in _divisors(lcm(*names.values())):
            yield [(symbol(name), modulus) for name in sorted(names)]
    exact: _Moduli = []
    for atom in sorted(floors, key=lambda one: one.key):
        exact.append((atom.args[0], atom.args[1]))
        yield [exact[-1]]
    if len(exact) > 1:
        yield exact


def _floors(size: Size, floors: dict[Atom, None]) -> None:
    if isinstance(size, Dim):
        for atom in size.atoms():
            if atom.kind == "floor":
                floors[atom] = None
            for one in atom.args:
                _floors(one, floors)


def _divisors(number: int) -> list[int]:
    """Those above 1, up to 4096."""
    return [one for one in range(2, min(number, 4096) + 1) if number % one == 0]
