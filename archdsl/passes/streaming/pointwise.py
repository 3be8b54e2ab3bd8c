"""Operators that work on each position alone: on one position of each sequence, without its axis where that is the same."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op, OpFault
from archdsl.ops.pointwise.elementwise import Elementwise
from archdsl.ops.reshape.axes import Squeeze
from archdsl.passes.streaming import delay, positions
from archdsl.passes.streaming.states import Fixed, Lost, Sequence, State, reduced, resized
from archdsl.passes.streaming.writer import WAY_OUT, States, Writer, operand


def pointwise(writer: Writer, node: Node, op: Op, states: States, axis: int) -> list[State]:
    """The results of an operator that takes each position of its sequences to the same position along `axis`."""
    states = _with_rows(writer, node, op, states, axis)
    sequences = [one for one in states if isinstance(one, Sequence)]
    more = sequences[0].more
    if any(one.more != more for one in sequences) or writer.length.more(node.results[0].type.shape[axis]) != more:
        return [writer.lost(f"`{op.name}` gives a sequence of another length", WAY_OUT)] * len(node.results)
    lead = min(one.lead for one in sequences)
    aligned: States = [delay.to_lead(writer, one, lead) if isinstance(one, Sequence) else one for one in states]
    lost = next((one for one in aligned if isinstance(one, Lost)), None)
    if lost is not None:
        return [lost] * len(node.results)
    made = (
        _by_rows(writer, node, op, aligned, axis)
        or _without_axis(writer, node, op, aligned, axis, squeezing=False)
        or _without_axis(writer, node, op, aligned, axis, squeezing=True)
        or _with_axis(writer, node, op, aligned, axis)
    )
    if made is None:
        what = f"`{op.name}` does not work on one position: an operand has a value for each"
        return [writer.lost(what, WAY_OUT)] * len(node.results)
    for one in made:
        one.lead, one.more = lead, more
    if lead and all(one.prefix is not None for one in aligned if isinstance(one, Sequence)):
        _prefixes(writer, node, op, aligned, made)
    return list(made)


def _with_rows(writer: Writer, node: Node, op: Op, states: States, axis: int) -> States:
    """A tensor that has a value for each of so many steps as a number says is a sequence beside others."""
    length = writer.length.size
    if not isinstance(op, Elementwise) or not isinstance(length, int) or length == 1:
        return states
    after = node.results[0].type.rank - 1 - axis
    made: States = []
    for one in states:
        at = one.value.type.rank - 1 - after if isinstance(one, Fixed) else -1
        rows = isinstance(one, Fixed) and at >= 0 and one.value.type.shape[at] == length
        made.append(positions.row(writer, one.value, at) if isinstance(one, Fixed) and rows else one)
    return made


def _without_axis(writer: Writer, node: Node, op: Op, states: States, axis: int, *, squeezing: bool) -> list[Sequence] | None:
    """The operator on elements without the axis of the steps, where its own promise, `batched`, says that this is the same.

    With `squeezing` the operands that are the same in every step lose the axis too, where they have it with size 1.
    """
    after = node.results[0].type.rank - 1 - axis
    types: list[TensorType | None] = []
    squeezed: list[int] = []
    for index, (outer, one) in enumerate(zip(node.operands, states, strict=True)):
        type = None if outer is None else outer.type
        if isinstance(one, Sequence):
            type = one.step_type
        elif squeezing and type is not None and type.rank > after:
            at = type.rank - 1 - after
            if type.shape[at] != 1:
                return None
            type = reduced(type, at)
            squeezed.append(index)
        types.append(type)
    places = tuple(one.type.rank - 1 - one.axis if isinstance(one, Sequence) else None for one in states)
    wanted = tuple(reduced(one.type, axis) for one in node.results)
    try:
        if writer.inferred(op, types) != (op, wanted):
            return None
        made = op.batched(places, tuple(types), wanted)
    except OpFault:
        return None
    if made is None or made.op != op or made.result != after:
        return None
    for index, (place, told) in enumerate(zip(places, made.inputs, strict=True)):
        wish = place if place is not None else after if index in squeezed else None
        type = types[index]
        if told != wish and (wish is not None or (told is not None and type is not None and type.rank > told)):
            return None
    operands: list[Operand] = []
    for index, one in enumerate(states):
        value = writer.step(one) if isinstance(one, Sequence) else operand(one)
        if index in squeezed and isinstance(value, Value):
            value = writer.op(Squeeze(axis=value.type.rank - 1 - after), value)
        operands.append(value)
    results = writer.applied(op, operands, [one.name for one in node.results], node.member)
    return [Sequence(whole.type, axis, step=one) for whole, one in zip(node.results, results, strict=True)]


def _by_rows(writer: Writer, node: Node, op: Op, states: States, axis: int) -> list[Sequence] | None:
    """The operator on an element without the axis of the steps, where it works on the last axes alone: `chunk(2, axis=-1)`.

    Then all axes up to that of the steps, taken away one after the other from the front, are a batch of what is left.
    """
    one = states[0]
    if len(states) > 1 or not isinstance(one, Sequence) or one.axis != axis:
        return None
    inner, step = one.type, one.step_type
    wanted = tuple(reduced(out.type, axis) for out in node.results)
    try:
        for _ in range(axis + 1):
            inner = reduced(inner, 0)
            if not _is_batch(writer, op, inner):
                return None
        inner = step
        for _ in range(axis):
            inner = reduced(inner, 0)
            if not _is_batch(writer, op, inner):
                return None
        if writer.inferred(op, [step]) != (op, wanted):
            return None
    except OpFault:
        return None
    results = writer.applied(op, [writer.step(one)], [out.name for out in node.results], node.member)
    return [Sequence(whole.type, axis, step=made) for whole, made in zip(node.results, results, strict=True)]


def _is_batch(writer: Writer, op: Op, inner: TensorType) -> bool:
    """Whether the operator on tensors with one axis more in front is this operator on each."""
    bound, outputs = writer.inferred(op, [inner])
    made = op.batched((inner.rank,), (inner,), outputs) if bound == op else None
    return made is not None and made.op == op and made.inputs == (inner.rank,) and made.result == outputs[0].rank


def _with_axis(writer: Writer, node: Node, op: Op, states: States, axis: int) -> list[Sequence] | None:
    """The operator on elements with the axis of the steps at size 1."""
    results = on(writer, node, op, [writer.kept(one) if isinstance(one, Sequence) else operand(one) for one in states], axis, 1)
    if results is None:
        return None
    return [Sequence(whole.type, axis, kept=one) for whole, one in zip(node.results, results, strict=True)]


def on(writer: Writer, node: Node, op: Op, operands: list[Operand], axis: int, size: int) -> tuple[Value, ...] | None:
    """The operator on operands of another size of the axis of the steps; None where it does not give results of that size."""
    one = writer.length.one(op) if size == 1 else op
    wanted = tuple(resized(given.type, axis, size) for given in node.results)
    if (node.member is not None and one != op) or writer.length.told(one) or any(map(writer.length.told, wanted)):
        return None
    if writer.inferred(one, [None if given is None else given.type for given in operands]) != (one, wanted):
        return None
    return writer.applied(one, operands, [given.name for given in node.results], node.member)


def _prefixes(writer: Writer, node: Node, op: Op, states: States, made: list[Sequence]) -> None:
    """What the operator makes of the elements before the first step's."""
    operands = [one.prefix if isinstance(one, Sequence) else operand(one) for one in states]
    try:
        found = on(writer, node, op, operands, made[0].axis, made[0].lead)
    except OpFault:
        return
    for one, prefix in zip(made, found or (), strict=False):
        one.prefix = prefix
