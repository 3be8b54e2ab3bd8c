"""Proofs about the data flow in evaluation mode: what a position of an output may depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from archdsl.analyses.masks import Bounded, Form, form_of, visible
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Along, Everywhere, Gate, Op, Reach
from archdsl.source import Span

STEP = -1
"""The axis of what has none in the body of a scan: all of it depends on positions around the present step's."""


@dataclass(frozen=True)
class Verdict:
    """Whether a property is proved; if not, why, and the first step that breaks it."""

    proved: bool
    reason: str
    span: Span | None = None


@dataclass(frozen=True)
class Several:
    """What depends on positions around its own along each of several axes, as scores do on those of the query and of the key."""

    parts: tuple[Along, ...]


Needs = Reach | Several | None


@dataclass(frozen=True)
class State:
    """Of a value: how it depends on the traced axis of the traced input (None: not at all); its form if it is a table."""

    needs: Needs = None
    form: Form = None


UNKNOWN = State(Everywhere())


def parts(needs: Needs) -> tuple[Along, ...]:
    """The axes along which something depends on the input, where it does not depend on all of it."""
    return needs.parts if isinstance(needs, Several) else (needs,) if isinstance(needs, Along) else ()


def join(left: Needs, right: Needs) -> Needs:
    """What depends on both."""
    if left is None or right is None:
        return right if left is None else left
    if isinstance(left, Everywhere) or isinstance(right, Everywhere):
        return Everywhere()
    found: dict[int, Along] = {}
    for one in (*parts(left), *parts(right)):
        other = found.get(one.axis, one)
        low = None if one.low is None or other.low is None else min(one.low, other.low)
        high = None if one.high is None or other.high is None else max(one.high, other.high)
        found[one.axis] = Along(one.axis, low, high)
    if len(found) > 1 and STEP in found:
        return Everywhere()
    return Several(tuple(found[axis] for axis in sorted(found))) if len(found) > 1 else next(iter(found.values()))


def through(needs: Along, reach: Reach) -> Reach:
    """The dependence of a result that reaches so far into an operand of this dependence."""
    return shifted(needs, reach.low, reach.high, reach.axis) if isinstance(reach, Along) else Everywhere()


def each(needs: Needs, change: Callable[[Along], Reach]) -> Needs:
    """What comes of the dependence on each axis, together."""
    found: Needs = needs if isinstance(needs, Everywhere) else None
    for one in parts(needs):
        found = join(found, change(one))
    return found


def shifted(needs: Along, low: int | None, high: int | None, axis: int) -> Along:
    """The interval with the ends moved by these, unbounded where either is."""
    left = needs.low + low if isinstance(needs.low, int) and isinstance(low, int) else None
    right = needs.high + high if isinstance(needs.high, int) and isinstance(high, int) else None
    return Along(axis, left, right)


class Flow:
    """Runs graphs on states. Equal calls of one block with equal states are run once."""

    def __init__(self) -> None:
        self._memo: dict[tuple[int, int, tuple[State, ...]], dict[str, State]] = {}
        self._kept: list[Graph] = []

    def run(self, graph: Graph, given: tuple[State, ...], owner: Graph | None = None) -> dict[str, State]:
        """The states of all values of the graph, by name. `owner` is the graph whose members a scan's body calls."""
        home = owner or graph
        key = (id(graph), id(home), given)
        if key not in self._memo:
            self._kept += [graph, home]
            states = {member.value.name: self._constant(member) for one in {id(home): home, id(graph): graph}.values()
                      for member in one.members.values() if isinstance(member, Parameter)}  # fmt: skip
            states.update(zip((one.name for one in graph.input_values), given, strict=True))
            for node in graph.nodes:
                found = self.step(home, node, tuple(state_of(states, one) for one in node.operands))
                states.update(zip((one.name for one in node.results), found, strict=True))
            self._memo[key] = states
        return self._memo[key]

    def outputs(self, graph: Graph, given: tuple[State, ...], owner: Graph | None = None) -> list[State]:
        """The states of the outputs."""
        states = self.run(graph, given, owner)
        return [states.get(one.value.name, UNKNOWN) for one in graph.outputs]

    def _constant(self, member: Parameter) -> State:
        """A parameter depends on no input; a buffer with a constant value has a form."""
        if not member.buffer or member.init.graph is None:
            return State()
        return State(None, self.outputs(member.init.graph, ())[0].form)

    def step(self, home: Graph, node: Node, given: tuple[State, ...]) -> list[State]:
        """The states of a node's results."""
        if node.scan is not None:
            return self._scan(home, node, given)
        body = called(home, node)
        if isinstance(body, Graph):
            present = tuple(state for state, one in zip(given, node.operands, strict=True) if one is not None)
            if len(present) != len(body.input_values):
                return [UNKNOWN] * len(node.results)
            return self.outputs(body, present, home if node.choice is not None else None)
        if body is None:
            return [State()] * len(node.results) if node.leaf else [UNKNOWN] * len(node.results)
        return _operator(body, node, given)

    def _scan(self, home: Graph, node: Node, given: tuple[State, ...]) -> list[State]:
        what = node.scan
        if what is None:
            return [UNKNOWN] * len(node.results)
        count = len(what.axes)
        slices = tuple(State(_slice(one.needs, axis)) for one, axis in zip(given[:count], what.axes, strict=True))
        captured = given[count + what.carries :]
        carries = [one.needs for one in given[count : count + what.carries]]
        stopped: Needs = None
        while True:
            before = [_later(one, what.reverse) for one in (*carries, stopped)]
            results = [one.needs for one in self.outputs(what.body, (*slices, *map(State, before[:-1]), *captured), home)]
            new = results[: what.carries]
            flag = stopped
            if what.until:
                # A stopped scan keeps what it had, so every carry depends on the last one and on all that could have stopped it.
                flag = _widened(stopped, join(stopped, join(before[-1], results[-1])))
                new = [join(join(one, old), flag) for one, old in zip(new, before, strict=False)]
            leaving = [_widened(old, join(old, one)) for old, one in zip(carries, new, strict=True)]
            if (leaving, flag) == (carries, stopped):
                break
            carries, stopped = leaving, flag
        yields = results[what.carries : what.carries + what.yields]
        found = [_stacked(one, axis, node.results[index].type.rank) for index, (one, axis) in enumerate(
            zip(yields, what.yield_axes, strict=True))]  # fmt: skip
        ends = [carries[index] for index in what.finals]
        return [
            State(one)
            for one in [*found, *(Everywhere() if any(part.axis == STEP for part in parts(one)) else one for one in ends)]
        ]


