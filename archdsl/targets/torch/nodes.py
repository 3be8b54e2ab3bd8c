"""Nodes with one thing changed."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path


def changed_node(node: Node, *, member: Path | None = None, graph: Graph | None = None, path: Path | None = None) -> Node:
    """The node with another member, specialisation or place."""
    return Node(
        node.operands, node.results, node.op, node.member if member is None else member, node.scan, node.choice, node.leaf,
        node.graph if graph is None else graph, node.lent, node.path if path is None else path, node.span, node.how,
    )  # fmt: skip
