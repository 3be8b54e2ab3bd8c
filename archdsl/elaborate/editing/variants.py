"""Variants: the edits of their text, applied in order to the arch that they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archdsl.elaborate import archs
from archdsl.elaborate.archs import Elaborated
from archdsl.elaborate.editing.changes import (
    Change,
    InsertAfter,
    InsertBefore,
    Remove,
    Replace,
    SetArguments,
    Unwrap,
    Wrap,
)
from archdsl.elaborate.editing.folding import over, with_changes
from archdsl.elaborate.editing.near import near
from archdsl.elaborate.editing.reading import read_selector
from archdsl.elaborate.editing.selectors import Selector
from archdsl.elaborate.editing.sites import Occurrence, occurrences
from archdsl.elaborate.editing.trie import NONE, Edits
from archdsl.elaborate.editing.visit import Visit
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import edit_problems as problems
from archdsl.elaborate.program import Module
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import BlockWord, key_of
from archdsl.problems.collector import Problems
from archdsl.problems.problem import ArchError, Label, Problem
from archdsl.records import changed, fresh, mutable
from archdsl.source import Source, Span
from archdsl.syntax import tree

MAX_EDITS = 64
"""How many edits a variant may have, with those of the variants it is of: for each the arch is elaborated."""
CHANGES: dict[str, Callable[[Any], Change]] = {
    "set": SetArguments,
    "replace": Replace,
    "insert after": InsertAfter,
    "insert before": InsertBefore,
    "wrap": Wrap,
    "unwrap": lambda _: Unwrap(),
    "remove": lambda _: Remove(),
}
"""What each word of a variant does to a step."""
Attempt = Callable[[Session, Visit], Elaborated | None]
"""Elaborates the arch that a variant is of, with its configuration."""


@mutable
class Stage:
    """The arch before one of the edits: what is met in it, and what is wrong with it."""

    steps: tuple[Occurrence, ...]
    problems: tuple[Problem, ...]


@mutable
class Resolved:
    """A variant's edits as a trie, and the stages on the way there."""

    word: BlockWord
    edits: Edits = NONE
    stages: list[Stage] = fresh(default_factory=list)

    @property
    def homes(self) -> dict[Source, Module]:
        """Where the names in the edits are looked up."""
        return {one.edit.span.source: one.module for one in self.word.edits}


def elaborate(
    session: Session,
    module: Module,
    word: BlockWord,
    name: str,
    overrides: Mapping[str, Any],
    given: frozenset[str],
    span: Span,
    free: Mapping[str, Any] | None,
) -> Elaborated | None:
    """The variant as a graph, or None where it has problems, which are noted. Arguments are those of `archs.elaborate`."""
    plain = changed(word, edits=())

    def attempt(one: Session, visit: Visit) -> Elaborated | None:
        return archs.elaborate(one, module, plain, name, overrides, given, span, free, visit)

    found = resolved(session, word, attempt, own=not overrides and not free)
    if found is None:
        return None
    session.homes.update(found.homes)
    before, session.problems = session.problems, Problems()
    try:
        made = _attempted(session, attempt, Visit(None, found.edits))
    finally:
        noted, session.problems = session.problems.sorted(), before
    for one in noted:
        session.problems.add(_blamed(one, found))
    if made is not None:
        made.graph.origin.edits = found.edits
    return made


def mounted(
    session: Session, word: BlockWord, config: tuple[tuple[str, Any], ...], given: frozenset[str], visit: Any, own: bool
) -> Any:
    """The visit of a variant that is mounted in another arch, with its `own` configuration or another; `visit` is what is done
    there besides. Raises `Absorbed` where an edit cannot apply, which is noted."""
    key = ("variant", id(word.edits), key_of(config), given, session.mode, own)
    found: Resolved | None = word.module.made.get(key)
    if found is None:
        plain = changed(word, edits=())

        def attempt(one: Session, visit: Visit) -> Elaborated | None:
            return archs.elaborate(one, word.module, plain, word.name, dict(config), given, word.item.name_span, None, visit)

        found = resolved(session, word, attempt, own)
        if found is None:
            raise Absorbed
        word.module.keep(key, found)  # it has the word, so that the identity of its edits is not given to others
    session.homes.update(found.homes)
    if visit is None:
        return Visit(None, found.edits)
    visit.edits = over(visit.edits, found.edits)
    return visit