def _later(needs: Needs, reverse: bool) -> Needs:
    """A carry of the step before, as this step sees it. The first value has no step: it is joined to the others unmoved."""
    move = 1 if reverse else -1
    return each(needs, lambda one: shifted(one, move, move, STEP) if one.axis == STEP else one)


def _widened(old: Needs, new: Needs) -> Needs:
    """The new intervals, unbounded at an end that keeps growing."""
    before = {one.axis: one for one in parts(old)}

    def wide(one: Along) -> Along:
        was = before.get(one.axis, one)
        return Along(one.axis, one.low if one.low == was.low else None, one.high if one.high == was.high else None)

    return each(new, wide)


def _slice(needs: Needs, axis: int) -> Needs:
    return each(
        needs,
        lambda one: (
            one if one.axis == STEP else Along(STEP if one.axis == axis else one.axis - (one.axis > axis), one.low, one.high)
        ),
    )


def _stacked(needs: Needs, axis: int, rank: int) -> Needs:
    axis %= rank
    return each(needs, lambda one: Along(axis if one.axis == STEP else one.axis + (one.axis >= axis), one.low, one.high))


def called(home: Graph, node: Node) -> Graph | Op | None:
    """What a node calls, in evaluation mode; None for the tensor of a member, or where it is not to be found."""
    if node.leaf:
        return None
    if node.op is not None:
        return node.op
    if node.choice is not None:
        return node.choice.evaluation
    if node.graph is not None:
        return node.graph
    if node.member is None:
        return None
    if node.member[:1] == ("",):
        return dict(home.borrowed).get(node.member[1])
    member = home.members.get(home.aliases.get(node.member, node.member))
    if isinstance(member, Call):
        return member.graph
    return member.op if isinstance(member, Layer) else None


def state_of(states: dict[str, State], one: Operand) -> State:
    """The state of an operand: a number depends on nothing, an unknown name on all."""
    return states.get(one.name, UNKNOWN) if isinstance(one, Value) else State()


def _operator(op: Op, node: Node, given: tuple[State, ...]) -> list[State]:
    inputs: tuple[TensorType | None, ...] = tuple(None if one is None else one.type for one in node.operands)
    outputs = tuple(one.type for one in node.results)
    form = form_of(op, node.operands, tuple(one.form for one in given), inputs, outputs[0])
    alike = type(op).reach_each is Op.reach_each
    found: list[Needs] = []
    for output in range(1 if alike else len(outputs)):
        needs: Needs = None
        for index, one in enumerate(given):
            needs = join(needs, each(one.needs, partial(_into, op, index, inputs, outputs, given, output)))
        found.append(needs)
    return [State(found[0 if alike else output], form if output == 0 else None) for output in range(len(outputs))]


def _into(
    op: Op, index: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...], given: tuple[State, ...],
    output: int, needs: Along,
) -> Reach:  # fmt: skip
    """The dependence of a result through an operand's dependence along one axis. Where it is zero or minus infinity it depends
    on nothing, and what tables bar does not count."""
    if needs.axis == STEP:
        return needs
    reach = op.reach_each(index, needs.axis, inputs, outputs)[output]
    form = given[index].form
    itself = Gate(index, needs.axis, barred=isinstance(form, Bounded) and form.barred)
    for gate in (itself, *op.gates(index, needs.axis, inputs)):
        table = inputs[gate.table]
        rank = table.rank if table is not None else 0
        for row, (low, high) in visible(given[gate.table].form, rank, gate.column % max(rank, 1), gate.barred).items():
            home = op.reach(gate.table, row, inputs, outputs)
            if isinstance(home, Along) and (home.low, home.high) == (0, 0):
                reach = _cut(reach, Along(home.axis, low, high))
    return through(needs, reach)


