"""A labelled group of steps as a block of its own: the reverse of `edit.inline`, so that no key changes."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.ir.build import in_order
from archdsl.ir.edit import with_bodies
from archdsl.ir.graph import Call, Graph, Input, Loop, Member, Output, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.records import changed


def outline(graph: Graph, path: Path, name: str) -> Graph:
    """The graph with the steps below a container as the call of a block. Raises `ValueError` where they are no closed stretch."""
    inside = [index for index, node in enumerate(graph.nodes) if node.path[: len(path)] == path]
    if not inside:
        raise ValueError("it has no steps")
    start, end = inside[0], inside[-1] + 1
    if inside != list(range(start, end)):
        raise ValueError("other steps stand between its steps")
    region, rest = graph.nodes[start:end], (*graph.nodes[:start], *graph.nodes[end:])
    below = {one: member for one, member in graph.members.items() if one[: len(path)] == path}
    _check_closed(graph, region, rest, below)
    made = {one.name for node in region for one in node.results}
    own = {one.value.name for one in below.values() if isinstance(one, Parameter)}
    outside = {one.name for node in rest for one in node.operands if isinstance(one, Value)}
    outside |= {one.value.name for one in graph.outputs}
    if own & outside:
        raise ValueError("a tensor of its own is read outside")
    given = dict.fromkeys(
        one for node in region for one in node.operands if isinstance(one, Value) and one.name not in made | own
    )
    results = tuple(one for node in region for one in node.results if one.name in outside)
    if not results:
        raise ValueError("nothing uses what it gives")
    cut = len(path)
    block = Graph(
        name, "block", _inputs(tuple(given)), tuple(Output(None, one) for one in results),
        tuple(_moved(one, cut) for one in region), in_order({one[cut:]: member for one, member in below.items()}),
        containers=tuple(one[cut:] for one in graph.containers if len(one) > cut and one[:cut] == path),
        loops=_inner_loops(graph.loops, start, end, cut), config=graph.config, facts=graph.facts, span=region[0].span,
    )  # fmt: skip
    members: dict[Path, Member] = {}
    for one, member in graph.members.items():
        members.setdefault(path, Call(block, region[0].span)) if one in below else members.setdefault(one, member)
    members.setdefault(path, Call(block, region[0].span))
    call = Node(tuple(given), results, member=path, path=path, span=region[0].span)
    return changed(
        graph, nodes=(*graph.nodes[:start], call, *graph.nodes[end:]), members=in_order(members),
        containers=tuple(one for one in graph.containers if one[:cut] != path), loops=_outer_loops(graph.loops, start, end),
    )  # fmt: skip


def _check_closed(graph: Graph, region: Sequence[Node], rest: Sequence[Node], below: dict[Path, Member]) -> None:
    for node in _with_bodies(region):
        for called in (node.member, *(lent for _, lent in node.lent)):
            if called is not None and called not in below:
                raise ValueError("it calls a layer that stands elsewhere")
    for node in _with_bodies(rest):
        if node.member in below or any(lent in below for _, lent in node.lent):
            raise ValueError("a layer of it is called from elsewhere")
    if any(target in below for target in graph.aliases.values()):
        raise ValueError("a layer of it has another label")


def _with_bodies(nodes: Sequence[Node]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        found += [node, *(one for body in node.bodies for one in _with_bodies(body.nodes))]
    return found


def _moved(node: Node, cut: int) -> Node:
    """The node where paths start `cut` segments further down; its bodies call the members of the same graph."""

    def body(one: Graph) -> Graph:
        return changed(one, nodes=tuple(_moved(inner, cut) for inner in one.nodes))

    node = changed(
        node, member=node.member[cut:] if node.member is not None else None, path=node.path[cut:],
        lent=tuple((name, lent[cut:]) for name, lent in node.lent),
    )  # fmt: skip
    return with_bodies(node, body)


def _inputs(values: Sequence[Value]) -> tuple[Input, ...]:
    taken = {one.name for one in values}
    made = []
    for one in values:
        stem = one.name.rstrip("0123456789").rstrip("_") or one.name
        name = one.name if stem in taken else stem
        taken.add(name)
        made.append(Input(name, one))
    return tuple(made)


def _inner_loops(loops: Sequence[Loop], start: int, end: int, cut: int) -> tuple[Loop, ...]:
    return tuple(
        Loop(one.path[cut:] or None if one.path else None, tuple((a - start, b - start) for a, b in one.ranges))
        for one in loops
        if all(start <= a and b <= end for a, b in one.ranges)
    )


def _outer_loops(loops: Sequence[Loop], start: int, end: int) -> tuple[Loop, ...]:
    """Loops that stand outside, or whose iterations hold the whole stretch."""
    gone = end - start - 1
    kept = []
    for one in loops:
        if all(b <= start or a >= end or (a <= start and end <= b) for a, b in one.ranges):
            kept.append(Loop(one.path, tuple((a - gone if a >= end else a, b - gone if b >= end else b) for a, b in one.ranges)))
    return tuple(kept)
