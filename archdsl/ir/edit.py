"""Immutable edits: each takes a graph and gives a new one; what cannot be done raises `ValueError` and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.ir.build import in_order
from archdsl.ir.graph import Call, Graph, Layer, Loop, Member, Parameter
from archdsl.ir.node import Choice, Node, Path
from archdsl.ir.splicing import Splice
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.records import changed


def replace_node(graph: Graph, index: int, *nodes: Node) -> Graph:
    """Other nodes in the place of one; who used its results must find them among the new ones' (or be given others first)."""
    return changed(
        graph,
        nodes=(*graph.nodes[:index], *nodes, *graph.nodes[index + 1 :]),
        loops=_stretched(graph.loops, index, len(nodes) - 1),
    )


def with_op(graph: Graph, index: int, op: Op) -> Graph:
    """Another operator in a node, on the same operands."""
    if graph.nodes[index].op is None:
        raise ValueError(f"node {index} calls no operator")
    return replace_node(graph, index, changed(graph.nodes[index], op=op))


def insert_after(graph: Graph, index: int, *nodes: Node) -> Graph:
    """Nodes after one; -1 is the start. They belong to the iteration of a `repeat` that the node belongs to."""
    at = index + 1
    loops = _stretched(graph.loops, index, len(nodes)) if index >= 0 else _shifted(graph.loops, len(nodes))
    return changed(graph, nodes=(*graph.nodes[:at], *nodes, *graph.nodes[at:]), loops=loops)


def remove(graph: Graph, index: int) -> Graph:
    """The graph without a node whose results nobody uses; the member that it called stays."""
    gone = {one.name for one in graph.nodes[index].results}
    used = uses(graph) & gone
    if used:
        raise ValueError(f"{', '.join(sorted(used))} is still used")
    return replace_node(graph, index)


def uses(graph: Graph) -> set[str]:
    """The names of the values that nodes and outputs use."""
    found = {one.name for node in graph.nodes for one in node.operands if isinstance(one, Value)}
    return found | {one.value.name for one in graph.outputs}


def substitute(graph: Graph, values: Mapping[str, Operand]) -> Graph:
    """Every use of a value, by its name, becomes another operand; an output must become a value."""
    outputs = []
    for one in graph.outputs:
        new = values.get(one.value.name, one.value)
        if not isinstance(new, Value):
            raise ValueError(f"the output {one.value.name} would be no value")
        outputs.append(changed(one, value=new))
    nodes = tuple(
        changed(node, operands=tuple(values.get(one.name, one) if isinstance(one, Value) else one for one in node.operands))
        if any(isinstance(one, Value) and one.name in values for one in node.operands) else node
        for node in graph.nodes
    )  # fmt: skip
    return changed(graph, nodes=nodes, outputs=tuple(outputs))


def rename_value(graph: Graph, old: str, new: str) -> Graph:
    """Another name for a value, where it is made and wherever it is used."""
    names = value_names(graph)
    if old not in names:
        raise ValueError(f"there is no value `{old}`")
    if new in names and new != old:
        raise ValueError(f"there is a value `{new}` already")
    return _renamed(graph, {old: new})


def fresh(names: set[str], name: str) -> str:
    """The name, numbered where it is taken; notes it as taken."""
    unique, count = name, 0
    while unique in names:
        count += 1
        unique = f"{name}_{count}"
    names.add(unique)
    return unique


def with_member(graph: Graph, path: Path, member: Member) -> Graph:
    """A member added, or another one in its place."""
    return changed(graph, members=in_order({**graph.members, path: member}))


def without_member(graph: Graph, path: Path) -> Graph:
    """The graph without a member that no node calls, and without its ties."""
    if path not in graph.members:
        raise ValueError(f"there is no member `{'.'.join(path)}`")
    for node in _all_nodes(graph):
        if node.member == path or path in dict(node.lent).values():
            raise ValueError(f"`{'.'.join(path)}` is still called")
    member = graph.members[path]
    if isinstance(member, Parameter) and member.value.name in uses(graph):
        raise ValueError(f"`{'.'.join(path)}` is still read")
    if any(_below(target, path) for target in (*graph.ties.values(), *graph.aliases.values())):
        raise ValueError(f"something is tied to `{'.'.join(path)}`")
    return changed(
        graph,
        members={key: one for key, one in graph.members.items() if key != path},
        ties={key: target for key, target in graph.ties.items() if not _below(key, path)},
    )


def rename_member(graph: Graph, old: Path, new: Path) -> Graph:
    """Another path for a member or container and all that is below; nodes, ties, aliases and bodies follow."""
    if not any(_below(path, old) for path in (*graph.members, *graph.containers)):
        raise ValueError(f"there is nothing at `{'.'.join(old)}`")
    if any(_below(path, new) and not _below(path, old) for path in graph.members):
        raise ValueError(f"there is something at `{'.'.join(new)}` already")
    return _moved(graph, lambda path: (*new, *path[len(old) :]) if _below(path, old) else path)


