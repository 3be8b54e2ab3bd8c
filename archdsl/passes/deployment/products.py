"""A product of two tensors by what its axes mean, however it is written: `matmul` and `einsum` with axes in any order, scaled."""

from __future__ import annotations

from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.product.einsum import Einsum
from archdsl.ops.product.matmul import Matmul
from archdsl.passes.deployment.reading import Reading
from archdsl.records import record

Axes = tuple[int, ...]


@record
class Side:
    """One factor of a product, without numbers and reorderings, and what each of its axes is: below 0 what is stretched."""

    value: Value
    axes: Axes


@record
class Product:
    """`factor` times the sum over the axes that `axes` lacks. Axes are numbers: the same one stands for the same axis."""

    left: Side
    right: Side
    axes: Axes
    factor: float


def read_product(reading: Reading, operand: Operand) -> Product | None:
    """What an operand is a product of; None where it is none of two tensors, or stretches one of them."""
    factor, axes, core = _bare(reading, operand, None)
    node = reading.maker(core)
    sides = _sides(node) if node is not None else None
    if node is None or sides is None or axes is None:
        return None
    names, result = sides
    found = []
    for one, given in zip(node.operands, names, strict=True):
        more, own, value = _bare(reading, one, given)
        if not isinstance(value, Value) or own is None:
            return None
        factor *= more
        found.append(Side(value, own))
    return Product(found[0], found[1], tuple(result[axis] for axis in axes), factor)


def _bare(reading: Reading, operand: Operand, axes: Axes | None) -> tuple[float, Axes | None, Operand]:
    """An operand without numbers and reorderings; its axes told anew (counted, where none are given)."""
    if axes is None and isinstance(operand, Value):
        axes = tuple(range(operand.type.rank))
    total = 1.0
    while axes is not None:
        factor, inner = reading.factored(operand)
        total *= factor
        moved = reading.ordered(inner)
        if moved is None:
            return total, axes, inner
        order, operand = moved
        back = dict(zip(order, axes, strict=True))
        axes = tuple(back[axis] for axis in range(len(order)))
    return total, axes, operand


def _sides(node: Node) -> tuple[tuple[Axes, Axes], Axes] | None:
    """What the axes of both operands and of the result of a product are; an axis of size 1 that is stretched is below 0."""
    if len(node.operands) != 2 or not all(isinstance(one, Value) for one in node.operands):
        return None
    x, y = (one.type for one in node.operands if one is not None)
    result = node.results[0].type
    if isinstance(node.op, Matmul):
        if min(x.rank, y.rank) < 2:
            return None
        row, inner, column = result.rank - 2, result.rank - 1, result.rank
        batch = tuple(range(result.rank - 2))
        first, second = (*batch[result.rank - x.rank :], row, inner), (*batch[result.rank - y.rank :], inner, column)
        out: Axes = (*batch, row, column)
    elif isinstance(node.op, Einsum):
        (left, right), made = node.op.axes((x, y))
        if any(len(set(one)) != len(one) for one in (left, right, made)):
            return None
        words = {name: index for index, name in enumerate(dict.fromkeys((*left, *right)))}
        first, second, out = (tuple(words[one] for one in names) for names in (left, right, made))
    else:
        return None
    sizes: dict[int, set[object]] = {}
    for axis, size in zip((*first, *second), (*x.shape, *y.shape), strict=True):
        sizes.setdefault(axis, set()).add(size)
    if any(len(one) > 1 and (1 not in one or len(one) > 2) for one in sizes.values()):
        return None
    stretched = {axis for axis, one in sizes.items() if len(one) > 1}

    def side(axes: Axes, shape: tuple[object, ...]) -> Axes:
        return tuple(
            -1 - at if axis in stretched and size == 1 else axis for at, (axis, size) in enumerate(zip(axes, shape, strict=True))
        )

    return (side(first, x.shape), side(second, y.shape)), out
