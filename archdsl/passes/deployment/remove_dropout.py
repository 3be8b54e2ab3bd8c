"""The pass `remove-dropout`."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

from archdsl.ir.edit import substitute, with_member, with_op, without_member
from archdsl.ir.graph import Graph, Layer
from archdsl.ops.contract import Op
from archdsl.ops.random.dropout import Drop
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.removing import without_calls
from archdsl.passes.site import Site
from archdsl.records import changed, record


@record
class RemoveDropout(Pass):
    """Takes away what only training does: dropout in all its kinds, also inside of attention and recurrent layers."""

    word: ClassVar[str] = "remove-dropout"
    evaluation: ClassVar[bool] = True

    def edit(self, graph: Graph, site: Site) -> Graph:
        for path, member in graph.members.items():
            if isinstance(member, Layer) and not isinstance(member.op, Drop) and _drops(member.op) and not site.held(path):
                graph = with_member(graph, path, changed(member, op=member.op.changed(dropout=0.0)))
        index = 0
        while index < len(graph.nodes):
            node = graph.nodes[index]
            if node.op is not None and _drops(node.op):
                graph = with_op(graph, index, node.op.changed(dropout=0.0))
            called = site.owner.members.get(site.owner.aliases.get(node.member, node.member)) if node.member is not None else None
            if isinstance(called, Layer) and isinstance(called.op, Drop):
                graph = without_calls(substitute(graph, {node.results[0].name: node.operands[0]}), node)
                continue
            index += 1
        for path, member in graph.members.items():  # those that only bodies called
            if isinstance(member, Layer) and isinstance(member.op, Drop):
                with suppress(ValueError):
                    graph = without_member(graph, path)
        return graph


def _drops(op: Op) -> bool:
    return op.random and bool(getattr(op, "dropout", 0.0))
