"""Which steps a design edit means: all that it can be done to, or those in the places that are named."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count

from archdsl.elaborate.editing.selection import Selection
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.elaborate.faults.edit_problems import NothingSelected
from archdsl.ir.graph import Graph
from archdsl.ir.node import Path
from archdsl.problems.problem import ArchError
from archdsl.source import Span

Fits = Callable[[Occurrence], bool]


def chosen(graph: Graph, what: str, where: str | None, fits: Fits = lambda one: True, wanted: str = "") -> Selection:
    """The steps of the selector `what`, with `where` those of them that it selects or that lie inside it, which `fits` takes.

    `wanted` says in words what fits. Raises `ArchError` with `nothing-selected` where there is none.
    """
    if where is None:
        return kept(graph.select(what), fits, wanted)
    try:
        found = graph.select(f"(({what}) & ({where})) | (({what}) in ({where}))")
    except ArchError:
        at = [graph.select(one).at for one in (what, where)][1]  # each says by itself what is near, if it means nothing
        told = f"nothing that is `{what}` stands at `{where}` or in it in `{graph.name}`"
        raise ArchError((NothingSelected(at=at, what=told),)) from None
    return kept(found, fits, wanted)


def kept(found: Selection, fits: Fits, wanted: str) -> Selection:
    """Those of a selection that fit. Raises `ArchError` with `nothing-selected` where none does."""
    steps = tuple(one for one in found if fits(one))
    if not steps:
        told = f"{len(found)} steps of `{found.graph.name}` are `{found.what}`, and none of them is {wanted}"
        raise ArchError((NothingSelected(at=found.at, what=told),))
    return Selection(found.graph, steps, found.what, found.at)


def again(graph: Graph, what: str, steps: tuple[Occurrence, ...]) -> Selection:
    """The same steps in an edited graph."""
    same = {(one.way, one.span) for one in steps}
    return kept(graph.select(what), lambda one: (one.way, one.span) in same, "where it was")


class Labels:
    """Labels that are free: those of the steps are taken, and what was given."""

    def __init__(self, graph: Graph) -> None:
        self.taken: dict[Path, set[str]] = {}
        for one in every(graph):
            for end, label in enumerate(one.path):
                self.taken.setdefault(one.path[:end], set()).add(label)

    def free(self, braces: Path, wanted: str) -> str:
        """The label that is wanted in these braces, where it is taken with a number."""
        taken = self.taken.setdefault(braces, set())
        label = next(one for one in chain([wanted], (f"{wanted}_{number}" for number in count(1))) if one not in taken)
        taken.add(label)
        return label


def every(graph: Graph) -> list[Occurrence]:
    """All steps, as they come one after the other."""
    return list(graph.select())


def inside(one: Occurrence, outer: Occurrence) -> bool:
    """Whether a step stands in the braces of another, or in a block that is called from there."""
    depth = len(outer.way)
    if one is outer or one.way[:depth] != outer.way:
        return False
    key = (*one.way, one.span)[depth]
    at = key if isinstance(key, Span) else key[0]
    return outer.span.holds(at)
