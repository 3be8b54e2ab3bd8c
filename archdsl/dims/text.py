"""Sizes as text: in the user's names for people, or as a Python expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from archdsl.dims.dim import Atom, Coefficient, Dim, Mono, Size, Terms, single, terms_of
from archdsl.dims.division import common_denominator, exact_quotient

Style = Literal["arch", "python"]
Names = Callable[[str], str]

_SUM, _PRODUCT, _ATOM = range(3)
"""How tightly a text binds; a floor or remainder binds like a product but stands in parentheses inside one."""


def atom_text(atom: Atom) -> str:
    """The text of an atom alone, which atoms are sorted by."""
    return _Printer("arch", str).atom(atom)[0]


def render(size: Dim, style: Style, names: Names | None) -> str:
    """The text of a size with symbols."""
    return _Printer(style, names or str).size(size)[0]


class _Printer:
    def __init__(self, style: Style, names: Names) -> None:
        self.names = names
        self.times = " * " if style == "python" else "*"

    def size(self, size: Size) -> tuple[str, int]:
        if isinstance(size, int):
            return str(size), _ATOM if size >= 0 else _SUM
        terms = size.terms
        if any(coefficient.denominator != 1 for coefficient in terms.values()):
            return self.fraction(terms)
        parts: list[tuple[int, str, int]] = []  # factor, text, how tightly the text binds
        rest: Size = size
        for mono in sorted(terms, key=_print_order):
            for atom, power in mono:
                found = _remainder(rest, atom) if power == 1 and atom.kind == "floor" else None
                if found is not None:
                    factor, rest = found
                    if isinstance(factor, int):
                        parts.append((factor, self.over(atom, "%"), _PRODUCT))
                    else:
                        parts.append((1, f"{self.inside(factor, _PRODUCT)}{self.times}({self.over(atom, '%')})", _SUM))
        for mono in sorted((one for one in terms_of(rest) if one), key=_print_order):
            parts.append((int(terms_of(rest)[mono]), *self.mono(mono)))
        return self.sum(parts, int(terms_of(rest).get((), 0)))

    def sum(self, parts: list[tuple[int, str, int]], constant: int) -> tuple[str, int]:
        ordered = [one for one in parts if one[0] > 0]
        negative = [one for one in parts if one[0] < 0]
        out: list[tuple[int, str]] = [(factor, self.times_text(abs(factor), text, tight)) for factor, text, tight in ordered]
        if not ordered and constant > 0:
            out.append((1, str(constant)))
            constant = 0
        out += [(factor, self.times_text(abs(factor), text, tight)) for factor, text, tight in negative]
        if constant:
            out.append((constant, str(abs(constant))))
        text = out[0][1]
        if out[0][0] < 0:
            # `-H // 2` would be `(-H) // 2`.
            text = f"-({text})" if out[0][0] == -1 and not ordered and negative and negative[0][2] == _PRODUCT else f"-{text}"
        for factor, one in out[1:]:
            text += (" - " if factor < 0 else " + ") + one
        if len(out) > 1 or out[0][0] < 0:
            return text, _SUM
        return text, _ATOM if len(parts) == 1 and parts[0][0] == 1 and parts[0][2] == _ATOM else _PRODUCT

    def times_text(self, factor: int, text: str, tight: int) -> str:
        if factor == 1:
            return text
        return f"{factor}{self.times}({text})" if tight == _PRODUCT else f"{factor}{self.times}{text}"

    def mono(self, mono: Mono) -> tuple[str, int]:
        if len(mono) == 1 and mono[0][1] == 1:
            return self.atom(mono[0][0])
        factors = []
        for atom, power in mono:
            text, tight = self.atom(atom)
            if tight == _PRODUCT:
                text = f"({text})"
            factors.append(text if power == 1 else f"{text} ** {power}" if self.times != "*" else f"{text}**{power}")
        return self.times.join(factors), _SUM  # a product takes a number in front without parentheses

    def atom(self, atom: Atom) -> tuple[str, int]:
        if atom.kind == "symbol":
            return self.names(atom.name), _ATOM
        if atom.kind == "floor":
            return self.over(atom, "//"), _PRODUCT
        return f"{atom.kind}({', '.join(self.size(one)[0] for one in atom.args)})", _ATOM

    def over(self, atom: Atom, sign: str) -> str:
        above, below = atom.args
        return f"{self.inside(above, _PRODUCT)} {sign} {self.inside(below, _ATOM)}"

    def inside(self, size: Size, least: int) -> str:
        text, tight = self.size(size)
        if least == _PRODUCT and tight == _PRODUCT and isinstance(size, Dim) and _is_plain(size):
            return text
        return text if tight == _ATOM else f"({text})"

    def fraction(self, terms: Terms) -> tuple[str, int]:
        """`H/2 + W` as `H // 2 + W`: the terms that only together are whole are divided together."""
        wide = common_denominator(terms)
        whole = {mono: coefficient for mono, coefficient in terms.items() if coefficient.denominator == 1}
        above: dict[Mono, Coefficient] = {mono: one * wide for mono, one in terms.items() if one.denominator != 1}
        sign = -1 if all(one < 0 for one in above.values()) else 1
        numerators = {mono: sign * int(one) for mono, one in above.items()}
        top = Dim(dict(numerators))
        text = f"{self.inside(top, _PRODUCT)} // {wide}"
        parts = [(sign, text, _PRODUCT)]
        parts += [(int(whole[mono]), *self.mono(mono)) for mono in sorted((one for one in whole if one), key=_print_order)]
        return self.sum(parts, int(whole.get((), 0)))


def _is_plain(size: Dim) -> bool:
    """A number times symbols, which may stand left of `//` as it is."""
    return len(size.terms) == 1 and all(atom.kind != "floor" for atom in size.atoms())


def _print_order(mono: Mono) -> tuple[int, list[tuple[tuple[int, str], int]]]:
    return (-sum(power for _, power in mono), [(atom.key, -power) for atom, power in mono])


def _remainder(size: Size, atom: Atom) -> tuple[Size, Size] | None:
    """Whether `size` is `m * (p % k) + rest` for the floor `p // k`: m and the rest, where the whole of it is in sight."""
    above, below = atom.args
    if not isinstance(size, Dim):
        return None
    # The factor of the floor in `size`, as a polynomial without it.
    cofactor: Terms = {}
    for mono, coefficient in size.terms.items():
        if (atom, 1) in mono:
            cofactor[tuple(one for one in mono if one != (atom, 1))] = coefficient
    factor = exact_quotient(-Dim(cofactor), below) if cofactor else None
    if factor is None or factor == 0 or (isinstance(factor, Dim) and len(factor.terms) > 1):
        return None
    remainder = above - below * single(atom)
    rest = size - factor * remainder
    if len(terms_of(rest)) != len(size.terms) - len(terms_of(remainder)):
        return None
    return factor, rest