def inline(graph: Graph, path: Path) -> Graph:
    """The block at a path, its steps now the graph's own, in bodies too; its members keep their full paths, so no key changes."""
    member = graph.members.get(path)
    if not isinstance(member, Call):
        raise ValueError(f"`{'.'.join(path)}` is no block")
    if path in graph.aliases.values():
        raise ValueError(f"`{'.'.join(path)}` has another label")
    if any(path in dict(node.lent).values() for node in _all_nodes(graph)):
        raise ValueError(f"`{'.'.join(path)}` is lent to a block")
    callee = member.graph
    names = value_names(graph)
    state = {one.value.name: fresh(names, one.value.name) for one in callee.members.values() if isinstance(one, Parameter)}
    inner = _moved(callee, lambda one: (*path, *one))
    below = {
        key: changed(one, value=Value(state[one.value.name], one.value.type)) if isinstance(one, Parameter) else one
        for key, one in inner.members.items()
    }
    members: dict[Path, Member] = {}
    for key, one in graph.members.items():
        members.update(below if key == path else {key: one})
    made = changed(
        graph,
        members=in_order(members),
        ties={**graph.ties, **inner.ties},
        aliases={**graph.aliases, **inner.aliases},
        containers=tuple(dict.fromkeys((*graph.containers, path, *inner.containers))),
    )
    for fact in callee.facts.facts:
        made = changed(made, facts=made.facts._and(*fact))
    own = {one.value.name: Value(state[one.value.name], one.value.type) for one in callee.members.values()
           if isinstance(one, Parameter)}  # fmt: skip
    splice = Splice(path, inner, own, lambda one, call: _lent(one, {("", name): lent for name, lent in call.lent}))
    made = changed(made, nodes=tuple(map(splice.node, made.nodes)))
    index = 0
    while index < len(made.nodes):
        node = made.nodes[index]
        if node.member != path or node.leaf:
            if node.member == path:
                made = replace_node(made, index, _leaf_inside(inner, node, path))
            index += 1
            continue
        if node.graph is not None and node.graph != callee:
            raise ValueError(f"`{'.'.join(path)}` is applied to other types in node {index}")
        made, count = _spliced(made, index, inner, state, names)
        index += count
    return made


def with_bodies(node: Node, edit: Callable[[Graph], Graph]) -> Node:
    """The node with the graphs in it edited that call the members of the graph around."""
    return _with_graphs(node, lambda one: one if one is node.graph else edit(one))


def everywhere(graph: Graph, edit: Callable[[Graph], Graph]) -> Graph:
    """The edit made in every graph, callees before callers. What was shared stays shared."""
    done: dict[int, Graph] = {}

    def visit(one: Graph) -> Graph:
        found = done.get(id(one))
        if found is None:
            members = {
                path: changed(member, graph=visit(member.graph))
                if isinstance(member, Call) and visit(member.graph) is not member.graph
                else member
                for path, member in one.members.items()
            }
            borrowed = tuple((name, visit(what) if isinstance(what, Graph) else what) for name, what in one.borrowed)
            nodes = tuple(_with_graphs(node, visit) for node in one.nodes)
            same = (
                all(a is b for a, b in zip(nodes, one.nodes, strict=True))
                and all(members[path] is one.members[path] for path in members)
                and all(a[1] is b[1] for a, b in zip(borrowed, one.borrowed, strict=True))
            )
            found = done[id(one)] = edit(one if same else changed(one, members=members, nodes=nodes, borrowed=borrowed))
        return found

    return visit(graph)


def _with_graphs(node: Node, visit: Callable[[Graph], Graph]) -> Node:
    if node.graph is not None and visit(node.graph) is not node.graph:
        return changed(node, graph=visit(node.graph))
    if node.scan is not None and visit(node.scan.body) is not node.scan.body:
        return changed(node, scan=changed(node.scan, body=visit(node.scan.body)))
    if node.choice is not None:
        sides = visit(node.choice.training), visit(node.choice.evaluation)
        if sides[0] is not node.choice.training or sides[1] is not node.choice.evaluation:
            return changed(node, choice=Choice(*sides))
    return node


def _spliced(graph: Graph, index: int, inner: Graph, state: dict[str, str], names: set[str]) -> tuple[Graph, int]:
    """The call at `index` as the callee's nodes; how many they are."""
    node = graph.nodes[index]
    lent: dict[Path, Path] = {("", name): path for name, path in node.lent}
    made: dict[str, str] = dict(state)
    for one in inner.nodes:
        for value in one.results:
            made[value.name] = fresh(names, value.name)
    given: dict[str, Operand] = {one.name: operand for one, operand in zip(inner.input_values, node.operands, strict=True)}

    def operand(one: Operand) -> Operand:
        if not isinstance(one, Value):
            return one
        return given[one.name] if one.name in given else Value(made[one.name], one.type)

    nodes = tuple(
        changed(
            _lent(one, lent), operands=tuple(map(operand, one.operands)),
            results=tuple(Value(made[value.name], value.type) for value in one.results),
        )
        for one in inner.nodes
    )  # fmt: skip
    loops = tuple(Loop(one.path, tuple((a + index, b + index) for a, b in one.ranges)) for one in inner.loops)
    results = {old.name: operand(new.value) for old, new in zip(node.results, inner.outputs, strict=True)}
    graph = substitute(replace_node(graph, index, *nodes), results)
    return changed(graph, loops=(*graph.loops, *loops)), len(nodes)


