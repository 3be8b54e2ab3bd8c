"""Sequences moved against the steps by slices, padding and concatenation, and windows over them: causal convolutions."""

from __future__ import annotations

from archdsl.dims.dim import Dim, Size
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.combine.concat import Concat
from archdsl.ops.combine.pad import Pad
from archdsl.ops.contract import Along, Op
from archdsl.ops.create.filled import Full
from archdsl.ops.index.indexing import ALL, Index
from archdsl.passes.streaming import delay
from archdsl.passes.streaming.delay import part, stem
from archdsl.passes.streaming.states import Fixed, Now, Sequence, State, resized
from archdsl.passes.streaming.writer import WAY_OUT, States, Writer, operand


def moved(writer: Writer, node: Node, op: Op, states: States) -> list[State] | None:
    """The result of a slice, a padding or a concatenation along the axis of the steps; None where it is no such thing."""
    first = next(one for one in states if isinstance(one, Sequence))
    if isinstance(op, Index):
        (place,) = (one for one in op.places(first.type.rank) if one.axis == first.axis)
        return None if place.part == ALL else [_on_time(writer, _indexed(writer, node, op, first))]
    if isinstance(op, Pad) and op.mode == "constant":
        ends = op.ends(first.type.rank).get(first.axis, (0, 0))
        return None if ends == (0, 0) else [_on_time(writer, _padded(writer, node, op, first, *ends))]
    if isinstance(op, Concat) and op.axis % first.type.rank == first.axis:
        return [_on_time(writer, _joined(writer, node, states))]
    return None


def _on_time(writer: Writer, one: State) -> State:
    """A sequence as long as there are steps is held back at once, and not each time that it is used."""
    return delay.plain(writer, one) if isinstance(one, Sequence) and one.more == 0 else one


def _indexed(writer: Writer, node: Node, op: Index, one: Sequence) -> State:
    """A slice of the sequence that starts and ends near its ends, or its last position."""
    places = op.places(one.type.rank)
    parts = [place.part for place in places]
    index = next(index for index, place in enumerate(places) if place.axis == one.axis)
    chosen, size = parts[index], one.type.shape[one.axis]
    rest = Index(parts=tuple(ALL if at == index else part for at, part in enumerate(parts)))
    if chosen[0] == "int":
        back = _distance(writer, size, chosen[1])
        if back != 1 or one.more != one.lead:
            return writer.lost("a step does not have that position of the sequence", WAY_OUT)
        parts[index] = ("int", 0)
        return Now(writer.op(Index(parts=tuple(parts)), writer.kept(one), name=node.results[0].name))
    start, stop = 0 if chosen[1] is None else chosen[1], size if chosen[2] is None else chosen[2]
    left, right = _distance(writer, size, start), _distance(writer, size, stop) if chosen[2] is not None else 0
    if chosen[2] is None and left == 1 and one.more == one.lead:
        return Now(writer.op(rest, writer.kept(one), name=node.results[0].name))
    whole = writer.length.more(size)
    cut = start if isinstance(start, int) and start >= 0 else None
    if cut is None and isinstance(left, int) and isinstance(size, int):
        cut = size - left
    if chosen[3] not in (None, 1) or cut is None or right is None or whole is None:
        return writer.lost("a step does not have these positions of the sequence", WAY_OUT)
    if cut > one.lead:
        return writer.lost(f"without its first positions the sequence is {cut - one.lead} ahead of the steps", WAY_OUT)
    place = places[index]
    axis = place.result if place.result is not None else one.axis
    made = Sequence(node.results[0].type, axis, lead=one.lead - cut, more=one.more - cut - right)
    plain = all(part == ALL for part in rest.parts)
    made.kept = one.kept if plain else writer.op(rest, writer.kept(one), name=node.results[0].name)
    made.step = one.step if plain else None
    if one.prefix is not None and made.lead:
        prefix = part(writer, one.prefix, one.axis, ("slice", cut, None, None))
        made.prefix = prefix if plain else writer.op(rest, prefix)
    return made


def _distance(writer: Writer, size: Size, position: Size) -> int | None:
    """How far a position is from the end; None where that is no number."""
    facts = writer.context.facts
    negative = position < 0 if isinstance(position, int) else facts.at_least(-1 - position, 0)
    found = facts.simplify(-position if negative else size - position)
    return None if isinstance(found, Dim) else found


