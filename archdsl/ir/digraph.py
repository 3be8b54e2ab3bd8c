"""A graph as a networkx MultiDiGraph, for questions that graph theory answers: dominators, matching, condensation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.value import Value

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph) -> networkx.MultiDiGraph[Any]:
    """One graph, not those below: an edge for each use of a value.

    Vertices are `("input", name)`, `("parameter", path)`, node indices, and `("output", i)`. Each has `kind`
    (`input`, `parameter`, `op`, `member`, `scan`, `choice`, `output`), `op` (the operator's name or None), `member` and `label`
    (dotted paths), `types` (of its results) and, for a node, `node`. An edge has `value` (its name), `type`, `operand`, `result`
    (indices).
    """
    import networkx

    made = networkx.MultiDiGraph(name=graph.name)
    source: dict[str, tuple[Any, int]] = {}
    for one in graph.inputs:
        if one.value is not None:
            made.add_node(("input", one.name), kind="input", op=None, member=None, label=one.name, types=(one.value.type,))
            source[one.value.name] = ("input", one.name), 0
    for path, member in graph.members.items():
        if isinstance(member, Parameter):
            label = ".".join(path)
            made.add_node(("parameter", label), kind="parameter", op=None, member=label, label=label, types=(member.value.type,))
            source[member.value.name] = ("parameter", label), 0
    for index, node in enumerate(graph.nodes):
        kind = (
            "op"
            if node.op is not None
            else "scan"
            if node.scan is not None
            else "choice"
            if node.choice is not None
            else "member"
        )
        called = graph.members.get(node.member) if node.member is not None else None
        op = node.op if node.op is not None else getattr(called, "op", None)
        made.add_node(
            index, kind=kind, op=op.name if op is not None else None, member=".".join(node.member or ()).lstrip(".") or None,
            label=".".join(node.path), types=tuple(one.type for one in node.results), node=node,
        )  # fmt: skip
        for place, operand in enumerate(node.operands):
            if isinstance(operand, Value):
                _edge(made, source, operand, index, place)
        source.update((one.name, (index, place)) for place, one in enumerate(node.results))
    for place, out in enumerate(graph.outputs):
        made.add_node(
            ("output", place), kind="output", op=None, member=None, label=out.name or str(place), types=(out.value.type,)
        )
        _edge(made, source, out.value, ("output", place), 0)
    return made


def _edge(made: Any, source: dict[str, tuple[Any, int]], value: Value, target: Any, operand: int) -> None:
    start, result = source[value.name]
    made.add_edge(start, target, value=value.name, type=value.type, operand=operand, result=result)
