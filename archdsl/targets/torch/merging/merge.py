"""Specialisations of one graph, for different given inputs, as one graph: the parameters of all, each step once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Input, Layer, Output, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.records import changed
from archdsl.targets.torch.merging.align import Entry, Env, Vector, align, columns, needed, trace
from archdsl.targets.torch.merging.members import common_mapping, common_members, joined_order
from archdsl.targets.torch.merging.passing import passes
from archdsl.targets.torch.merging.presence import ABSENT, TOLD, UNASKED, Maybe, MaybeOutput, Presence
from archdsl.targets.torch.merging.regions import (
    Context,
    Given,
    Needs,
    Part,
    Ref,
    Step,
    Universe,
    Unmergeable,
    common_path,
    region,
    selected,
)
from archdsl.targets.torch.names import stem_of

Family = tuple[tuple[frozenset[str], Graph], ...]
"""The specialisations of one block, each with the names of the inputs that it is given."""


def given_to(graph: Graph) -> frozenset[str]:
    """The names of the inputs that a specialisation has."""
    return frozenset(one.name for one in graph.inputs if one.value is not None)


class Merging:
    """All merges of one program: equal families are one graph."""

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple[Family, Graph]] = {}

    def merged(self, family: Family) -> Graph:
        """The graph of a family; a graph of which there is one way, as all below it, stays as it is."""
        key = tuple((given, id(graph)) for given, graph in family)
        if key not in self.known:
            self.known[key] = (family, self._merged(family))
        return self.known[key][1]

    def _merged(self, family: Family) -> Graph:
        graphs = [graph for _, graph in family]
        calls = {path: self.merged(self.callees(family, path)) for path in called_paths(graphs)}
        first = graphs[0]
        if len(graphs) == 1 and all(callee_of(first, path) is graph for path, graph in calls.items()):
            return first
        return Merge(family, calls).graph()

    def callees(self, family: Family, path: Path) -> Family:
        """The specialisations of what is called at a path. Where equal inputs ask for different ones, the caller's tell."""
        found: dict[frozenset[str], Graph] = {}
        clash = False
        every: list[tuple[int, Graph]] = []
        for which, (_, graph) in enumerate(family):
            own = [*calls_of(graph, graph.nodes, path)] or [one for one in [callee_of(graph, path)] if one is not None]
            mine: dict[frozenset[str], Graph] = {}
            for one in own:
                mine.setdefault(given_to(one), one)
            every += [(which, one) for one in mine.values()]
        for _, one in every:
            before = found.setdefault(given_to(one), one)
            clash = clash or (before is not one and before != one)
        if not clash:
            return tuple(found.items())
        if path[0] == "":
            raise Unmergeable(f"what the shared layer `{path[1]}` computes depends on more than what it is given itself")
        shared = frozenset.intersection(*(given for given, _ in family))
        return tuple(
            dict.fromkeys((given_to(one) | {told(name) for name in family[which][0] - shared}, one) for which, one in every)
        )


def as_called(graph: Graph) -> Graph:
    """The graph with each block that is called in several ways as one that takes them all; itself where there is none."""
    return Merging().merged(((given_to(graph), graph),))


def told(name: str) -> str:
    """The name of an input that a block is given only to tell by it which way the caller is called."""
    return f"{TOLD}{name}"


def called_paths(graphs: Iterable[Graph]) -> list[Path]:
    """The paths of blocks that the graphs have or borrow."""
    found: dict[Path, None] = {}
    for graph in graphs:
        found.update((path, None) for path, member in graph.members.items() if isinstance(member, Call))
        found.update((("", name), None) for name, what in graph.borrowed if isinstance(what, Graph))
    return list(found)


def callee_of(graph: Graph, path: Path) -> Graph | None:
    """The block at a path of a graph, as it was made."""
    what: Any = dict(graph.borrowed).get(path[1]) if path[0] == "" else graph.members.get(path)
    what = what.graph if isinstance(what, Call) else what
    return what if isinstance(what, Graph) else None