def _cut(reach: Reach, seen: Along) -> Reach:
    """Both bounds, where they are along one axis; what goes along another says more."""
    if not isinstance(reach, Along):
        return seen
    if reach.axis != seen.axis:
        return reach
    low = seen.low if reach.low is None else reach.low if seen.low is None else max(reach.low, seen.low)
    high = seen.high if reach.high is None else reach.high if seen.high is None else min(reach.high, seen.high)
    return Along(reach.axis, low, high)


def causal(graph: Graph, output_name: str, input_name: str, axis: int) -> Verdict:
    """Position t of the output along `axis` depends on no later position of the input along it."""
    return _prove(graph, output_name, input_name, axis, None, f"{output_name} is not proved causal in {input_name}")


def independent(graph: Graph, output_name: str, input_name: str, axis: int = 0) -> Verdict:
    """Position t of the output along `axis` depends on position t of the input along it alone."""
    return _prove(
        graph, output_name, input_name, axis, 0, f"{output_name} is not proved independent along axis {axis} of {input_name}"
    )


def find(graph: Graph, output_name: str, input_name: str) -> tuple[Value | None, Value | None]:
    """The values of that output and that input, None where there is none."""
    ends = {one.name or "output": one.value for one in graph.outputs}
    starts = {one.name: one.value for one in graph.inputs}
    return ends.get(output_name), starts.get(input_name)


def _prove(graph: Graph, output_name: str, input_name: str, axis: int, low: int | None, claim: str) -> Verdict:
    end, start = find(graph, output_name, input_name)
    if end is None or start is None:
        return Verdict(False, f"there is no output `{output_name}` or no input `{input_name}` here")
    if not -start.type.rank <= axis < start.type.rank or not -end.type.rank <= axis < end.type.rank:
        return Verdict(False, f"there is no axis {axis} on both sides")
    place = axis % end.type.rank
    flow = Flow()
    given = tuple(State(Along(axis % start.type.rank) if one is start else None) for one in graph.input_values)
    needs = flow.run(graph, given).get(end.name, UNKNOWN).needs
    if needs is None:
        return Verdict(True, f"{output_name} does not depend on {input_name}")
    if _keeps(needs, low) and isinstance(needs, Along) and needs.axis == place:
        return Verdict(True, f"position t depends on {_positions(needs)}")
    node, found = _culprit(flow, graph, given, graph, end, low)
    where = f"; `{_word(node)}` is the first step that depends on {_positions(found)}" if node is not None else ""
    return Verdict(False, f"{claim}{where}", node.span if node is not None else None)


def _keeps(needs: Needs, low: int | None) -> bool:
    """The dependence is on no later position, and with `low` on none that is earlier by more than it."""
    if isinstance(needs, Everywhere):
        return False
    return all(
        one.high is not None and one.high <= 0 and (low is None or (one.low is not None and one.low >= low))
        for one in parts(needs)
    )


def _culprit(
    flow: Flow, graph: Graph, given: tuple[State, ...], home: Graph, end: Value, low: int | None,
) -> tuple[Node | None, Needs]:  # fmt: skip
    """The step, as far in as can be told, whose result breaks the claim while its operands keep it, on the way to `end`."""
    states = flow.run(graph, given, home)
    makers = {one.name: node for node in graph.nodes for one in node.results}
    node = makers.get(end.name)
    while node is not None:
        told = tuple(state_of(states, one) for one in node.operands)
        bad = next(
            (
                one
                for one, state in zip(node.operands, told, strict=True)
                if isinstance(one, Value) and not _keeps(state.needs, low)
            ),
            None,
        )
        if bad is None:
            break
        end = bad
        node = makers.get(end.name)
    if node is None:
        return None, None
    body = called(home, node)
    if isinstance(body, Graph):
        inner_given = tuple(state for state, one in zip(told, node.operands, strict=True) if one is not None)
        inner = body.outputs[[one.name for one in node.results].index(end.name)].value
        deeper = _culprit(flow, body, inner_given, home if node.choice is not None else body, inner, low)
        if deeper[0] is not None:
            return deeper
    return node, states[end.name].needs


def _positions(needs: Needs) -> str:
    if not isinstance(needs, Along):
        return "every position"
    first = "all before" if needs.low is None else _offset(needs.low)
    last = "all after" if needs.high is None else _offset(needs.high)
    return f"position {first}" if first == last else f"positions {first} to {last}"


def _offset(number: int) -> str:
    return "t" if number == 0 else f"t {'+' if number > 0 else '-'} {abs(number)}"


def _word(node: Node) -> str:
    if node.op is not None:
        return node.op.name
    return ".".join(node.path) or "scan"
