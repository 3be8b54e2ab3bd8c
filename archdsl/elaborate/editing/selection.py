"""A selection: the steps of an arch that a selector means, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

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
from archdsl.elaborate.editing.folding import with_changes
from archdsl.elaborate.editing.near import near
from archdsl.elaborate.editing.reading import has, read_args, read_around, read_chain, selector_of
from archdsl.elaborate.editing.selectors import Selector
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.elaborate.editing.trie import NONE
from archdsl.elaborate.editing.written import argument
from archdsl.elaborate.fault import Fault
from archdsl.elaborate.faults import edit_problems as problems
from archdsl.elaborate.origin import Origin, not_as_written, same_origin
from archdsl.elaborate.program import Module
from archdsl.ir.graph import Graph
from archdsl.problems.problem import ArchError, Problem
from archdsl.records import changed
from archdsl.source import Source, Span

Text = str | Callable[[Occurrence], str]
"""The text of an edit, or a function that gives it for each step."""


class Selection:
    """Some steps of an arch, in the order in which they are met.

    It is iterable and has a length; `&`, `|`, `-` and `~` give other selections of the same graph. Each edit gives a new `Graph`,
    and raises `ArchError` with all problems where it does not fit.

    The text of an edit is of the language, its names are those of the place where it stands, then those of the spec's file; it
    may be a function that gives the text for each step.
    """

    def __init__(self, graph: Graph, steps: tuple[Occurrence, ...], what: str, at: Span) -> None:
        self.graph = graph
        self.steps = steps
        self.what = what
        self.at = at

    def __iter__(self) -> Iterator[Occurrence]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Occurrence:
        return self.steps[index]

    def where(self, holds: Callable[[Occurrence], bool]) -> Selection:
        """Those for which a function holds."""
        return Selection(self.graph, tuple(one for one in self.steps if holds(one)), f"{self.what}, some", self.at)

    def __str__(self) -> str:
        rows = [(".".join(one.names[0]), one.word, " ".join(map(str, one.gives)), str(one.span)) for one in self.steps]
        wide = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = ["  ".join([row[column].ljust(wide[column]) for column in range(3)] + [row[3]]).rstrip() for row in rows]
        count = f"{len(rows)} step{'' if len(rows) == 1 else 's'} of {self.graph.name}: {self.what}"
        return "\n".join([count, *(f"  {line}" for line in lines)])

    def __repr__(self) -> str:
        return f"<Selection of {len(self.steps)} in {self.graph.name}: {self.what}>"

    # ── algebra ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def __and__(self, other: Selection) -> Selection:
        return self._with(other, "&", lambda mine, theirs: mine and theirs)

    def __or__(self, other: Selection) -> Selection:
        return self._with(other, "|", lambda mine, theirs: mine or theirs)

    def __sub__(self, other: Selection) -> Selection:
        return self._with(other, "-", lambda mine, theirs: mine and not theirs)

    def __invert__(self) -> Selection:
        mine = {(one.way, one.span) for one in self.steps}
        left = tuple(one for one in _met(self.graph) if (one.way, one.span) not in mine)
        return Selection(self.graph, left, f"~({self.what})", self.at)

    def _with(self, other: Selection, sign: str, holds: Callable[[bool, bool], bool]) -> Selection:
        if other.graph is not self.graph:
            raise ValueError("selections of two graphs have no steps in common: select in the graph that is edited")
        mine, theirs = ({(one.way, one.span) for one in each.steps} for each in (self, other))
        kept = tuple(
            one for one in _met(self.graph) if holds((one.way, one.span) in mine, (one.way, one.span) in theirs)
        )  # fmt: skip
        return Selection(self.graph, kept, f"({self.what}) {sign} ({other.what})", self.at)

    # ── edits ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def replace(self, text: Text) -> Graph:
        """Another layer, function or chain for each: `replace("gelu")`. Label and number stay."""
        return self._edited(text, lambda given: Replace(read_chain(given, "<replace>")))

    def insert_after(self, text: Text) -> Graph:
        """A layer, function or chain behind each: `insert_after("Dropout(0.1)")`. It takes no number, so that keys stay; a layer
        with tensors has a label."""
        return self._edited(text, lambda given: InsertAfter(read_chain(given, "<insert after>")))

    def insert_before(self, text: Text) -> Graph:
        """A layer, function or chain in front of each, as `insert_after`."""
        return self._edited(text, lambda given: InsertBefore(read_chain(given, "<insert before>")))

    def wrap(self, text: Text) -> Graph:
        """A construct around each: `wrap("skip")`, `wrap("repeat 2")`, `wrap("skip { } via Conv2d(8, 1)")`."""
        return self._edited(text, lambda given: Wrap(read_around(given, "<wrap>")))

    def remove(self) -> Graph:
        """What flows into each flows on. Its number stays taken, so that other keys stay."""
        return self.edit(Remove())

    def unwrap(self) -> Graph:
        """The body of each `skip` alone, without its shortcut, or of each `repeat`, once."""
        return self.edit(Unwrap())

    def set(self, **arguments: Any) -> Graph:
        """Other arguments for each: `set(groups=32, bias=False)`. A str is text of the language: `"2*C"`, `"relu"`,
        `'"reflect"'`; a function gives the value for each step."""

        def text(one: Occurrence) -> str:
            return ", ".join(f"{name}={argument(one, value)}" for name, value in arguments.items())

        return self._edited(text, lambda given: SetArguments(read_args(given, "<set>")))

    def edit(self, change: Change, module: Module | None = None) -> Graph:
        """A change for each; the names in its trees are looked up in `module` after those of the place. Raises `ArchError`."""
        return self._apply([(one, change) for one in self.steps], module)

    def _edited(self, text: Text, read: Callable[[str], Change]) -> Graph:
        if not isinstance(text, str) and not callable(text):
            raise TypeError(f"an edit is text of the language, or a function that gives it for each step, not {text!r}")
        known: dict[str, Change] = {}
        pairs = []
        for one in self.steps:
            given = text if isinstance(text, str) else text(one)
            if given not in known:
                known[given] = read(given)
            pairs.append((one, known[given]))
        return self._apply(pairs, None)

    def _apply(self, pairs: list[tuple[Occurrence, Change]], module: Module | None) -> Graph:
        origin = _origin(self.graph)
        if not pairs:
            what = f"nothing is selected by `{self.what}`, so there is nothing to edit"
            raise ArchError((problems.NothingSelected(at=self.at, what=what),))
        homes = dict(origin.homes)
        homes.update((source, module or origin.module) for _, change in pairs for source in change.sources())
        try:
            edits = with_changes(origin.edits or NONE, pairs, origin.met)
        except Fault as fault:
            raise ArchError((fault.problem,)) from None
        try:
            return origin.elaborate(edits=edits, homes=homes).graph
        except ArchError as fault:
            told = f"`{self.what}` was {pairs[0][1].word} in `{self.graph.name}`"
            raise ArchError(tuple(_noted(one, homes, told) for one in fault.problems)) from None


def _noted(problem: Problem, homes: Mapping[Source, Module], told: str) -> Problem:
    """A problem whose place is not in the text of an edit, with what was edited."""
    return problem if problem.at.source in homes else changed(problem, notes=(*problem.notes, told))


def selected(graph: Graph, pattern: str | None, attributes: Mapping[str, Any]) -> Selection:
    """`graph.select(…)`. Raises `ArchError` where nothing fits."""
    selector: Selector | None = None
    text = []
    if pattern is not None:
        if not isinstance(pattern, str):
            raise TypeError(f"a selector is a text, not {pattern!r}")
        selector, at = selector_of(pattern)
        text.append(pattern)
    for name, value in attributes.items():
        one = has(name, "=", value)
        selector = one if selector is None else selector & one
        text.append(str(one))
    what = " & ".join(text) if len(text) < 2 else " & ".join([f"({text[0]})" if "|" in text[0] else text[0], *text[1:]])
    if selector is None:
        return Selection(graph, _met(graph), "all", Span(Source("<select>", ""), 0, 0))
    if pattern is None or attributes:
        at = Span(Source("<select>", what), 0, len(what))
    return select(graph, selector, at)


def select(graph: Graph, selector: Selector, at: Span) -> Selection:
    """The steps that a selector means, which stands at `at`. Raises `ArchError` where it means none."""
    steps = _met(graph)
    found = tuple(steps[index] for index in sorted(selector.of(steps)))
    if not found:
        what, help = near(selector, steps)
        raise ArchError((problems.NothingSelected(at=at, what=f"{what} in `{graph.name}`", help=help),))
    return Selection(graph, found, str(selector), at)


def _met(graph: Graph) -> tuple[Occurrence, ...]:
    return _origin(graph).met


def _origin(graph: Graph) -> Origin:
    origin = same_origin(graph)
    if origin is None:
        raise not_as_written(
            graph, "steps cannot be selected", "edit first: `spec.graph(edited, passes=…)` runs passes on what an edit made"
        )
    return origin
