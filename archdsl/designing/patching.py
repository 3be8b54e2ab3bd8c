"""Edits brought back into the text of their author: a patch of the edited lines, proved by elaborating what it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from archdsl.designing.alike import alike
from archdsl.designing.places import Places
from archdsl.designing.wording import Region
from archdsl.elaborate import lookup
from archdsl.elaborate.editing.changes import Change
from archdsl.elaborate.editing.folding import settled
from archdsl.elaborate.editing.selection import Selection, select
from archdsl.elaborate.editing.selectors import Selector
from archdsl.elaborate.editing.sites import CONSTRUCTS, Occurrence
from archdsl.elaborate.editing.trie import Edit
from archdsl.elaborate.origin import Origin
from archdsl.elaborate.program import Module
from archdsl.elaborate.session import Session
from archdsl.files.reading import read_source
from archdsl.ir.graph import Graph
from archdsl.problems.collector import Problems
from archdsl.problems.problem import ArchError, Problem
from archdsl.records import changed, record
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.format import LayoutFault, format_source

EXPECTED = "expectation-failed"


class Spec(Protocol):
    """A loaded file: `archdsl.compiler.Spec`."""

    text: Source
    module: Module

    @property
    def names(self) -> tuple[str, ...]: ...

    def graph(self, name: str | None = None, /, **config: Any) -> Graph: ...

    def check(self, name: str | None = None, config: Mapping[str, object] | None = None) -> tuple[Problem, ...]: ...


class NoPatch(Exception):
    """The edits are none of the author's text, and why."""


@record
class Patch:
    """New texts of files by name. `others` are the architectures of the spec's own file that change too, `broken` those of them
    that have errors now, and `graph` is what the edited one elaborates to."""

    texts: Mapping[str, str]
    graph: Graph
    others: tuple[str, ...]
    broken: tuple[str, ...]
    unmet: tuple[Problem, ...]
    """What the edited architecture expects of itself and is no longer."""


@record
class Wanted:
    """One edit: what it selects, the place of its text, and what it does."""

    selector: Selector
    at: Span
    change: Change


Reload = Callable[[Mapping[str, str]], Spec]
"""Loads the file again, with these texts in place of those of the files of these names."""


def patched(spec: Spec, name: str, edits: Sequence[Wanted], reload: Reload, config: Mapping[str, Any]) -> Patch:
    """The texts with the edits in them, each after those before. Raises `NoPatch`, and `ArchError` as the edits do."""
    now, texts = spec, dict[str, str]()
    for one in edits:
        now, texts = _one(now, texts, name, one, reload, config)
    others = tuple(other for other in spec.names if other != name and not _same(spec, now, other))
    broken = tuple(other for other in others if _graph(now, other, {}) is None)
    unmet = tuple(one for one in now.check(name, {}) if one.code == EXPECTED)
    return Patch(texts, elaborated(now, name, config), others, broken, unmet)


def edited(spec: Spec, name: str, edits: Sequence[Wanted], config: Mapping[str, Any]) -> Graph:
    """The graph with the edits. Raises `ArchError` as they do."""
    graph = elaborated(spec, name, config)
    for one in edits:
        graph = select(graph, one.selector, one.at).edit(one.change)
    return graph


def _one(
    spec: Spec, texts: dict[str, str], name: str, wanted: Wanted, reload: Reload, config: Mapping[str, Any]
) -> tuple[Spec, dict[str, str]]:
    """The files with one edit in them: the plainest texts that are the edited design."""
    selection = select(elaborated(spec, name, config), wanted.selector, wanted.at)
    after = selection.edit(wanted.change)
    edits: dict[Source, list[Edit]] = {}
    for edit in _edits(selection, wanted.change):
        edits.setdefault(edit.old.span.source, []).append(edit)
    files = {one.source: one.file for one in _modules(spec.module)}
    for source in edits:
        _refuse_foreign(source, spec, texts)
    tried: list[dict[str, str | None]] = []
    for plain, standing in ((True, False), (False, False), (True, True), (False, True)):
        new = {source.name: _written(source, files[source], some, plain, standing) for source, some in edits.items()}
        if new in tried:
            continue
        tried.append(new)
        whole = {**texts, **{one: text for one, text in new.items() if text is not None}}
        made = reload(whole) if None not in new.values() else None
        graph = None if made is None else _graph(made, name, config)
        if made is not None and graph is not None and alike(graph, after):
            return made, whole
    raise NoPatch("no text in its place is the edited design: keys would move, or a name would mean something else")


