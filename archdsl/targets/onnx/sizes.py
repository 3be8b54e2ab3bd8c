"""Symbolic sizes as ONNX nodes: read from the shapes at hand, then computed; each once in a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import lcm
from typing import Protocol

from archdsl.dims.dim import Atom, Dim, Mono, Size, symbol
from archdsl.dims.lows import low_bound
from archdsl.dims.shape import TensorType


class UnknownSize(Exception):
    """No shape at hand says what this symbol is."""


class Writer(Protocol):
    """What the sizes are written with."""

    def node(self, op_type: str, inputs: list[str], /, **attributes: object) -> str: ...

    def ints(self, values: list[int]) -> str: ...


class Sizes:
    """Computes sizes from the shapes of values that are known. All results are int64 of shape [1]."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._made: dict[Size, str] = {}
        self._sources: dict[Size, tuple[str, int]] = {}

    def know(self, value: str, type: TensorType) -> None:
        """The axes of this value say sizes. The first to say one is asked."""
        for axis, size in enumerate(type.shape):
            if isinstance(size, Dim):
                self._sources.setdefault(size, (value, axis))

    def given(self, size: Size, value: str) -> None:
        """This size is the value of an int64 tensor of shape [1] that already stands in the graph."""
        self._made[size] = value

    def one(self, size: Size) -> str:
        """The name of an int64 tensor of shape [1] that holds `size`. Raises `UnknownSize`."""
        found = self._made.get(size)
        if found is None:
            found = self._made[size] = self._compute(size)
        return found

    def _compute(self, size: Size) -> str:
        if isinstance(size, int):
            return self._writer.ints([size])
        if size in self._sources:
            value, axis = self._sources[size]
            return self._writer.node("Shape", [value], start=axis, end=axis + 1)
        terms = size.terms
        if len(terms) == 1:
            ((mono, coefficient),) = terms.items()
            if coefficient == 1 and len(mono) == 1 and mono[0][1] == 1:
                return self._atom(mono[0][0])
        below = lcm(*(one.denominator for one in terms.values()))
        total = self._sum([(mono, int(coefficient * below)) for mono, coefficient in terms.items()])
        return total if below == 1 else self._writer.node("Div", [total, self.one(below)])

    def _sum(self, terms: Iterable[tuple[Mono, int]]) -> str:
        total = ""
        for mono, coefficient in sorted(terms, key=lambda term: (term[1] < 0, not term[0])):
            if not mono:
                part = self.one(abs(coefficient))
            else:
                factors = [self.one(Dim({((atom, 1),): 1})) for atom, power in mono for _ in range(power)]
                part = factors[0]
                for factor in factors[1:]:
                    part = self._writer.node("Mul", [part, factor])
                if abs(coefficient) != 1:
                    part = self._writer.node("Mul", [part, self.one(abs(coefficient))])
            if total:
                total = self._writer.node("Add" if coefficient > 0 else "Sub", [total, part])
            else:
                total = part if coefficient > 0 else self._writer.node("Neg", [part])
        return total

    def _atom(self, atom: Atom) -> str:
        if atom.kind == "symbol":
            return self._solve(atom)
        if atom.kind == "floor":
            above, below = (self.one(one) for one in atom.args)
            low, under = low_bound(atom.args[0]), low_bound(atom.args[1])
            if low is None or low < 0 or under is None or under < 1:
                # ONNX divides towards zero; its Mod has the sign of the divisor, as Python's.
                above = self._writer.node("Sub", [above, self._writer.node("Mod", [above, below])])
            return self._writer.node("Div", [above, below])
        parts = [self.one(one) for one in atom.args]
        return self._writer.node("Max" if atom.kind == "max" else "Min", parts)

    def _solve(self, atom: Atom) -> str:
        """A symbol that no axis is, from one where it comes once: `4*H + W` gives H where W is known."""
        wanted = symbol(atom.name)
        for source, coefficient in self._linear(atom):
            rest = source - wanted * coefficient
            if isinstance(rest, Dim) and any(not self._readable(name) for name in rest.symbols):
                continue
            value, axis = self._sources[source]
            total = self._writer.node("Shape", [value], start=axis, end=axis + 1)
            if rest != 0:
                total = self._writer.node("Sub", [total, self.one(rest)])
            return total if coefficient == 1 else self._writer.node("Div", [total, self.one(coefficient)])
        raise UnknownSize(atom.name)

    def _readable(self, name: str) -> bool:
        size = symbol(name)
        return size in self._made or size in self._sources

    def _linear(self, atom: Atom) -> Iterator[tuple[Dim, int]]:
        """Known sizes where the symbol stands once, in a term of its own with a whole factor."""
        for source in self._sources:
            if isinstance(source, Dim):
                holding = [mono for mono in source.terms if any(atom.name in part.symbols for part, _ in mono)]
                coefficient = source.terms.get(((atom, 1),))
                if len(holding) == 1 and isinstance(coefficient, int):
                    yield source, coefficient
