"""Changes of steps are put into a trie of edits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archdsl.elaborate.editing.changes import CannotChange, Change
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.elaborate.editing.trie import Edit, Edits, Way
from archdsl.elaborate.fault import Fault
from archdsl.elaborate.faults import edit_problems as problems
from archdsl.problems.problem import Label
from archdsl.source import Span


def with_changes(
    edits: Edits, pairs: Sequence[tuple[Occurrence, Change]], met: Iterable[Occurrence], at: Span | None = None
) -> Edits:
    """These edits, and each change at its step, of all that are `met`; steps are given in that order, and inner ones are edited
    first. Raises where a change cannot be made: `at` is its text."""
    inner_first = settled(pairs, met)[::-1]
    made: dict[object, Edit] = {}
    done: list[tuple[Way, Span, Edit]] = []
    for one, change in sorted(inner_first, key=lambda pair: -len(pair[0].way)):
        key = (id(change), one.span, one.site.numbers, one.site.tensors, one.site.tupled, len(one.site.takes))
        if key not in made:
            try:
                made[key] = change.edit(one.site)
            except CannotChange as fault:
                what = f"this `{one.word}` cannot be {change.word}: {fault}"
                others = () if at is None else (Label(one.span, "this one"),)
                raise Fault(problems.EditNotPossible(at=at or one.span, what=what, others=others)) from None
        done.append((one.way, one.span, made[key]))
    return edits.with_edits(done)


def settled(pairs: Sequence[tuple[Occurrence, Change]], met: Iterable[Occurrence]) -> Sequence[tuple[Occurrence, Change]]:
    """What is done to a shared layer that is meant, by its declaration or its uses: a change of the one, or of the others."""
    declared = {(id(one.site), one.home) for one, _ in pairs if one.kind == "shared"}
    if not declared:
        return pairs
    uses: dict[tuple[int, Way], list[Occurrence]] = {}
    for one in met:
        if one.kind == "use":
            for end in range(len(one.way) + 1):
                if (id(one.site.declaration), one.way[:end]) in declared:
                    uses.setdefault((id(one.site.declaration), one.way[:end]), []).append(one)
    meant = {(one.way, one.span) for one, _ in pairs}
    done: dict[tuple[Way, Span], tuple[Occurrence, Change]] = {}
    for one, change in pairs:
        several = [one]
        if one.kind == "shared" and not change.declares:
            there = uses.get((id(one.site), one.home), [])
            if change.spreads or any((each.way, each.span) in meant for each in there):
                several = there
        elif one.kind == "use" and change.declares and any(one in there for there in uses.values()):
            several = []
        done.update({(each.way, each.span): (each, change) for each in several})
    return list(done.values()) or pairs


def over(outer: Edits | None, inner: Edits) -> Edits:
    """The edits of what is mounted, and over them those that were made to it where it is mounted."""
    if outer is None:
        return inner
    here = inner.with_edits([((), at, edit) for at, edit in outer.here.items()])
    below = dict(here.below)
    for key, edits in outer.below.items():
        below[key] = over(edits, below[key]) if key in below else edits
    return Edits(here.here, below)