def _padded(writer: Writer, node: Node, op: Pad, one: Sequence, before: Size, after: Size) -> State:
    """More positions at the ends, of one number."""
    if not isinstance(before, int) or not isinstance(after, int) or one.lead + before < 0:
        return writer.lost("a step does not have these positions of the sequence", WAY_OUT)
    place = 2 * (one.type.rank - 1 - one.axis)
    pad = tuple(0 if index in (place, place + 1) else size for index, size in enumerate(op.pad))
    rest = op.changed(pad=pad)
    others = any(size != 0 for size in pad)
    made = Sequence(node.results[0].type, one.axis, lead=one.lead + before, more=one.more + before + after)
    made.kept = writer.op(rest, writer.kept(one), name=node.results[0].name) if others else one.kept
    made.step = None if others else one.step
    prefix = one.prefix
    if prefix is not None and others:
        prefix = writer.op(rest, prefix)
    if before > 0 and (prefix is not None or one.lead == 0):
        number = op.value if made.type.dtype in ("float", "f64", "f32", "f16", "bf16") else int(op.value)
        filled = Full(size=resized(made.type, one.axis, before).shape, fill_value=number, dtype=made.type.dtype)
        start = writer.op(filled, name=f"before_{stem(one)}")
        made.prefix = start if prefix is None else writer.op(Concat(axis=one.axis), start, prefix)
    elif before < 0 and prefix is not None and made.lead:
        made.prefix = part(writer, prefix, one.axis, ("slice", -before, None, None))
    elif before == 0:
        made.prefix = prefix
    return made


def _joined(writer: Writer, node: Node, states: States) -> State:
    """Tensors before and behind the sequence."""
    index = next(index for index, one in enumerate(states) if isinstance(one, Sequence))
    one = states[index]
    rest = [*states[:index], *states[index + 1 :]]
    if not isinstance(one, Sequence) or not all(isinstance(other, Fixed) for other in rest):
        return writer.lost("two sequences follow each other: the second is not there until the first has ended", WAY_OUT)
    fixed = [other.value for other in rest if isinstance(other, Fixed)]
    sizes = [other.type.shape[one.axis] for other in fixed]
    counts = [size for size in sizes if isinstance(size, int)]
    if len(counts) != len(sizes):
        return writer.lost("a tensor of unknown length stands before or behind the sequence", WAY_OUT)
    made = Sequence(node.results[0].type, one.axis, step=one.step, kept=one.kept)
    made.lead, made.more = one.lead + sum(counts[:index]), one.more + sum(counts)
    before: list[Operand] = [*fixed[:index]]
    if one.lead:
        before.append(one.prefix)
    if before and all(isinstance(value, Value) for value in before):
        made.prefix = writer.op(Concat(axis=one.axis), *before) if len(before) > 1 else fixed[0] if index else one.prefix
    return made


def window(writer: Writer, node: Node, op: Op, states: States, reach: Along) -> list[State]:
    """An operator that sees the last positions of one sequence: they are carried."""
    sequences = [(index, one) for index, one in enumerate(states) if isinstance(one, Sequence)]
    index, one = sequences[0]
    low, high = reach.low, reach.high
    if low is None or high is None or len(sequences) > 1 or len(node.results) > 1 or low == high:
        said = "all later" if high is None else "all earlier"
        return [writer.lost(f"`{op.name}` needs {said} positions of the sequence", WAY_OUT)] * len(node.results)
    lead, count = one.lead - high, high - low
    if lead < 0:
        what = f"`{op.name}` needs {-lead} later position{'s' if lead < -1 else ''} of the sequence"
        return [writer.lost(what, "pad on the left alone: `pad([k - 1, 0])`, or `padding=k - 1` and then `it[..., :T]`")]
    zeros = max(0, count - one.lead)
    if (zeros and low < 0 and op.family != "conv") or (one.lead and one.prefix is None):
        return [writer.lost(f"`{op.name}` does not say what it takes for positions before the first", WAY_OUT)]
    parts: list[Value] = []
    if zeros:
        parts.append(
            writer.op(
                Full(size=resized(one.type, one.axis, zeros).shape, fill_value=0.0, dtype=one.type.dtype),
                name=f"past_{stem(one)}",
            )
        )
    if one.prefix is not None and zeros < count:
        parts.append(part(writer, one.prefix, one.axis, ("slice", one.lead - (count - zeros), None, None)))
    start = writer.op(Concat(axis=one.axis), *parts) if len(parts) > 1 else parts[0]
    name = f"past_{stem(one)}"
    before, place = writer.carry(name, start)
    seen = writer.op(Concat(axis=one.axis), before, writer.kept(one), name=f"{stem(one)}_window")
    writer.next(place, part(writer, seen, one.axis, ("slice", 1, None, None)))
    operands = [seen if at == index else operand(other) for at, other in enumerate(states)]
    bound, (type,) = writer.inferred(op, [None if other is None else other.type for other in operands])
    more = writer.length.more(node.results[0].type.shape[reach.axis])
    size = type.shape[reach.axis]
    if bound != op or more is None or not isinstance(size, int) or size <= -low:
        return [writer.lost(f"`{op.name}` does not work on the last positions alone", WAY_OUT)]
    (made,) = writer.applied(op, operands, [node.results[0].name], node.member)
    chosen = part(writer, made, reach.axis, ("slice", -low, 1 - low, None))
    return [Sequence(node.results[0].type, reach.axis, kept=chosen, lead=lead, more=more)]
