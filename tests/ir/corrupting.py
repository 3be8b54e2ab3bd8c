"""How a corruption is stated, and short ways to change one part of a graph."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.dims.shape import TensorType
from archdsl.ir.edit import replace_node
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.ops.registry import find
from archdsl.records import changed

Corrupt = Callable[[Graph], Graph]
CORRUPTIONS: dict[str, tuple[str, Corrupt]] = {}


def breaks(rule: str) -> Callable[[Corrupt], Corrupt]:
    """The corruption must be found by that invariant."""

    def note(corrupt: Corrupt) -> Corrupt:
        CORRUPTIONS[corrupt.__name__] = (rule, corrupt)
        return corrupt

    return note


def op(name: str, **args):
    kind = find(name)
    assert kind is not None
    return kind(**args)


def at(graph: Graph, test: Callable[[Node], bool]) -> int:
    """The index of the first such node."""
    return next(index for index, node in enumerate(graph.nodes) if test(node))


def node(graph: Graph, test: Callable[[Node], bool], /, **values) -> Graph:
    """The graph with other fields in the first such node."""
    index = at(graph, test)
    return replace_node(graph, index, changed(graph.nodes[index], **values))


def calls(*path: str) -> Callable[[Node], bool]:
    return lambda one: one.member == path and not one.leaf


def runs(name: str) -> Callable[[Node], bool]:
    return lambda one: one.op is not None and one.op.name == name


def member(graph: Graph, path: str, /, **values) -> Graph:
    key = tuple(path.split("."))
    return changed(graph, members={**graph.members, key: changed(graph.members[key], **values)})


def callee(graph: Graph, path: str, /, **values) -> Graph:
    """The graph with other fields in the block at a path."""
    inner = graph.members[tuple(path.split("."))]
    assert isinstance(inner, Call)
    return member(graph, path, graph=changed(inner.graph, **values))


def scan(graph: Graph, /, **values) -> Graph:
    """The graph with other fields in the scan of its block `recur`."""
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    index = at(inner.graph, lambda one: one.scan is not None)
    old = inner.graph.nodes[index]
    return member(graph, "recur", graph=replace_node(inner.graph, index, changed(old, scan=changed(old.scan, **values))))


def body(graph: Graph, /, **values) -> Graph:
    """The graph with other fields in the body of that scan."""
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    old = inner.graph.nodes[at(inner.graph, lambda one: one.scan is not None)]
    assert old.scan is not None
    return scan(graph, body=changed(old.scan.body, **values))


def step_of(graph: Graph) -> Graph:
    inner = graph.members["recur",]
    assert isinstance(inner, Call)
    found = inner.graph.nodes[at(inner.graph, lambda one: one.scan is not None)].scan
    assert found is not None
    return found.body


def retyped(value: Value, *shape, dtype: str = "float") -> Value:
    return Value(value.name, TensorType(shape, dtype))
