"""Which specialisations share a class, and what each class stands for."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.ir.graph import Call, Graph, Initializer, Layer, Member, Output, Parameter
from archdsl.ir.node import Node, Path, Scan
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.records import changed
from archdsl.targets.torch.explain import Vector
from archdsl.targets.torch.holes import Holes, is_number, shape_of
from archdsl.targets.torch.names import public_name, safe_name


@dataclass
class Argument:
    """A constructor argument of a class: what it is in each specialisation."""

    name: str
    values: Vector
    stored: bool = False
    """Whether `forward` reads it."""


@dataclass(eq=False)
class Plan:
    """One class of the generated file: all specialisations that it stands for, joined into one graph."""

    name: str
    graphs: list[Graph]
    holes: Holes
    joined: Graph
    calls: dict[Path, tuple[Graph, ...]]
    """For each instance the specialisation it is of, in each specialisation of this class."""
    known: dict[str, Vector]
    """Configuration in force that is known when the module is constructed."""
    free: frozenset[str] = frozenset()
    """Configuration that stays open: its names are known wherever a module is constructed."""
    arguments: dict[str, Argument] = field(default_factory=dict)
    extras: dict[str, Vector] = field(default_factory=dict)
    """Sizes that `forward` needs and its tensors do not tell: arguments of `forward`."""
    taken: set[str] = field(default_factory=set)
    """The names of the file's classes."""
    home: Graph | None = None
    """Of a block with tangents: the block whose module it reads."""
    container: str = "class"
    """What that module is: a `list` where its class is an `nn.Sequential`."""

    @property
    def owner(self) -> Graph:
        """The graph whose members are where the code finds them."""
        return self.home or self.joined

    def at(self, graph: Graph) -> int:
        """Which of the specialisations it is."""
        return next(index for index, one in enumerate(self.graphs) if one is graph)


class Signatures:
    """The structure of graphs: equal for two that one class can stand for."""

    def __init__(self, rigid: frozenset[str]) -> None:
        self.rigid = rigid
        self.known: dict[int, Hashable] = {}
        self.classes: dict[Hashable, int] = {}

    def class_of(self, graph: Graph) -> int:
        """The number of its class; the graphs it calls are classed with it."""
        key = self.known.get(id(graph))
        if key is None:
            key = (graph.name, graph.span, self.graph(graph), id(graph) if "*" in self.rigid or graph.kind == "tangent" else 0)
            self.known[id(graph)] = key
        return self.classes.setdefault(key, len(self.classes))

    def graph(self, graph: Graph) -> Hashable:
        """All of its structure but numbers."""
        number: dict[str, int] = {}

        def named(value: Value) -> Hashable:
            return (number.setdefault(value.name, len(number)), value.type.rank, value.type.dtype)

        inputs = tuple(
            (
                type(one),
                one.name if one.keyword or graph.kind == "arch" else "",
                one.keyword,
                one.carried,
                one.value and named(one.value),
            )
            for one in graph.inputs
        )  # a place is what a caller fills: its name may be that of the first
        members = tuple((path, self.member(one, named)) for path, one in graph.members.items())
        nodes = tuple(self.node(one, named) for one in graph.nodes)
        outputs = tuple((one.name, one.training, named(one.value)) for one in graph.outputs)
        borrowed = tuple((name, self.borrowed(one)) for name, one in graph.borrowed)
        ties = (tuple(graph.ties.items()), tuple(graph.aliases.items()))
        return (graph.kind, inputs, members, nodes, outputs, borrowed, ties, graph.containers)

    def borrowed(self, one: Graph | Op) -> Hashable:
        return ("graph", self.class_of(one)) if isinstance(one, Graph) else ("layer", one.name)

    def member(self, member: Member, named: Any) -> Hashable:
        if isinstance(member, Parameter):
            return ("parameter", named(member.value), member.buffer, member.persistent, self.initializer(member.init))
        if isinstance(member, Layer):
            return (self.op(member.op), tuple((leaf, self.initializer(one)) for leaf, one in member.inits), member.float)
        return self.graph(member.graph) if member.graph.kind == "chain" else self.class_of(member.graph)

    def initializer(self, init: Initializer) -> Hashable:
        args = tuple((name, shape_of(value, True)) for name, value in init.args)
        return (init.name, args, init.graph and self.graph(init.graph))

    def op(self, op: Op) -> Hashable:
        rigid = op.name in self.rigid
        return (type(op), tuple(shape_of(value, rigid) for _, value in op.items()))

    def node(self, node: Node, named: Any) -> Hashable:
        operands = tuple(
            named(one) if isinstance(one, Value) else one and ("number", shape_of(one.number), one.type.dtype)
            for one in node.operands
        )
        what: Hashable = None
        if node.op is not None:
            what = self.op(node.op)
        elif node.scan is not None:
            scan = node.scan
            what = (self.graph(scan.body), scan.axes, scan.carries, scan.yield_axes, scan.finals, scan.reverse, scan.until)
        elif node.choice is not None:
            what = (type(node.choice), self.graph(node.choice.training), self.graph(node.choice.evaluation))
        elif node.graph is not None:
            what = self.class_of(node.graph)
        return (what, node.member, node.leaf, operands, tuple(map(named, node.results)), node.lent, node.path, node.how)


