"""Puts a graph of one step together: what it takes and gives, what is left of its nodes, what its members have become."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.ir.graph import Call, Graph, Input, Layer, Member, Output
from archdsl.ir.node import Choice, Node, Path
from archdsl.passes.scans.loop import needed
from archdsl.passes.streaming.streaming_problems import CannotStream
from archdsl.passes.streaming.writer import NOWHERE, Writer
from archdsl.problems.problem import ArchError
from archdsl.records import changed


def finished(writer: Writer, graph: Graph, inputs: list[Input], outputs: list[Output], name: str = "") -> Graph:
    """The graph of a step; its carries come behind its inputs and its outputs, of an arch under names of their own."""
    taken = {*(one.name for one in inputs), *(one.name for one in outputs)}
    for one in writer.carried:
        label = _free(one.name.replace(".", "_"), taken)
        if one.before is not None:
            inputs.append(Input(label, one.before, carried=True))
        outputs.append(Output(_free(f"next_{label}", taken) if graph.kind == "arch" else None, one.after))
    made = changed(
        graph,
        name=name or graph.name,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        nodes=tuple(needed(writer.nodes, {one.value.name for one in outputs})),
        loops=(),
        facts=writer.length.facts(graph.facts),
        doors=tuple(one for one in graph.doors if not writer.length.told(one)),
        config=tuple((key, value) for key, value in graph.config if not writer.length.told(value)),
    )
    return _settled(writer, made) if graph is writer.owner else made


def _free(name: str, taken: set[str | None]) -> str:
    """The name, numbered where there is one already."""
    label, count = name, 1
    while label in taken:
        count += 1
        label = f"{name}_{count}"
    taken.add(label)
    return label


def _settled(writer: Writer, graph: Graph) -> Graph:
    """The members as the nodes call them now."""
    wanted: dict[Path, list[Graph]] = {path: [made] for path, made in writer.lent.items() if path[:1] != ("",)}
    old = writer.owner.members

    def note(node: Node) -> Node:
        path = writer.owner.aliases.get(node.member, node.member) if node.member is not None else ()
        member = old.get(path)
        if isinstance(member, Call) and not node.leaf:
            ones = wanted.setdefault(path, [])
            what = member.graph if _is_tangent(node) else node.graph or member.graph
            if not any(what is one for one in ones):
                ones.append(what)
        return node

    def place(node: Node) -> Node:
        path = writer.owner.aliases.get(node.member, node.member) if node.member is not None else ()
        if path in wanted and not node.leaf and not _is_tangent(node):
            what = node.graph or old[path].graph  # type: ignore[union-attr]
            node = changed(node, graph=None if what is wanted[path][0] else what)
        return _with_states(writer, node)

    for one in graph.nodes:
        _everywhere(one, note)
    before = {id(one.graph) for one in _all(writer.owner) if one.graph is not None}
    for path, ones in wanted.items():
        member = old[path]
        known = before | ({id(member.graph)} if isinstance(member, Call) else set())
        if len(ones) > 1 and any(id(one) not in known for one in ones):
            what = f"`{'.'.join(path)}` is called with the sequence and with a tensor that is no part of it"
            span = member.span or graph.span or NOWHERE
            raise ArchError((CannotStream(at=span, what=what, help="give each of the calls an instance of its own"),))
    members: dict[Path, Member] = {}
    for path, member in old.items():
        if isinstance(member, Call) and path in wanted:
            member = changed(member, graph=wanted[path][0])
        elif isinstance(member, Layer) and path in writer.layers:
            member = changed(member, op=writer.layers[path])
        members[path] = member
    borrowed = {path[1]: made for path, made in writer.lent.items() if path[:1] == ("",)}
    return changed(
        graph,
        members=members,
        nodes=tuple(_everywhere(one, place) for one in graph.nodes),
        borrowed=tuple((name, borrowed.get(name, what)) for name, what in graph.borrowed),
    )


def _is_tangent(node: Node) -> bool:
    """Whether a node takes the derivative of the block that it calls, in whose instance that stays."""
    return node.graph is not None and node.graph.kind == "tangent"


def _with_states(writer: Writer, node: Node) -> Node:
    """Another call of a layer that gives its states too."""
    op = writer.layers.get(node.member or ())
    if op is None or node.leaf:
        return node
    types = op.infer(writer.context, *(None if one is None else one.type for one in node.operands))
    more = tuple(writer.value("state", one) for one in types[len(node.results) :])
    return changed(node, results=(*node.results, *more))


def _all(graph: Graph) -> list[Node]:
    found: list[Node] = []

    def note(node: Node) -> Node:
        found.append(node)
        return node

    for one in graph.nodes:
        _everywhere(one, note)
    return found


def _everywhere(node: Node, edit: Callable[[Node], Node]) -> Node:
    """The edit made in a node and in the bodies below it that call members of the same graph."""

    def body(graph: Graph) -> Graph:
        nodes = tuple(_everywhere(one, edit) for one in graph.nodes)
        return graph if all(a is b for a, b in zip(nodes, graph.nodes, strict=True)) else changed(graph, nodes=nodes)

    if node.scan is not None:
        inner = body(node.scan.body)
        node = node if inner is node.scan.body else changed(node, scan=changed(node.scan, body=inner))
    if node.choice is not None:
        sides = body(node.choice.training), body(node.choice.evaluation)
        if sides[0] is not node.choice.training or sides[1] is not node.choice.evaluation:
            node = changed(node, choice=Choice(*sides))
    return edit(node)
