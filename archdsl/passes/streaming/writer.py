"""Writes the graph of one step, node by node."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence as Several

from archdsl.dims.shape import TensorType, simplify_type
from archdsl.ir.edit import fresh
from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Context, Op
from archdsl.ops.own_float import all_seen, own_float, seen
from archdsl.ops.reshape.axes import Squeeze, Unsqueeze
from archdsl.passes.streaming.lengths import Length
from archdsl.passes.streaming.start import Start
from archdsl.passes.streaming.states import Fixed, Lost, Now, Sequence, State
from archdsl.passes.streaming.streaming_problems import CannotStream
from archdsl.records import record
from archdsl.source import Source, Span

NOWHERE = Span(Source("<graph>", ""), 0, 0)
WAY_OUT = "carry what it needs of the past in a `scan`, or run the whole module on the sequence so far"

States = list[State | Operand]
"""Of the operands of a node: what each is in a step; a number or an absent one stays."""
_NUMBERS = re.compile(r"(_[0-9]+)+$")


def named(name: str) -> str:
    """The author's name of a value, without the number that tells it from others."""
    return _NUMBERS.sub("", name).split(" ")[0]


@record
class Carried:
    """Something that a step gives to the next: what comes in (None where the step is the first), and what goes out."""

    name: str
    before: Value | None
    after: Value


class Writer:
    """One graph, or one region of it, in one step.

    `owner` is the graph whose members its nodes call, `states` say what its values are in a step, by name.
    """

    def __init__(self, graph: Graph, owner: Graph, length: Length, float: str, *, first: bool) -> None:
        self.graph = graph
        self.owner = owner
        self.length = length
        self.first = first
        self.context = Context(length.facts(owner.facts), float)
        self.parameters = [Fixed(one.value) for one in owner.members.values() if isinstance(one, Parameter)]
        self.names = {one.value.name for one in self.parameters}
        self.states: dict[str, State] = {one.value.name: one for one in self.parameters}
        self.nodes: list[Node] = []
        self.carried: list[Carried] = []
        self.lent: dict[Path, Graph] = {}
        """What members that are lent to blocks have become."""
        self.layers: dict[Path, Op] = {}
        """The operators of layers that give their states too."""
        self.position: Value | None = None
        """The number of the step, where it is asked for."""
        self.at = Node((), ())
        """The node that is being written."""

    # Names and nodes.

    def value(self, name: str, type: TensorType) -> Value:
        """A new value."""
        return Value(fresh(self.names, name), type)

    def op(self, op: Op, *operands: Operand, name: str = "") -> Value:
        """The one result of a function that the pass puts in."""
        return self.applied(op, operands, [name])[0]

    def applied(self, op: Op, operands: Several[Operand], names: Several[str], member: Path | None = None) -> tuple[Value, ...]:
        """The results of an operator, or of the layer at a path. Raises `OpFault`."""
        bound, made = self.inferred(op, [None if one is None else one.type for one in operands])
        hint = next((one.name for one in operands if isinstance(one, Value)), "x")
        results = tuple(self.value(name or named(hint), one) for name, one in zip(names, made, strict=True))
        self.add(Node(tuple(operands), results, op=None if member else bound, member=member))
        return results

    def inferred(self, op: Op, types: Several[TensorType | None]) -> tuple[Op, tuple[TensorType, ...]]:
        """The operator bound to operands of these types, and the types of its results. Raises `OpFault`."""
        results = [one.type for one in self.at.results]
        given = results if self.at.member else [one.type for one in self.at.operands if isinstance(one, Value)]
        own = own_float(given, results)
        shown = all_seen(types, own)
        bound = op.bind(self.context, *shown)
        return bound, tuple(seen(simplify_type(self.context.facts, one), own) for one in bound.infer(self.context, *shown))

    def add(self, node: Node) -> None:
        """A node where the present one stands."""
        self.nodes.append(
            Node(
                node.operands,
                node.results,
                node.op,
                node.member,
                node.scan,
                node.choice,
                node.leaf,
                node.graph,
                node.lent,
                self.at.path,
                self.at.span,
            )  # fmt: skip
        )

    def copied(self, node: Node, operands: Several[Operand]) -> tuple[Value, ...]:
        """The node as it is on these operands."""
        results = tuple(self.value(one.name, one.type) for one in node.results)
        same = results == node.results and tuple(operands) == node.operands
        self.nodes.append(node if same else Node(
            tuple(operands), results, node.op, node.member, node.scan, node.choice, node.leaf, node.graph, node.lent, node.path,
            node.span,
        ))  # fmt: skip
        return results

    # Sequences.

    def step(self, one: Sequence) -> Value:
        """The present element, without the axis of the steps."""
        if one.step is None:
            one.step = self.op(Squeeze(axis=one.axis), one.kept)
        return one.step

    def kept(self, one: Sequence) -> Value:
        """The present element, with the axis of the steps at size 1."""
        if one.kept is None:
            one.kept = self.op(Unsqueeze(axis=one.axis), one.step)
        return one.kept

    # Carries.

    def carry(self, name: str, start: Value) -> tuple[Value, int]:
        """The value of a carry before this step, and where to say what it is after. `name` is the author's, then labels."""
        own = name.split(".")[0]
        before = None if self.first else self.value(own, start.type)
        value = self.op(Start(), before, start, name=own)
        self.carried.append(Carried(name, before, value))
        return value, len(self.carried) - 1

    def handed(self, name: str, type: TensorType) -> tuple[Value | None, int]:
        """A carry of a block, which starts it itself: what is handed to it, if anything, and where to say what comes back."""
        before = None if self.first else self.value(name.split(".")[0], type)
        self.carried.append(Carried(name, before, Value(name, type)))
        return before, len(self.carried) - 1

    def next(self, place: int, after: Value) -> None:
        """What a carry is after this step."""
        self.carried[place] = Carried(self.carried[place].name, self.carried[place].before, after)

    # States.

    def state(self, one: Value) -> State:
        return self.states[one.name]

    def give(self, node: Node, states: Iterable[State]) -> None:
        """Say what the results of a node are in a step."""
        self.states.update(zip((one.name for one in node.results), states, strict=True))

    def lost(self, what: str, help: str | None = None, label: str = "") -> Lost:
        """No step can tell what the present node gives."""
        span = self.at.span or self.graph.span or self.owner.span or NOWHERE
        return Lost(CannotStream(at=span, what=what, help=help, label=label))


def operand(state: State | Operand) -> Operand:
    """What is the same in every step, or known now, as an operand."""
    return state.value if isinstance(state, (Fixed, Now)) else state if not isinstance(state, (Sequence, Lost)) else None