def make_plans(graph: Graph, free: Mapping[str, Any], rigid: frozenset[str]) -> dict[int, Plan]:
    """The plan of every graph below `graph` that becomes a class, by the graph's id; callees before callers."""
    signatures = Signatures(rigid)
    groups: dict[int, list[Graph]] = {}
    for one in instances(graph):
        groups.setdefault(signatures.class_of(one), []).append(one)
    taken: set[str] = set()
    top = signatures.class_of(graph)
    names = {top: public_name(graph.name)}
    taken.add(names[top])
    by_name: dict[str, list[int]] = {}
    for number, graphs in groups.items():
        by_name.setdefault(graphs[0].name, []).append(number)
    for name, numbers in by_name.items():
        for number in sorted(numbers, key=lambda one: len(groups[one][0].members)):
            if number == top:
                continue
            wish = _variant(name, groups[number][0], groups[min(numbers, key=lambda one: len(groups[one][0].members))][0])
            trials = (wish if count == 1 else f"{name}{count}" for count in itertools.count(1))
            names[number] = safe_name(next(one for one in trials if names_free(one, taken)), taken)
            taken.add(names[number])
    plans: dict[int, Plan] = {}
    for number, graphs in groups.items():
        plan = make_plan(names[number], graphs, free)
        plan.taken = taken
        plan.container = "list" if is_numbered(plan.joined) else "class"
        if number == top:  # its caller gives only what stays open
            plan.known = {name: values for name, values in plan.known.items() if name in free}
        plans.update((id(one), plan) for one in graphs)
    return plans


def is_numbered(graph: Graph) -> bool:
    """Whether the class is a list of modules: their labels are 0, 1, …, and it owns nothing else."""
    labels = list(dict.fromkeys(path[0] for path in graph.members))
    modules = all(len(path) > 1 or not isinstance(one, Parameter) for path, one in graph.members.items())
    named = any(len(path) == 1 for path in (*graph.ties, *graph.aliases))
    return len(labels) > 1 and labels == [str(index) for index in range(len(labels))] and modules and not named


def names_free(name: str, taken: set[str]) -> bool:
    """Whether a class may have this name as it is."""
    return safe_name(name) != name or name not in taken


def _variant(name: str, graph: Graph, plainest: Graph) -> str:
    """`BottleneckDownsample` for the variant with a member more."""
    more = [path[0] for path in graph.members if path[0] not in {one[0] for one in plainest.members}]
    return name + camel(more[0]) if more and not more[0].isdigit() else name


def camel(label: str) -> str:
    """`layer_norm` as `LayerNorm`."""
    return "".join(part[:1].upper() + part[1:] for part in label.replace("-", "_").split("_"))


def instances(graph: Graph) -> Iterator[Graph]:
    """The distinct graphs that are called as instances, callees before callers, `graph` last."""
    seen: set[int] = set()

    def below(one: Graph) -> Iterator[Graph]:
        for member in one.members.values():
            if isinstance(member, Call):
                yield from member_graphs(member.graph)
        for node in one.nodes:
            if node.graph is not None:
                yield from member_graphs(node.graph)
            if node.scan is not None:
                yield from below(node.scan.body)
            if node.choice is not None:
                yield from below(node.choice.training)
                yield from below(node.choice.evaluation)

    def member_graphs(one: Graph) -> Iterator[Graph]:
        if id(one) in seen:
            return
        seen.add(id(one))
        yield from below(one)
        if one.kind not in ("chain", "tangent"):
            yield one

    yield from member_graphs(graph)


def make_plan(name: str, graphs: list[Graph], free: Mapping[str, Any]) -> Plan:
    """The graphs, equal but for numbers, as one class."""
    holes = Holes(len(graphs))
    calls: dict[Path, tuple[Graph, ...]] = {}
    joined = join_graphs(tuple(graphs), holes, calls)
    return Plan(name, graphs, holes, joined, calls, known_config(graphs, free), frozenset(free))


