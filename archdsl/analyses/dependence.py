"""Proofs about the data flow in evaluation mode: what a position of an output may depend on."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analyses.masks import Form, form_of, visible
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Along, Everywhere, Op, Reach
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
class State:
    """Of a value: how it depends on the traced axis of the traced input (None: not at all); its form if it is a table."""

    needs: Reach | None = None
    form: Form = None


UNKNOWN = State(Everywhere())


def join(left: Reach | None, right: Reach | None) -> Reach | None:
    """What depends on both."""
    if left is None or right is None:
        return right if left is None else left
    if not isinstance(left, Along) or not isinstance(right, Along) or left.axis != right.axis:
        return Everywhere()
    low = None if left.low is None or right.low is None else min(left.low, right.low)
    high = None if left.high is None or right.high is None else max(left.high, right.high)
    return Along(left.axis, low, high)


def through(needs: Reach | None, reach: Reach) -> Reach | None:
    """The dependence of a result that reaches so far into an operand of this dependence."""
    if needs is None or not isinstance(needs, Along) or needs.axis == STEP:
        return needs
    return shifted(needs, reach.low, reach.high, reach.axis) if isinstance(reach, Along) else Everywhere()


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
        stopped: Reach | None = None
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
            for one in [*found, *(Everywhere() if isinstance(one, Along) and one.axis == STEP else one for one in ends)]
        ]


def _later(needs: Reach | None, reverse: bool) -> Reach | None:
    """A carry of the step before, as this step sees it. The first value has no step: it is joined to the others unmoved."""
    if not isinstance(needs, Along) or needs.axis != STEP:
        return needs
    move = 1 if reverse else -1
    return shifted(needs, move, move, STEP)


def _widened(old: Reach | None, new: Reach | None) -> Reach | None:
    """The new interval, unbounded at an end that keeps growing."""
    if not isinstance(old, Along) or not isinstance(new, Along) or old == new:
        return new
    return Along(new.axis, new.low if new.low == old.low else None, new.high if new.high == old.high else None)


def _slice(needs: Reach | None, axis: int) -> Reach | None:
    if not isinstance(needs, Along) or needs.axis == STEP:
        return needs
    return Along(STEP if needs.axis == axis else needs.axis - (needs.axis > axis), needs.low, needs.high)


def _stacked(needs: Reach | None, axis: int, rank: int) -> Reach | None:
    if not isinstance(needs, Along):
        return needs
    axis %= rank
    return Along(axis if needs.axis == STEP else needs.axis + (needs.axis >= axis), needs.low, needs.high)


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
    needs: Reach | None = None
    for index, one in enumerate(given):
        found = one.needs
        if isinstance(found, Along) and found.axis != STEP:
            found = through(found, _seen(op, index, op.reach(index, found.axis, inputs, outputs), found.axis, inputs, given))
        needs = join(needs, found)
    form = form_of(op, node.operands, tuple(one.form for one in given), inputs, outputs[0])
    return [State(needs, form if index == 0 else None) for index in range(len(outputs))]


def _seen(op: Op, index: int, reach: Reach, axis: int, inputs: tuple[TensorType | None, ...], given: tuple[State, ...]) -> Reach:
    """The reach of an attention's keys is cut by a mask or a bias whose form is known."""
    q, one = inputs[0], inputs[index]
    if q is None or one is None or index not in (1, 2) or axis % one.rank != q.rank - 2:
        return reach
    if op.name == "attention":
        tables = given[3:5]
    elif op.name == "MultiheadAttention" and not dict(op.items())["need_weights"]:
        tables = given[4:5]  # the padding has no queries, and the attention weights another axis for them
    else:
        return reach
    low, high = (reach.low, reach.high) if isinstance(reach, Along) else (None, None)
    for table in tables:
        left, right = visible(table.form, q.rank)
        low = left if low is None else low if left is None else max(low, left)
        high = right if high is None else high if right is None else min(high, right)
    return reach if low is None and high is None else Along(q.rank - 2, low, high)


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


def _keeps(needs: Reach | None, low: int | None) -> bool:
    """The dependence is on no later position, and with `low` on none that is earlier by more than it."""
    if needs is None:
        return True
    if not isinstance(needs, Along) or needs.high is None or needs.high > 0:
        return False
    return low is None or (needs.low is not None and needs.low >= low)


def _culprit(
    flow: Flow, graph: Graph, given: tuple[State, ...], home: Graph, end: Value, low: int | None,
) -> tuple[Node | None, Reach | None]:  # fmt: skip
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


def _positions(needs: Reach | None) -> str:
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
