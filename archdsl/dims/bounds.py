"""Proofs that a size is at least 0, from lower bounds of its atoms, the bounds of floors, max and min, and known inequalities."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from archdsl.dims.dim import Atom, Dim, Mono, Size, Terms, collect, scale, single
from archdsl.dims.division import divide_mono

if TYPE_CHECKING:
    from archdsl.dims.known import Known

_DEPTH = 5
_BUDGET = 120


def nonnegative(known: Known, size: Size) -> bool:
    """Whether `size >= 0` is proved. A size is whole, so that a bound above -1 is enough."""
    if isinstance(size, int):
        return size >= 0
    return _Search(known).proves(size, _DEPTH)


class _Search:
    def __init__(self, known: Known) -> None:
        self.known = known
        self.left = _BUDGET

    def proves(self, size: Size, depth: int) -> bool:
        """Whether `size > -1`."""
        if isinstance(size, int):
            return size >= 0
        self.left -= 1
        if self.left < 0:
            return False
        if self.plain(size):
            return True
        if depth == 0:
            return False
        return any(all(self.proves(one, depth - 1) for one in choices) for choices in self.steps(size))

    def plain(self, size: Dim) -> bool:
        """Each atom written as its lower bound plus something not negative: no coefficient is negative then."""
        shifted: Size = size
        if any(self.known.low(atom) for atom in size.atoms()):
            shifted = size.replace(lambda atom: single(atom) + (self.known.low(atom) or 0))
        if isinstance(shifted, int):
            return shifted > -1
        for mono, coefficient in shifted.terms.items():
            if coefficient < 0 and (mono or coefficient <= -1):
                return False
            if not self.positive(mono):
                return False
        return True

    def positive(self, mono: Mono) -> bool:
        """Whether every atom of it is known not to be negative, or stands in an even power."""
        return all(power % 2 == 0 or (self.known.low(atom) is not None) for atom, power in mono) and all(
            (low := self.known.low(atom)) is None or low >= 0 for atom, _ in mono
        )

    def steps(self, size: Dim) -> Iterator[list[Size]]:
        """Sizes each list of which, all at least 0, makes `size` so."""
        for bound in self.known.bounds:
            yield from self.subtract(size, bound)
        seen: dict[Atom, None] = dict.fromkeys(atom for atom in size.atoms() if atom.kind != "symbol")
        for atom in seen:
            split = self.split(size, atom)
            if split is None:
                continue
            rest, cofactor, sign = split
            if atom.kind == "floor":
                above, below = atom.args
                if isinstance(below, int):
                    edge = above if sign < 0 else above - (below - 1)
                    yield [rest + cofactor * scale(edge, Fraction(1, below))]
                elif sign < 0:
                    yield from self.subtract(size, above - below * single(atom))
                else:
                    yield from self.subtract(size, below * single(atom) + below - 1 - above)
            elif (atom.kind == "max") == (sign < 0):
                yield [rest + cofactor * one for one in atom.args]
            else:
                for one in atom.args:
                    yield [rest + cofactor * one]

    def subtract(self, size: Dim, bound: Size) -> Iterator[list[Size]]:
        """`size` less a multiple of something not negative that takes a negative term away."""
        if isinstance(bound, int):
            return
        for mono, coefficient in size.terms.items():
            if coefficient >= 0:
                continue
            for other, one in bound.terms.items():
                if one >= 0:
                    continue
                ratio = divide_mono(mono, other)
                if ratio is not None and self.positive(ratio):
                    yield [size - scale(bound * collect({ratio: 1}), Fraction(coefficient) / one)]

    def split(self, size: Dim, atom: Atom) -> tuple[Size, Size, int] | None:
        """`size` as `rest + cofactor * atom`, the cofactor of one sign: rest, cofactor, sign."""
        rest: Terms = {}
        cofactor: Terms = {}
        for mono, coefficient in size.terms.items():
            power = next((power for one, power in mono if one is atom), 0)
            if power == 0:
                rest[mono] = coefficient
            elif power == 1:
                cofactor[tuple(pair for pair in mono if pair[0] is not atom)] = coefficient
            else:
                return None
        sign = 1 if all(one > 0 for one in cofactor.values()) else -1
        if not all(one * sign > 0 for one in cofactor.values()) or not all(map(self.positive, cofactor)):
            return None
        return collect(rest), collect(cofactor), sign
