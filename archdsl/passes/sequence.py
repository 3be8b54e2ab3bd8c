"""Several passes, one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.graph import Graph
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.passes.registry import read_pass

Passes = Iterable[str | Pass]
"""Passes in order, or as they are written: `("fold-batchnorm", "constants{most=16}")`."""


def read_passes(passes: Passes) -> tuple[Pass, ...]:
    """The passes; a text alone is one. Raises `UnknownPass`."""
    several = (passes,) if isinstance(passes, str) else passes
    return tuple(read_pass(one) if isinstance(one, str) else one for one in several)


def through(
    graph: Graph, passes: Passes, *, float: str = "f32", refusals: dict[str, list[Refusal]] | None = None, verify: bool = True
) -> Passed:
    """The graph after the passes, and how its tensors come from those before; `refusals` gets what each left as it is, by word.

    Raises `UnknownPass`."""
    done = Passed(graph)
    for one in read_passes(passes):
        left: list[Refusal] = [] if refusals is None else refusals.setdefault(one.word, [])
        made = one.apply(done.graph, float=float, refusals=left, verify=verify)
        done = Passed(made.graph, (*done.derived, *made.derived))
    return done