def _lent(node: Node, lent: Mapping[Path, Path]) -> Node:
    """A node of a callee that calls what was lent to it, as its caller calls that; its bodies too."""
    member = lent.get(node.member, node.member) if node.member is not None else None
    node = changed(node, member=member, lent=tuple((name, lent.get(path, path)) for name, path in node.lent))
    return _with_graphs(
        node, lambda body: changed(body, nodes=tuple(_lent(one, lent) for one in body.nodes)) if body is not node.graph else body
    )


def _leaf_inside(inner: Graph, node: Node, path: Path) -> Node:
    """A read of a block's tensor as the read of that of its layer."""
    inside = tuple(node.leaf.split("."))
    for end in range(len(inside) - 1, 0, -1):
        if isinstance(inner.members.get((*path, *inside[:end])), (Layer, Call)):
            return changed(node, member=(*path, *inside[:end]), leaf=".".join(inside[end:]))
    raise ValueError(f"`{'.'.join((*path, *inside))}` is read")


def _moved(graph: Graph, move: Callable[[Path], Path]) -> Graph:
    """The graph with every path in it moved; in bodies too, which call the members of the graph around."""

    def node(one: Node) -> Node:
        member = one.member if one.member is None or one.member[:1] == ("",) else move(one.member)
        lent = tuple((name, path if path[:1] == ("",) else move(path)) for name, path in one.lent)
        done = changed(one, member=member, lent=lent, path=one.path if one.path[:1] == ("",) else move(one.path))
        return _with_graphs(done, lambda body: body if body is one.graph else changed(body, nodes=tuple(map(node, body.nodes))))

    return changed(
        graph,
        nodes=tuple(map(node, graph.nodes)),
        members=in_order({move(path): member for path, member in graph.members.items()}),
        ties={move(path): move(target) for path, target in graph.ties.items()},
        aliases={move(path): move(target) for path, target in graph.aliases.items()},
        containers=tuple(map(move, graph.containers)),
        loops=tuple(Loop(one.path and move(one.path), one.ranges) for one in graph.loops),
    )


def _renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    def value(one: Value) -> Value:
        return Value(names[one.name], one.type) if one.name in names else one

    def operand(one: Operand) -> Operand:
        return value(one) if isinstance(one, Value) else one

    return changed(
        graph,
        inputs=tuple(one if one.value is None else changed(one, value=value(one.value)) for one in graph.inputs),
        outputs=tuple(changed(one, value=value(one.value)) for one in graph.outputs),
        nodes=tuple(
            changed(one, operands=tuple(map(operand, one.operands)), results=tuple(map(value, one.results)))
            for one in graph.nodes
        ),
        members={
            path: changed(one, value=value(one.value)) if isinstance(one, Parameter) else one
            for path, one in graph.members.items()
        },
    )


def value_names(graph: Graph) -> set[str]:
    """The names of all values of a graph: inputs, tensors of its own, results."""
    found = {one.name for one in graph.input_values}
    found |= {one.value.name for one in graph.members.values() if isinstance(one, Parameter)}
    return found | {one.name for node in graph.nodes for one in node.results}


def _all_nodes(graph: Graph) -> list[Node]:
    """The nodes of the graph and of its bodies, which call its members."""
    return [*graph.nodes, *_body_nodes(graph)]


def _body_nodes(graph: Graph) -> list[Node]:
    found: list[Node] = []
    for node in graph.nodes:
        bodies = (node.scan.body,) if node.scan else (node.choice.training, node.choice.evaluation) if node.choice else ()
        for body in bodies:
            found += _all_nodes(body)
    return found


def _below(path: Path, above: Path) -> bool:
    return path[: len(above)] == above


def _stretched(loops: tuple[Loop, ...], index: int, more: int) -> tuple[Loop, ...]:
    """The loops where the node at `index` became `more` nodes more."""
    if not more:
        return loops
    return tuple(
        Loop(one.path, tuple((a + more if a > index else a, b + more if b > index else b) for a, b in one.ranges))
        for one in loops
    )


def _shifted(loops: tuple[Loop, ...], more: int) -> tuple[Loop, ...]:
    return tuple(Loop(one.path, tuple((a + more, b + more) for a, b in one.ranges)) for one in loops)
