"""What stands beside a step across the borders of blocks: the layer that makes a value, the layer that takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.passes.site import Site
from archdsl.records import changed, record

Chain = tuple[Path, ...]
"""The blocks that one goes through to come to a step, by their paths."""


@record
class End:
    """A step of a graph, which stands behind `chain`."""

    chain: Chain
    graph: Graph
    node: Node
    shut: str = ""
    """Why nothing may be changed there."""

    @property
    def prefix(self) -> Path:
        """The path of the graph."""
        return tuple(label for path in self.chain for label in path)


def maker(graph: Graph, value: Value, chain: Chain = ()) -> End | None:
    """The step that makes a value; of a block the one inside, where nothing else takes there what it makes."""
    node = next((one for one in graph.nodes if value in one.results), None)
    inner = None if node is None else entered(graph, node)
    if node is None or inner is None:
        return None if node is None else End(chain, graph, node)
    out = inner.outputs[node.results.index(value)].value
    if uses(inner, out) != [None]:
        return End(chain, graph, node)
    through = node.operands[inner.input_values.index(out)] if out in inner.input_values else None
    if isinstance(through, Value) and len(uses(graph, through)) == 1:
        return maker(graph, through, chain)
    return maker(inner, out, (*chain, node.member or ())) or End(chain, graph, node)


def taker(graph: Graph, value: Value, chain: Chain = ()) -> End | None:
    """The only step that takes a value, where there is only one; of a block the one inside."""
    users = uses(graph, value)
    node = users[0] if len(users) == 1 else None
    if node is None:
        return None
    inner = entered(graph, node)
    if inner is None:
        return End(chain, graph, node)
    given = inner.input_values[node.operands.index(value)]
    passed = [out for out, one in zip(node.results, inner.outputs, strict=True) if one.value == given]
    if passed and uses(inner, given) == [None]:
        return taker(graph, passed[0], chain)
    return taker(inner, given, (*chain, node.member or ())) or End(chain, graph, node)


def ends(graph: Graph, node: Node) -> Iterator[tuple[End, Value | None, Value | None]]:
    """The step itself with its first operand and its result; of a block the steps that take one of its operands, and those that
    make one of its results."""
    member = graph.members.get(node.member) if node.member is not None and not node.leaf else None
    if not isinstance(member, Call):
        x = node.operands[0] if node.operands else None
        yield End((), graph, node), x if isinstance(x, Value) else None, node.results[0]
        return
    inner, chain = member.graph, (node.member or (),)
    shut = "" if entered(graph, node) is not None else "its block is called more than once, or lent"
    found: dict[str, tuple[End, Value | None, Value | None]] = {}
    for value, given in zip(node.operands, inner.input_values, strict=False):
        end = taker(inner, given, chain)
        if end is not None and isinstance(value, Value):
            found[str((end.chain, end.node.results))] = (changed(end, shut=end.shut or shut), value, None)
    for value, out in zip(node.results, inner.outputs, strict=False):
        end = maker(inner, out.value, chain) if uses(inner, out.value) == [None] else None
        if end is not None:
            key = str((end.chain, end.node.results))
            found[key] = (changed(end, shut=shut), found[key][1] if key in found else None, value)
    yield from found.values()


def uses(graph: Graph, value: Value) -> list[Node | None]:
    """The steps that take a value, each as often as it does, and None for each output that it is."""
    found: list[Node | None] = [None for one in graph.outputs if one.value == value]
    return [*found, *(node for node in graph.nodes for one in node.operands if one == value)]


def entered(graph: Graph, node: Node) -> Graph | None:
    """The graph of the block that a step calls, where it is that step's alone."""
    member = graph.members.get(node.member) if node.member is not None and not node.leaf else None
    if not isinstance(member, Call) or node.graph is not None or node.lent or node.member in graph.aliases.values():
        return None
    alone = sum(one.member == node.member for one in _every_node(graph)) == 1
    lent = any(node.member in dict(one.lent).values() for one in _every_node(graph))
    plain = member.graph.kind in ("block", "arch") and len(member.graph.input_values) == len(node.operands)
    return member.graph if alone and plain and not lent and not member.graph.borrowed else None


def edited(graph: Graph, chain: Chain, edit: Callable[[Graph], Graph], done: dict[tuple[int, Chain], Graph], site: Site) -> Graph:
    """The graph with the one behind a chain edited. Blocks that were one stay one, where `done` is that of the same edit."""
    if not chain:
        return site.stands_for(edit(graph), graph)
    path, *rest = chain
    member = graph.members[path]
    if not isinstance(member, Call):
        raise TypeError(f"`{'.'.join(path)}` is no block")
    key = (id(member.graph), tuple(rest))
    if key not in done:
        done[key] = edited(member.graph, tuple(rest), edit, done, site)
    return site.stands_for(changed(graph, members={**graph.members, path: changed(member, graph=done[key])}), graph)


def _every_node(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for body in node.bodies:
            yield from _every_node(body)
