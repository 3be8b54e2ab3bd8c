"""The pass `fuse-qkv`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.deployment.siblings import linear_of, merged, why_apart
from archdsl.passes.site import Site
from archdsl.records import record

EQUATION = "x Wq, x Wk, x Wv = split(x [Wq Wk Wv])"


@record
class FuseQKV(Pass):
    """Makes the Linears of queries, keys and values one Linear and a split, where they have one input; else those that have.

    The new layer is called `qkv`, or `kv`. With `every` all Linears of one input become one, whatever they are for.
    """

    word: ClassVar[str] = "fuse-qkv"
    every: bool = False

    def edit(self, graph: Graph, site: Site) -> Graph:
        while True:
            made = self._once(graph, site)
            if made is graph:
                return graph
            graph = made

    def _once(self, graph: Graph, site: Site) -> Graph:
        for label, nodes in self._groups(graph):
            reason = why_apart(graph, site, nodes)
            if not reason:
                return merged(graph, site, nodes, label)
            site.refuse(EQUATION, graph, nodes[0], reason)
        return graph

    def _groups(self, graph: Graph) -> list[tuple[str, list[Node]]]:
        """Calls of Linears of one input, with the label of what they become."""
        reading, found = Reading(graph), []
        for node in graph.nodes:
            if node.op is None or node.op.name != "attention":
                continue
            sides: dict[str, Node] = {}
            for letter, operand in zip("qkv", node.operands, strict=False):
                source = _source(reading, operand)
                if source is not None and source not in sides.values():
                    sides[letter] = source
            for one in list(sides.values()):
                group = {letter: other for letter, other in sides.items() if other.operands == one.operands}
                if len(group) > 1 and one is next(iter(group.values())):
                    found.append(("".join(group), list(group.values())))
        if self.every:
            by_input: dict[object, list[Node]] = {}
            for node in graph.nodes:
                if linear_of(graph, node) is not None:
                    by_input.setdefault(node.operands[0], []).append(node)
            found += [("joined", nodes) for nodes in by_input.values() if len({node.member for node in nodes}) > 1]
        return found


def _source(reading: Reading, operand: Operand) -> Node | None:
    """The Linear whose result a side of an attention is made of: the nearest, through operators and layers of one tensor."""
    front: list[Operand] = [operand]
    seen: set[str] = set()
    for _ in range(16):
        nodes = [node for one in front if (node := reading.source(one)) is not None]
        found = next((node for node in nodes if linear_of(reading.graph, node) is not None), None)
        if found is not None:
            return found
        front = []
        for node in nodes:
            member = reading.graph.members.get(node.member) if node.member is not None else None
            if len(node.results) == 1 and (node.op is not None or (isinstance(member, Layer) and len(node.operands) == 1)):
                front += [one for one in node.operands if isinstance(one, Value) and one.name not in seen]
        seen.update(one.name for one in front if isinstance(one, Value))
    return None
