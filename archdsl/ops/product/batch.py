"""Batch axes broadcast between operands of a product."""

from __future__ import annotations

from archdsl.dims.broadcast import BroadcastFault, broadcast
from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Along, Context, Everywhere, OpFault, Reach

NUMBERS = ("float", "f64", "f32", "f16", "bf16", "i64", "i32")
"""What can be multiplied and summed alike in PyTorch and ONNX."""


def broadcast_axes(context: Context, left: TensorType, right: TensorType, last: int) -> tuple[Size, ...]:
    """What the axes of both but for the `last` ones stretch to. Raises `shape-mismatch`, or `unproved-dimension`."""
    shapes = [one.shape[: max(one.rank - last, 0)] for one in (left, right)]
    try:
        return broadcast(context.facts, shapes)
    except BroadcastFault as fault:
        raise OpFault(
            f"{left} and {right} do not fit: {fault.left} and {fault.right} in axis {fault.axis - last}",
            operand=1, other=0, axis=right.rank - last + fault.axis,
            code="unproved-dimension" if fault.missing else "shape-mismatch", missing=fault.missing,
        ) from fault  # fmt: skip


def broadcast_reach(one: TensorType, axis: int, result: TensorType, target: int) -> Reach:
    """An axis keeps its positions, unless its one position is read for all of the result's."""
    return Along(target) if one.shape[axis] != 1 or result.shape[target] == 1 else Everywhere()
