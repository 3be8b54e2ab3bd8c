"""What operators need to say how they work along one axis more: the new axis first, their own axes one further."""

from __future__ import annotations

from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Batched, Op


def shifted(axis: Any) -> Any:
    """An axis, or several, where one more stands before all: what counts from the end stays."""
    if isinstance(axis, tuple):
        return tuple(map(shifted, axis))
    return axis if axis < 0 else axis + 1


def first(
    op: Op, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
) -> Batched | None:
    """The operator with the new axis before all others, in every operand; None where an operand has no such axis."""
    if any(one is None for one in after) or any(one is None for one in inputs):
        return None
    return Batched(op, tuple(one.rank for one in inputs if one is not None), outputs[0].rank)


def before_last(op: Op, after: tuple[int | None, ...], last: int) -> Batched | None:
    """The operator as it is: it works on the last axes of its first operand, and any axis before them is a batch."""
    if after[0] is None or any(one is not None for one in after[1:]):
        return None
    place = max(after[0], last)
    return Batched(op, (place, *(None for _ in after[1:])), place)
