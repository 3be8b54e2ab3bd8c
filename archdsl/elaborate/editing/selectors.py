"""Selectors: which steps of an arch are meant, by label path, word, attribute, block, depth or dimension, and their algebra."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.elaborate.values import BlockWord, DType, FnWord, OpWord, Template
from archdsl.ir.node import Path
from archdsl.records import record
from archdsl.source import Span

COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "=": eq, "==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
OWN = ("word", "block", "kind", "depth", "dim")
"""What every step has, beside the attributes of what it calls."""


@record
class Selector:
    """A condition on occurrences; `&`, `|`, `-` and `~` make new ones."""

    def holds(self, one: Occurrence) -> bool:
        """Whether a step is meant, where that can be told of the step alone."""
        raise TypeError(f"{type(self).__name__} selects nothing")

    def of(self, steps: Sequence[Occurrence]) -> set[int]:
        """The indices of the steps of an arch that are meant."""
        return {index for index, one in enumerate(steps) if self.holds(one)}

    def __and__(self, other: Selector) -> Selector:
        return Both(self, other)

    def __or__(self, other: Selector) -> Selector:
        return Either(self, other)

    def __sub__(self, other: Selector) -> Selector:
        return Both(self, Not(other))

    def __invert__(self) -> Selector:
        return Not(self)


@record
class At(Selector):
    """A glob of the label path, a pattern for each segment, `**` for any number; or one word alone, that of a layer, function,
    block or construct wherever it stands."""

    pattern: str
    quoted: bool = False
    """Whether it is a label path, whatever word it is."""

    def holds(self, one: Occurrence) -> bool:
        if self.quoted:
            return one.site.own and matches(segments_of(self.pattern), one.path)
        if self.pattern == one.word:
            return True
        segments = segments_of(self.pattern)
        return any(matches(segments, path) for path in one.names)

    def __str__(self) -> str:
        return f'"{self.pattern}"' if self.quoted else self.pattern


@record
class Has(Selector):
    """An attribute compared with a value: one of `OWN`, or an argument of what is called. A number is compared with each element
    of a list; a glob with the name of a word or block."""

    name: str
    compare: str
    value: Any

    def holds(self, one: Occurrence) -> bool:
        match self.name:
            case "word":
                return fnmatchcase(one.word, str(self.value)) is (self.compare != "!=")
            case "block":
                return fnmatchcase(one.block, str(self.value)) is (self.compare != "!=")
            case "kind":
                return (one.kind == str(self.value)) is (self.compare != "!=")
            case "depth":
                return compared(self.compare, len(one.container) + 1, self.value)
            case "dim":
                return any(_is_in(self.value, size) for type in (*one.takes, *one.gives) for size in type.shape)
        if self.name not in one.attributes:
            return False
        return compared(self.compare, one.attributes[self.name], self.value)

    def __str__(self) -> str:
        return f"[{self.value}]" if (self.name, self.compare) == ("kind", "=") else f"{self.name}{self.compare}{told(self.value)}"


@record
class Both(Selector):
    """`a & b`"""

    left: Selector
    right: Selector

    def of(self, steps: Sequence[Occurrence]) -> set[int]:
        return self.left.of(steps) & self.right.of(steps)

    def __str__(self) -> str:
        if isinstance(self.right, Inside):
            return f"{self.left} {self.right}"
        return " & ".join(f"({one})" if isinstance(one, Either) else str(one) for one in (self.left, self.right))


@record
class Either(Selector):
    """`a | b`"""

    left: Selector
    right: Selector

    def of(self, steps: Sequence[Occurrence]) -> set[int]:
        return self.left.of(steps) | self.right.of(steps)

    def __str__(self) -> str:
        return f"{self.left} | {self.right}"


@record
class Not(Selector):
    """`~a`"""

    inner: Selector

    def of(self, steps: Sequence[Occurrence]) -> set[int]:
        return set(range(len(steps))) - self.inner.of(steps)

    def __str__(self) -> str:
        return f"~({self.inner})" if isinstance(self.inner, (Both, Either)) else f"~{self.inner}"


@record
class Inside(Selector):
    """Steps that stand inside of those that are meant: in their braces, or in the block that they call; for a label path also all
    that is below it."""

    outer: Selector

    def of(self, steps: Sequence[Occurrence]) -> set[int]:
        outer = [steps[index] for index in self.outer.of(steps)]
        found = {index for index, one in enumerate(steps) if any(_encloses(each, one) for each in outer)}
        for pattern in _patterns(self.outer):
            patterns = segments_of(pattern)
            for index, one in enumerate(steps):
                if any(matches(patterns, one.path[:end]) for end in range(1, len(one.path))):
                    found.add(index)
        return found

    def __str__(self) -> str:
        return f"in ({self.outer})" if isinstance(self.outer, (Both, Either)) else f"in {self.outer}"


def left_out(selector: Selector, within: bool = False) -> Iterator[At]:
    """The names in what a selector leaves out: one that is not there leaves out nothing, silently."""
    if isinstance(selector, At):
        if within:
            yield selector
    elif isinstance(selector, (Both, Either)):
        yield from left_out(selector.left, within)
        yield from left_out(selector.right, within)
    elif isinstance(selector, Not):
        yield from left_out(selector.inner, True)
    elif isinstance(selector, Inside):
        yield from left_out(selector.outer, within)


def _patterns(selector: Selector) -> list[str]:
    """The label paths that a selector names, each of which is enough."""
    if isinstance(selector, Either):
        return [*_patterns(selector.left), *_patterns(selector.right)]
    return [selector.pattern] if isinstance(selector, At) else []


def _encloses(outer: Occurrence, inner: Occurrence) -> bool:
    depth = len(outer.way)
    if inner.way[:depth] != outer.way:
        return False
    key = (*inner.way, inner.span)[depth]
    at: Span = key if isinstance(key, Span) else key[0]
    whole = outer.span
    if len(inner.way) == depth and at == whole:
        return False
    return whole.holds(at)


@cache
def segments_of(pattern: str) -> tuple[str, ...]:
    """The patterns of the segments."""
    return tuple(pattern.split("."))


def matches(patterns: tuple[str, ...], path: Path) -> bool:
    """Whether a path fits these patterns."""
    reached = _skipped(patterns, {0})
    for segment in path:
        stays = {at for at in reached if at < len(patterns) and patterns[at] == "**"}
        goes = {at + 1 for at in reached - stays if at < len(patterns) and fnmatchcase(segment, patterns[at])}
        reached = _skipped(patterns, stays | goes)
    return len(patterns) in reached


def _skipped(patterns: tuple[str, ...], reached: set[int]) -> set[int]:
    """Where one is in the patterns, `**` for no segment let out too."""
    for at in range(len(patterns)):
        if at in reached and patterns[at] == "**":
            reached.add(at + 1)
    return reached


def compared(compare: str, value: Any, wanted: Any) -> bool:
    """Whether an attribute's value compares so with what is given."""
    if isinstance(wanted, list):
        wanted = tuple(wanted)
    if isinstance(value, tuple) and not isinstance(wanted, tuple):
        parts = [compared(compare, one, wanted) for one in value]
        return any(parts) if compare == "!=" else bool(parts) and all(parts)
    value = plain(value)
    if isinstance(value, bool) != isinstance(wanted, bool) and not isinstance(value, str):
        return compare == "!="
    try:
        return bool(COMPARES[compare](value, wanted))
    except TypeError:
        return False


def plain(value: Any) -> Any:
    """A value of the configuration as Python's: a layer or dtype is its name, a size with symbols its text."""
    if isinstance(value, tuple):
        return tuple(plain(one) for one in value)
    if isinstance(value, Template):
        value = value.callee
    match value:
        case OpWord():
            return value.kind.name
        case BlockWord():
            return value.name
        case FnWord():
            return value.item.name
        case DType():
            return value.name
        case Dim():
            return str(value)
    return value


def told(value: Any) -> str:
    """A value as the language writes it."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(told, value)) + "]"
    return {True: "true", False: "false", None: "none"}[value] if isinstance(value, (bool, type(None))) else str(value)


def _is_in(wanted: Any, size: Any) -> bool:
    if isinstance(size, Dim):
        return str(size) == str(wanted) or str(wanted) in size.symbols
    return bool(size == wanted)
