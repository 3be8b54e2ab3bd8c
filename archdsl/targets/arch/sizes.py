"""Sizes in the names that a header binds: the arch's own symbols, or what a block calls the sizes of its inputs."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from archdsl.dims.dim import Atom, Coefficient, Dim, Size, make_atom, scale, single, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType


class Sizes:
    """The names that a header binds, and how every other size is said with them.

    A block sees the sizes of its inputs under names of its own: where `H` is `h // 2` outside, `2*(h // 2)` is `2*H` inside. A
    symbol that no input tells is the block's configuration: `missing` has those that were asked for.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.names: dict[Size, str] = {}
        self.missing: dict[str, str] = {}
        """Symbols that no header name tells, and the names of configuration that they get."""
        self._inverse: dict[Atom, Size] = {}
        self._bound: set[str] = set()

    def bind(self, size: Dim, name: str) -> None:
        """A header name for a size. What the name tells of the symbols in it is used from here on."""
        normal = self.facts.simplify(size)
        if normal in self.names or not isinstance(normal, Dim):
            return
        size = normal
        self.names[size] = name
        self._bound.add(name)
        leading = self._leading(size)
        if leading is not None:
            atom, coefficient = leading
            rest = self._inside(size - scale(single(atom), coefficient))
            if rest is not None:
                self._inverse.setdefault(atom, scale(symbol(name) - rest, Fraction(1) / coefficient))

    def text(self, size: Size) -> str:
        """A size as it is written here; symbols that nothing tells become configuration."""
        size = self.facts.simplify(size)
        if isinstance(size, int):
            return str(size)
        known = self.names.get(size)
        if known is not None:
            return known
        for factor, name in self._factors(size):
            return f"{factor}*{name}"
        inner = self._inside(size)
        if inner is None:
            for one in sorted(size.symbols):
                if symbol(one) not in self.names:
                    self._ask(one)
            inner = self._inside(size)
        return str(inner if inner is not None else size)

    def known(self, size: Size) -> bool:
        """Whether the size can be said without asking for more configuration."""
        return self._inside(self.facts.simplify(size)) is not None

    def _ask(self, name: str) -> None:
        given = name
        while given in self._bound:
            given += "_"
        self.missing[name] = given
        self.names[symbol(name)] = given
        self._bound.add(given)
        self._inverse[next(iter(symbol(name).atoms()))] = symbol(given)

    def _factors(self, size: Dim) -> Iterable[tuple[int, str]]:
        """A whole number times a named size."""
        for known, name in self.names.items():
            if isinstance(known, Dim) and len(known.terms) > 1 and len(known.terms) == len(size.terms):
                (mono, first), *_ = known.terms.items()
                factor = Fraction(size.terms.get(mono, 0)) / first
                if factor == int(factor) and factor > 1 and scale(known, int(factor)) == size:
                    yield int(factor), name

    def _inside(self, size: Size) -> Size | None:
        """The size in header names, or None where a symbol in it is not told by them."""
        if isinstance(size, int):
            return size
        known = self.names.get(size)
        if known is not None:
            return symbol(known)
        try:
            return size.replace(self._atom)
        except LookupError:
            return None

    def _atom(self, atom: Atom) -> Size:
        found = self._inverse.get(atom)
        if found is not None:
            return found
        if atom.kind == "symbol":
            raise LookupError(atom.name)
        inner = [self._inside(one) for one in atom.args]
        if any(one is None for one in inner):
            raise LookupError(str(atom))
        return make_atom(atom.kind, tuple(one for one in inner if one is not None))

    def _leading(self, size: Dim) -> tuple[Atom, Coefficient] | None:
        """The atom that a size tells: one that stands alone, with a factor that can be divided by."""
        best: tuple[Atom, Coefficient] | None = None
        for mono, coefficient in size.terms.items():
            if len(mono) != 1 or mono[0][1] != 1 or mono[0][0] in self._inverse:
                continue
            if (Fraction(1) / coefficient).denominator != 1:
                continue
            if best is None or mono[0][0].key > best[0].key:
                best = (mono[0][0], coefficient)
        return best


def symbols_of(types: Iterable[TensorType]) -> list[Dim]:
    """The symbolic sizes of types, each once, in order."""
    return list(dict.fromkeys(size for one in types for size in one.shape if isinstance(size, Dim)))
