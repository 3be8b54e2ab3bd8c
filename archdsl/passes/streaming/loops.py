"""Scans in one step: the body of one that walks the steps, written out; another one, with the steps inside."""

from __future__ import annotations

from archdsl.ir.node import Node, Scan
from archdsl.ir.value import Value
from archdsl.ops.create.filled import Full
from archdsl.ops.pointwise.choose import Where
from archdsl.ops.pointwise.comparison import LogicalOr
from archdsl.passes.streaming import calls, delay, positions
from archdsl.passes.streaming.states import Fixed, Now, Sequence, State
from archdsl.passes.streaming.writer import WAY_OUT, States, Writer, named


def scan(writer: Writer, node: Node, scan: Scan, states: States, blocks: calls.Blocks) -> list[State]:
    """The results of a scan."""
    scanned = states[: len(scan.axes)]
    timed = [isinstance(one, Sequence) and one.axis == axis for one, axis in zip(scanned, scan.axes, strict=True)]
    if any(timed):
        return _stream(writer, node, scan, states)
    if any(isinstance(one, Sequence) for one in states):
        return calls.across(writer, node, scan, states, blocks)
    return calls.same(writer, node, states)


def _stream(writer: Writer, node: Node, scan: Scan, states: States) -> list[State]:
    """A scan that walks the steps: its body, its carries carried."""
    count = len(scan.axes)
    if isinstance(writer.length.size, int):
        states = list(states)
        for index, (one, axis) in enumerate(zip(states, scan.axes, strict=False)):
            states[index] = positions.row(writer, one.value, axis) if isinstance(one, Fixed) else one
    scanned, starts, captured = states[:count], states[count : count + scan.carries], states[count + scan.carries :]
    wrong = ""
    if scan.reverse:
        wrong = "this scan walks backwards: its first step needs the end of the sequence"
    elif not all(isinstance(one, Sequence) for one in scanned):
        wrong = "this scan walks a tensor beside the sequence, which has a value for each position"
    elif any(isinstance(one, Sequence) for one in captured):
        wrong = "the body of this scan reads the whole sequence at every step"
    elif any(isinstance(one, (Now, Sequence)) for one in (*starts, *captured)):
        wrong = "this scan needs the end of the sequence at its first step"
    elif writer.length.told(tuple(scan.body.nodes)):
        wrong = "the body of this scan depends on the length of the sequence"
    if wrong:
        return [writer.lost(wrong, WAY_OUT)] * len(node.results)
    inputs = scan.body.input_values
    inside: dict[str, Value] = {}
    places: list[int] = []
    for inner, start in zip(inputs[count:], starts, strict=False):
        if not isinstance(start, Fixed):
            raise ValueError("a carry starts from no tensor")
        value, place = writer.carry(".".join((named(inner.name), *node.path)), start.value)
        inside[inner.name] = value
        places.append(place)
    stopped = None
    if scan.until:
        stopped, place = writer.carry(
            ".".join(("stopped", *node.path)), writer.op(Full(size=(), fill_value=False, dtype="bool"), name="stopped")
        )
        places.append(place)
    for inner, one in zip(inputs, scanned, strict=False):
        entering = delay.plain(writer, one) if isinstance(one, Sequence) else None
        if not isinstance(entering, Sequence):
            return [entering or writer.lost("this scan walks no sequence")] * len(node.results)
        inside[inner.name] = writer.step(entering)
    for inner, one in zip(inputs[count + scan.carries :], captured, strict=True):
        inside[inner.name] = one.value  # type: ignore[union-attr]
    before = [inside[one.name] for one in inputs[count : count + scan.carries]]
    outputs = _body(writer, scan, inside)
    after = outputs[: scan.carries]
    if stopped is not None:
        after = [writer.op(Where(), stopped, old, new, name=old.name) for old, new in zip(before, after, strict=True)]
        after.append(writer.op(LogicalOr(), stopped, outputs[-1], name="stopped"))
    for place, value in zip(places, after, strict=True):
        writer.next(place, value)
    yields = zip(node.results, scan.yield_axes, outputs[scan.carries :], strict=False)
    return [*(Sequence(one.type, axis, step=value) for one, axis, value in yields), *(Now(after[one]) for one in scan.finals)]


def _body(writer: Writer, scan: Scan, inside: dict[str, Value]) -> list[Value]:
    """The nodes of the body, on the values of the step; what it gives."""
    around = writer.at
    for node in scan.body.nodes:
        writer.at = node
        operands = [inside.get(one.name, one) if isinstance(one, Value) else one for one in node.operands]
        made = writer.copied(node, operands)
        inside.update(zip((one.name for one in node.results), made, strict=True))
    writer.at = around
    return [inside.get(one.value.name, one.value) for one in scan.body.outputs]
