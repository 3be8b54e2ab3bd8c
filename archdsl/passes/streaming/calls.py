"""Blocks, choices and scans along other axes: what is below them, in one step."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Protocol

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Choice, Node, Path, Scan
from archdsl.ir.value import Operand, Value
from archdsl.passes.streaming import delay
from archdsl.passes.streaming.states import Fixed, Lost, Now, Sequence, State
from archdsl.passes.streaming.writer import WAY_OUT, States, Writer, operand
from archdsl.problems.problem import Frame
from archdsl.records import changed, record


@record
class Kind:
    """What an operand or a result of a graph is in a step: `fixed`, `now`, or `sequence`; its type there, and of a sequence the
    axis that the steps would have, and how many elements more than steps there are."""

    word: str
    type: TensorType
    axis: int = 0
    more: int = 0


@record
class Stepped:
    """A graph in one step: each of its results as a kind, or what keeps it; what it carries, by name and type."""

    graph: Graph
    results: tuple[Kind | Lost, ...]
    carried: tuple[tuple[str, TensorType], ...]
    lent: tuple[tuple[Path, Graph], ...] = ()
    """What layers that are lent have become: of a block those that it borrows, of a region those of its owner."""


class Blocks(Protocol):
    """The graphs below, in one step; equal ones are made once."""

    def graph(self, graph: Graph, owner: Graph, kinds: tuple[Kind, ...]) -> Stepped:
        """A block, or with its owner a region."""


def same(writer: Writer, node: Node, states: States) -> list[State]:
    """A node that reads no sequence, as it is."""
    if writer.length.told(node):
        return [writer.lost("this depends on the length of the sequence", WAY_OUT)] * len(node.results)
    made = writer.copied(node, [operand(one) for one in states])
    kind = Now if any(isinstance(one, Now) for one in states) else Fixed
    return [kind(one) for one in made]


def call(writer: Writer, node: Node, graph: Graph, states: States, blocks: Blocks) -> list[State]:
    """The results of a block."""
    if not any(isinstance(one, Sequence) for one in states) and not writer.length.told(node) and not writer.length.told(graph):
        return same(writer, node, states)
    if graph.kind == "tangent":
        return [writer.lost("the derivative of a block is not taken step by step", WAY_OUT)] * len(node.results)
    given = _given(writer, states)
    if isinstance(given, Lost):
        return [given] * len(node.results)
    operands, kinds = given
    made = blocks.graph(graph, graph, kinds)
    path = node.member or ()
    frame = Frame(graph.name, node.span) if node.span is not None else None
    if all(isinstance(one, Lost) for one in made.results):
        return [_below(one, frame) if isinstance(one, Lost) else one for one in made.results]  # type: ignore[misc]
    places = []
    for name, type in made.carried:
        value, place = writer.handed(".".join((name, *path)), type)
        operands += [] if value is None else [value]
        places.append(place)
    kept = [(value, kind) for value, kind in zip(node.results, made.results, strict=True) if isinstance(kind, Kind)]
    results = [writer.value(value.name, kind.type) for value, kind in kept]
    after = [writer.value(f"next_{name.split('.')[0]}", type) for name, type in made.carried]
    writer.add(Node(tuple(operands), (*results, *after), member=node.member, graph=made.graph, lent=node.lent))
    writer.lent.update((dict(node.lent)[name], one) for (_, name), one in made.lent)
    for place, value in zip(places, after, strict=True):
        writer.next(place, value)
    left = iter(results)
    return [_below(kind, frame) if isinstance(kind, Lost) else _state(writer, value.type, kind, next(left))
            for value, kind in zip(node.results, made.results, strict=True)]  # fmt: skip


def choice(writer: Writer, node: Node, choice: Choice, states: States, blocks: Blocks) -> list[State]:
    """The results of `if training`."""
    if not any(isinstance(one, Sequence) for one in states):
        return same(writer, node, states)
    given = _given(writer, states)
    if isinstance(given, Lost):
        return [given] * len(node.results)
    operands, kinds = given
    sides = [blocks.graph(one, writer.owner, kinds) for one in (choice.training, choice.evaluation)]
    lost = next((one for side in sides for one in side.results if isinstance(one, Lost)), None)
    if lost is not None:
        return [lost] * len(node.results)
    if any(side.carried for side in sides) or sides[0].results != sides[1].results:
        return [writer.lost("what `if training` chooses between carries something from step to step", WAY_OUT)] * len(
            node.results
        )
    kinds = tuple(one for one in sides[0].results if isinstance(one, Kind))
    results = [writer.value(value.name, kind.type) for value, kind in zip(node.results, kinds, strict=True)]
    writer.add(Node(tuple(operands), tuple(results), choice=Choice(sides[0].graph, sides[1].graph)))
    writer.lent.update((*sides[0].lent, *sides[1].lent))
    return [_state(writer, value.type, kind, made) for value, kind, made in zip(node.results, kinds, results, strict=True)]


def across(writer: Writer, node: Node, scan: Scan, states: States, blocks: Blocks) -> list[State]:
    """The results of a scan along another axis than that of the steps."""
    count = len(scan.axes)
    given = _given(writer, states)
    if isinstance(given, Lost):
        return [given] * len(node.results)
    operands, outside = given
    inputs = scan.body.input_values
    axes = [axis - (kind.word == "sequence" and kind.axis < axis) for axis, kind in zip(scan.axes, outside, strict=False)]
    kinds = []
    for index, (kind, inner) in enumerate(zip(outside, inputs, strict=True)):
        axis = kind.axis - (index < count and kind.word == "sequence" and scan.axes[index] < kind.axis)
        kinds.append(Kind(kind.word, inner.type, axis, kind.more))
    made = blocks.graph(scan.body, writer.owner, tuple(kinds))
    lost = next((one for one in made.results if isinstance(one, Lost)), None)
    if lost is not None:
        return [lost] * len(node.results)
    found = [one for one in made.results if isinstance(one, Kind)]
    old = kinds[count : count + scan.carries]
    if (
        made.carried
        or scan.until
        or any((a.word, a.axis, a.more) != (b.word, b.axis, b.more) for a, b in zip(old, found, strict=False))
    ):
        return [writer.lost("this scan along another axis mixes what steps carry", WAY_OUT)] * len(node.results)
    results: list[Value] = []
    given_on: list[State] = []
    yields = list(zip(found[scan.carries :], scan.yield_axes, strict=False))
    for value, (kind, axis) in zip(node.results, yields, strict=False):
        timed = kind.word == "sequence"
        place = kind.axis + (axis <= kind.axis)
        at = axis - (timed and place < axis)
        type = TensorType((*kind.type.shape[:at], scan.length, *kind.type.shape[at:]), kind.type.dtype)
        results.append(writer.value(value.name, type))
        given_on.append(_state(writer, value.type, Kind(kind.word, type, place if timed else 0, kind.more), results[-1]))
    yield_axes = [axis - (kind.word == "sequence" and kind.axis + (axis <= kind.axis) < axis) for kind, axis in yields]
    for value, index in zip(node.results[scan.yields :], scan.finals, strict=True):
        results.append(writer.value(value.name, found[index].type))
        given_on.append(_state(writer, value.type, found[index], results[-1]))
    moved = changed(scan, body=made.graph, axes=tuple(axes), yield_axes=tuple(yield_axes))
    writer.add(Node(tuple(operands), tuple(results), scan=moved))
    writer.lent.update(made.lent)
    return given_on


def _given(writer: Writer, states: Several[State | Operand]) -> tuple[list[Operand], tuple[Kind, ...]] | Lost:
    """The operands of a graph below, and their kinds; what is absent is left out of the kinds."""
    operands: list[Operand] = []
    kinds: list[Kind] = []
    for one in states:
        if isinstance(one, Sequence):
            entering = delay.to_lead(writer, one, 0)
            if not isinstance(entering, Sequence):
                return entering if isinstance(entering, Lost) else writer.lost("a sequence ends before it begins")
            operands.append(writer.step(entering))
            kinds.append(Kind("sequence", entering.step_type, entering.axis, entering.more))
            continue
        value = operand(one)
        operands.append(value)
        if value is not None:
            kinds.append(Kind("now" if isinstance(one, Now) else "fixed", value.type))
    return operands, tuple(kinds)


def _state(writer: Writer, type: TensorType, kind: Kind, value: Value) -> State:
    """What a result of a graph below is."""
    if kind.word == "sequence":
        return Sequence(type, kind.axis, step=value, more=kind.more)
    return Now(value) if kind.word == "now" else Fixed(value)


def _below(one: Lost, frame: Frame | None) -> Lost:
    """A problem in a block, with the call that led there."""
    return Lost(changed(one.problem, chain=(*one.problem.chain, frame))) if frame is not None else one
