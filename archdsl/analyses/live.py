"""Which nodes a graph needs in evaluation: training heads and what only they use are left out."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value


def live_nodes(graph: Graph) -> tuple[Node, ...]:
    """The nodes that an evaluation output depends on, in order."""
    needed = {one.value.name for one in graph.outputs if not one.training}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(one.name in needed for one in node.results):
            kept.append(node)
            needed.update(one.name for one in node.operands if isinstance(one, Value))
    return tuple(reversed(kept))
