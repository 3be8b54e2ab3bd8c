"""What a carry starts from is computed where the carry is absent, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.passes.streaming.start import Start
from archdsl.targets.torch.statements import Block

if TYPE_CHECKING:
    from archdsl.targets.torch.forward import Forward


def split(graph: Graph, nodes: Sequence[Node]) -> tuple[list[Node], dict[int, list[Node]]]:
    """The nodes of every step, and by the id of each start those that it alone needs, in order."""
    starts = [node for node in nodes if isinstance(node.op, Start) and node.operands[0] is not None]
    if not starts:
        return list(nodes), {}
    users: dict[str, set[int]] = {one.value.name: {0} for one in graph.outputs}
    for node in nodes:
        for one in node.operands:
            if isinstance(one, Value):
                users.setdefault(one.name, set()).add(id(node))
    before: dict[int, list[Node]] = {}
    taken: set[int] = set()
    for start in starts:
        mine = {id(start)}
        found: list[Node] = []
        for node in reversed(nodes):
            if not isinstance(node.op, Start) and all(users.get(one.name, {0}) <= mine for one in node.results):
                mine.add(id(node))
                found.append(node)
        before[id(start)] = found[::-1]
        taken |= mine - {id(start)}
    return [node for node in nodes if id(node) not in taken], before


def write_start(forward: Forward, node: Node, before: Sequence[Node]) -> None:
    """`if h is None: h = …`."""
    carry, start = node.operands
    if not isinstance(carry, Value) or not isinstance(start, Value):
        raise ValueError("a carry and its start are tensors")
    function = forward.function
    local = function.locals[carry.name]
    outer, shapes, kept = function.statements, len(function.shapes), function.locals
    function.statements, function.locals = [], dict(kept)
    for one in before:
        forward.node(one)
    function.add((local,), function.locals[start.name], forward.note((start.type,), node.span))
    body, function.statements, function.locals = function.statements, outer, kept
    del function.shapes[shapes:]
    function.statements.append(Block(f"if {local} is None:", body, state=(local,)))
    function.locals[node.results[0].name] = local
    function.shapes.append((local, start.type))
