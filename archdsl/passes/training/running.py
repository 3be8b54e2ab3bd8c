"""Blocks and labelled groups of a program, run in another way."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.ir.edit import with_bodies
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Node, Path
from archdsl.ir.outlining import outline
from archdsl.passes.labels import edit_chosen
from archdsl.passes.pattern import Refusal
from archdsl.records import changed

Check = Callable[[Graph], str]
"""Of the graph of a block why it cannot be run so; nothing where it can."""


def run_blocks(graph: Graph, patterns: str, how: str, what: str, refusals: list[Refusal] | None, check: Check) -> Graph:
    """The program with the calls of the blocks and groups under these labels run so; `what` they are to be, in words.

    A group becomes a block, with the keys that it has. Raises `ArchError` where no label fits."""
    said = refusals if refusals is not None else []

    def edit(one: Graph, chosen: frozenset[Path]) -> Graph:
        for path in sorted(chosen):
            try:
                one = _with_block(one, path, how, what, check)
            except ValueError as reason:
                refusal = Refusal(how, f"{one.name}.{'.'.join(path)}", str(reason))
                said.extend([refusal] if refusal not in said else [])
        return one

    return edit_chosen(graph, patterns, edit)


def _with_block(graph: Graph, path: Path, how: str, what: str, check: Check) -> Graph:
    path = graph.aliases.get(path, path)
    if path not in graph.members and sum(node.path[: len(path)] == path for node in graph.nodes) > 1:
        graph = outline(graph, path, graph.name + "".join(word.title().replace("_", "") for word in path if not word.isdigit()))
    member = graph.members.get(path)
    if not isinstance(member, Call):
        raise ValueError(f"{what} is a block, or a labelled group of steps")
    if reason := check(member.graph):
        raise ValueError(reason)
    nodes = tuple(_run(one, graph, path, how) for one in graph.nodes)
    if all(one is before for one, before in zip(nodes, graph.nodes, strict=True)):
        return graph
    return changed(graph, nodes=nodes)


def _run(node: Node, graph: Graph, path: Path, how: str) -> Node:
    """The node, where it calls that block, run so; another way of the same kind goes."""
    if node.member is not None and graph.aliases.get(node.member, node.member) == path and not node.leaf:
        differentiated = node.graph is not None and node.graph.kind == "tangent"
        others = tuple(one for one in node.how if one.split()[0] != how.split()[0])
        return node if how in node.how or differentiated else changed(node, how=tuple(sorted((*others, how))))

    def body(one: Graph) -> Graph:
        nodes = tuple(_run(inner, graph, path, how) for inner in one.nodes)
        same = all(a is b for a, b in zip(nodes, one.nodes, strict=True))
        return one if same else changed(one, nodes=nodes)

    return with_bodies(node, body)
