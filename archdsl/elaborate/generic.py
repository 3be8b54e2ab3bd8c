"""An architecture with its configuration left free: what one class with keywords can stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.elaborate import checking
from archdsl.elaborate.archs import Elaborated
from archdsl.ir.graph import Graph
from archdsl.problems.problem import ArchError


def generic(elaborate: Callable[..., Elaborated], config: Mapping[str, Any]) -> tuple[Graph, dict[str, Any]]:
    """The graph with as much configuration left symbolic as can be, and the values it has here.

    `elaborate` takes the configuration as keywords and the symbolic part as `free`. Raises `ArchError`."""
    fixed = elaborate(**config)
    free: dict[str, Any] = {}
    graph = fixed.graph
    for key, value in _whole_configuration(fixed).items():
        if type(value) is not int or value < 1:
            continue
        attempt = {**free, key: value}
        others: dict[str, Any] = {one: known for one, known in config.items() if one not in attempt}
        try:
            made = elaborate(free=attempt, **others)
        except ArchError:
            continue
        if checking.same_structure(made.graph, fixed.graph, attempt):
            free, graph = attempt, made.graph
    return graph, free


def _whole_configuration(made: Elaborated) -> dict[str, Any]:
    values = dict(made.graph.config)
    return {name: values[name] for name in made.graph.parameters if name in values}
