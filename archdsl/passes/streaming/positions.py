"""Tables of positions in one step: ranges, and tensors with a value for each position; the number of the step is carried."""

from __future__ import annotations

from archdsl.dims.dim import Dim
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Op
from archdsl.ops.create.filled import Full
from archdsl.ops.create.ranges import Arange
from archdsl.ops.index.gather import IndexSelect
from archdsl.ops.index.indexing import ALL, Index
from archdsl.ops.pointwise.arithmetic import Add, Mul
from archdsl.ops.pointwise.choose import Cast
from archdsl.passes.streaming.states import Fixed, Sequence, State
from archdsl.passes.streaming.writer import States, Writer


def table(writer: Writer, node: Node, op: Op | None, states: States) -> State | None:
    """A range as long as the steps, or the first positions of a tensor that is the same in every step; None for anything else."""
    if isinstance(op, Arange) and op.whole():
        start, _, step = op.parts()
        type = node.results[0].type
        more = writer.length.more(type.shape[0])
        if more is None or isinstance(start, Dim):
            return None
        value = _plus(writer, _times(writer, _position(writer), step), start)
        if value.type.dtype != type.dtype:
            value = writer.op(Cast(dtype=type.dtype), value)
        return Sequence(type, 0, kept=value, more=more)
    if isinstance(op, Index) and isinstance(states[0], Fixed):
        return _sliced(writer, node, op, states[0].value)
    return None


def _sliced(writer: Writer, node: Node, op: Index, value: Value) -> State | None:
    places = op.places(value.type.rank)
    told = [index for index, place in enumerate(places) if writer.length.told(place.part)]
    if len(told) != 1:
        return None
    place = places[told[0]]
    kind, *bounds = place.part
    if kind != "slice" or place.axis is None or place.result is None or bounds[2] not in (None, 1):
        return None
    start = 0 if bounds[0] is None else bounds[0]
    more = writer.length.more(node.results[0].type.shape[place.result])
    if not isinstance(start, int) or start < 0 or more is None:
        return None
    one = writer.op(IndexSelect(axis=place.axis), value, _plus(writer, _position(writer), start))
    parts = tuple(ALL if index == told[0] else place.part for index, place in enumerate(places))
    kept = one if all(part == ALL for part in parts) else writer.op(Index(parts=parts), one, name=node.results[0].name)
    return Sequence(node.results[0].type, place.result, kept=kept, more=more)


def row(writer: Writer, value: Value, axis: int) -> Sequence:
    """A tensor that has a value for each step along an axis, as the sequence of these; the length is a number."""
    return Sequence(value.type, axis, kept=writer.op(IndexSelect(axis=axis), value, _position(writer)))


def _position(writer: Writer) -> Value:
    """The number of the step, from 0, as [1]."""
    if writer.position is None:
        start = writer.op(Full(size=(1,), fill_value=0, dtype="i64"), name="position")
        writer.position, place = writer.carry("position", start)
        writer.next(place, _plus(writer, writer.position, 1))
    return writer.position


def _plus(writer: Writer, value: Value, number: int) -> Value:
    return writer.op(Add(), value, Number(number, TensorType((), "i64"))) if number else value


def _times(writer: Writer, value: Value, number: int) -> Value:
    return writer.op(Mul(), value, Number(number, TensorType((), "i64"))) if number != 1 else value
