"""Counts of a graph: parameters, multiply-accumulates, activations; symbolic until dimensions are bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.analyses.live import live_nodes
from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Layer, Member, Parameter, Tensor
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Value

Kind = Callable[[Graph, Node, Member | None], Size]


def parameters(graph: Graph) -> Size:
    """Trainable numbers: every parameter once, tied ones under their own path; buffers do not count."""
    return _owned(graph, False, {})


def buffers(graph: Graph) -> Size:
    """Numbers that are kept and not trained."""
    return _owned(graph, True, {})


def _owned(graph: Graph, buffer: bool, memo: dict[int, Size]) -> Size:
    """Numbers in the parameters or buffers of a graph, a block that is called many times counted once and multiplied."""
    if id(graph) not in memo:
        owned: list[Size] = []
        for member in graph.members.values():
            if isinstance(member, Call):
                owned.append(_owned(member.graph, buffer, memo))
            elif isinstance(member, Parameter):
                owned.extend([member.value.type.numel()] if member.buffer is buffer else [])
            else:
                owned.extend(TensorType(one.shape).numel() for one in member.op.parameters().values() if one.buffer is buffer)
        tied = [_tensor_at(graph, alias) for alias in graph.ties]
        memo[id(graph)] = _sum(owned) - _sum(one.type.numel() for one in tied if one is not None and one.buffer is buffer)
    return memo[id(graph)]


def _tensor_at(graph: Graph, path: Path) -> Tensor | None:
    """The tensor at a path through any depth of instances, also where the path is an alias."""
    for depth in range(len(path), 0, -1):
        member = graph.members.get(path[:depth])
        if isinstance(member, Call):
            return _tensor_at(member.graph, path[depth:])
        if isinstance(member, Parameter):
            return Tensor(member.value.type, member.buffer, member.persistent)
        if member is not None:
            weight = member.op.parameters()[".".join(path[depth:])]
            return Tensor(TensorType(weight.shape, weight.dtype), weight.buffer, weight.persistent)
    return None


def _sum(sizes: object) -> Size:
    total: Size = 0
    numbers = 0
    for one in sizes:  # type: ignore[attr-defined]
        if isinstance(one, Dim):
            total = total + one
        else:
            numbers += one
    return total + numbers


def macs(graph: Graph) -> Size:
    """Multiply-accumulates of one evaluation pass: convolutions, matrix products and attention, a scan's body once a step."""
    return _total(graph, _node_macs, {})


def activations(graph: Graph) -> Size:
    """Numbers in all results of one evaluation pass, views included: each node's results once, a scan's once a step."""
    return _total(graph, _node_activations, {})


def node_macs(graph: Graph, node: Node) -> Size:
    """Multiply-accumulates of one node, all below it included."""
    return _node(graph, node, _node_macs, {})


def _node_macs(graph: Graph, node: Node, member: Member | None) -> Size:
    op = node.op if node.op is not None else member.op if isinstance(member, Layer) else None
    if op is None and node.member and node.member[0] == "":
        lent = dict(graph.borrowed).get(node.member[1])
        op = lent if lent is not None and not isinstance(lent, Graph) else None
    if op is None or node.leaf:
        return 0
    types = tuple(one.type if isinstance(one, (Value, Number)) else None for one in node.operands)
    return op.macs(types, tuple(one.type for one in node.results))


def _node_activations(graph: Graph, node: Node, member: Member | None) -> Size:
    return _sum(one.type.numel() for one in node.results)


def _node(graph: Graph, node: Node, kind: Kind, memo: dict[tuple[int, Kind], Size]) -> Size:
    inner = called_graph(graph, node)
    if inner is not None:
        return _total(inner, kind, memo)
    if node.scan is not None:
        return _total(node.scan.body, kind, memo, graph) * node.scan.length
    if node.choice is not None:
        return _total(node.choice.evaluation, kind, memo, graph)
    return kind(graph, node, member_of(graph, node.member))


def member_of(graph: Graph, path: Path | None) -> Member | None:
    """The member that a node calls."""
    return graph.members.get(path) if path else None


def called_graph(graph: Graph, node: Node) -> Graph | None:
    """The graph of the block that a node calls, also one that was handed in."""
    if node.graph is not None:
        return node.graph
    if not node.member or node.leaf:
        return None
    if node.member[0] == "":
        lent = dict(graph.borrowed).get(node.member[1])
        return lent if isinstance(lent, Graph) else None
    member = graph.members.get(node.member)
    return member.graph if isinstance(member, Call) else None


def _total(graph: Graph, kind: Kind, memo: dict[tuple[int, Kind], Size], owner: Graph | None = None) -> Size:
    key = (id(graph), kind)
    if key not in memo:
        home = owner if owner is not None else graph
        memo[key] = _sum(_node(home, node, kind, memo) for node in live_nodes(graph))
    return memo[key]


def bound(size: Size, values: Mapping[str, int]) -> Size:
    """A count with its dimensions bound: a number where all are."""
    return size.substitute(dict(values)) if isinstance(size, Dim) else size