def resolved(session: Session, word: BlockWord, attempt: Attempt, own: bool) -> Resolved | None:
    """The edits where they apply; None where one cannot, which is noted. With its `own` configuration each edit of a variant
    selects something; with another one that selects nothing does nothing."""
    found = Resolved(word)
    if len(word.edits) > MAX_EDITS:
        what = f"`{word.name}` has {len(word.edits)} edits, with those of the variants it is of; the limit is {MAX_EDITS}"
        session.note(Fault(problems.TooManyEdits(at=word.edits[MAX_EDITS].edit.span, what=what)))
        return None
    selectors: list[Selector | None] = []
    for written in word.edits:
        try:
            selectors.append(read_selector(_place(written.edit)))
        except ArchError as wrong:
            selectors.append(None)
            for one in wrong.problems:
                session.problems.add(one)
    sound = None not in selectors
    for index, selector in enumerate(selectors):
        written = word.edits[index]
        edit = written.edit
        stage = _stage(session, attempt, found)
        found.stages.append(stage)
        if selector is None:
            continue
        steps = [stage.steps[at] for at in sorted(selector.of(stage.steps))]
        if not steps:
            if own and key_of(written.given) == key_of(word.given):
                sound = False
                for one in _nothing(found, selector, index):
                    session.problems.add(one)
            continue
        try:
            _refuse_waste(found, steps, index)
            change = CHANGES[edit.word](edit.value)
            found.edits = with_changes(found.edits, [(each, change) for each in steps], edit.span)
        except Fault as fault:
            session.note(fault)
            sound = False
    return found if sound else None


def _stage(session: Session, attempt: Attempt, found: Resolved) -> Stage:
    visit = Visit(None, found.edits or None, [])
    scratch = Session(Problems(), float=session.float, free=session.free, homes=found.homes)
    _attempted(scratch, attempt, visit)
    return Stage(tuple(occurrences(visit)), scratch.problems.sorted())


def _attempted(session: Session, attempt: Attempt, visit: Visit) -> Elaborated | None:
    try:
        return attempt(session, visit)
    except Fault as fault:
        session.note(fault)
    except Absorbed:
        pass
    return None


def _nothing(found: Resolved, selector: Selector, index: int) -> Iterator[Problem]:
    """Why a selector means nothing: the arch does not fit there, an edit above took it away, or it is called otherwise."""
    stage = found.stages[index]
    errors = [one for one in stage.problems if one.severity == "error"]
    if errors:  # what does not fit keeps what comes after it from being met
        yield from (_blamed(one, found) for one in errors)
        return
    edits = [one.edit for one in found.word.edits]
    at = _place(edits[index])
    for before in range(index - 1, -1, -1):
        if selector.of(found.stages[before].steps):
            yield problems.EditsClash(
                at=at,
                what=f"`{at.text}` means nothing any more",
                others=(Label(edits[before].span, "this edit took it away"),),
                help="edits apply in the order of the text: select what stands there now, or leave one of the two out",
            )
            return
    what, help = near(selector, stage.steps)
    yield problems.NothingSelected(at=at, what=f"{what} in `{found.word.edits[index].variant}`", help=help)


def _refuse_waste(found: Resolved, steps: Sequence[Occurrence], index: int) -> None:
    """Raise where all that an edit of the same variant put there is taken away again, so that it does nothing."""
    edits = found.word.edits
    edit = edits[index].edit
    if edit.word not in ("replace", "remove", "unwrap"):
        return
    taken = {(one.way, one.span) for one in steps}
    for one in edits[:index]:
        other = one.edit
        if (
            other.value is None
            or isinstance(other.value, tuple)
            or (one.module, one.variant)
            != (
                edits[index].module,
                edits[index].variant,
            )
        ):
            continue  # what a variant of a variant takes away is its own affair
        there = [one for one in found.stages[index].steps if _in(one.span, other.value.span) and one.kind != "group"]
        if there and all((one.way, one.span) in taken for one in there):
            raise Fault(
                problems.EditsClash(
                    at=edit.span,
                    what="this edit takes away all that another put there, so the other does nothing",
                    others=(Label(other.span, "put there by this edit"),),
                    help="leave one of the two out",
                )
            )


def _blamed(problem: Problem, found: Resolved) -> Problem:
    """A problem of the variant, with the edit since which it is there, unless it is in the text of one."""
    edits = [one.edit for one in found.word.edits]
    if any(_in(problem.at, edit.span) for edit in edits):
        return problem
    stages = [{(one.code, one.at) for one in stage.problems} for stage in found.stages]
    since = next((index for index, each in enumerate(stages) if (problem.code, problem.at) in each), len(stages))
    if since == 0:
        return problem
    return changed(problem, others=(*problem.others, Label(edits[since - 1].span, "it fits without this edit")))


def _place(edit: tree.Edit) -> Span:
    """Where its selector stands."""
    return edit.span if edit.selector is None else edit.selector.span


def _in(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end
