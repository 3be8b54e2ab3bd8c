"""A program in half precision as the same steps in the program's float type: what its results are measured against."""

from __future__ import annotations

from archdsl.dims.dtype import FLOAT
from archdsl.dims.shape import TensorType
from archdsl.ir.edit import everywhere
from archdsl.ir.graph import Graph, Layer, Member, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.records import changed

HALVES = ("bf16", "f16")


def halves(graph: Graph) -> set[str]:
    """The types of half precision in which layers of the program compute."""
    layers = (one for below in graph.graphs() for one in below.members.values() if isinstance(one, Layer))
    return {one.float for one in layers} & set(HALVES)


def in_float(graph: Graph) -> Graph:
    """The program with all that is in half precision in its float type; the casts between them change nothing then."""
    return everywhere(graph, _whole)


def _whole(graph: Graph) -> Graph:
    return changed(
        graph,
        inputs=tuple(one if one.value is None else changed(one, value=_value(one.value)) for one in graph.inputs),
        outputs=tuple(changed(one, value=_value(one.value)) for one in graph.outputs),
        nodes=tuple(map(_node, graph.nodes)),
        members={path: _member(one) for path, one in graph.members.items()},
    )


def _member(member: Member) -> Member:
    if isinstance(member, Layer):
        return changed(member, float=FLOAT) if member.float in HALVES else member
    return changed(member, value=_value(member.value)) if isinstance(member, Parameter) else member


def _node(node: Node) -> Node:
    op = node.op
    if op is not None and getattr(op, "dtype", None) in HALVES:
        op = op.changed(dtype=FLOAT)
    return changed(node, op=op, operands=tuple(map(_operand, node.operands)), results=tuple(map(_value, node.results)))


def _operand(one: Operand) -> Operand:
    if isinstance(one, Number):
        return Number(one.number, _type(one.type))
    return one and _value(one)


def _value(one: Value) -> Value:
    return Value(one.name, _type(one.type))


def _type(type: TensorType) -> TensorType:
    return TensorType(type.shape, FLOAT) if type.dtype in HALVES else type