def _modules(module: Module) -> Iterator[Module]:
    """A file and all that it imports."""
    waiting, seen = [module], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting.extend(home for home, _ in one.imported.values())


def _refuse_foreign(source: Source, spec: Spec, texts: Mapping[str, str]) -> None:
    """Raise for a text that is not the author's to change: of the standard library, or no file."""
    if source.name == spec.text.name or source.name in texts:
        return
    try:
        if read_source(Path(source.name)).text == source.text:
            return
    except ArchError:
        pass
    raise NoPatch(f"what is edited stands in {source.name}, which is not a file of this project")


def _edits(selection: Selection, change: Change) -> Iterator[Edit]:
    """The edits, one a place of the text. Raises `NoPatch` where a place is edited in some of its instances only."""
    meant = {(one.way, one.span) for one, _ in settled([(one, change) for one in selection], selection.graph.origin.met)}
    by_place: dict[Span, list[Occurrence]] = {}
    for one in selection.graph.origin.met:
        by_place.setdefault(one.span, []).append(one)
    for span, there in by_place.items():
        mine = [one for one in there if (one.way, one.span) in meant]
        if not mine:
            continue
        first = mine[0]
        if len(mine) < len(there):
            left = next(one for one in there if (one.way, one.span) not in meant)
            pairs = [pair for pair in zip(first.names, left.names, strict=True) if pair[0] != pair[1]] or [
                (first.path, left.path)
            ]
            one, other = (".".join(path) for path in pairs[-1])
            raise NoPatch(f"what stands at {span} is edited for `{one}` and not for `{other}`")
        numbers = {one.path[-1] if one.site.own else "" for one in there}
        yield _labelled(change.edit(first.site), numbers.pop() if len(numbers) == 1 else "")


def _labelled(edit: Edit, number: str) -> Edit:
    """What stands in braces where a step with a number stood has the number as its label."""
    new = edit.new
    if (
        not edit.named
        or not number
        or not isinstance(new, tree.Step)
        or type(new.term) not in CONSTRUCTS
        or new.label is not None
    ):
        return edit
    if new.span.start == new.span.end:
        return edit
    at = Span(Source("<number>", number), 0, len(number))
    return changed(edit, new=changed(new, label=tree.Path(at, (tree.Segment(at, number, False),))))


def _written(source: Source, file: tree.File, edits: Sequence[Edit], plain: bool, standing: bool) -> str | None:
    """A text with the edits in it, in the one layout if it was; None where two of them meet in one place."""
    places = Places(source, file)
    done: list[Region] = []
    for edit in sorted(edits, key=lambda one: one.old.span.end - one.old.span.start):
        start, end, new = places.region(edit, done, plain, standing)
        done = [one for one in done if not (start <= one[0] and one[1] <= end)]
        if any(one[0] < end and start < one[1] for one in done):
            return None
        done.append((start, end, new))
    text = source.text
    for start, end, new in sorted(done, reverse=True):
        text = text[:start] + new + text[end:]
    return _laid_out(text) if _laid_out(source.text) == source.text else text


def _laid_out(text: str) -> str | None:
    """The text in the one layout, or None where it cannot be read."""
    try:
        return format_source(Source("edited", text))
    except (ArchError, LayoutFault):
        return None


def elaborated(spec: Spec, name: str, config: Mapping[str, Any]) -> Graph:
    """The graph, also where the numbers that the arch expects are no longer its own. Raises `ArchError`."""
    try:
        return spec.graph(name, **config)
    except ArchError as fault:
        if any(one.severity == "error" and one.code != EXPECTED for one in fault.problems):
            raise
    module = spec.module
    item = module.items[name]
    span = getattr(item, "name_span", item.span)
    word = lookup.item_value(Session(Problems()), module, name, span)
    return Origin(module, word, name, {}, frozenset(), span, {}, "f32").elaborate().graph


def _graph(spec: Spec, name: str, config: Mapping[str, Any]) -> Graph | None:
    """The graph, or None where there is none for its problems."""
    try:
        return elaborated(spec, name, config)
    except ArchError:
        return None


def _same(one: Spec, other: Spec, name: str) -> bool:
    before, after = (_graph(each, name, {}) for each in (one, other))
    return before is None or (after is not None and alike(before, after))
