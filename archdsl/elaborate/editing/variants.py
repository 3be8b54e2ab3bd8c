"""Variants: the edits of their text, applied in order to the arch that they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archdsl.elaborate import archs
from archdsl.elaborate.archs import Elaborated
from archdsl.elaborate.blocks import lent
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
from archdsl.elaborate.editing.near import absent, near
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
from archdsl.records import changed, mutable
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
class Resolved:
    """A variant's edits as a trie, and on the way there, before each of them, the trie and what was wrong."""

    word: BlockWord
    edits: Edits = NONE
    stages: tuple[tuple[Edits, tuple[Problem, ...]], ...] = ()

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

    config = tuple({**dict(word.given), **overrides}.items())
    found = _Resolving(session, word, attempt, config, given, own=not overrides and not free).run()
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
    plain = changed(word, edits=())

    def attempt(one: Session, visit: Visit) -> Elaborated | None:
        return archs.elaborate(one, word.module, plain, word.name, dict(config), given, word.item.name_span, None, visit)

    found = _Resolving(session, word, attempt, config, given, own).run()
    if found is None:
        raise Absorbed
    session.homes.update(found.homes)
    if visit is None:
        return Visit(None, found.edits)
    visit.edits = over(visit.edits, found.edits)
    return visit


class _Resolving:
    """Finds the steps of a variant's edits, each in what those before it made. With its `own` configuration each edit of a
    variant selects something; with another one that selects nothing does nothing."""

    def __init__(
        self,
        session: Session,
        word: BlockWord,
        attempt: Attempt,
        config: tuple[tuple[str, Any], ...],
        given: frozenset[str],
        own: bool,
    ) -> None:
        self.session = session
        self.word = word
        self.attempt = attempt
        self.edits = word.edits
        self.own = own
        self.kept = not any(lent(one) for _, one in config)
        self.key = (key_of(config), given, session.mode, own)
        self.found = self._known()

    def _known(self) -> Resolved:
        """What is known of the first edits from a variant that this one is of, or from before."""
        for count in range(len(self.edits), 0, -1):
            known: Resolved | None = self.word.module.made.get(("variant", self.edits[:count], self.key)) if self.kept else None
            if known is not None:
                return Resolved(self.word, known.edits, known.stages)
        return Resolved(self.word)

    def run(self) -> Resolved | None:
        """The edits where they apply; None where one cannot, which is noted."""
        if len(self.edits) > MAX_EDITS:
            what = (
                f"`{self.word.name}` has {len(self.edits)} edits, with those of the variants it is of; the limit is {MAX_EDITS}"
            )
            self.session.note(Fault(problems.TooManyEdits(at=self.edits[MAX_EDITS].edit.span, what=what)))
            return None
        start = len(self.found.stages)
        selectors = [self._selector(one.edit) for one in self.edits[start:]]
        sound = None not in selectors
        for index, selector in enumerate(selectors, start):
            steps = self._stage()
            if selector is None:
                continue
            try:
                sound = self._apply(index, selector, steps) and sound
            except Fault as fault:
                self.session.note(fault)
                sound = False
        if sound and self.kept:
            self.word.module.keep(("variant", self.edits, self.key), self.found)
        return self.found if sound else None

    def _selector(self, edit: tree.Edit) -> Selector | None:
        try:
            return read_selector(_place(edit))
        except ArchError as wrong:
            for one in wrong.problems:
                self.session.problems.add(one)
            return None

    def _stage(self) -> tuple[Occurrence, ...]:
        """What is met with the edits so far; what is wrong then is written down."""
        steps, wrong = self._met(self.found.edits)
        self.found.stages = (*self.found.stages, (self.found.edits, wrong))
        return steps

    def _met(self, edits: Edits) -> tuple[tuple[Occurrence, ...], tuple[Problem, ...]]:
        visit = Visit(None, edits or None, [])
        scratch = Session(Problems(), float=self.session.float, free=self.session.free, homes=self.found.homes)
        _attempted(scratch, self.attempt, visit)
        return tuple(occurrences(visit)), scratch.problems.sorted()

    def _apply(self, index: int, selector: Selector, met: tuple[Occurrence, ...]) -> bool:
        """Put an edit into the trie; whether that can be. Raises `Fault`."""
        written = self.edits[index]
        steps = [met[at] for at in sorted(selector.of(met))]
        chosen = self.own and key_of(written.given) == key_of(self.word.given)
        missing = absent(selector, met) if chosen and steps else None
        if missing is not None:
            what, help = near(missing, met)
            at = _place(written.edit)
            raise Fault(problems.NothingSelected(at=at, what=f"{what} in `{written.variant}`, to be left out", help=help))
        if not steps:
            if not chosen:
                return True
            for one in self._nothing(index, selector, met):
                self.session.problems.add(one)
            return False
        self._refuse_waste(index, steps, met)
        change = CHANGES[written.edit.word](written.edit.value)
        self.found.edits = with_changes(self.found.edits, [(one, change) for one in steps], met, written.edit.span)
        return True

    def _nothing(self, index: int, selector: Selector, met: tuple[Occurrence, ...]) -> Iterator[Problem]:
        """Why a selector means nothing: the arch does not fit there, an edit above took it away, or it is called otherwise."""
        errors = [one for one in self.found.stages[index][1] if one.severity == "error"]
        if errors:  # what does not fit keeps what comes after it from being met
            yield from (_blamed(one, self.found) for one in errors)
            return
        if any(isinstance(one, tree.Broken) for item in self.word.module.file.items for one in item.walk()):
            return  # what could not be read was told, and may be what is meant
        at = _place(self.edits[index].edit)
        for before in range(index - 1, -1, -1):
            if selector.of(self._met(self.found.stages[before][0])[0]):
                yield problems.EditsClash(
                    at=at,
                    what=f"`{at.text}` means nothing any more",
                    others=(Label(self.edits[before].edit.span, "this edit took it away"),),
                    help="edits apply in the order of the text: select what stands there now, or leave one of the two out",
                )
                return
        what, help = near(selector, met)
        yield problems.NothingSelected(at=at, what=f"{what} in `{self.edits[index].variant}`", help=help)

    def _refuse_waste(self, index: int, steps: Sequence[Occurrence], met: tuple[Occurrence, ...]) -> None:
        """Raise where all that an edit of the same variant put there is taken away again, so that it does nothing."""
        written = self.edits[index]
        if written.edit.word not in ("replace", "remove", "unwrap"):
            return
        taken = {(one.way, one.span) for one in steps}
        for one in self.edits[:index]:
            other = one.edit
            if other.value is None or isinstance(other.value, tuple) or one.home != written.home:
                continue  # what a variant of a variant takes away is its own affair
            there = [each for each in met if other.value.span.holds(each.span) and each.kind != "group"]
            if there and all((each.way, each.span) in taken for each in there):
                raise Fault(
                    problems.EditsClash(
                        at=written.edit.span,
                        what="this edit takes away all that another put there, so the other does nothing",
                        others=(Label(other.span, "put there by this edit"),),
                        help="leave one of the two out",
                    )
                )


def _attempted(session: Session, attempt: Attempt, visit: Visit) -> Elaborated | None:
    try:
        return attempt(session, visit)
    except Fault as fault:
        session.note(fault)
    except Absorbed:
        pass
    return None


def _blamed(problem: Problem, found: Resolved) -> Problem:
    """A problem of the variant, with the edit since which it is there, unless it is in the text of one."""
    edits = [one.edit for one in found.word.edits]
    if any(edit.span.holds(problem.at) for edit in edits):
        return problem
    stages = [{(one.code, one.at) for one in wrong} for _, wrong in found.stages]
    since = next((index for index, each in enumerate(stages) if (problem.code, problem.at) in each), len(stages))
    if since == 0:
        return problem
    return changed(problem, others=(*problem.others, Label(edits[since - 1].span, "it fits without this edit")))


def _place(edit: tree.Edit) -> Span:
    """Where its selector stands."""
    return edit.span if edit.selector is None else edit.selector.span
