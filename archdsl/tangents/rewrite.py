"""Graphs rewritten to give tangents: node by node, through blocks, scans and choices; no Jacobian is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.edit import fresh
from archdsl.ir.graph import Call, Graph, Input, Loop, Output, Parameter
from archdsl.ir.node import Choice, Node, Path, Scan
from archdsl.ir.value import Value
from archdsl.ops.checks import FLOATS
from archdsl.ops.contract import Context, Op
from archdsl.records import changed, record
from archdsl.tangents.trace import Traced, Writer, rule, zeros_like

Lookup = Callable[[Path], "Op | Graph"]
"""What a node calls by its member."""
Mask = tuple[bool, ...]
"""Which values have a tangent."""


class TooMany(Exception):
    """More nodes than are allowed."""


@record
class Made:
    """A graph with tangents: its inputs are those of the first one, then the tangents of those in the mask; its outputs
    likewise, with `outputs` telling which have one."""

    graph: Graph
    outputs: Mask


class Tangents:
    """Rewrites graphs; equal calls share one graph. `float` is the program's float type."""

    def __init__(self, float: str = "f32", limit: int | None = None) -> None:
        self.float = float
        self.limit = limit
        """How many nodes it may write before it raises `TooMany`."""
        self.written = 0
        self._made: dict[tuple[int, Mask], tuple[Graph, Made]] = {}

    def graph(self, graph: Graph, given: Mask) -> Made:
        """A block with tangents of the inputs in `given`, and of the outputs that depend on them. Raises `NoTangent`."""
        key = (id(graph), given)
        if key not in self._made:
            self._made[key] = (graph, self.rewritten(graph, given, members(graph)))
        return self._made[key][1]

    def rewritten(self, graph: Graph, given: Mask, lookup: Lookup, wanted: Mask = ()) -> Made:
        """The same for a block or a body, whose nodes call what `lookup` finds; what is `wanted` has a tangent, if of zeros."""
        names = {one.name for one in graph.input_values} | {one.name for node in graph.nodes for one in node.results}
        names |= {one.value.name for one in graph.members.values() if isinstance(one, Parameter)}
        writing = Rewriting(self, graph.facts, lookup, lambda type, hint: Value(fresh(names, hint), type))
        tangents = {}
        for one, has in zip(graph.input_values, given, strict=True):
            if has:
                tangents[one.name] = Value(fresh(names, f"d_{one.name}"), one.type)
        writing.tangents.update(tangents)
        starts = [writing.node(node) for node in graph.nodes]
        results = [one.value for one in graph.outputs]
        wanted = wanted or (False,) * len(results)
        found = [writing.tangent(one, must) for one, must in zip(results, wanted, strict=True)]
        extra = tuple(
            Output(f"d_{one.name}" if one.name else None, d, one.training)
            for one, d in zip(graph.outputs, found, strict=True) if d is not None
        )  # fmt: skip
        nodes, kept = writing.writer.finished({one.value.name for one in (*graph.outputs, *extra)})
        total = [0, *accumulate(kept)]
        ends = [total[at] for at in (*starts, len(kept))]
        loops = tuple(Loop(one.path, tuple((ends[a], ends[b]) for a, b in one.ranges)) for one in graph.loops)
        more = tuple(Input(one.name, one) for one in tangents.values())
        kind = "tangent" if graph.kind in ("block", "arch") else graph.kind
        outputs = (*graph.outputs, *extra)
        made = changed(graph, kind=kind, inputs=(*graph.inputs, *more), outputs=outputs, nodes=nodes, loops=loops, doors=())
        return Made(made, tuple(d is not None for d in found))


def members(owner: Graph) -> Lookup:
    """What the members of a graph are, and the layers that it borrows."""
    borrowed = dict(owner.borrowed)

    def found(path: Path) -> Op | Graph:
        if path[0] == "" and len(path) == 2:
            return borrowed[path[1]]
        one = owner.members[owner.aliases.get(path, path)]
        if isinstance(one, Parameter):
            raise LookupError(f"`{'.'.join(path)}` is a tensor")
        return one.graph if isinstance(one, Call) else one.op

    return found


