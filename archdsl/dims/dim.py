"""Symbolic sizes: integer polynomials in a normal form, with plain ints wherever the value is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import floor
from typing import Any, Literal, Union

Coefficient = int | Fraction
Mono = tuple[tuple["Atom", int], ...]
"""A product of powers of atoms, sorted by the atoms' keys; `()` is the constant."""
Terms = dict[Mono, Coefficient]

TERM_CAP = 256
ONE: Mono = ()


class DimTooLarge(Exception):
    """A dimension would have more than 256 terms (LANGUAGE.md section 10)."""


class Atom:
    """What a polynomial is made of: a symbol, or a floor, max or min of sizes. Interned, so equal atoms are one object.

    `kind` is `symbol`, `floor`, `max` or `min`. A floor's `args` are numerator, with whole coefficients, and denominator.
    """

    __slots__ = ("_key", "_low", "_symbols", "args", "kind", "name")

    def __init__(self, kind: str, name: str, args: tuple[Size, ...]) -> None:
        self.kind = kind
        self.name = name
        self.args = args
        self._key: tuple[int, str] | None = None
        self._low: int | Literal[False] | None = 1 if kind == "symbol" else False
        self._symbols: frozenset[str] | None = None

    @property
    def key(self) -> tuple[int, str]:
        """What atoms are sorted by: how deeply they are nested (symbols are 0), then their text."""
        if self._key is None:
            if self.kind == "symbol":
                self._key = (0, self.name)
            else:
                from archdsl.dims.text import atom_text

                inner = (atom.key[0] for one in self.args if isinstance(one, Dim) for atom in one.atoms())
                self._key = (1 + max(inner, default=0), atom_text(self))
        return self._key

    @property
    def low(self) -> int | None:
        """A lower bound that needs no fact but that symbols are at least 1; None where there is none in sight."""
        if self._low is False:
            from archdsl.dims.lows import atom_low

            self._low = atom_low(self)
        return self._low

    @property
    def symbols(self) -> frozenset[str]:
        if self._symbols is None:
            if self.kind == "symbol":
                self._symbols = frozenset((self.name,))
            else:
                self._symbols = frozenset().union(*(one.symbols for one in self.args if isinstance(one, Dim)))
        return self._symbols

    def __repr__(self) -> str:
        return f"Atom({self.key[1]})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_atom, (self.kind, self.name, self.args))


_ATOMS: dict[tuple[str, str, tuple[Any, ...]], Atom] = {}


def _atom(kind: str, name: str, args: tuple[Size, ...]) -> Atom:
    key = (kind, name, args)
    found = _ATOMS.get(key)
    if found is None:
        found = _ATOMS.setdefault(key, Atom(kind, name, args))
    return found


