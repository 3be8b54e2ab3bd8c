"""The pass `fuse-swiglu`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ops.pointwise.elementwise import Elementwise
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.fuse_gelu import FuseGelu
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.deployment.siblings import linear_of, merged, why_apart
from archdsl.passes.site import Site
from archdsl.records import record

EQUATION = "f(x W) * (x V) = f(a) * b with a, b = split(x [W V])"


@record
class FuseSwiGLU(Pass):
    """Makes the two Linears of a gated unit, `silu(x W) * (x V)`, one Linear and a split; so for other gates.

    The new layer is called `gate_up`. SiLU and GELU are found as `fuse-gelu` finds them.
    """

    word: ClassVar[str] = "fuse-swiglu"

    def edit(self, graph: Graph, site: Site) -> Graph:
        graph = FuseGelu().edit(graph, site)
        for name in [node.results[0].name for node in graph.nodes if node.op is not None and node.op.name == "mul"]:
            reading = Reading(graph)
            node = reading.makers.get(name)
            nodes = _gated(reading, node) if node is not None else None
            if node is None or nodes is None:
                continue
            reason = why_apart(graph, site, nodes)
            if reason:
                site.refuse(EQUATION, graph, node, reason)
            else:
                graph = merged(graph, site, nodes, "gate_up")
        return graph


def _gated(reading: Reading, product: Node) -> list[Node] | None:
    """The calls of Linears of one input whose results, one of them through a function, are multiplied."""
    for one, other in (product.operands, tuple(reversed(product.operands))):
        gate, up = reading.maker(one), reading.source(other)
        if gate is None or not isinstance(gate.op, Elementwise) or len(gate.operands) != 1:
            continue
        left = reading.source(gate.operands[0])
        if left is None or up is None or left is up or left.operands != up.operands:
            continue
        if linear_of(reading.graph, left) is not None and linear_of(reading.graph, up) is not None:
            return [left, up]
    return None
