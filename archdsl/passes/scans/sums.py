"""What one step computes, as sums of products: two spellings of one function give one sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from archdsl.dims.dim import Size
from archdsl.ir.node import Path
from archdsl.records import record

MOST_TERMS = 24
MOST_DEPTH = 3
"""Beyond them a value is taken as it is: no cell has as many, and products of sums grow fast."""


@record
class Source:
    """A tensor: a value of the body, one of the graph around it (`outer`), or with `path` the tensor `name` of a member."""

    name: str
    path: Path = ()
    outer: bool = False


@record
class Read:
    """Elements `low` to `high` of a tensor's last axis."""

    source: Source
    low: Size
    high: Size


@record
class Mapped:
    """Rows `low` to `high` and columns `left` to `right` of a weight [out, in], applied to a tensor; `turned`: kept [in, out]."""

    weight: Source
    turned: bool
    low: Size
    high: Size
    left: Size
    right: Size
    of: Read


@record
class Curve:
    """`sigmoid`, `tanh` or `relu` of a sum."""

    name: str
    of: Sum


Atom = Read | Mapped | Curve
Product = frozenset[tuple[Atom, int]]
"""Atoms with their powers."""


@record
class Sum:
    """Products with their coefficients, none of them 0."""

    terms: frozenset[tuple[Product, float]] = frozenset()

    @property
    def depth(self) -> int:
        """How many curves stand in each other."""
        return max((1 + one.of.depth for product, _ in self.terms for one, _ in product if isinstance(one, Curve)), default=0)

    @property
    def linear(self) -> bool:
        """Whether it has neither curves nor products."""
        return all(sum(power for _, power in product) <= 1 and not curves(product) for product, _ in self.terms)


Row = tuple[tuple[Size, Sum], ...]
"""A value along its last axis: parts that stand beside each other, each with its width."""


class TooLarge(Exception):
    """More terms, or deeper, than is followed."""


def curves(product: Product) -> list[Curve]:
    """The curves of a product."""
    return [one for one, _ in product if isinstance(one, Curve)]


def atom(one: Atom, coefficient: float = 1.0) -> Sum:
    """The sum of one atom."""
    return Sum(frozenset({(frozenset({(one, 1)}), coefficient)}))


def number(value: float) -> Sum:
    """The sum that is a number."""
    return Sum(frozenset({(frozenset(), value)} if value else ()))


def added(*sums: Sum) -> Sum:
    """Their sum."""
    return _collected(pair for one in sums for pair in one.terms)


def scaled(one: Sum, factor: float) -> Sum:
    """The sum times a number."""
    return _collected((product, coefficient * factor) for product, coefficient in one.terms)


def times(left: Sum, right: Sum) -> Sum:
    """Their product, multiplied out."""
    return _collected((_joined(a, b), m * n) for a, m in left.terms for b, n in right.terms)


def curve(name: str, of: Sum) -> Sum:
    """The curve of a sum. Raises `TooLarge`."""
    if of.depth >= MOST_DEPTH:
        raise TooLarge
    return atom(Curve(name, of))


def part(one: Sum, low: Size, high: Size) -> Sum:
    """Elements `low` to `high` of what the sum gives."""
    return _mapped(one, lambda inner: _part(inner, low, high))


def _part(one: Atom, low: Size, high: Size) -> Atom:
    if isinstance(one, Curve):
        return Curve(one.name, part(one.of, low, high))
    if isinstance(one, Read):
        return Read(one.source, one.low + low, one.low + high)
    return Mapped(one.weight, one.turned, one.low + low, one.low + high, one.left, one.right, one.of)


def _mapped(one: Sum, change: Callable[[Atom], Atom]) -> Sum:
    return _collected(
        (frozenset((change(inner), power) for inner, power in product), coefficient) for product, coefficient in one.terms
    )


def _joined(left: Product, right: Product) -> Product:
    powers = dict(left)
    for one, power in right:
        powers[one] = powers.get(one, 0) + power
    return frozenset(powers.items())


def _collected(terms: Iterable[tuple[Product, float]]) -> Sum:
    found: dict[Product, float] = {}
    for product, coefficient in terms:
        found[product] = found.get(product, 0.0) + coefficient
        if len(found) > MOST_TERMS:
            raise TooLarge
    return Sum(frozenset(pair for pair in found.items() if pair[1]))
