"""Labelled containers become blocks of their own: what is computed below a label is one call of a class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from archdsl.ir.graph import Call, Graph, Input, Layer, Member, Output, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.targets.torch.classes import camel
from archdsl.targets.torch.merging.presence import Maybe
from archdsl.targets.torch.names import stem_of
from archdsl.targets.torch.nodes import changed_node

Members = dict[Path, Member]


def outline(members: Members, nodes: tuple[Node, ...], path: Path, graph: Graph) -> tuple[Members, tuple[Node, ...]]:
    """The members and nodes with all below `path` in a block; unchanged where that is not one closed stretch of the text."""
    reached = {
        one for one in members
        if one[: len(path)] == path
        and any(isinstance(members.get(one[:end]), (Call, Layer)) for end in range(len(path) + 1, len(one)))
    }  # fmt: skip
    inside = [index for index, one in enumerate(nodes) if one.path[: len(path)] == path and one.member not in reached]
    if len(inside) < 2 or path in members or inside != list(range(inside[0], inside[-1] + 1)):
        return members, nodes
    region = nodes[inside[0] : inside[-1] + 1]
    rest = (*nodes[: inside[0]], *nodes[inside[-1] + 1 :])
    below = {one: member for one, member in members.items() if one[: len(path)] == path}
    moved = {one: member for one, member in below.items() if one not in reached}
    if not moved or not _closed(region, rest, moved) or _only_numbered(region, path):
        return members, nodes

    own = {member.value.name for member in moved.values() if isinstance(member, Parameter)}
    made = {one.name for node in region for one in node.results}
    captured: dict[str, Value] = {}
    for node in region:
        for one in node.operands:
            if isinstance(one, Value) and one.name not in made and one.name not in own:
                captured.setdefault(one.name, one)
    outside = {one.name for node in rest for one in node.operands if isinstance(one, Value)}
    outside |= {one.value.name for one in graph.outputs}
    results = tuple(one for node in region for one in node.results if one.name in outside)
    if not results or own & outside:
        return members, nodes
    cut = len(path)
    own_inputs = {one.value: one for one in graph.inputs if one.value is not None}
    block = Graph(
        region_name(graph.name, path), "block", _inputs(captured.values(), own_inputs),
        tuple(Output(None, one) for one in results),
        tuple(changed_node(one, member=one.member[cut:] if one.member else None, path=one.path[cut:]) for one in region),
        {one[cut:]: member for one, member in moved.items()},
        containers=tuple(one[cut:] for one in graph.containers if len(one) > cut and one[:cut] == path),
        config=graph.config, facts=graph.facts, span=region[0].span,
    )  # fmt: skip
    new: Members = {}
    for label, member in members.items():
        if label in moved:
            new.setdefault(path, Call(block, region[0].span))
        else:
            new[label] = member
    call = Node(tuple(captured.values()), results, member=path, path=path, span=region[0].span)
    return new, (*nodes[: inside[0]], call, *nodes[inside[-1] + 1 :])


def _inputs(values: Iterable[Value], around: Mapping[Value, Input]) -> tuple[Input, ...]:
    """The inputs of the block, under the author's names; those of the graph `around` it may be absent here as there."""
    taken: set[str] = set()
    made = []
    for one in values:
        name, count = stem_of(one.name), 0
        while name in taken:
            count += 1
            name = f"{stem_of(one.name)}_{count}"
        taken.add(name)
        outer = around.get(one)
        kind = Maybe if isinstance(outer, Maybe) else Input
        made.append(kind(name, one, carried=outer is not None and outer.carried))
    return tuple(made)


def region_name(owner: str, path: Path) -> str:
    """`StackBlock` for the container `block.3` of `Stack`."""
    words = [re.sub(r"[_.-]*[0-9]+$", "", label) for label in path]
    return owner + "".join(camel(word) for word in words if word)


def _only_numbered(region: Sequence[Node], path: Path) -> bool:
    """Whether the region is nothing but the calls of the numbered children: a list, which is walked where it stands."""
    return all(node.member is not None and node.member == node.path and len(node.path) == len(path) + 1 for node in region)


def _closed(region: Sequence[Node], rest: Sequence[Node], moved: Members) -> bool:
    for node in region:
        if node.scan is not None or node.choice is not None or node.lent:
            return False
        if node.member is not None and node.member not in moved:
            return False
    for node in rest:
        if node.member in moved or any(one in moved for _, one in node.lent) or node.scan is not None or node.choice is not None:
            return False
    called = {node.member for node in region if node.member is not None}
    plain = [one for one, member in moved.items() if not isinstance(member, Parameter)]
    return bool(called) and len(plain) > 1
