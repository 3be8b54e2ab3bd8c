"""The normal form of `p // k`: what divides leaves the floor, nested floors become one, constants are reduced."""

from __future__ import annotations

from math import gcd, lcm

from archdsl.dims.dim import (
    Dim,
    Mono,
    Size,
    Terms,
    collect,
    floor_div,
    make_atom,
    multiply,
    scale,
    terms_of,
)
from archdsl.dims.lows import low_bound


def common_denominator(terms: Terms) -> int:
    """The smallest number that makes all coefficients whole."""
    return lcm(*[coefficient.denominator for coefficient in terms.values()])


def content(terms: Terms) -> int:
    """The greatest common divisor of whole coefficients."""
    return gcd(*(int(coefficient) for coefficient in terms.values()))


_FLOORS: dict[tuple[Dim, int], Size] = {}


def floor_by_number(p: Dim, k: int) -> Size:
    """`floor(p / k)` for a number k > 1."""
    found = _FLOORS.get((p, k))
    if found is None:
        if len(_FLOORS) > 50_000:
            _FLOORS.clear()
        found = _FLOORS[p, k] = _floor_by_number(p.terms, k)
    return found


def _floor_by_number(terms: Terms, k: int) -> Size:
    wide = common_denominator(terms)
    if wide > 1:
        terms = {mono: int(coefficient * wide) for mono, coefficient in terms.items()}
        k *= wide
    whole: Terms = {}
    rest: dict[Mono, int] = {}
    for mono, coefficient in terms.items():
        quotient, remainder = divmod(coefficient, k)
        if quotient:
            whole[mono] = quotient
        if remainder:
            rest[mono] = int(remainder)
    constant = rest.pop((), 0)
    if not rest:
        return collect(whole)
    shared = gcd(k, *rest.values())
    if shared > 1:
        # floor((g*p + c) / (g*k)) = floor((p + floor(c / g)) / k) for whole p
        k //= shared
        constant //= shared
        rest = {mono: coefficient // shared for mono, coefficient in rest.items()}
    inner = [mono for mono, coefficient in rest.items() if coefficient == 1 and _is_floor_by_number(mono)]
    if inner:
        # floor((floor(p / a) + q) / k) = floor((p + a*q) / (a*k)) for whole q
        chosen = inner[0] if len(inner) == 1 else min(inner, key=lambda mono: mono[0][0].key)
        above, below = chosen[0][0].args
        del rest[chosen]
        if constant:
            rest[()] = constant
        joined = above + scale(collect(dict(rest)), below) if isinstance(below, int) else above
        merged = floor_div(joined, k * below)
    else:
        if constant:
            rest[()] = constant
        merged = make_atom("floor", (Dim(dict(rest)), k))
    return merged + collect(whole) if whole else merged


def _is_floor_by_number(mono: Mono) -> bool:
    if len(mono) != 1 or mono[0][1] != 1:
        return False
    atom = mono[0][0]
    return atom.kind == "floor" and isinstance(atom.args[1], int)


_Order = tuple[list[tuple[int, int]], list[tuple[tuple[int, str], int]]]


def order(mono: Mono) -> _Order:
    """A monomial order that products respect: by the degree in the most nested atoms, then in the less, then lexicographic.

    So a rewriting of the largest monomial by the rest never nests deeper, and ends.
    """
    degrees: dict[int, int] = {}
    for atom, power in mono:
        degrees[atom.key[0]] = degrees.get(atom.key[0], 0) + power
    powers = [((atom.key[0], _reversed(atom.key[1])), power) for atom, power in mono]
    return sorted(degrees.items(), reverse=True), sorted(powers, reverse=True)


def _reversed(text: str) -> str:
    """Text that sorts the other way round, so that an earlier name makes a larger monomial."""
    return "".join(chr(0x10FFFF - ord(letter)) for letter in text) + chr(0x10FFFF)


def lead(terms: Terms) -> Mono:
    """The largest monomial."""
    return max(terms, key=order)


def divide_mono(mono: Mono, by: Mono) -> Mono | None:
    """`mono / by`, or None where it does not divide."""
    powers = dict(mono)
    for atom, power in by:
        left = powers.get(atom, 0) - power
        if left < 0:
            return None
        if left:
            powers[atom] = left
        else:
            del powers[atom]
    return tuple((atom, powers[atom]) for atom, _ in mono if atom in powers)


def divide(p: Size, k: Dim) -> tuple[Size, Size]:
    """Quotient and remainder of whole polynomials: `p == quotient * k + remainder`, none of its terms a multiple of k's first."""
    first = lead(k.terms)
    by = int(k.terms[first])
    quotient: Size = 0
    done: Terms = {}
    todo = dict(terms_of(p))
    while todo:
        mono = lead(todo)
        coefficient = int(todo.pop(mono))
        ratio = divide_mono(mono, first)
        factor, rest = divmod(coefficient, by) if ratio is not None else (0, coefficient)
        if rest:
            done[mono] = rest
        if factor and ratio is not None:
            quotient = quotient + scale(collect({ratio: 1}), factor)
            for other, one in k.terms.items():
                if other != first:
                    product = multiply(ratio, other)
                    new = todo.get(product, 0) - factor * one
                    if new:
                        todo[product] = new
                    else:
                        todo.pop(product, None)
    return quotient, collect(done)


def exact_quotient(p: Size, k: Size) -> Size | None:
    """`p / k` where it is a polynomial with whole coefficients, else None."""
    if isinstance(k, int):
        if k == 0 or any(coefficient % k for coefficient in terms_of(p).values()):
            return None
        return p // k if isinstance(p, int) else collect({mono: int(one) // k for mono, one in p.terms.items()})
    if any(coefficient.denominator != 1 for size in (p, k) for coefficient in terms_of(size).values()):
        return None
    quotient, rest = divide(p, k)
    return quotient if rest == 0 else None


def floor_by_size(p: Size, k: Dim) -> Size:
    """`floor(p / k)` for a `k` with symbols."""
    if p == 0:
        return 0
    wide = lcm(common_denominator(terms_of(p)), common_denominator(k.terms))
    if wide > 1:
        p, below = scale(p, wide), scale(k, wide)
        if isinstance(below, int):
            return floor_div(p, below)
        k = below
    if k.terms[lead(k.terms)] < 0:
        p, k = -p, -k
    quotient, rest = divide(p, k)
    if rest == 0:
        return quotient
    shared = gcd(content(terms_of(rest)), content(k.terms))
    common = _shared_symbols([*terms_of(rest), *k.terms])
    if shared > 1 or common:
        smaller = _cancel(k, shared, common)
        return quotient + floor_div(_cancel(rest, shared, common), smaller)
    low, positive = low_bound(rest), low_bound(k)
    gap = low_bound(k - rest)
    if low is not None and low >= 0 and positive is not None and positive > 0 and gap is not None and gap > 0:
        return quotient
    return quotient + make_atom("floor", (rest, k))


def _shared_symbols(monos: list[Mono]) -> Mono:
    """The symbols, which are never 0, that are in every one of these monomials."""
    powers = {atom: power for atom, power in monos[0] if atom.kind == "symbol"}
    for mono in monos[1:]:
        other = dict(mono)
        powers = {atom: min(power, other[atom]) for atom, power in powers.items() if atom in other}
        if not powers:
            return ()
    return tuple(powers.items())


def _cancel(size: Size, number: int, mono: Mono) -> Size:
    terms: Terms = {}
    for one, coefficient in terms_of(size).items():
        divided = divide_mono(one, mono)
        if divided is not None:
            terms[divided] = int(coefficient) // number
    return collect(terms)
