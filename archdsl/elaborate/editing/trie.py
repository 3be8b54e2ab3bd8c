"""Which trees stand in place of which steps: edits by the way on which the elaborator comes to a step."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping

from archdsl.records import record
from archdsl.source import Source, Span
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
    elsewhere: tuple[Span, ...] = ()
    """Where parts of the old tree stand that earlier edits put together: not inside its own span."""


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
        return self.with_edits([(way, at, edit)])

    def with_edits(self, edits: Iterable[tuple[Way, Span, Edit]]) -> Edits:
        """These edits and more, as by `with_edit`: on one way in their order, further ones before nearer ones."""
        deeper: dict[Key, list[tuple[Way, Span, Edit]]] = {}
        near: list[tuple[Span, Edit]] = []
        for way, at, edit in edits:
            if way:
                deeper.setdefault(way[0], []).append((way[1:], at, edit))
            else:
                near.append((at, edit))
        here, below = dict(self.here), dict(self.below)
        for key, inner in deeper.items():
            below[key] = below.get(key, NONE).with_edits(inner)
        places = _Places([*here, *below]) if near else None
        for at, edit in near:
            assert places is not None  # noqa: S101
            inside = places.take(at)
            inside += [key for span in edit.elsewhere for key in places.take(span)]
            moved = Edits(
                {key: here.pop(key) for key in inside if isinstance(key, Span) and key in here},
                {key: below.pop(key) for key in inside if key in below},
            )
            if edit.keeps and moved:
                below[at] = moved
            here[at] = edit
            places.add(at)
        return Edits(here, below)


class _Places:
    """Keys by their places, to find those inside of a span without a look at all others."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.by_source: dict[Source, list[tuple[int, int, int]]] = {}
        self.keys: list[Key] = []
        for key in keys:
            place = _place(key)
            self.by_source.setdefault(place.source, []).append((place.start, place.end, len(self.keys)))
            self.keys.append(key)
        for rows in self.by_source.values():
            rows.sort()

    def add(self, key: Span) -> None:
        """One more."""
        insort(self.by_source.setdefault(key.source, []), (key.start, key.end, len(self.keys)))
        self.keys.append(key)

    def take(self, at: Span) -> list[Key]:
        """Those inside of a span, which are forgotten."""
        rows = self.by_source.get(at.source, [])
        first, last = bisect_left(rows, (at.start,)), bisect_left(rows, (at.end + 1,))
        inside = [row for row in rows[first:last] if row[1] <= at.end]
        if inside:
            rows[first:last] = [row for row in rows[first:last] if row[1] > at.end]
        return [self.keys[row[2]] for row in inside]


NONE = Edits({}, {})


def elsewhere(old: tree.Step | tree.Expr) -> tuple[Span, ...]:
    """The places of parts of a tree that are not inside of its own."""
    at = old.span
    spans = dict.fromkeys(one.span for one in old.walk())
    return tuple(one for one in spans if one.start < one.end and not at.holds(one))


def _place(key: Key) -> Span:
    return key if isinstance(key, Span) else key[0]
