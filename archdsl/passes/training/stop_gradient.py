"""The pass `stop-gradient`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from archdsl.dims.dtype import is_float
from archdsl.ir.edit import fresh, insert_after, value_names, with_bodies
from archdsl.ir.graph import Graph, Output, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ir.verify import check
from archdsl.ops.registry import find
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.labels import edit_chosen
from archdsl.passes.pattern import Refusal
from archdsl.records import changed, record


@record
class StopGradient(Pass):
    """Lets no gradient flow back into what stands under chosen labels: a frozen trunk, a target network.

    `labels` are those of steps, blocks, groups or parameters: `encoder`, `layer[12].*`, several parted by spaces. Results stay,
    and what is chosen learns nothing from those of its results that are used elsewhere.
    """

    word: ClassVar[str] = "stop-gradient"
    labels: str = "*"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        after = edit_chosen(graph, self.labels, lambda one, chosen: _stopped(one, sorted(chosen), one))
        return Passed(check(after, float=float) if verify and after is not graph else after)


def _stopped(graph: Graph, paths: Iterable[Path], owner: Graph) -> Graph:
    """The graph, or a body of the owner's, with the gradient stopped behind each path."""
    for path in paths:
        graph = _behind(graph, path, owner)
    return graph


def _behind(graph: Graph, path: Path, owner: Graph) -> Graph:
    inside = {id(node) for node in graph.nodes if _stands_in(node, path, owner)}
    nodes = tuple(one if id(one) in inside else with_bodies(one, lambda body: _behind(body, path, owner)) for one in graph.nodes)
    if any(one is not before for one, before in zip(nodes, graph.nodes, strict=True)):
        graph = changed(graph, nodes=nodes)
    kept = {id(node) for node in graph.nodes if id(node) in inside or _stops(node)}
    used = {one.name for node in graph.nodes if id(node) not in kept for one in node.operands if isinstance(one, Value)}
    used |= {one.value.name for one in graph.outputs}
    for index in reversed(range(len(graph.nodes))):
        node = graph.nodes[index]
        for one in node.results if id(node) in inside and not _stops(node) else ():
            if one.name in used and is_float(one.type.dtype):
                graph = _insert(graph, index, one, node, kept)
    own = graph.members.get(path)
    if isinstance(own, Parameter) and not own.buffer and own.value.name in used and is_float(own.value.type.dtype):
        graph = _insert(graph, -1, own.value, Node((), (), path=path[:-1], span=own.span), kept)
    return graph


def _stands_in(node: Node, path: Path, owner: Graph) -> bool:
    """Whether a step stands under the path, or calls what stands there."""
    called = owner.aliases.get(node.member, node.member) if node.member is not None else ()
    return node.path[: len(path)] == path or (not node.leaf and called[: len(path)] == path)


def _stops(node: Node) -> bool:
    return node.op is not None and node.op.name == "stop_gradient"


def _insert(graph: Graph, index: int, value: Value, beside: Node, kept: set[int]) -> Graph:
    """The graph with the gradient stopped for all who use the value but those that are kept."""
    kind = find("stop_gradient")
    if kind is None:
        raise LookupError("the operator `stop_gradient` is missing")
    new = Value(fresh(value_names(graph), value.name), value.type)
    stop = Node((value,), (new,), op=kind(), path=beside.path, span=beside.span)

    def given(one: Operand) -> Operand:
        return new if one == value else one

    nodes = tuple(
        one if id(one) in kept or value not in one.operands else changed(one, operands=tuple(map(given, one.operands)))
        for one in graph.nodes
    )
    outputs = tuple(Output(one.name, new, one.training) if one.value == value else one for one in graph.outputs)
    return insert_after(changed(graph, nodes=nodes, outputs=outputs), index, stop)