def known_config(graphs: list[Graph], free: Mapping[str, Any]) -> dict[str, Vector]:
    """The names of configuration whose values are numbers, or symbols that stay free, in every specialisation."""
    first = graphs[0]
    order = [*first.parameters, *(name for name, _ in first.config if name not in first.parameters)]
    configs = [dict(one.config) for one in graphs]
    out: dict[str, Vector] = {}
    for name in order:
        values = tuple(config.get(name) for config in configs)
        if all(is_number(one) and (not isinstance(one, Dim) or one.symbols <= set(free)) for one in values):
            out[name] = values
    return out


def join_graphs(graphs: tuple[Graph, ...], holes: Holes, calls: dict[Path, tuple[Graph, ...]], prefix: Path = ()) -> Graph:
    """One graph that stands for all; operands and results are those of the first, with joined types."""
    first = graphs[0]
    if len(graphs) == 1:
        _note_calls(first, calls, prefix)
        return first
    members: dict[Path, Member] = {}
    for path in first.members:
        members[path] = _join_members(tuple(one.members[path] for one in graphs), holes, calls, (*prefix, *path))
    nodes = tuple(_join_nodes(ones, holes, calls, prefix) for ones in zip(*(one.nodes for one in graphs), strict=True))
    inputs = tuple(
        changed(ones[0], value=holes.join_value(tuple(one.value for one in ones if one.value)) if ones[0].value else None)
        for ones in zip(*(one.inputs for one in graphs), strict=True)
    )
    outputs = tuple(
        Output(ones[0].name, holes.join_value(tuple(one.value for one in ones)), ones[0].training)
        for ones in zip(*(one.outputs for one in graphs), strict=True)
    )
    return Graph(
        first.name, first.kind, inputs, outputs, nodes, members, first.ties, first.aliases, first.borrowed, first.containers,
        first.loops, (), first.parameters, first.facts, first.doors, first.doc, first.span,
    )  # fmt: skip


def _note_calls(graph: Graph, calls: dict[Path, tuple[Graph, ...]], prefix: Path) -> None:
    for path, member in graph.members.items():
        if isinstance(member, Call):
            if member.graph.kind == "chain":
                _note_calls(member.graph, calls, (*prefix, *path))
            else:
                calls[(*prefix, *path)] = (member.graph,)


def _join_members(members: tuple[Member, ...], holes: Holes, calls: dict[Path, tuple[Graph, ...]], path: Path) -> Member:
    first = members[0]
    if isinstance(first, Layer):
        return Layer(
            holes.join_op(tuple(one.op for one in members if isinstance(one, Layer)), _hint(path)),
            first.inits,
            first.span,
            first.float,
        )
    if isinstance(first, Parameter):
        value = holes.join_value(tuple(one.value for one in members if isinstance(one, Parameter)))
        inits = tuple(one.init.graph for one in members if isinstance(one, Parameter) and one.init.graph is not None)
        init = changed(first.init, graph=join_graphs(inits, holes, {})) if inits else first.init
        return Parameter(value, init, first.buffer, first.persistent, first.span)
    graphs = tuple(one.graph for one in members if isinstance(one, Call))
    if first.graph.kind == "chain":
        return Call(join_graphs(graphs, holes, calls, path), first.span)
    calls[path] = graphs
    return first


def _hint(path: Path) -> str:
    return "_".join(part for part in path if not part.isdigit())


def _join_nodes(nodes: tuple[Node, ...], holes: Holes, calls: dict[Path, tuple[Graph, ...]], prefix: Path) -> Node:
    first = nodes[0]
    operands = tuple(holes.join_operand(ones) for ones in zip(*(one.operands for one in nodes), strict=True))
    results = tuple(holes.join_value(ones) for ones in zip(*(one.results for one in nodes), strict=True))
    op = holes.join_op(tuple(one.op for one in nodes if one.op), "") if first.op else None
    scan, choice = first.scan, first.choice
    if scan is not None:
        scans = [one.scan for one in nodes if one.scan]
        body = join_graphs(tuple(one.body for one in scans), holes, calls, prefix)
        length = holes.join(tuple(one.length for one in scans), "length")
        scan = Scan(body, scan.axes, length, scan.carries, scan.yields, scan.yield_axes, scan.finals, scan.reverse, scan.until)
    if choice is not None:
        choices = [one.choice for one in nodes if one.choice]
        choice = changed(
            choices[0],
            training=join_graphs(tuple(one.training for one in choices), holes, calls, prefix),
            evaluation=join_graphs(tuple(one.evaluation for one in choices), holes, calls, prefix),
        )
    return Node(operands, results, op, first.member, scan, choice, first.leaf, first.graph, first.lent, first.path, first.span,
                first.how)  # fmt: skip
