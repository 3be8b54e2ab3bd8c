"""Whether two graphs are the same design: the same tensors under the same keys, and the same computation; labels of what owns no
tensors may differ, and `Identity` counts for nothing."""

from __future__ import annotations

from itertools import count
from typing import Any

from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.records import changed


def alike(one: Graph, other: Graph) -> bool:
    """The same design; also where one has an `Identity` in place of a step that the other has not."""
    if one == other:
        return True
    if list(one.tensors()) != list(other.tensors()):
        return False
    known: dict[int, tuple[Graph, Any]] = {}
    return bool(_form(one, known) == _form(other, known))


def _form(graph: Graph, known: dict[int, tuple[Graph, Any]]) -> Any:
    """All that counts of a graph as one value; graphs that are equal have equal forms."""
    if id(graph) not in known:
        known[id(graph)] = (graph, _formed(graph, known))
    return known[id(graph)][1]


def _formed(graph: Graph, known: dict[int, tuple[Graph, Any]]) -> Any:
    numbers: dict[str, int] = {}
    fresh = count()

    def number(value: Any) -> Any:
        if not isinstance(value, Value):
            return value
        if value.name not in numbers:
            numbers[value.name] = next(fresh)
        return "value", numbers[value.name]

    inputs = [(one.name, None if one.value is None else (number(one.value), one.value.type)) for one in graph.inputs]
    owned = [(path, number(one.value), one.init) for path, one in graph.members.items() if isinstance(one, Parameter)]
    nodes = []
    for node in graph.nodes:
        what = _called(graph, node, known)
        operands = [number(one) for one in node.operands]
        if what == "Identity":
            numbers[node.results[0].name] = operands[0][1]
            continue
        nodes.append((what, operands, [(number(one), one.type) for one in node.results]))
    outputs = [(one.name, number(one.value), one.training) for one in graph.outputs]
    return (inputs, owned, nodes, outputs, dict(graph.ties), dict(graph.aliases), graph.doors)


def _called(graph: Graph, node: Node, known: dict[int, tuple[Graph, Any]]) -> Any:
    """What a node does, without where it stands."""
    if node.scan is not None:
        return ("scan", _form(node.scan.body, known), changed(node.scan, body=None))
    if node.choice is not None:
        return ("choice", _form(node.choice.training, known), _form(node.choice.evaluation, known))
    if node.op is not None:
        return node.op
    path = node.member or ()
    owner = graph.aliases.get(path, path)
    member = graph.members.get(owner)
    stateful = [key for key, _ in graph.tensors() if key[: len(owner)] == owner]
    where = (owner if stateful else None, node.leaf, node.lent, None if node.graph is None else _form(node.graph, known))
    if isinstance(member, Call):
        return ("call", _form(member.graph, known), where)
    if isinstance(member, Layer):
        return "Identity" if member.op.name == "Identity" else ("layer", member.op, member.inits, where)
    return ("lent", path, where)
