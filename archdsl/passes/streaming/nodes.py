"""What each kind of node is in one step."""

from __future__ import annotations

from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Along, Everywhere, Op, OpFault, Reach
from archdsl.ops.create.filled import Filled, Full, FullLike, Like
from archdsl.ops.recurrent.layered import Layered
from archdsl.ops.reshape.expand import Expand
from archdsl.passes.streaming import calls, layers, loops, positions, windows
from archdsl.passes.streaming.pointwise import pointwise
from archdsl.passes.streaming.states import Fixed, Lost, Now, Sequence, State, resized
from archdsl.passes.streaming.writer import WAY_OUT, States, Writer, operand


def write(writer: Writer, node: Node, blocks: calls.Blocks) -> None:
    """Write a node, and say what its results are."""
    writer.at = node
    states: States = [writer.state(one) if isinstance(one, Value) else one for one in node.operands]
    try:
        writer.give(node, _states(writer, node, states, blocks))
    except OpFault as fault:
        what = f"`{_word(writer, node)}` does not work on one position: {fault.message}"
        writer.give(node, [writer.lost(what, WAY_OUT)] * len(node.results))


def _states(writer: Writer, node: Node, states: States, blocks: calls.Blocks) -> list[State]:
    what = called(writer, node)
    count = len(node.results)
    if isinstance(what, Like):
        return [_like(writer, node, what, states)]
    lost = next((one for one in states if isinstance(one, Lost)), None)
    if lost is not None:
        return [lost] * count
    if node.scan is not None:
        return loops.scan(writer, node, node.scan, states, blocks)
    if node.choice is not None:
        return calls.choice(writer, node, node.choice, states, blocks)
    if isinstance(what, Graph):
        return calls.call(writer, node, what, states, blocks)
    if not any(isinstance(one, Sequence) for one in states):
        return _untimed(writer, node, what, states)
    if any(isinstance(one, Now) for one in states):
        return [writer.lost(f"`{_word(writer, node)}` needs at every position what is known at the last one", WAY_OUT)] * count
    if what is None:
        raise ValueError("a node that calls nothing takes tensors")
    return _operator(writer, node, what, states)


def called(writer: Writer, node: Node) -> Graph | Op | None:
    """The operator or the block that a node calls."""
    if node.op is not None or node.member is None or node.leaf:
        return node.op
    if node.graph is not None:
        return node.graph
    if node.member[:1] == ("",):
        return dict(writer.owner.borrowed)[node.member[1]]
    member = writer.owner.members[writer.owner.aliases.get(node.member, node.member)]
    return member.graph if isinstance(member, Call) else member.op if isinstance(member, Layer) else None


def _word(writer: Writer, node: Node) -> str:
    what = called(writer, node)
    return what.name if what is not None else "scan" if node.scan is not None else ".".join(node.path)


def _like(writer: Writer, node: Node, op: Like, states: States) -> State:
    """A number in the shape of a tensor, whose values do not matter."""
    type = node.results[0].type
    full = Full(size=type.shape, fill_value=op.fill_value if isinstance(op, FullLike) else op.number, dtype=type.dtype)
    if isinstance(states[0], Sequence):
        return _constant(writer, full, node, states[0].axis)
    if isinstance(states[0], Lost):
        return _untimed(writer, Node((), node.results, op=full, path=node.path, span=node.span), full, [])[0]
    return _untimed(writer, node, op, states)[0]


def _constant(writer: Writer, op: Full, node: Node, axis: int) -> State:
    """The same number at all positions."""
    type = node.results[0].type
    more = writer.length.more(type.shape[axis])
    if more is None or writer.length.told(op.fill_value):
        return writer.lost(f"`{_word(writer, node)}` depends on the length of the sequence", WAY_OUT)
    kept = writer.op(op.changed(size=resized(type, axis, 1).shape), name=node.results[0].name)
    return Sequence(type, axis, kept=kept, more=more)


def _untimed(writer: Writer, node: Node, what: Op | Graph | None, states: States) -> list[State]:
    """A node that reads no sequence."""
    if not writer.length.told(node) and not writer.length.told(what):
        made = writer.copied(node, [operand(one) for one in states])
        kind = Now if any(isinstance(one, Now) for one in states) else Fixed
        return [kind(one) for one in made]
    type = node.results[0].type
    axes = [axis for axis, size in enumerate(type.shape) if writer.length.told(size)]
    if len(axes) == 1 and isinstance(what, (Filled, Full)):
        number = what.fill_value if isinstance(what, Full) else what.number
        return [_constant(writer, Full(size=type.shape, fill_value=number, dtype=type.dtype), node, axes[0])]
    if len(axes) == 1 and isinstance(what, Expand):
        found = _expanded(writer, node, what, states, axes[0])
        if found is not None:
            return [found]
    found = positions.table(writer, node, what if isinstance(what, Op) else None, states)
    if found is not None:
        return [found]
    said = f"`{_word(writer, node)}` depends on the position in the sequence or on its length"
    return [writer.lost(said, WAY_OUT)] * len(node.results)


def _expanded(writer: Writer, node: Node, op: Expand, states: States, axis: int) -> State | None:
    """The same tensor at all positions."""
    type, source = node.results[0].type, node.operands[0]
    more = writer.length.more(type.shape[axis])
    at = axis - type.rank + (source.type.rank if source is not None else 0)
    if source is None or more is None or (at >= 0 and source.type.shape[at] != 1) or isinstance(states[0], Now):
        return None
    kept = writer.applied(writer.length.one(op), [operand(one) for one in states], [node.results[0].name])[0]
    return Sequence(type, axis, kept=kept, more=more) if kept.type == resized(type, axis, 1) else None


def _operator(writer: Writer, node: Node, op: Op, states: States) -> list[State]:
    """An operator on sequences."""
    if any(isinstance(one, Number) and writer.length.told(one) for one in node.operands):
        return [writer.lost(f"`{op.name}` depends on the length of the sequence", WAY_OUT)] * len(node.results)
    if isinstance(op, Layered):
        return layers.write(writer, node, op, states)
    moved = windows.moved(writer, node, op, states)
    if moved is not None:
        return moved
    reach = _reach(op, node, states)
    if not isinstance(reach, Along):
        return [writer.lost(f"`{op.name}` needs the whole sequence, and a step has one position of it", WAY_OUT)] * len(
            node.results
        )
    if reach.low == reach.high == 0:
        return pointwise(writer, node, op, states, reach.axis)
    return windows.window(writer, node, op, states, reach)


def _reach(op: Op, node: Node, states: States) -> Reach:
    """How far the operator reaches into the sequences, the same for all of them."""
    inputs = tuple(None if one is None else one.type for one in node.operands)
    outputs = tuple(one.type for one in node.results)
    found = [op.reach(index, one.axis, inputs, outputs) for index, one in enumerate(states) if isinstance(one, Sequence)]
    return found[0] if all(one == found[0] for one in found) else Everywhere()
