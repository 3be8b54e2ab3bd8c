"""Which trees stand in place of which steps: edits by the way on which the elaborator comes to a step."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.records import record
from archdsl.source import Span
from archdsl.syntax import tree

Key = Span | tuple[Span, int]
"""One turn of the way: into what is called, or put in place, at that span; or into that iteration of the `repeat` there."""
Way = tuple[Key, ...]


@record
class Edit:
    """What stands in place of one step, or of one call inside an expression.

    `new` is None where nothing does and the flow goes on. `numbers` are the numbers that the step took of its container: they
    stay taken, and where `named` says so its number is the label of a construct that stands there now. `keeps` tells that the old
    tree is in the new one.
    """

    by_identity = True

    old: tree.Step | tree.Expr
    new: tree.Step | tree.Expr | None
    numbers: int
    named: bool
    keeps: bool
    word: str
    """What was done: `replaced`, `wrapped`."""
    pieces: tuple[tree.Tree, ...] = ()
    """What the new tree has of the edit's own text."""


class Edits:
    """The edits of what is elaborated in one place, and of what is reached from there. Equal edits are equal, so that equally
    edited instances of a block are one graph."""

    __slots__ = ("_hash", "below", "here")

    def __init__(self, here: Mapping[Span, Edit], below: Mapping[Key, Edits]) -> None:
        self.here = here
        self.below = below
        self._hash = hash((frozenset(here.items()), frozenset(below.items())))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Edits)
            and self._hash == other._hash
            and dict(self.here) == dict(other.here)
            and dict(self.below) == dict(other.below)
        )

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        return bool(self.here or self.below)

    def with_edit(self, way: Way, at: Span, edit: Edit) -> Edits:
        """These edits and one more. What was edited inside of `at` stays so where the old tree is kept: from now on it is reached
        through what stands in its place."""
        if way:
            inner = self.below.get(way[0], NONE).with_edit(way[1:], at, edit)
            return Edits(self.here, {**self.below, way[0]: inner})
        put_in = {one.span for one in edit.old.walk()}  # what an earlier edit put in is of another text
        here = {key: one for key, one in self.here.items() if key not in put_in and not _within(key, at)}
        below = {key: one for key, one in self.below.items() if _place(key) not in put_in and not _within(_place(key), at)}
        moved = Edits(
            {key: one for key, one in self.here.items() if key not in here},
            {key: one for key, one in self.below.items() if key not in below},
        )
        if edit.keeps and moved:
            below[at] = moved
        return Edits({**here, at: edit}, below)


NONE = Edits({}, {})


def _place(key: Key) -> Span:
    return key if isinstance(key, Span) else key[0]


def _within(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end
