"""Formulas in a normal form: polynomials over what is no arithmetic, the same however they were written."""

from __future__ import annotations

from collections.abc import Hashable

Atom = Hashable
"""`("value", name)`, `("sum", axes, sizes, product)`, `("power of", polynomial)`, `(function, polynomial)`, `("size", size)`."""
Mono = tuple[tuple[Atom, float], ...]
"""A product of atoms with their exponents, sorted."""
Poly = dict[Mono, float]
MOST = 24
"""How many terms a polynomial has at most; what has more is taken as it stands."""


def plus(left: Poly, right: Poly, factor: float = 1.0) -> Poly:
    """The sum; terms that vanish but for rounding are left out."""
    out = dict(left)
    for mono, number in right.items():
        total = out.get(mono, 0.0) + factor * number
        if abs(total) > 1e-14 * (abs(out.get(mono, 0.0)) + abs(number)):
            out[mono] = total
        else:
            out.pop(mono, None)
    return out


def times(left: Poly, right: Poly) -> Poly:
    """The product."""
    out: Poly = {}
    for one, a in left.items():
        for other, b in right.items():
            out = plus(out, _opened(together(one, other), a * b))
    return out


def _opened(mono: Mono, number: float) -> Poly:
    """A term in which the root of a sum that was squared is what is under the root: of a variance, which is not negative."""
    for index, (one, exponent) in enumerate(mono):
        if exponent not in (1, 2) or not isinstance(one, tuple) or one[0] != "power of":
            continue
        if any(inner[0] == "sum" for part, _ in one[1] for inner, _ in part):
            return times({(*mono[:index], *mono[index + 1 :]): number}, power(dict(one[1]), exponent))
    return {mono: number}


def together(one: Mono, other: Mono) -> Mono:
    """The product of two products."""
    found = dict(one)
    for atom, exponent in other:
        found[atom] = found.get(atom, 0.0) + exponent
    return tuple(sorted(((atom, exponent) for atom, exponent in found.items() if exponent), key=repr))


def atom(one: Atom, exponent: float = 1.0) -> Poly:
    """An atom by itself."""
    return {((one, exponent),): 1.0}


def frozen(poly: Poly) -> Atom:
    """The polynomial as a key: numbers that differ by rounding are one."""
    return tuple(sorted(((mono, float(f"{number:.12g}")) for mono, number in poly.items()), key=repr))


def power(poly: Poly, exponent: float) -> Poly:
    """The polynomial to a power. What is no product is taken whole."""
    if exponent in (1, 2, 3, 4) and len(poly) ** exponent <= MOST:
        out = poly
        for _ in range(int(exponent) - 1):
            out = times(out, poly)
        return out
    if len(poly) == 1:
        ((mono, number),) = poly.items()
        whole = float(exponent).is_integer()
        if number and (whole or (number > 0 and len(mono) <= 1 and all(one % 2 for _, one in mono))):
            return {tuple((one, own * exponent) for one, own in mono): number**exponent}
    if exponent == -1 and len(poly) == 2 and poly.get(()) == 1:
        ((mono, number),) = (one for one in poly.items() if one[0])
        if number == 1 and len(mono) == 1 and isinstance(mono[0][0], tuple) and mono[0][0][0] == "exp" and mono[0][1] == 1:
            return logistic(plus({}, dict(mono[0][0][1]), -1.0))
    return atom(("power of", frozen(poly)), exponent)


def logistic(poly: Poly) -> Poly:
    """1 / (1 + exp(-poly)), told of the polynomial or of what it is negated: of that whose first number is above 0."""
    if poly and poly[min(poly, key=repr)] < 0:
        return plus({(): 1.0}, atom(("sigmoid", frozen(plus({}, poly, -1.0)))), -1.0)
    return atom(("sigmoid", frozen(poly))) if poly else {(): 0.5}


def hyperbolic(poly: Poly) -> Poly:
    """tanh, which is a sigmoid of twice as much, stretched."""
    return plus(plus({}, logistic(plus({}, poly, 2.0)), 2.0), {(): 1.0}, -1.0)


def exponential(poly: Poly) -> Poly:
    """The exponential of a polynomial; where a logarithm is added to it, what that is of is a factor."""
    out: Poly = {(): 1.0}
    rest = dict(poly)
    for mono, number in poly.items():
        if len(mono) == 1 and isinstance(mono[0][0], tuple) and mono[0][0][0] == "log" and mono[0][1] == 1:
            out = times(out, power(dict(mono[0][0][1]), number))
            del rest[mono]
    return times(out, atom(("exp", frozen(rest)))) if rest else out
