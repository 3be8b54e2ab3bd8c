"""Which integer inputs of an arch are positions in something, and how large they may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from archdsl.dims.dim import Size
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.ops.create.filled import Constant

INTEGERS = ("i64", "i32", "i16", "i8", "u8")


def limits(graph: Graph) -> dict[str, list[Size]]:
    """For each input, the sizes that its values must stay below, by the name of its value.

    Followed are operators that only move values (reshaping, slicing, casting, joining); an input that is computed with is bounded
    by what the result would be, which is what a position is.
    """
    memo: dict[int, dict[str, list[Size]]] = {}
    return _limits(graph, graph, memo)


def _limits(graph: Graph, owner: Graph, memo: dict[int, dict[str, list[Size]]]) -> dict[str, list[Size]]:
    if id(graph) in memo:
        return memo[id(graph)]
    found: dict[str, list[Size]] = {}
    memo[id(graph)] = found
    numbers = {node.results[0].name: _greatest(node.op.values) for node in graph.nodes if isinstance(node.op, Constant)}
    for node in reversed(graph.nodes):
        for index, operand in enumerate(node.operands):
            if isinstance(operand, Value) and operand.type.dtype in INTEGERS:
                for size in _asked(node, index, owner, found, memo):
                    if node.op is not None and node.op.name == "add":
                        size = size - _added(node.operands[1 - index], numbers)
                    bounds = found.setdefault(operand.name, [])
                    if size not in bounds:
                        bounds.append(size)
    return found


def _asked(node: Node, index: int, owner: Graph, found: dict[str, list[Size]], memo: dict[int, Any]) -> Iterator[Size]:
    """The bounds that a node sets on its operand of that index."""
    op = node.op or _layer(node, owner)
    if op is not None:
        sizes = op.positions(index, tuple(one.type if one is not None else None for one in node.operands))
        yield from sizes
        for result in node.results:
            if result.type.dtype in INTEGERS and not sizes:
                yield from found.get(result.name, ())
        return
    for inner, names, offset, home in _bodies(node, owner):
        if offset <= index < offset + len(names):
            yield from _limits(inner, home, memo).get(names[index - offset], ())


def _added(other: Operand, numbers: Mapping[str, float]) -> int:
    """The most that the other operand of a sum adds, where it is known: the offsets of several tables in one."""
    if isinstance(other, Value):
        return int(numbers.get(other.name, 0))
    return other.number if isinstance(other, Number) and isinstance(other.number, int) else 0


def _greatest(values: Any) -> float:
    return max(map(_greatest, values), default=0) if isinstance(values, tuple) else float(values)


def _layer(node: Node, owner: Graph) -> Op | None:
    if node.member is None:
        return None
    if node.member[0] == "":
        lent = dict(owner.borrowed).get(node.member[1])
        return lent if isinstance(lent, Op) else None
    member = owner.members.get(node.member) or owner.members.get(owner.aliases.get(node.member, ()))
    return member.op if isinstance(member, Layer) else None


def _bodies(node: Node, owner: Graph) -> Iterator[tuple[Graph, list[str], int, Graph]]:
    """The graphs that a node runs: each with the names of its inputs, by operand, and whose members it calls."""
    if node.scan is not None:
        yield node.scan.body, [one.name for one in node.scan.body.input_values], 0, owner
    elif node.choice is not None:
        side = node.choice.evaluation
        yield side, [one.name for one in side.input_values], 0, owner
    elif node.member is not None:
        member = owner.members.get(node.member) or owner.members.get(owner.aliases.get(node.member, ()))
        graph = node.graph or getattr(member, "graph", None) or dict(owner.borrowed).get(node.member[-1])
        if isinstance(graph, Graph):
            yield graph, [one.name for one in graph.input_values], 0, graph
