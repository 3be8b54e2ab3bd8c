"""Turns a unit into a graph: names for values, members in the order of `state_dict`, regions into bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from archdsl.elaborate.fault import Fault
from archdsl.elaborate.faults.structure_problems import DuplicateLabel
from archdsl.elaborate.unit import Made, Region, Unit
from archdsl.elaborate.values import Instance
from archdsl.ir.graph import Call, Graph, Input, Layer, Member, Output, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.problems.problem import Label
from archdsl.records import changed


class Names:
    """Gives each value of one graph its final name: the author's, made unique; `x` for what only flows."""

    def __init__(self, hints: Mapping[str, str]) -> None:
        self._hints = hints
        self._final: dict[str, Value] = {}
        self._counts: dict[str, int] = {}
        self._taken: set[str] = set()

    def __call__(self, value: Value) -> Value:
        """The value under its final name."""
        found = self._final.get(value.name)
        if found is None:
            base = self._hints.get(value.name) or "x"
            count = self._counts.get(base, 0)
            name = base if count == 0 else f"{base}_{count}"
            while name in self._taken:
                count += 1
                name = f"{base}_{count}"
            self._counts[base] = count + 1
            self._taken.add(name)
            found = self._final[value.name] = Value(name, value.type)
        return found

    def operand(self, value: Operand) -> Operand:
        """The same for an operand."""
        return self(value) if isinstance(value, Value) else value


def named_nodes(names: Names, nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Nodes whose values have their final names."""
    done = []
    for node in nodes:
        operands = tuple([names(one) if isinstance(one, Value) else one for one in node.operands])
        results = tuple([names(one) for one in node.results])
        called = node.op, node.member, node.scan, node.choice, node.leaf, node.graph, node.lent
        done.append(Node(operands, results, *called, node.path, node.span))
    return tuple(done)


def body_graph(unit: Unit, region: Region, name: str, kind: str, inputs: list[Value], outputs: list[Value]) -> Graph:
    """The graph of a region: its own inputs, then what it captured."""
    names = Names(unit.hints)
    inner = [*inputs, *(value for _, value in region.captured.values())]
    given = tuple(Input(names(one).name, names(one)) for one in inner)
    nodes = named_nodes(names, region.nodes)
    results = tuple(Output(None, names(region.local(one))) for one in outputs)
    return Graph(name=name, kind=kind, inputs=given, outputs=results, nodes=nodes, facts=unit.facts, span=unit.span)


def finish(unit: Unit, outputs: list[tuple[str | None, Value, bool]], several: bool, **more: Any) -> Made:
    """The unit's graph and what it needs from its callers."""
    names = Names(unit.hints)
    inputs = tuple(Input(name, None if value is None else names(value), keyword) for name, value, keyword in unit.inputs)
    state = [(path, member) for path, member in unit.members.items() if isinstance(member, Parameter)]
    for _, member in state:
        names(member.value)
    nodes = named_nodes(names, unit.root.nodes)
    members = {
        path: changed(member, value=names(member.value)) if isinstance(member, Parameter) else member
        for path, member in resolved(unit.members)
    }
    refuse_clashes(unit, members)
    for path in (*unit.aliases, *(path for path, _ in unit.open_aliases)):
        if path not in unit.places:  # it came with a block, which has its containers
            continue
        for depth in range(1, len(path)):
            if path[:depth] not in members:
                unit.containers.setdefault(path[:depth], unit.places[path])
    graph = Graph(
        name=unit.name,
        kind=unit.kind,
        inputs=inputs,
        outputs=tuple(Output(name, names(unit.root.local(value)), training) for name, value, training in outputs),
        nodes=nodes,
        members=ordered(members, unit.containers),
        ties=dict(unit.ties),
        aliases=dict(unit.aliases),
        borrowed=tuple((name, _what(instance)) for name, instance in unit.borrowed.values()),
        containers=tuple(unit.containers),
        loops=tuple(unit.loops),
        facts=unit.facts,
        span=unit.span,
        **more,
    )
    return Made(
        graph=graph,
        borrowed=tuple(unit.borrowed.values()),
        open_ties=tuple(unit.open_ties),
        raised=tuple(unit.raised),
        positive=dict(unit.positive),
        open_aliases=tuple(unit.open_aliases),
        expanded=unit.expanded + len(unit.root.nodes),
        several=several,
    )


def refuse_clashes(unit: Unit, members: Mapping[Path, Member]) -> None:
    """A label may reach into an instance to add a child that is not there. Raises `duplicate-label` where it is."""
    for path in (*members, *unit.aliases):
        for depth in range(1, len(path)):
            holder = members.get(path[:depth])
            if holder is not None and path in unit.places and has_place(holder, path[depth:]):
                raise Fault(
                    DuplicateLabel(
                        at=unit.places[path],
                        what=f"`{'.'.join(path)}` is already the path of something else",
                        label="this label reaches into the instance",
                        others=(Label(unit.places[path[:depth]], f"`{'.'.join(path[depth:])}` belongs to it"),),
                        help="give it a path that the instance does not have",
                    )
                )


def has_place(member: Member, path: Path) -> bool:
    """Whether something of a member stands at a path inside it."""
    if isinstance(member, Layer):
        from archdsl.elaborate.initial import leaves_of  # which makes graphs itself

        # also what PyTorch's module holds as an option, or as None: `Linear(bias=false)` would add a bias that it is given
        return path[0] in member.op.fields or ".".join(path) in (*member.op.parameters(), *leaves_of(type(member.op)))
    if not isinstance(member, Call):
        return True
    graph = member.graph
    if path in graph.members or path in graph.containers or path in graph.aliases:
        return True
    return any(path[: len(inner)] == inner and has_place(one, path[len(inner) :]) for inner, one in graph.members.items())


def _what(instance: Instance) -> Any:
    return instance.graph if instance.graph is not None else instance.op


def resolved(members: Mapping[Path, Member | Instance]) -> Iterable[tuple[Path, Member]]:
    """Declared instances as the members they became at their first use."""
    for path, member in members.items():
        if not isinstance(member, Instance):
            yield path, member
        elif member.graph is not None:
            yield path, Call(member.graph, member.span)
        elif member.op is not None:
            yield path, Layer(member.op, member.result or (), member.span)


def ordered(members: Mapping[Path, Member], containers: Iterable[Path]) -> dict[Path, Member]:
    """Members as `state_dict` lists them: in each container its parameters, its buffers, then its children by first mention."""
    children: dict[Path, dict[str, None]] = {}
    for path in [*members]:
        for depth in range(len(path)):
            children.setdefault(path[:depth], {}).setdefault(path[depth])
    done: dict[Path, Member] = {}

    def visit(path: Path) -> None:
        here = [(*path, name) for name in children.get(path, ())]
        state = {one: members[one] for one in here if isinstance(members.get(one), Parameter)}
        for buffer in (False, True):
            done.update(
                {one: member for one, member in state.items() if isinstance(member, Parameter) and member.buffer is buffer}
            )
        for one in here:
            if one in state:
                continue
            if one in members:
                done[one] = members[one]
            visit(one)

    visit(())
    return done
