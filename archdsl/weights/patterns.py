"""Patterns of tensor names: `blocks.{i}.attn.{leaf}` matches names and makes them, and one the inverse of the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from archdsl.records import fresh, record

Captures = dict[str, str | int]

_HOLE = re.compile(
    r"(?:(?P<factor>[1-9][0-9]{0,5})\*)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<offset>[+-][0-9]{1,6})?(?::(?P<kind>.+))?"
)
_RANGE = re.compile(r"([0-9]{1,9})\.\.([0-9]{0,9})")
_WORD = re.compile(r"[A-Za-z0-9_]+")


class PatternFault(ValueError):
    """What is wrong with a pattern."""


@record
class Kind:
    """What a capture may be: one part of a dotted name, a whole number of a range, one of some words, or the rest of the name."""

    what: str = "part"
    low: int = 0
    high: int | None = None
    words: tuple[str, ...] = ()

    def takes(self, value: str | int) -> bool:
        """Whether a capture may have this value."""
        if isinstance(value, int):
            return self.low <= value and (self.high is None or value < self.high)
        return self.what != "words" or value in self.words


PART, WHOLE, REST = Kind(), Kind("whole"), Kind("rest")


@record
class Hole:
    """`{2*i+1}`: the capture `i`, times `factor`, plus `offset`."""

    name: str
    factor: int = 1
    offset: int = 0

    @property
    def computed(self) -> bool:
        """Whether it is more than the capture itself, which then is a number."""
        return (self.factor, self.offset) != (1, 0)


@record
class Pattern:
    """A name with captures. `kinds` is what the pattern itself says of them; a rule's patterns share them."""

    text: str
    parts: tuple[str | Hole, ...]
    kinds: Mapping[str, Kind] = fresh(default_factory=dict)

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Its captures in order."""
        return tuple(one for one in self.parts if isinstance(one, Hole))

    @property
    def names(self) -> frozenset[str]:
        """The names of its captures."""
        return frozenset(one.name for one in self.holes)


class Matcher:
    """A pattern with the kinds that its rule gives the captures."""

    def __init__(self, pattern: Pattern, kinds: Mapping[str, Kind]) -> None:
        self.pattern = pattern
        self.kinds = kinds

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        form = {"part": r"[^.]+", "whole": r"0|[1-9][0-9]{0,8}", "rest": r".+"}
        written = ""
        for index, one in enumerate(self.pattern.parts):
            if isinstance(one, str):
                written += re.escape(one)
            else:
                kind = self.kinds[one.name]
                written += f"(?P<c{index}>{form.get(kind.what) or '|'.join(map(re.escape, kind.words))})"
        return re.compile(written, re.DOTALL)

    def match(self, name: str) -> Captures | None:
        """What the captures are where the name is of this pattern."""
        matched = self._regex.fullmatch(name)
        if matched is None:
            return None
        found: Captures = {}
        for index, one in enumerate(self.pattern.parts):
            if isinstance(one, str):
                continue
            kind = self.kinds[one.name]
            value: str | int = matched[f"c{index}"]
            if kind.what == "whole":
                value, left = divmod(int(value) - one.offset, one.factor)
                if left or value < 0:
                    return None
            if not kind.takes(value) or found.setdefault(one.name, value) != value:
                return None
        return found

    def make(self, captures: Captures) -> str:
        """The name for these captures."""
        return "".join(one if isinstance(one, str) else _told(one, captures[one.name]) for one in self.pattern.parts)


def _told(hole: Hole, value: str | int) -> str:
    return str(value * hole.factor + hole.offset) if isinstance(value, int) else value


def read_pattern(text: str) -> Pattern:
    """Read a pattern. Raises `PatternFault`."""
    parts: list[str | Hole] = []
    kinds: dict[str, Kind] = {}
    at = 0
    while at < len(text):
        start = text.find("{", at)
        literal = text[at:] if start < 0 else text[at:start]
        if "}" in literal:
            raise PatternFault("`}` stands without `{`")
        if literal:
            parts.append(literal)
        if start < 0:
            break
        end = text.find("}", start)
        if end < 0:
            raise PatternFault("`{` is not closed")
        hole, kind = _read_hole(text[start + 1 : end])
        parts.append(hole)
        if kind is not None:
            kinds[hole.name] = join_kinds(hole.name, kinds.get(hole.name), kind)
        at = end + 1
    if not parts:
        raise PatternFault("a name is empty")
    _check_parts(text, parts, kinds)
    return Pattern(text, tuple(parts), kinds)


def _read_hole(text: str) -> tuple[Hole, Kind | None]:
    found = _HOLE.fullmatch(text)
    if found is None:
        raise PatternFault(f"`{{{text}}}` is no capture; write {{i}}, {{2*i+1}}, {{i:1..4}}, {{leaf:weight|bias}} or {{rest:**}}")
    hole = Hole(found["name"], int(found["factor"] or 1), int(found["offset"] or 0))
    said = found["kind"]
    if said is None:
        return hole, WHOLE if hole.computed else None
    if said == "**":
        kind = REST
    elif (numbers := _RANGE.fullmatch(said)) is not None:
        kind = Kind("whole", int(numbers[1]), int(numbers[2]) if numbers[2] else None)
    else:
        words = said.split("|")
        if not all(_WORD.fullmatch(one) for one in words) or len(set(words)) != len(words):
            raise PatternFault(f"`{said}` is no range `1..4`, no words `weight|bias`, and not `**`")
        kind = Kind("words", words=tuple(words))
    if hole.computed and kind.what != "whole":
        raise PatternFault(f"`{hole.name}` is computed with, so that it is a number and not `{said}`")
    return hole, kind


def join_kinds(name: str, one: Kind | None, other: Kind) -> Kind:
    """What two places say of one capture. Raises `PatternFault` where they contradict each other."""
    if one is None or one == other or (other.what == "whole" and one == WHOLE):
        return other
    if one.what == "whole" and other == WHOLE:
        return one
    raise PatternFault(f"`{name}` is said to be two things; say its kind once")


def _check_parts(text: str, parts: list[str | Hole], kinds: Mapping[str, Kind]) -> None:
    """One capture in each part of the dotted name, so that there is one way to read a name."""
    taken = False
    for index, one in enumerate(parts):
        if isinstance(one, str):
            taken = taken and "." not in one
            continue
        if taken:
            raise PatternFault(f"`{text}` has two captures in one part of the name; there must be a dot between them")
        taken = True
        if kinds.get(one.name) == REST and index + 1 < len(parts):
            raise PatternFault(f"`{{{one.name}:**}}` is the rest of the name and stands last")
