"""The layers LSTM, GRU and RNN in one step: on a sequence of one position, their states carried."""

from __future__ import annotations

from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.create.filled import Full
from archdsl.ops.recurrent.layered import Layered
from archdsl.passes.streaming import delay
from archdsl.passes.streaming.states import Now, Sequence, State
from archdsl.passes.streaming.writer import WAY_OUT, States, Writer, operand


def write(writer: Writer, node: Node, op: Layered, states: States) -> list[State]:
    """The sequence and, where they are asked for, the last states."""
    count = len(node.results)
    x = states[0]
    if not isinstance(x, Sequence) or x.axis != 1 or any(isinstance(one, Sequence) for one in states[1:]):
        return [writer.lost(f"`{op.name}` walks another axis than the steps", WAY_OUT)] * count
    if op.bidirectional:
        return [writer.lost(f"`{op.name}` walks backwards too: its first step needs the end of the sequence", WAY_OUT)] * count
    if node.member is None or node.member[:1] == ("",):
        return [writer.lost(f"`{op.name}` belongs to the caller, which cannot carry its states", WAY_OUT)] * count
    entering = delay.plain(writer, x)
    if not isinstance(entering, Sequence):
        return [entering] * count
    more = op.changed(states=True)
    given = [operand(one) for one in states]
    types = [one.kept_type if isinstance(one, Sequence) else None if one is None else one.type
             for one in (entering, *given[1:])]  # fmt: skip
    lasts = writer.inferred(more, types)[1][1:]
    operands: list[Operand] = [writer.kept(entering)]
    places: list[int] = []
    for name, type, start in zip("hc", lasts, [*given[1:], None, None], strict=False):
        if start is None:
            start = writer.op(Full(size=type.shape, fill_value=0.0, dtype=type.dtype), name=name)
        if not isinstance(start, Value):
            raise ValueError("a number stands for a state")
        value, place = writer.carry(".".join((name, *node.member)), start)
        operands.append(value)
        places.append(place)
    names = [node.results[0].name, *"hc"[: len(lasts)]]
    y, *after = writer.applied(more, operands, names, node.member)
    writer.layers[node.member] = more
    for place, one in zip(places, after, strict=True):
        writer.next(place, one)
    found: list[State] = [Sequence(node.results[0].type, 1, kept=y), *map(Now, after)]
    return found[:count]
