"""Blocks that the bodies of scans call, written out there: a cell is looked through, however it was written."""

from __future__ import annotations

from archdsl.ir import edit
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Node, Path


def opened(graph: Graph) -> Graph:
    """The graph with the blocks that bodies of its scans call written out, as far as that can be; keys stay."""
    refused: set[Path] = set()
    while True:
        paths = [path for path in _called(graph) if path not in refused]
        if not paths:
            return graph
        try:
            graph = edit.inline(graph, paths[0])
        except ValueError:  # it has another label, is lent, or is applied to other types too
            refused.add(paths[0])


def _called(graph: Graph) -> list[Path]:
    """The blocks that bodies of scans call, in order of first mention."""
    found: dict[Path, None] = {}

    def look(nodes: tuple[Node, ...], inside: bool) -> None:
        for node in nodes:
            if inside and isinstance(graph.members.get(node.member or ()), Call):
                found[node.member or ()] = None
            if node.scan is not None:
                look(node.scan.body.nodes, True)
            if node.choice is not None:
                look(node.choice.training.nodes, inside)
                look(node.choice.evaluation.nodes, inside)

    look(graph.nodes, False)
    return list(found)