class Dim:
    """A size with symbols in it: a polynomial that is not constant. Immutable; equal when of the same normal form.

    `terms` maps each monomial to its coefficient, none of them 0, and is never changed. A coefficient is a Fraction only where
    a fact proves the whole sum to be a whole number.
    """

    __slots__ = ("_hash", "_symbols", "_text", "terms")
    terms: Terms

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash: int | None = None
        self._symbols: frozenset[str] | None = None
        self._text: str | None = None
        if len(terms) > TERM_CAP:
            raise DimTooLarge(f"a dimension would have {len(terms)} terms; the limit is {TERM_CAP}")

    @property
    def symbols(self) -> frozenset[str]:
        """The names it depends on."""
        if self._symbols is None:
            self._symbols = frozenset().union(*(atom.symbols for mono in self.terms for atom, _ in mono))
        return self._symbols

    def atoms(self) -> Iterator[Atom]:
        """The atoms of its monomials, not those inside them; one may come twice."""
        return (atom for mono in self.terms for atom, _ in mono)

    def evaluate(self, env: Mapping[str, int]) -> int:
        """Its value where the symbols have these. KeyError for a symbol without one; ZeroDivisionError as in Python."""
        total: Coefficient = 0
        for mono, coefficient in self.terms.items():
            for atom, power in mono:
                coefficient *= _evaluate_atom(atom, env) ** power
            total += coefficient
        return floor(total)

    def substitute(self, mapping: Mapping[str, Size]) -> Size:
        """The size with these symbols replaced, in normal form."""
        if self.symbols.isdisjoint(mapping):
            return self
        return self.replace(lambda atom: _substitute_atom(atom, mapping))

    def replace(self, change: Callable[[Atom], Size]) -> Size:
        """The polynomial with each atom replaced by what `change` gives for it."""
        total: Size = 0
        for mono, coefficient in self.terms.items():
            part: Size = 1
            for atom, power in mono:
                new = change(atom)
                part = part * (new if power == 1 else new**power)
            total = total + scale(part, coefficient)
        return total

    def __eq__(self, other: object) -> bool:
        return self is other or (other.__class__ is Dim and self.terms == other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Dim({self})"

    def __str__(self) -> str:
        if self._text is None:
            self._text = format_size(self)
        return self._text

    def __reduce__(self) -> tuple[Any, ...]:
        return (Dim, (self.terms,))

    def __add__(self, other: Size) -> Size:
        if isinstance(other, int):
            if not other:
                return self
            terms = self.terms.copy()
            constant = terms.get(ONE, 0) + other
            if constant:
                terms[ONE] = constant
            else:
                del terms[ONE]
            return Dim(terms)
        if not isinstance(other, Dim):
            return NotImplemented
        terms = self.terms.copy()
        for mono, coefficient in other.terms.items():
            old = terms.get(mono)
            if old is None:
                terms[mono] = coefficient
            else:
                new = old + coefficient
                if new:
                    terms[mono] = new if new.__class__ is int else _thin(new)
                else:
                    del terms[mono]
        return collect(terms)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return Dim({mono: -coefficient for mono, coefficient in self.terms.items()})

    def __sub__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return self + -other

    def __rsub__(self, other: int) -> Size:
        return -self + other

    def __mul__(self, other: Size) -> Size:
        if isinstance(other, int):
            return self if other == 1 else scale(self, other)
        if not isinstance(other, Dim):
            return NotImplemented
        if len(self.terms) * len(other.terms) > TERM_CAP * TERM_CAP:
            raise DimTooLarge("a product of dimensions has too many terms")
        terms: Terms = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                mono = multiply(left, right)
                terms[mono] = terms.get(mono, 0) + a * b
        return collect({mono: _thin(coefficient) for mono, coefficient in terms.items() if coefficient})

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Size:
        if power < 0:
            raise ValueError("a negative power is no size")
        result: Size = 1
        for _ in range(power):
            result = result * self
        return result

    def __floordiv__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return floor_div(self, other)

    def __rfloordiv__(self, other: int) -> Size:
        return floor_div(other, self)

    def __mod__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return modulo(self, other)

    def __rmod__(self, other: int) -> Size:
        return modulo(other, self)


Size = Union[int, Dim]  # noqa: UP007  # read by annotations above it, and at run time by those who ask for its members


def _thin(number: Coefficient) -> Coefficient:
    return number.numerator if number.denominator == 1 else number


def collect(terms: Terms) -> Size:
    """The size of these terms, none of them zero: an int where no symbol is left."""
    if len(terms) < 2:
        if not terms:
            return 0
        constant = terms.get(ONE)
        if constant is not None and constant.__class__ is int:
            return constant
    return Dim(terms)


def terms_of(size: Size) -> Terms:
    """The terms of an int too."""
    if isinstance(size, Dim):
        return size.terms
    return {ONE: size} if size else {}


def scale(size: Size, factor: Coefficient) -> Size:
    """`size * factor`; a fractional factor is the caller's promise that the product is a whole number."""
    if factor == 1:
        return size
    if not factor or size == 0:
        return 0
    if isinstance(size, int):
        product = _thin(size * factor)
        return product if isinstance(product, int) else Dim({ONE: product})
    if isinstance(factor, int) and all(one.__class__ is int for one in size.terms.values()):
        return Dim({mono: coefficient * factor for mono, coefficient in size.terms.items()})
    return collect({mono: _thin(coefficient * factor) for mono, coefficient in size.terms.items()})


_PRODUCTS: dict[tuple[Mono, Mono], Mono] = {}


def multiply(left: Mono, right: Mono) -> Mono:
    """The product of two monomials."""
    if not left:
        return right
    if not right:
        return left
    found = _PRODUCTS.get((left, right))
    if found is None:
        powers = dict(left)
        for atom, power in right:
            powers[atom] = powers.get(atom, 0) + power
        found = tuple(sorted(powers.items(), key=lambda item: item[0].key))
        if len(_PRODUCTS) > 100_000:
            _PRODUCTS.clear()
        _PRODUCTS[left, right] = found
    return found


def symbol(name: str) -> Dim:
    """The size with this name, at least 1."""
    return single(_atom("symbol", name, ()))


def single(atom: Atom) -> Dim:
    """The atom as a size."""
    return Dim({((atom, 1),): 1})


def make_atom(kind: str, args: tuple[Size, ...]) -> Dim:
    """A floor, max or min that is already in normal form, as a size."""
    return single(_atom(kind, "", args))


def floor_div(p: Size, k: Size) -> Size:
    """`p // k`, Python's. ZeroDivisionError for a `k` of 0."""
    if isinstance(k, int):
        if isinstance(p, int):
            return p // k
        if k == 1:
            return p
        if k == 0:
            raise ZeroDivisionError("a size divided by 0")
        from archdsl.dims.division import floor_by_number

        return floor_by_number(p, k) if k > 0 else floor_div(-p, -k) if k < -1 else -p
    from archdsl.dims.division import floor_by_size

    return floor_by_size(p, k)


def ceil_div(p: Size, k: Size) -> Size:
    """`p / k` rounded up, for whole `p` and positive `k`."""
    if isinstance(p, int) and isinstance(k, int):
        return -(-p // k)
    return floor_div(p + k - 1, k)


def modulo(p: Size, k: Size) -> Size:
    """`p % k`, Python's; its normal form is `p - k * (p // k)`, and it prints as `p % k`."""
    if isinstance(p, int) and isinstance(k, int):
        return p % k
    return p - k * floor_div(p, k)


def maximum(*sizes: Size) -> Size:
    """The largest of one or more sizes."""
    if all(isinstance(one, int) for one in sizes):
        return max(sizes)  # type: ignore[type-var]
    from archdsl.dims.lows import extreme, plainly_at_least

    return extreme("max", sizes, plainly_at_least)


def minimum(*sizes: Size) -> Size:
    """The smallest of one or more sizes."""
    if all(isinstance(one, int) for one in sizes):
        return min(sizes)  # type: ignore[type-var]
    from archdsl.dims.lows import extreme, plainly_at_least

    return extreme("min", sizes, lambda above, below: plainly_at_least(below, above))


def format_size(size: Size, style: Literal["arch", "python"] = "arch", names: Callable[[str], str] | None = None) -> str:
    """The size as text: `4*width`, `(H + 1) // 2`, `max(H, 3)`; in `python` style an expression, symbols through `names`."""
    from archdsl.dims.text import render

    return str(size) if isinstance(size, int) else render(size, style, names)


def _evaluate_atom(atom: Atom, env: Mapping[str, int]) -> int:
    if atom.kind == "symbol":
        return env[atom.name]
    values = [one if isinstance(one, int) else one.evaluate(env) for one in atom.args]
    if atom.kind == "floor":
        return values[0] // values[1]
    return max(values) if atom.kind == "max" else min(values)


def _substitute_atom(atom: Atom, mapping: Mapping[str, Size]) -> Size:
    if atom.kind == "symbol":
        return mapping.get(atom.name, single(atom))
    if atom.symbols.isdisjoint(mapping):
        return single(atom)
    return rebuild(atom, tuple(one if isinstance(one, int) else one.substitute(mapping) for one in atom.args))


def rebuild(atom: Atom, args: tuple[Size, ...]) -> Size:
    """The same operation on other arguments, in normal form."""
    if atom.kind == "floor":
        return floor_div(args[0], args[1])
    return maximum(*args) if atom.kind == "max" else minimum(*args)
