"""Where a graph comes from: enough to elaborate it again, edited, or with what is met on the way written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archdsl.elaborate.program import Module
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import BlockWord
from archdsl.problems.collector import Problems
from archdsl.problems.problem import ArchError
from archdsl.records import fresh, mutable
from archdsl.source import Source, Span

if TYPE_CHECKING:
    from archdsl.elaborate.archs import Elaborated
    from archdsl.elaborate.editing.selection import Selection
    from archdsl.elaborate.editing.sites import Occurrence
    from archdsl.elaborate.editing.trie import Edits
    from archdsl.ir.graph import Graph


@mutable
class Origin:
    """The arch that a graph was elaborated of, its configuration, and the edits so far."""

    module: Module
    word: BlockWord
    name: str
    overrides: Mapping[str, Any]
    given: frozenset[str]
    span: Span
    free: Mapping[str, Any]
    float: str
    edits: Edits | None = None
    homes: dict[Source, Module] = fresh(default_factory=dict)
    """Where the names in the edits are looked up."""
    graph: Graph | None = None
    """The graph that has this origin: what a pass makes of it has another."""
    _met: tuple[Occurrence, ...] | None = None

    def elaborate(self, visit: Any = None, **other: Any) -> Elaborated:
        """The arch again, with its edits or those of `visit`; `other` are fields of the origin with other values. Raises
        `ArchError`."""
        from archdsl.elaborate import archs
        from archdsl.elaborate.editing.visit import Visit
        from archdsl.elaborate.fault import Fault

        given = {name: getattr(self, name) for name in ("overrides", "given", "free", "float", "edits", "homes")} | other
        problems = Problems()
        session = Session(problems, float=given["float"], free=frozenset(given["free"]), homes=given["homes"])
        if visit is None and given["edits"]:
            visit = Visit(None, given["edits"])
        made = None
        try:
            made = archs.elaborate(
                session, self.module, self.word, self.name, given["overrides"], given["given"], self.span, given["free"], visit
            )
        except Fault as fault:
            session.note(fault)
        except RecursionError:
            session.too_deep(self.span)
        problems.raise_errors()
        assert made is not None  # noqa: S101
        made.graph.origin.edits = given["edits"]
        return made

    @property
    def met(self) -> tuple[Occurrence, ...]:
        """Every step that was met in elaborating the graph."""
        if self._met is None:
            from archdsl.elaborate.editing.sites import occurrences
            from archdsl.elaborate.editing.visit import Visit

            visit = Visit(None, self.edits, [])
            self.elaborate(visit)
            self._met = tuple(occurrences(visit))
        return self._met

    def select(self, graph: Graph, pattern: str | None, attributes: Mapping[str, Any]) -> Selection:
        """The steps that fit all of this. Raises `ArchError`."""
        from archdsl.elaborate.editing.selection import selected

        return selected(graph, pattern, attributes)


def same_origin(graph: Graph) -> Origin | None:
    """Where a graph comes from, if it is as it was elaborated."""
    origin: Origin | None = graph.origin
    return origin if origin is not None and origin.graph is graph else None


def again(
    graph: Graph, given: frozenset[str], dtype: str | None, free: Mapping[str, Any] | None, config: Mapping[str, Any]
) -> Elaborated:
    """A graph in place of an arch's name: itself, or elaborated again where something else than before is asked for. Raises
    `ArchError`, also where that cannot be done."""
    from archdsl.elaborate.archs import Elaborated

    origin = same_origin(graph)
    other: dict[str, Any] = {}
    if given and (origin is None or given != origin.given):
        other["given"] = given
    if dtype is not None and (origin is None or dtype != origin.float):
        other["float"] = dtype
    if free:
        other["free"] = free
    if free or config:
        kept = origin.overrides if origin is not None else {}
        other["overrides"] = {name: value for name, value in {**kept, **config}.items() if name not in (free or {})}
    if not other:
        return Elaborated(graph, (), ())
    if origin is None:
        asked = ", ".join(sorted({**config, **({} if dtype is None else {"dtype": dtype}), **dict.fromkeys(free or {})}))
        raise not_as_written(
            graph, f"`{asked or 'given'}` cannot be another", "give it with the arch's name: `spec.graph(name, …, passes=…)`"
        )
    return origin.elaborate(**other)


def not_as_written(graph: Graph, what: str, help: str) -> ArchError:
    """The problem of a graph that cannot be elaborated again, since a pass made it or it was read."""
    from archdsl.elaborate.faults.edit_problems import NotAsWritten

    at = graph.span or Span(Source(graph.name, ""), 0, 0)
    made = "a pass changed it" if graph.origin is not None else "it comes from no text"
    return ArchError((NotAsWritten(at=at, what=f"{what}: `{graph.name}` is not as it was written, {made}", help=help),))
