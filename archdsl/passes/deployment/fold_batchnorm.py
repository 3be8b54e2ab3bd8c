"""The pass `fold-batchnorm`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.edit import remove, substitute, with_member, without_member
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.norm.batch import BatchNorm
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.folding import Affine, folded, refusal
from archdsl.passes.site import Site
from archdsl.records import changed, record

EQUATION = "norm(f(x)) = f(x) with the norm's factors in its weight"


@record
class FoldBatchNorm(Pass):
    """Moves batch normalisations into the convolution or Linear before or after them, for inference.

    The norm goes, with its keys; the layer has a bias then, if it had none. The running statistics count: in training it is
    another model.
    """

    word: ClassVar[str] = "fold-batchnorm"
    evaluation: ClassVar[bool] = True

    def edit(self, graph: Graph, site: Site) -> Graph:
        if site.body:
            return graph
        while True:
            made = self._once(graph, site)
            if made is graph:
                return graph
            graph = made

    def _once(self, graph: Graph, site: Site) -> Graph:
        """The graph with one norm less; itself where none can go."""
        makers = {value.name: node for node in graph.nodes for value in node.results}
        users: dict[str, list[Node | None]] = {one.value.name: [None] for one in graph.outputs}
        for node in graph.nodes:
            for operand in node.operands:
                if isinstance(operand, Value):
                    users.setdefault(operand.name, []).append(node)
        for index, node in enumerate(graph.nodes):
            norm = _layer(graph, node)
            if norm is None or not isinstance(norm.op, BatchNorm) or node.member is None:
                continue
            x = node.operands[0]
            before = makers.get(x.name) if isinstance(x, Value) else None
            behind = users.get(node.results[0].name, [])
            after = behind[0] if len(behind) == 1 else None
            reason = site.held(node.member)
            beside = users.get(x.name, []) if isinstance(x, Value) else []
            for other, sole, last in ((before, beside, True), (after, behind, False)):
                layer = _layer(graph, other)
                if reason or other is None or layer is None or other.member is None or not isinstance(layer.op, Affine):
                    continue
                rank = node.results[0].type.rank
                reason = site.held(other.member) or ("" if len(sole) == 1 else "what is normalised is used elsewhere too")
                reason = reason or refusal(layer.op, norm.op, rank, after=last)
                if not reason:
                    return self._folded(graph, index, other.member, site, after=last)
            if not reason:
                reason = "neither before nor behind it stands a convolution or Linear by itself"
            site.refuse(EQUATION, graph, node, reason)
        return graph

    def _folded(self, graph: Graph, index: int, path: Path, site: Site, *, after: bool) -> Graph:
        """The norm of a node in the layer at a path."""
        node = graph.nodes[index]
        norm, layer = _layer(graph, node), graph.members[path]
        if norm is None or not isinstance(norm.op, BatchNorm) or not isinstance(layer, Layer) or not isinstance(layer.op, Affine):
            raise TypeError("no norm beside a layer")
        own, old = layer.op.parameters(), norm.op.parameters()
        here, gone = ".".join(path), ".".join(node.member or ())
        used = (*(f"{here}.{leaf}" for leaf in own), *(f"{gone}.{leaf}" for leaf in old))
        site.derive((f"{here}.weight", f"{here}.bias"), used, folded(layer.op, norm.op, after=after))
        graph = with_member(graph, path, changed(layer, op=layer.op.changed(bias=True)))
        graph = remove(substitute(graph, {node.results[0].name: node.operands[0]}), index)
        return without_member(graph, node.member or ())


def _layer(graph: Graph, node: Node | None) -> Layer | None:
    """The layer that a node calls, where it calls one of the graph's own."""
    if node is None or node.member is None or node.leaf:
        return None
    member = graph.members.get(graph.aliases.get(node.member, node.member))
    return member if isinstance(member, Layer) else None
