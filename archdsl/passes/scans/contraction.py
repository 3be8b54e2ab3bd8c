"""What a loop reads of a state that it does not keep: its product with something known, summed over some of its axes."""

from __future__ import annotations

from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.ops.pointwise.arithmetic import Mul
from archdsl.ops.product.einsum import Einsum
from archdsl.ops.product.matmul import Matmul
from archdsl.ops.reduce.axes import reduced_axes
from archdsl.ops.reduce.sums import Sum
from archdsl.ops.reshape.axes import Permute, Unsqueeze
from archdsl.passes.scans.loop import Loop
from archdsl.passes.scans.steps import Many
from archdsl.records import record


@record
class Contraction:
    """`(h * weights).sum(axes)`, with axes of size 1 at `kept` of the result.

    `weights` is a value of the body, None for 1; its axes stand at `places` among those of h.
    """

    result: Value
    weights: Value | None
    places: tuple[int, ...]
    axes: tuple[int, ...]
    kept: tuple[int, ...] = ()


def contraction_of(loop: Loop, state: Value, nodes: list[Node]) -> Contraction | None:
    """The one sum that these nodes make of the state; None where they need of it anything else."""
    readers = [node for node in nodes if state in node.operands]
    if len(readers) != 1 or any(value.name == state.name for value, _ in loop.open()):
        return None
    node = readers[0]
    if isinstance(node.op, Sum):
        return _sum(node, state, None, ())
    if node.op is None or len(node.operands) != 2 or node.operands[0] == node.operands[1]:
        return None
    weights = node.operands[1] if node.operands[0] == state else node.operands[0]
    if not isinstance(weights, Value) or weights.name not in loop.steps.known:
        return None
    if isinstance(node.op, Einsum):
        return _einsum(node, node.op, state, weights)
    if isinstance(node.op, Matmul):
        return _matmul(node, state, weights)
    if isinstance(node.op, Mul) and node.results[0].type == state.type:
        sums = [one for one in nodes if node.results[0] in one.operands]
        yielded = any(value.name == node.results[0].name for value, _ in loop.open())
        if len(sums) == 1 and isinstance(sums[0].op, Sum) and not yielded:
            rank, own = state.type.rank, weights.type.rank
            return _sum(sums[0], state, weights, tuple(range(rank - own, rank)))
    return None


def _sum(node: Node, state: Value, weights: Value | None, places: tuple[int, ...]) -> Contraction | None:
    op = node.op
    if not isinstance(op, Sum):
        return None
    axes = tuple(sorted(reduced_axes(op.axis, state.type.rank)))
    return Contraction(node.results[0], weights, places, axes, axes if op.keepdim else ())


def _einsum(node: Node, op: Einsum, state: Value, weights: Value) -> Contraction | None:
    types = tuple(one.type if isinstance(one, Value) else None for one in node.operands)
    operands, result = op.axes(types)
    mine, others = operands if node.operands[0] == state else operands[::-1]
    plain = len(set(mine)) == len(mine) and len(set(others)) == len(others) and set(others) <= set(mine)
    kept = tuple(name for name in mine if name in result)
    if not plain or kept != result or not _within(state, weights, places := tuple(map(mine.index, others))):
        return None
    axes = tuple(axis for axis, name in enumerate(mine) if name not in result)
    return Contraction(node.results[0], weights, places, axes)


def _matmul(node: Node, state: Value, weights: Value) -> Contraction | None:
    """A product with a vector, or with a matrix of one column or row."""
    rank, own, first = state.type.rank, weights.type.rank, node.operands[0] == state
    if rank < 2:
        return None
    axis = rank - 1 if first else rank - 2
    if own == 1:
        return Contraction(node.results[0], weights, (axis,), (axis,))
    if weights.type.shape[-1 if first else -2] != 1 or own > rank:
        return None
    places = (*range(rank - own, rank - 2), rank - 1, rank - 2)
    return Contraction(node.results[0], weights, places, (axis,), (axis,)) if _within(state, weights, places) else None


def _within(state: Value, weights: Value, places: tuple[int, ...]) -> bool:
    """Whether the weights stretch no axis of the state."""
    return all(size in (1, state.type.shape[place]) for size, place in zip(weights.type.shape, places, strict=True))


def laid(loop: Loop, one: Value, places: tuple[int, ...], rank: int) -> Value:
    """A value of the body outside: the axis of the steps (where it has one) first, then its axes as they stand in the state."""
    many = loop.steps.known[one.name]
    front = 0 if many.after is None else 1
    value = loop.steps.at(many, one.type.rank if front else None)
    order = sorted(range(len(places)), key=lambda at: places[at])
    if order != list(range(len(places))):
        value = loop.steps.applied(Permute(axis=(*range(front), *(at + front for at in order))), value)
    low = 0 if front else min(places, default=rank)
    for place in range(low, rank):
        if place not in places:
            value = loop.steps.applied(Unsqueeze(axis=place - low + front), value)
    return value


def as_many(loop: Loop, sums: Contraction, made: Value) -> Many:
    """The sums of all steps [T, …] as the body's value."""
    for axis in sums.kept:
        made = loop.steps.applied(Unsqueeze(axis=axis + 1), made)
    return Many(made, sums.result.type, sums.result.type.rank)
