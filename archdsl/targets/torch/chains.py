"""Pure chains of numbered steps become one call, which is printed as `nn.Sequential(…)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from archdsl.ir.graph import Call, Graph, Input, Layer, Member, Output, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.targets.torch.nodes import changed_node
from archdsl.targets.torch.regions import outline
from archdsl.targets.torch.tape import Tape


def with_chains(graph: Graph) -> Graph:
    """The graph, and all below it, with each container that is a pure chain as a call of a graph of kind `chain`."""
    aliased: set[tuple[int, Path]] = set()
    for one in graph.graphs():
        for path in one.aliases:
            aliased.update(_passed(one, path))
    return _Chains(aliased).graph(graph)


def _passed(graph: Graph, path: Path) -> Iterator[tuple[int, Path]]:
    """The containers on the way to a path, each with the graph that it may be in: a label may reach into a block."""
    for end in range(1, len(path)):
        yield id(graph), path[:end]
        member = graph.members.get(path[:end])
        if isinstance(member, Call):
            yield from _passed(member.graph, path[end:])


class _Chains:
    """`aliased` are the containers that must be there for the second labels of what stands elsewhere."""

    def __init__(self, aliased: set[tuple[int, Path]]) -> None:
        self.aliased = aliased
        self.known: dict[int, tuple[Graph, Graph]] = {}

    def graph(self, graph: Graph) -> Graph:
        found = self.known.get(id(graph))
        if found is None:
            found = self.known[id(graph)] = (graph, self.made(graph))
        return found[1]

    def made(self, graph: Graph) -> Graph:
        members: dict[Path, Member] = {
            path: Call(self.graph(one.graph), one.span) if isinstance(one, Call) else one for path, one in graph.members.items()
        }
        nodes = tuple(changed_node(one, graph=self.graph(one.graph)) if one.graph is not None else one for one in graph.nodes)
        borrowed = tuple((name, self.graph(one) if isinstance(one, Graph) else one) for name, one in graph.borrowed)
        for path in sorted(graph.containers, key=len, reverse=True) if graph.kind != "tangent" else ():
            members, nodes = _outlined(members, nodes, path, graph)
            members, nodes = outline(members, nodes, path, graph)
        outlined = members.keys() - graph.members.keys()
        containers = tuple(
            path
            for path in graph.containers
            if not any(path[:end] in outlined for end in range(1, len(path)))
            and ((id(graph), path) in self.aliased or any(one[: len(path)] == path for one in members))
        )
        kind = graph.kind
        if kind == "block" and graph.loops and not borrowed and not graph.ties and not graph.aliases:
            inputs = graph.input_values
            if len(inputs) == 1 and len(graph.outputs) == 1 and chain(nodes, (), inputs[0], graph.outputs[0].value):
                if len(members) == sum(1 for one in nodes if one.member is not None):
                    kind = "chain"
        return Graph(
            graph.name, kind, graph.inputs, graph.outputs, nodes, members, graph.ties, graph.aliases, borrowed,
            containers, graph.loops, graph.config, graph.parameters, graph.facts, graph.doors, graph.doc, graph.span,
        )  # fmt: skip


def chain(nodes: Sequence[Node], prefix: Path, first: Value, last: Value) -> bool:
    """Whether the nodes, numbered 0, 1, … below `prefix`, pass one value on from step to step and end in `last`."""
    at: Value = first
    for index, node in enumerate(nodes):
        if (
            node.path != (*prefix, str(index))
            or node.operands != (at,)
            or len(node.results) != 1
            or node.leaf
            or node.lent
            or node.graph
            or node.how
        ):
            return False
        if node.op is not None:
            if node.op.random or not _function_module(node):
                return False
        elif node.member != node.path:
            return False
        at = node.results[0]
    inner = Counter(one.name for node in nodes for one in node.operands if isinstance(one, Value))
    return bool(nodes) and at == last and all(count == 1 for count in inner.values())


def _function_module(node: Node) -> str:
    tape = Tape()
    tape.around.symbol = lambda name: "size"
    return str(node.op.module(tape)) if node.op is not None else ""


def _outlined(
    members: dict[Path, Member], nodes: tuple[Node, ...], path: Path, graph: Graph
) -> tuple[dict[Path, Member], tuple[Node, ...]]:
    below = [one for one in members if one[: len(path)] == path]
    inside = [index for index, one in enumerate(nodes) if one.path[: len(path)] == path and len(one.path) > len(path)]
    calls = [index for index, one in enumerate(nodes) if one.member is not None and one.member[: len(path)] == path]
    if (
        not inside
        or not below
        or path in members
        or inside != list(range(inside[0], inside[-1] + 1))
        or not set(calls) <= set(inside)
    ):
        return members, nodes
    if any(len(one) != len(path) + 1 or isinstance(members[one], Parameter) for one in below):
        return members, nodes
    if len(below) != sum(1 for index in inside if nodes[index].member is not None):
        return members, nodes
    region = nodes[inside[0] : inside[-1] + 1]
    first = region[0].operands[0] if region[0].operands else None
    last = region[-1].results[0]
    if not isinstance(first, Value) or not chain(region, path, first, last) or _leaks(region, nodes, graph):
        return members, nodes
    own = {one[len(path) :]: members[one] for one in below}
    stripped = tuple(
        changed_node(one, member=one.member[len(path) :] if one.member is not None else None, path=one.path[len(path) :])
        for one in region
    )
    made = Graph(path[-1], "chain", (Input("x", first),), (Output(None, last),), stripped, own, span=region[0].span)
    new: dict[Path, Member] = {}
    for one, member in members.items():
        if one in below:
            new.setdefault(path, Call(made, region[0].span))
        else:
            new[one] = member
    call = Node((first,), (last,), member=path, path=path, span=region[0].span)
    return new, (*nodes[: inside[0]], call, *nodes[inside[-1] + 1 :])


def _leaks(region: Sequence[Node], nodes: Sequence[Node], graph: Graph) -> bool:
    """Whether a value from the middle of the region is read outside, or a layer of it stands in a scan."""
    middle = {one.name for node in region[:-1] for one in node.results}
    ids = {id(one) for one in region}
    reads = {one.name for node in nodes if id(node) not in ids for one in node.operands if isinstance(one, Value)}
    reads |= {one.value.name for one in graph.outputs}
    bodies = any(node.scan is not None or node.choice is not None for node in nodes)
    layers = any(isinstance(graph.members.get(node.path), Layer) for node in region)
    return bool(middle & reads) or (bodies and layers and _in_bodies(nodes, region))


def _in_bodies(nodes: Sequence[Node], region: Sequence[Node]) -> bool:
    called = {node.member for node in region}
    bodies = [node.scan.body for node in nodes if node.scan] + [
        one for node in nodes if node.choice for one in (node.choice.training, node.choice.evaluation)
    ]
    return any(node.member in called for body in bodies for node in body.nodes)
