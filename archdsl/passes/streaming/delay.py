"""Sequences held back: what an earlier step had, carried to this one."""

from __future__ import annotations

from archdsl.ir.value import Value
from archdsl.ops.combine.concat import Concat
from archdsl.ops.index.indexing import ALL, Index
from archdsl.passes.streaming.states import Sequence, State
from archdsl.passes.streaming.writer import WAY_OUT, Writer, named


def to_lead(writer: Writer, one: Sequence, lead: int) -> State:
    """The sequence with a smaller lead: its elements so many steps later."""
    if one.lead == lead:
        return one
    if lead not in one.later:
        one.later[lead] = _later(writer, one, lead)
    return one.later[lead]


def plain(writer: Writer, one: Sequence) -> State:
    """The sequence with an element for each step, and nothing else."""
    if one.more:
        than = f"{abs(one.more)} {'longer' if one.more > 0 else 'shorter'} than"
        return writer.lost(f"a sequence that is {than} there are steps has no position for each", WAY_OUT)
    return to_lead(writer, one, 0)


def _later(writer: Writer, one: Sequence, lead: int) -> State:
    count = one.lead - lead
    if one.prefix is None:
        return writer.lost("what stands before the first position is not known", WAY_OUT)
    name = f"past_{stem(one)}"
    if count == 1:
        before, place = writer.carry(name, part(writer, one.prefix, one.axis, ("int", one.lead - 1)))
        writer.next(place, writer.step(one))
        made = Sequence(one.type, one.axis, step=before, lead=lead, more=one.more)
    else:
        before, place = writer.carry(name, part(writer, one.prefix, one.axis, ("slice", lead, None, None)))
        rest = part(writer, before, one.axis, ("slice", 1, None, None))
        writer.next(place, writer.op(Concat(axis=one.axis), rest, writer.kept(one), name=name))
        made = Sequence(one.type, one.axis, step=part(writer, before, one.axis, ("int", 0)), lead=lead, more=one.more)
    if lead:
        made.prefix = part(writer, one.prefix, one.axis, ("slice", None, lead, None))
    return made


def part(writer: Writer, value: Value, axis: int, chosen: tuple[object, ...]) -> Value:
    """Some positions along an axis; the tensor itself where that is all of them."""
    size = value.type.shape[axis]
    if chosen[0] == "slice" and chosen[1] in (None, 0) and chosen[2] in (None, size):
        return value
    return writer.op(Index(parts=(*(ALL,) * axis, chosen)), value)


def stem(one: Sequence) -> str:
    """What to call things that are made of the sequence."""
    value = one.step or one.kept
    return named(value.name) if value is not None else "x"