class Rewriting:
    """Rewrites the nodes of one graph, in order. `tangents` are those of its values, by name; `new` makes values."""

    def __init__(self, made: Tangents, facts: Facts, lookup: Lookup, new: Callable[[TensorType, str], Value]) -> None:
        self.made = made
        self.lookup = lookup
        self.writer = Writer(new, Context(facts, made.float))
        self.writer.scanned = self._scanned
        self.tangents: dict[str, Value] = {}
        self.counted = 0
        """How many of the nodes written are in the count of all."""
        self.count = 0
        """How many nodes the graphs called have that were made."""

    def node(self, node: Node) -> int:
        """Write a node and the tangents of its results; how many nodes there were before."""
        start = len(self.writer.nodes)
        self.made.written += start - self.counted
        self.counted = start
        if self.made.limit is not None and self.made.written > self.made.limit:
            raise TooMany
        writer = self.writer
        writer.path, writer.span = node.path, node.span
        writer.hint = f"d_{node.results[0].name}" if node.results else "d"
        if node.leaf or not any(isinstance(one, Value) and one.name in self.tangents for one in node.operands):
            writer.nodes.append(node)
        elif node.scan is not None:
            self._scan(node, node.scan)
        elif node.choice is not None:
            self._choice(node, node.choice)
        else:
            what = node.op if node.op is not None else node.graph or self.lookup(node.member or ())
            if isinstance(what, Op):
                self._operator(node, what)
            else:
                self._call(node, what)
        return start

    def tangent(self, one: Value, must: bool) -> Value | None:
        """The tangent of a value, None where it is zero; zeros where there must be one."""
        found = self.tangents.get(one.name)
        if found is None and must:
            self.writer.hint = f"d_{one.name}"
            made = zeros_like(Traced(self.writer, one)).operand
            found = made if isinstance(made, Value) else None
        return found

    def _operator(self, node: Node, op: Op) -> None:
        self.writer.nodes.append(node)
        inputs = tuple(None if one is None else self._traced(one) for one in node.operands)
        found = rule(self.writer, op, inputs, node.results, node.member)
        for result, d in zip(node.results, found, strict=True):
            if d is not None and isinstance(d.operand, Value):
                self.tangents[result.name] = d.operand

    def _traced(self, one: object) -> Traced:
        d = self.tangents.get(one.name) if isinstance(one, Value) else None
        return Traced(self.writer, one, None if d is None else Traced(self.writer, d))  # type: ignore[arg-type]

    def _mask(self, operands: Sequence[object]) -> Mask:
        return tuple(isinstance(one, Value) and one.name in self.tangents for one in operands)

    def _with(self, node: Node, mask: Mask) -> list[Value]:
        return [self.tangents[one.name] for one, has in zip(node.operands, mask, strict=True) if has and isinstance(one, Value)]

    def _new(self, results: Sequence[Value], mask: Sequence[bool]) -> list[Value]:
        """The tangents of the results in the mask, made and noted."""
        made = []
        for one, has in zip(results, mask, strict=True):
            if has:
                d = self.tangents[one.name] = self.writer.new(one.type, f"d_{one.name}")
                made.append(d)
        return made

    def _call(self, node: Node, callee: Graph) -> None:
        given = [one for one in node.operands if one is not None]
        mask = self._mask(given)
        made = self.made.graph(callee, mask)
        if not any(made.outputs):
            self.writer.nodes.append(node)
            return
        operands = (*given, *self._with(changed(node, operands=tuple(given)), mask))
        results = (*node.results, *self._new(node.results, made.outputs))
        self.writer.nodes.append(changed(node, operands=operands, results=results, graph=made.graph))
        self.count += size_of(made.graph)

    def _choice(self, node: Node, choice: Choice) -> None:
        mask = self._mask(node.operands)
        sides = [self.made.rewritten(one, mask, self.lookup) for one in (choice.training, choice.evaluation)]
        either = tuple(a or b for a, b in zip(sides[0].outputs, sides[1].outputs, strict=True))
        if not any(either):
            self.writer.nodes.append(node)
            return
        both = [self.made.rewritten(one, mask, self.lookup, either).graph for one in (choice.training, choice.evaluation)]
        operands = (*node.operands, *self._with(node, mask))
        results = (*node.results, *self._new(node.results, either))
        self.writer.nodes.append(changed(node, operands=operands, results=results, choice=Choice(*both)))

    def _scanned(self, node: Node, given: dict[str, Value]) -> list[Value | None]:
        """A scan that a rule makes, and the tangents of its results."""
        if node.scan is None:
            raise ValueError("no scan")
        outer, self.tangents = self.tangents, dict(given)
        self._scan(node, node.scan)
        found, self.tangents = [self.tangents.get(one.name) for one in node.results], outer
        made = self.writer.nodes[-1]
        self.writer.written[id(made)] = made
        return found

    def _scan(self, node: Node, scan: Scan) -> None:
        """The tangent of a scan is a scan: beside each slice and carry goes its tangent."""
        walked, carries = len(scan.axes), scan.carries
        mask = list(self._mask(node.operands))
        floats = [one.value.type.dtype in FLOATS for one in scan.body.outputs]
        while True:
            held = tuple(mask[walked : walked + carries])
            wanted = (*held, *(False for _ in range(len(floats) - carries)))
            made = self.made.rewritten(scan.body, tuple(mask), self.lookup, wanted)
            found = made.outputs[:carries]
            if found == held:
                break
            mask[walked : walked + carries] = found
        yields = made.outputs[carries : carries + scan.yields]
        finals = [held[index] for index in scan.finals]
        if not any((*yields, *finals)):
            self.writer.nodes.append(node)
            return
        places = [sum(held[:index]) for index in range(carries)]
        new = Scan(
            _ordered(made.graph, walked, carries, scan.yields, tuple(mask), made.outputs),
            (*scan.axes, *(axis for axis, has in zip(scan.axes, mask, strict=False) if has)),
            scan.length,
            carries + sum(held),
            scan.yields + sum(yields),
            (*scan.yield_axes, *(axis for axis, has in zip(scan.yield_axes, yields, strict=True) if has)),
            (*scan.finals, *(carries + places[index] for index in scan.finals if held[index])),
            scan.reverse,
            scan.until,
        )
        values = [one for one in node.operands if isinstance(one, Value)]
        ds = [self.tangent(one, has) if has else None for one, has in zip(values, mask, strict=True)]
        parts = ((0, walked), (walked, walked + carries), (walked + carries, len(values)))
        operands = [one for a, b in parts for one in (*values[a:b], *(d for d in ds[a:b] if d is not None))]
        own = node.results
        stacked, last = own[: scan.yields], own[scan.yields :]
        results = (*stacked, *self._new(stacked, yields), *last, *self._new(last, finals))
        self.writer.nodes.append(changed(node, operands=tuple(operands), results=results, scan=new))


