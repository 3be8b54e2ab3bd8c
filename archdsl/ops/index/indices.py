"""What operators with index tensors share: their types checked, one index for each element, zeros to write into."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_equal, check_rank, check_size_at_least, given
from archdsl.ops.contract import Context, OnnxTape


def check_positions(x: TensorType | None, operand: int, name: str = "index") -> TensorType:
    """An index tensor is i64. Raises `dtype-mismatch`."""
    return check_dtype(given(x, name), ("i64",), operand=operand, help="convert: cast(index, i64)")


def check_covers(context: Context, index: TensorType, other: TensorType, axis: int | None, operand: int) -> None:
    """`other` has the axes of `index`, each at least as long, but for `axis`. `operand` is `other`'s place."""
    check_rank(other, index.rank, operand=operand)
    for k in range(index.rank):
        if k != axis:
            check_size_at_least(
                context, other.shape[k], index.shape[k], f"axis {k} must be as long as the index's", operand=operand, axis=k
            )


def check_line(context: Context, index: TensorType, x: TensorType, axis: int, operand: int) -> None:
    """`index` has one axis, with an entry for each position of `axis` of `x`."""
    check_rank(index, 1, operand=operand)
    check_equal(
        context, index.shape[0], x.shape[axis], "there must be one index for each position", operand=operand, axis=0, other=0
    )


def spread(tape: OnnxTape, index: str, shape: tuple[Size, ...], axis: int) -> str:
    """The entries of a 1-D index along `axis`, repeated to `shape`."""
    others = [k for k in range(len(shape)) if k != axis]
    wide = tape.node("Unsqueeze", [index, tape.ints(others)]) if others else index
    return tape.node("Expand", [wide, tape.shape(shape)]) if others else wide


def filled(tape: OnnxTape, value: float, dtype: str, shape: tuple[Size, ...]) -> str:
    """A tensor of one value."""
    return tape.node("Expand", [tape.scalar(value, dtype), tape.shape(shape)])
