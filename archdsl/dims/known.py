"""What facts amount to: substitutions, rewritings, remainders and bounds, and the normal form of a size under them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd, lcm

from archdsl.dims.bounds import nonnegative
from archdsl.dims.dim import (
    Atom,
    Coefficient,
    Dim,
    Mono,
    Size,
    Terms,
    collect,
    floor_div,
    multiply,
    rebuild,
    scale,
    single,
    terms_of,
)
from archdsl.dims.division import common_denominator, content, divide_mono, lead
from archdsl.dims.lows import extreme

_DEPTH = 40
_FUEL = 64
"""How often a size is rewritten before it is left as it is; each rewriting is an equality, so stopping is sound."""


class Known:
    """The state that facts add up to. Built by `learn_…`, then only read.

    `substitution` gives symbols by other sizes; `rules` rewrite a monomial to a size; `remainders` is
    `atom: (modulus, remainder)`; `whole` are sums with fractions that are whole; `divisible` are pairs (p, k) with `p % k == 0`
    and symbols in k; `bounds` are sizes that are at least 0; `lows` are lower bounds of atoms.
    """

    __slots__ = ("_depth", "_memo", "bounds", "divisible", "empty", "lows", "remainders", "rules", "substitution", "whole")

    def __init__(self) -> None:
        self.substitution: dict[Atom, Size] = {}
        self.rules: list[tuple[Mono, Size]] = []
        self.remainders: dict[Atom, tuple[int, int]] = {}
        self.whole: list[Dim] = []
        self.divisible: list[tuple[Size, Dim]] = []
        self.bounds: list[Dim] = []
        self.lows: dict[Atom, int] = {}
        self.empty = True
        self._depth = 0
        self._memo: dict[Dim, Size] = {}

    # Learning. A fact that contradicts the others teaches nothing, which is sound.

    def learn_equal(self, p: Size, q: Size) -> None:
        """`p == q`."""
        self._changed()
        gap = self.simplify(p - q)
        if isinstance(gap, int):
            return
        self._learn_remainders(gap)
        symbols = [atom for atom in gap.atoms() if atom.kind == "symbol" and _alone(gap, atom)]
        if symbols:
            # The solved symbol should be the plainest: one whose coefficient is 1, and the last in the alphabet.
            solved = max(symbols, key=lambda atom: (abs(gap.terms[((atom, 1),)]) == 1, atom.key))
            coefficient = gap.terms[((solved, 1),)]
            value = scale(gap - scale(single(solved), coefficient), -1 / Fraction(coefficient))
            old, low = self.remainders.pop(solved, None), self.lows.pop(solved, 1)
            self.substitution[solved] = value
            self._changed()
            if isinstance(value, Dim):
                self._learn_whole(value)
                self.learn_at_least(value, low)
                if old is not None:
                    self.learn_divisible(value - old[1], old[0])
            return
        first = lead(gap.terms)
        rest = gap - scale(collect({first: 1}), gap.terms[first])
        self.rules.append((first, scale(rest, -1 / Fraction(gap.terms[first]))))
        self._changed()

    def _learn_remainders(self, gap: Dim) -> None:
        """`p % k == r`, written as an equality."""
        for atom in dict.fromkeys(gap.atoms()):
            if atom.kind == "floor":
                above, below = atom.args
                for sign in (1, -1):
                    rest = gap - sign * (above - below * single(atom))
                    if isinstance(rest, int):
                        self.learn_divisible(above + sign * rest, below)

    def learn_divisible(self, p: Size, k: Size) -> None:
        """`p % k == 0`."""
        self._changed()
        p, k = self.simplify(p), self.simplify(k)
        if k == 0 or isinstance(p, int):
            return
        if isinstance(k, Dim):
            self._learn_divisible_by_size(p, k)
        else:
            self._learn_whole(_whole_sum(p, k))
        self._changed()

    def _learn_divisible_by_size(self, p: Dim, k: Dim) -> None:
        if any(one.denominator != 1 for size in (p, k) for one in size.terms.values()):
            return
        self.divisible.append((p, k))
        if content(k.terms) > 1:
            self._learn_whole(_whole_sum(p, content(k.terms)))
        quotient = floor_div(p, k)
        for atom in dict.fromkeys(quotient.atoms()) if isinstance(quotient, Dim) else ():
            if atom.kind != "floor" or ((atom, 1),) not in terms_of(quotient):
                continue
            above, below = atom.args
            if not isinstance(above, Dim) or not isinstance(below, Dim):
                continue
            # below * floor(above / below) == above: its first term becomes the rest
            first = lead(below.terms)
            others = below - scale(collect({first: 1}), below.terms[first])
            if below.terms[first] == 1:
                self.rules.append((multiply(first, ((atom, 1),)), above - others * single(atom)))
            if nonnegative(self, above - 1):
                self.lows[atom] = max(1, self.lows.get(atom, 1))

    def _learn_whole(self, total: Size) -> None:
        """That a sum with fractions is whole: a remainder of its one atom, or the sum itself."""
        if isinstance(total, int):
            return
        wide = common_denominator(total.terms)
        if wide == 1:
            return
        terms = {mono: int(one * wide) % wide for mono, one in total.terms.items()}
        constant = terms.pop((), 0)
        terms = {mono: one for mono, one in terms.items() if one}
        if not terms:
            return
        mono, coefficient = next(iter(terms.items()))
        if len(terms) > 1 or len(mono) != 1 or mono[0][1] != 1:
            reduced: Terms = {mono: Fraction(one, wide) for mono, one in terms.items()}
            if constant:
                reduced[()] = Fraction(constant, wide)
            self.whole.append(Dim(reduced))
            return
        shared = gcd(coefficient, wide)
        if constant % shared:
            return
        modulus = wide // shared
        self._learn_remainder(mono[0][0], modulus, -(constant // shared) * pow(coefficient // shared, -1, modulus) % modulus)

    def _learn_remainder(self, atom: Atom, modulus: int, remainder: int) -> None:
        old, before = self.remainders.get(atom, (1, 0))
        shared = gcd(old, modulus)
        if (before - remainder) % shared or lcm(old, modulus) >= 2**63:
            return
        step = (remainder - before) // shared * pow(old // shared, -1, modulus // shared) % (modulus // shared)
        both = lcm(old, modulus)
        joined = (before + old * step) % both
        self.remainders[atom] = (both, joined)
        if atom.low is not None:
            low = self.lows.get(atom, atom.low)
            self.lows[atom] = low + (joined - low) % both

    def learn_at_least(self, p: Size, q: Size) -> None:
        """`p >= q`."""
        self._changed()
        gap = self.simplify(p - q)
        if isinstance(gap, int) or nonnegative(self, gap):
            return
        self.bounds.append(gap)
        monos = [mono for mono in gap.terms if mono]
        if len(monos) == 1 and len(monos[0]) == 1 and monos[0][0][1] == 1 and gap.terms[monos[0]] > 0:
            atom = monos[0][0][0]
            low = -int(gap.terms.get((), 0) // gap.terms[monos[0]])
            modulus, remainder = self.remainders.get(atom, (1, 0))
            low += (remainder - low) % modulus
            self.lows[atom] = max(low, self.lows.get(atom, low), low if atom.low is None else atom.low)
        self._changed()

    def _changed(self) -> None:
        self._memo.clear()
        self.empty = not (self.substitution or self.rules or self.remainders or self.whole or self.divisible or self.bounds)

    # Reading.

    def low(self, atom: Atom) -> int | None:
        """A number the atom is never below."""
        return self.lows.get(atom, atom.low)

    def simplify(self, size: Size) -> Size:
        """The normal form under what is known."""
        if isinstance(size, int):
            return size
        found = self._memo.get(size)
        if found is None:
            if self._depth >= _DEPTH:
                return size
            self._depth += 1
            try:
                found = self._memo[size] = self._normal(size)
            finally:
                self._depth -= 1
            if isinstance(found, Dim):
                self._memo[found] = found
        return found

    def _normal(self, size: Dim) -> Size:
        for _ in range(_FUEL):
            atoms = set(size.atoms())
            new: Size = size
            if any(atom.kind != "symbol" or atom in self.substitution for atom in atoms):
                new = size.replace(self._atom)
            if self.rules and isinstance(new, Dim):
                new = self._rewrite(new)
            if isinstance(new, int) or new == size:
                return new
            size = new
        return size

    def _atom(self, atom: Atom) -> Size:
        if atom.kind == "symbol":
            value = self.substitution.get(atom)
            return single(atom) if value is None else self.simplify(value)
        args = tuple(map(self.simplify, atom.args))
        if atom.kind == "max":
            return extreme("max", args, lambda above, below: nonnegative(self, above - below))
        if atom.kind == "min":
            return extreme("min", args, lambda above, below: nonnegative(self, below - above))
        if args == atom.args or args[1] == 0:
            new: Size = single(atom)
        else:
            new = rebuild(atom, args)
        if isinstance(new, Dim) and (self.remainders or self.whole):
            return new.replace(self._settle)
        return new

    def _settle(self, atom: Atom) -> Size:
        """A floor by a number, less what the remainders prove to divide."""
        if atom.kind != "floor":
            return single(atom)
        above, below = atom.args
        if isinstance(above, int) or isinstance(below, Dim):
            return single(atom)
        exact: Terms = {}
        rest: Terms = {}
        constant = 0
        step, offset = below, 0
        for mono, coefficient in above.terms.items():
            if not mono:
                constant += int(coefficient)
                continue
            modulus, remainder = self._remainder(mono)
            if coefficient * modulus % below == 0:
                exact[mono] = Fraction(coefficient, below)
                constant += int(coefficient) * remainder
                exact[()] = exact.get((), 0) - Fraction(int(coefficient) * remainder, below)
            else:
                rest[mono] = coefficient
                step = gcd(step, int(coefficient) * modulus)
                offset += int(coefficient) * remainder
        for whole in self.whole:
            self._take_whole(whole, rest, exact, below)
        # The rest is a multiple of `step`, plus `offset`: what is left over above it never carries.
        constant -= (constant + offset) % step if rest else 0
        if constant:
            rest[()] = constant
        left = floor_div(collect(rest), below)
        return left + _sum(exact.items()) if exact else left

    def _take_whole(self, whole: Dim, rest: Terms, exact: Terms, below: int) -> None:
        first = lead(whole.terms)
        times = Fraction(rest.get(first, 0), below) / whole.terms[first]
        if not times or times.denominator != 1 or not all(mono in rest for mono in whole.terms if mono):
            return
        for mono, one in whole.terms.items():
            exact[mono] = exact.get(mono, 0) + times * one
            rest[mono] = left = rest.get(mono, 0) - times * one * below
            if not left:
                del rest[mono]

    def _remainder(self, mono: Mono) -> tuple[int, int]:
        if len(mono) == 1 and mono[0][1] == 1:
            return self.remainders.get(mono[0][0], (1, 0))
        modulus = 1
        for atom, power in mono:
            one, remainder = self.remainders.get(atom, (1, 0))
            modulus *= gcd(one, remainder) ** power
        return modulus, 0

    def _rewrite(self, size: Dim) -> Size:
        for _ in range(_FUEL):
            for first, value in self.rules:
                found = next(((mono, ratio) for mono in size.terms if (ratio := divide_mono(mono, first)) is not None), None)
                if found is not None:
                    mono, ratio = found
                    coefficient = size.terms[mono]
                    new = size - scale(collect({mono: 1}), coefficient) + scale(collect({ratio: 1}) * value, coefficient)
                    break
            else:
                return size
            if isinstance(new, int):
                return new
            size = new
        return size


def _alone(size: Dim, atom: Atom) -> bool:
    """Whether the atom is in `size` only as a term of its own, not in a product or inside another atom."""
    mono = ((atom, 1),)
    return mono in size.terms and not any(atom.name in other.symbols for one in size.terms if one != mono for other, _ in one)


def _whole_sum(p: Dim, k: int) -> Dim:
    size = scale(p, Fraction(1, k))
    if isinstance(size, int):
        raise TypeError("a size with symbols lost them")
    return size


def _sum(items: Iterable[tuple[Mono, Coefficient]]) -> Size:
    terms: Terms = {}
    for mono, one in items:
        if one:
            terms[mono] = int(one) if one.denominator == 1 else one
    return collect(terms)
