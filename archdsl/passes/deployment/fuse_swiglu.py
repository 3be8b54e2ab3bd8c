"""The pass `fuse-swiglu`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.pointwise.elementwise import Elementwise
from archdsl.ops.random.dropout import Drop
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
    """The calls of Linears of one input whose results are multiplied, at least one of them through a function."""
    groups: dict[object, dict[int, tuple[Node, bool]]] = {}
    for factor in _factors(reading, product):
        node, curved = _behind(reading, factor)
        if node is not None:
            group = groups.setdefault(node.operands, {})
            group[id(node)] = (node, curved or group.get(id(node), (node, False))[1])
    for group in groups.values():
        if len(group) > 1 and any(curved for _, curved in group.values()):
            return [node for node, _ in group.values()]
    return None


def _factors(reading: Reading, product: Node) -> Iterator[Operand]:
    """What a product multiplies, through the products in it."""
    for one in product.operands:
        inner = reading.maker(one, "mul")
        yield from _factors(reading, inner) if inner is not None and reading.user(inner.results[0]) is not None else (one,)


def _behind(reading: Reading, operand: Operand) -> tuple[Node | None, bool]:
    """The Linear behind functions of one tensor, numbers beside it, and dropouts; whether there is a curve among them."""
    curved = False
    for _ in range(8):
        node = reading.source(operand)
        if node is None or linear_of(reading.graph, node) is not None:
            return node, curved
        member = reading.graph.members.get(node.member) if node.member is not None else None
        drops = isinstance(member, Layer) and isinstance(member.op, Drop) and not node.leaf
        values = [one for one in node.operands if isinstance(one, Value)]
        if len(values) != 1 or not (drops or isinstance(node.op, Elementwise)):
            return None, False
        curved = curved or (len(node.operands) == 1 and not drops)
        operand = values[0]
    return None, False
