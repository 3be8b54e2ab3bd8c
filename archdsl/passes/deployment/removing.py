"""Calls of layers that nothing needs any more, taken away with the layers."""

from __future__ import annotations

from contextlib import suppress

from archdsl.ir.edit import remove, without_member
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node


def without_calls(graph: Graph, *calls: Node | None) -> Graph:
    """The graph without these calls, which nothing uses, and without what they called, where nothing else does."""
    for call in calls:
        at = next((index for index, node in enumerate(graph.nodes) if call is not None and node.results == call.results), None)
        if call is None or call.member is None or at is None:
            continue
        graph = without_member_of(remove(graph, at), call)
    return graph


def without_member_of(graph: Graph, call: Node | None) -> Graph:
    """The graph without what a call that is gone called, where nothing else does."""
    path = graph.aliases.get(call.member, call.member) if call is not None and call.member is not None else None
    if path is not None and path in graph.members:
        with suppress(ValueError):  # it may be called elsewhere, or have another label
            return without_member(graph, path)
    return graph
