"""The pass `channels-last`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.edit import fresh, insert_after, value_names
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ir.verify import check
from archdsl.ops.conv.conv import Convolution
from archdsl.ops.conv.transposed import TransposedConvolution
from archdsl.ops.registry import find
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.layouts import Layouts
from archdsl.passes.pattern import Refusal
from archdsl.passes.site import Site
from archdsl.records import changed, record

EQUATION = "convolutions channels last"


@record
class ChannelsLast(Pass):
    """Lays images out channels last in PyTorch's memory where a stack of convolutions begins, and the convolutions' weights.

    The steps `channels_last` stand where the layout is entered: at the model's door, and behind what has another one, as a
    reshape. What is computed stays, and so do the ONNX model and the keys. It is for convolutions over two axes.
    """

    word: ClassVar[str] = "channels-last"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        told = refusals if refusals is not None else []
        after = Pass.apply(self, graph, float=float, refusals=told, verify=False).graph
        after = entered(after, Site(after, float, told), door=True)
        if not any(_is_convolution(one, 2) for below in graph.graphs() for one in below.members.values()):
            told.append(Refusal(EQUATION, graph.name, "it has no convolution over two axes"))
        return Passed(check(after, float=float) if verify and after is not graph else after)

    def edit(self, graph: Graph, site: Site) -> Graph:
        for node in graph.nodes:
            member = site.owner.members.get(site.owner.aliases.get(node.member, node.member)) if node.member is not None else None
            for axes in (1, 3):
                if not node.leaf and _is_convolution(member, axes):
                    site.refuse(EQUATION, graph, node, f"its values have {axes + 2} axes: the layout is for [N, C, H, W]")
        return entered(graph, site, door=site.body)


def _is_convolution(member: object, axes: int) -> bool:
    return isinstance(member, Layer) and isinstance(member.op, (Convolution, TransposedConvolution)) and member.op.axes == axes


def entered(graph: Graph, site: Site, *, door: bool) -> Graph:
    """The graph with its values laid out where that is wanted; `door`: its inputs too, for who calls it does not."""
    kind = find("channels_last")
    if kind is None:
        raise LookupError("the operator `channels_last` is missing")
    if graph.kind == "tangent":
        return graph
    layouts = Layouts(graph, site.owner, {})
    sources = list(layouts.sources)
    if door:
        sources += [(-1, one) for one in graph.input_values if one.name in layouts.wanted]
    for index, value in sorted(sources, key=lambda one: -one[0]):
        beside = graph.nodes[index] if index >= 0 else Node((), (), span=graph.span)
        made = Value(fresh(value_names(graph), value.name), value.type)
        graph = _given(graph, value, made)
        graph = insert_after(graph, index, Node((value,), (made,), op=kind(), path=beside.path[:-1], span=beside.span))
    return graph


def _given(graph: Graph, old: Value, new: Value) -> Graph:
    """The graph with another value given to the steps that keep its layout; the others take what lies as they like."""

    def keeps(node: Node) -> bool:
        if node.op is not None:
            return bool(node.op.channels_last)
        return node.member is not None and not node.leaf

    def other(one: Operand) -> Operand:
        return new if one == old else one

    nodes = tuple(
        changed(node, operands=tuple(map(other, node.operands))) if old in node.operands and keeps(node) else node
        for node in graph.nodes
    )
    return changed(graph, nodes=nodes)