def calls_of(graph: Graph, nodes: Iterable[Node], path: Path) -> Iterator[Graph]:
    """The specialisation of each call of a member, also of those that borrow it."""
    for node in nodes:
        callee = callee_of(graph, node.member) if node.member is not None else None
        if callee is not None and node.graph is not None and node.graph.kind != "tangent":
            callee = node.graph
        if callee is not None and node.member == path:
            yield callee
        for name, lent in node.lent:
            if lent == path and callee is not None:
                yield from calls_of(callee, callee.nodes, ("", name))
        bodies = [node.scan.body] if node.scan else [node.choice.training, node.choice.evaluation] if node.choice else []
        for body in bodies:
            yield from calls_of(graph, body.nodes, path)


class Merge:
    """One family as one graph. `calls` is the merged graph of each block that it calls."""

    def __init__(self, family: Family, calls: Mapping[Path, Graph]) -> None:
        self.graphs = [graph for _, graph in family]
        self.given = [given for given, _ in family]
        self.calls = calls
        everywhere = frozenset.intersection(*self.given)
        self.context = Context([given - everywhere for given in self.given], self.operands)
        self.names: dict[Ref, Value] = {}
        self.taken: set[str] = set()

    def graph(self) -> Graph:
        """The merged graph. Raises `Unmergeable`."""
        envs = {which: self.env(graph) for which, graph in enumerate(self.graphs)}
        for name in self.context.conditions:
            if name.startswith(TOLD):
                self.context.know(("input", name), Value(name, TensorType(())))
        entries = align({which: needed(graph) for which, graph in enumerate(self.graphs)}, self.key)
        trace(entries, envs, self.key)
        self.learn(entries)
        results = self.results(envs)
        universe = frozenset(range(len(self.graphs)))
        part, needs = region(self.context, entries, universe, [self.context.wanted(one) for one in results.values()])
        part.steps[:0] = reversed(selected(self.context, set(self.context.types), needs))
        members = common_members(self.graphs, self.calls)
        inputs = [self.input(one, needs) for one in self.headers()]
        for path, member in members.items():
            if isinstance(member, Parameter):
                ref = needs.open.get(("state", path)) or self.context.ref(("state", path))
                members[path] = changed(member, value=self.value(ref))
        nodes = tuple(self.node(one) for one in part.steps)
        outputs = tuple(
            (MaybeOutput if None in vector.values() else Output)(name, self.value(ref), training)
            for ((_, name, training), vector), ref in zip(results.items(), part.outputs, strict=True)
            if ref is not None
        )
        configs = [dict(graph.config) for graph in self.graphs]
        return changed(
            self.graphs[0],
            inputs=tuple(inputs),
            outputs=outputs,
            nodes=nodes,
            members=members,
            ties=common_mapping(graph.ties for graph in self.graphs),
            aliases=common_mapping(graph.aliases for graph in self.graphs),
            borrowed=tuple(self.borrowed().items()),
            containers=tuple(joined_order([graph.containers for graph in self.graphs])),
            loops=self.graphs[0].loops if all(graph.loops for graph in self.graphs) else (),
            config=tuple(
                (name, one) for name, one in configs[0].items() if all(name in each and each[name] == one for each in configs)
            ),
            doors=tuple(one for one in self.graphs[0].doors if all(one in graph.doors for graph in self.graphs)),
        )

    def results(self, envs: Mapping[int, Env]) -> dict[tuple[int, str | None, bool], Vector]:
        """Where the outputs come from, by place, name and whether they are of training. Some ways may lack some with names."""
        rows = [
            {(one.name, one.training): envs[at][one.value.name] for one in graph.outputs} for at, graph in enumerate(self.graphs)
        ]
        order = joined_order([list(row) for row in rows])
        if order[0][0] is None:
            if len({len(graph.outputs) for graph in self.graphs}) > 1:
                first = self.graphs[0]
                raise Unmergeable(f"how many results `{first.name}` has depends on which optional inputs are given", first.span)
            each = columns({at: [envs[at][one.value.name] for one in graph.outputs] for at, graph in enumerate(self.graphs)})
            return {(place, None, False): one for place, one in enumerate(each)}
        order.sort(key=lambda one: one[1])
        return {(place, *one): {at: row.get(one) for at, row in enumerate(rows)} for place, one in enumerate(order)}

    def env(self, graph: Graph) -> Env:
        """Where the inputs and tensors of one specialisation come from."""
        env: Env = {}
        for one in graph.inputs:
            if one.value is not None:
                env[one.value.name] = ("input", one.name)
                self.context.know(("input", one.name), Value(one.name, one.value.type))
        for path, member in graph.members.items():
            if isinstance(member, Parameter):
                env[member.value.name] = ("state", path)
                self.context.know(("state", path), member.value)
        return env

    def learn(self, entries: Iterable[Entry]) -> None:
        """The types and names of all results."""
        for entry in entries:
            for origin, value in entry.results():
                self.context.know(origin, value)
            for body in entry.bodies:
                self.learn(body.entries)

    def headers(self) -> list[Input]:
        """The inputs in the order of the header, then those that only tell."""
        by_name: dict[str, Input] = {}
        for graph in self.graphs:
            for one in graph.inputs:
                if one.name not in by_name or by_name[one.name].value is None:
                    by_name[one.name] = one
        for name in self.context.conditions:
            if name.startswith(TOLD):
                by_name[name] = Input(name, Value(name, TensorType(())))
        return list(by_name.values())

    def input(self, one: Input, needs: Needs) -> Input:
        """An input, which may be absent at run time where only some specialisations have it."""
        if one.value is None:
            return one
        value = self.value(needs.open.get(("input", one.name)) or self.context.ref(("input", one.name)))
        return (Maybe if one.name in self.context.conditions else Input)(one.name, value, one.keyword, one.carried)

    def borrowed(self) -> dict[str, Graph | Op]:
        """What the caller hands in."""
        found: dict[str, Graph | Op] = {}
        for graph in self.graphs:
            for name, what in graph.borrowed:
                found.setdefault(name, self.calls.get(("", name), what) if isinstance(what, Graph) else what)
        return found

    def called(self, node: Node, which: int) -> Graph | None:
        """The block that a node calls, merged; None where it calls none, or its derivative."""
        if node.member is None or node.leaf or (node.graph is not None and node.graph.kind == "tangent"):
            return None
        return self.calls.get(node.member)

    def specialisation(self, node: Node, which: int) -> Graph:
        """The block as this node calls it."""
        found = node.graph or callee_of(self.graphs[which], node.member or ())
        if found is None:
            raise ValueError("a node that calls no block")
        return found

    def key(self, which: int, node: Node) -> Hashable:
        """Nodes of equal keys are one step."""
        # of a path the container counts: the number of a step may be another one after an `if`
        place = (node.path[:-1], node.span and (node.span.source.name, node.span.start, node.span.end), node.how)
        results = tuple(one.type for one in node.results)
        merged = self.called(node, which)
        if merged is not None:
            names = [one.name for one in self.specialisation(node, which).inputs if one.value is not None]
            always = {one.name for one in merged.inputs if not isinstance(one, Maybe)}
            types = tuple(one and one.type for name, one in zip(names, node.operands, strict=True) if name in always)
            return (place, results, node.member, types, node.lent)
        if node.scan is not None:
            scan = node.scan
            own = tuple(one and one.type for one in node.operands[: len(scan.axes) + scan.carries])
            form = (scan.axes, scan.length, scan.carries, scan.yields, scan.yield_axes, scan.finals, scan.reverse, scan.until)
            return (place, results, form, own)
        if node.choice is not None:
            return (place, results, type(node.choice))
        what = node.op or (node.member, node.leaf, id(node.graph) if node.graph is not None else 0)
        return (place, results, what, node.lent, tuple(self.slot(node, which, at) for at in range(len(node.operands))))

    def slot(self, node: Node, which: int, at: int) -> Hashable:
        """What must agree about one operand of an operator: whether it is there too, unless its absence can be passed on."""
        one = node.operands[at]
        op = node.op
        if op is None and node.member is not None:
            member = self.graphs[which].members.get(node.member)
            op = member.op if isinstance(member, Layer) else None
        if op is not None and at < len(op.tensors) and op.tensors[at].endswith("?"):
            inputs = [None if each is None else each.type for each in node.operands]
            if one is None or passes(op, inputs, [each.type for each in node.results], at):
                return None
        return one if isinstance(one, Number) else one and one.type

    def operands(self, entry: Entry, universe: Universe) -> list[Vector | Number | None]:
        """What stands in each place of an entry, in all of its specialisations."""
        here = [which for which in entry.nodes if which in universe]
        merged = self.called(entry.first, here[0])
        rows: dict[int, list[Any]] = {}
        for which in here:
            node, origins = entry.nodes[which], entry.operands[which]
            if merged is None:
                rows[which] = list(origins[: len(entry.bodies[0].own)] if entry.bodies else origins)
                continue
            names = [one.name for one in self.specialisation(node, which).inputs if one.value is not None]
            said = dict(zip(names, origins, strict=True))
            for name in self.given[which]:
                said[told(name)] = ("input", name)
            rows[which] = [said.get(one.name) for one in merged.inputs if one.value is not None]
        return [self.joined(one) for one in columns(rows)]

    def joined(self, column: Vector) -> Vector | Number | None:
        """One place: a number is the same everywhere."""
        ones = list(column.values())
        if isinstance(ones[0], Number):
            if any(one != ones[0] for one in ones):
                raise Unmergeable("a number stands where there is a tensor, if another set of optional inputs is given")
            return ones[0]
        return None if all(one is None for one in ones) else column

    def value(self, ref: Ref) -> Value:
        """The value under a name that no other has."""
        ref = ref.found()
        found = self.names.get(ref)
        if found is None:
            stem, count = stem_of(ref.hint), 0
            name = stem
            while name in self.taken:
                count += 1
                name = f"{stem}_{count}"
            self.taken.add(name)
            found = self.names[ref] = Value(name, ref.type)
        return found

    def operand(self, one: Given) -> Operand:
        return self.value(one) if isinstance(one, Ref) else one

    def node(self, step: Step) -> Node:
        """A step as a node."""
        results = tuple(map(self.value, step.results))
        if step.entry is None:
            operands = tuple(dict.fromkeys(map(self.operand, step.operands)))
            sides = [self.body(one, "side", "choice") for one in step.bodies]
            path = common_path(one.path for side in sides for one in side.nodes)
            span = next((one.span for side in sides for one in side.nodes), None)
            return Node(operands, results, choice=Presence(sides[0], sides[1], step.asked), path=path, span=span)
        first = step.entry.first
        operands = tuple(map(self.operand, step.operands))
        made = changed(first, operands=operands, results=results)
        if first.scan is not None:
            own = len(step.entry.bodies[0].own)
            captured = tuple(dict.fromkeys(operands[own:]))
            body = self.body(step.bodies[0], first.scan.body.name, "scan", own)
            return changed(made, operands=(*operands[:own], *captured), scan=changed(first.scan, body=body))
        if first.choice is not None:
            sides = [self.body(one, "side", "choice") for one in step.bodies]
            choice = changed(first.choice, training=sides[0], evaluation=sides[1])
            return changed(made, operands=tuple(dict.fromkeys(operands)), choice=choice)
        if self.called(first, 0) is not None:
            return changed(made, graph=None)
        return made

    def given_by(self, part: Part, at: int) -> Value:
        """One output of a body."""
        one = part.outputs[at]
        return self.value(one) if one is not None else UNASKED if at in part.unasked else ABSENT

    def body(self, part: Part, name: str, kind: str, own: int = 0) -> Graph:
        """A body as a graph: its own inputs, then what it captures, under the names that these have outside."""
        values = [self.value(one) for one in part.inputs]
        values = [*values[:own], *dict.fromkeys(values[own:])]
        return Graph(
            name,
            kind,
            tuple(Input(one.name, one) for one in values),
            tuple(Output(None, self.given_by(part, at)) for at in range(len(part.outputs))),
            tuple(map(self.node, part.steps)),
            facts=self.graphs[0].facts,
            span=self.graphs[0].span,
        )
