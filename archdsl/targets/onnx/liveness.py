"""Which nodes an evaluation needs: what only training heads or the training side of a choice read is left out."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value


def live_nodes(graph: Graph) -> list[Node]:
    """The nodes that the outputs in evaluation depend on, in order."""
    wanted = {one.value.name for one in graph.outputs if not one.training}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(one.name in wanted for one in node.results):
            kept.append(node)
            wanted.update(one.name for one in read_operands(node) if isinstance(one, Value))
    kept.reverse()
    return kept


def read_operands(node: Node) -> Sequence[Operand]:
    """The operands that are read in evaluation."""
    if node.choice is None:
        return node.operands
    side = node.choice.evaluation
    read = read_names(side)
    return [outer for outer, inner in zip(node.operands, side.input_values, strict=True) if inner.name in read]


def read_names(graph: Graph) -> set[str]:
    """The names of the values that the live nodes and the outputs of a graph read."""
    read = {one.name for node in live_nodes(graph) for one in read_operands(node) if isinstance(one, Value)}
    return read | {one.value.name for one in graph.outputs if not one.training}
