"""The pass `common-values`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.edit import substitute
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.passes.contract import Pass, is_function
from archdsl.passes.rewriting import without
from archdsl.passes.site import Site
from archdsl.records import record


@record
class CommonValues(Pass):
    """Computes once what is computed several times of the same: common subexpressions.

    With `layers`, also two calls of one layer or block on the same tensors.
    """

    word: ClassVar[str] = "common-values"
    layers: bool = True

    def edit(self, graph: Graph, site: Site) -> Graph:
        known: dict[object, Node] = {}
        same: dict[str, Operand] = {}
        gone = []
        for index, node in enumerate(graph.nodes):
            operands = tuple(same.get(one.name, one) if isinstance(one, Value) else one for one in node.operands)
            if node.scan is not None or node.choice is not None or not is_function(node, site.owner):
                continue
            if node.member is not None and not node.leaf and not self.layers:
                continue
            types = tuple(one.type for one in node.results)
            key = (node.op, node.member, node.leaf, id(node.graph), node.lent, node.how, tuple(map(_key, operands)), types)
            first = known.setdefault(key, node)
            if first is not node:
                gone.append(index)
                same.update(zip((one.name for one in node.results), first.results, strict=True))
        return without(substitute(graph, same), gone) if gone else graph


def _key(one: Operand) -> object:
    """Numbers that are equal but of other kinds differ: 1, 1.0 and true."""
    return one if one is None or isinstance(one, Value) else (type(one.number).__name__, one.number, one.type)