def _ordered(body: Graph, walked: int, carries: int, yields: int, mask: Mask, found: Mask) -> Graph:
    """The body with each kind of input and output beside its tangents: slices, carries, captured; carries, yields, until."""

    def order(count: int, ends: tuple[int, ...], has: Sequence[bool]) -> list[int]:
        places, at = {}, count
        for index, one in enumerate(has):
            if one:
                places[index] = at
                at += 1
        done: list[int] = []
        for a, b in zip((0, *ends), (*ends, count), strict=True):
            done += [*range(a, b), *(places[index] for index in range(a, b) if index in places)]
        return done

    inputs = order(len(mask), (walked, walked + carries), mask)
    outputs = order(len(found), (carries, carries + yields), found)
    return changed(body, inputs=tuple(body.inputs[at] for at in inputs), outputs=tuple(body.outputs[at] for at in outputs))


def size_of(graph: Graph) -> int:
    """How many nodes it has with all that it calls, as often as it calls it."""
    known: dict[int, int] = {}

    def count(one: Graph) -> int:
        if id(one) not in known:
            known[id(one)] = sum(1 + sum(map(count, below(one, node))) for node in one.nodes)
        return known[id(one)]

    def below(owner: Graph, node: Node) -> list[Graph]:
        if node.graph is not None:
            return [node.graph]
        if node.scan is not None:
            return [node.scan.body]
        if node.choice is not None:
            return [node.choice.training, node.choice.evaluation]
        member = owner.members.get(node.member) if node.member else None
        return [member.graph] if isinstance(member, Call) else []

    return count(graph)
