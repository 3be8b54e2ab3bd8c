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
    """One factor of a product, without numbers and reorderings, and what each of its axes is."""

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
    """What the axes of both operands and of the result of a product are."""
    if len(node.operands) != 2 or not all(isinstance(one, Value) for one in node.operands):
        return None
    x, y = (one.type for one in node.operands if one is not None)
    result = node.results[0].type
    if isinstance(node.op, Matmul):
        if min(x.rank, y.rank) < 2 or x.rank != y.rank:
            return None
        batch = tuple(range(result.rank - 2))
        if any(x.shape[axis] != y.shape[axis] for axis in batch):
            return None
        row, inner, column = result.rank - 2, result.rank - 1, result.rank
        return ((*batch, row, inner), (*batch, inner, column)), (*batch, row, column)
    if not isinstance(node.op, Einsum):
        return None
    (first, second), out = node.op.axes((x, y))
    if any(len(set(one)) != len(one) for one in (first, second, out)):
        return None
    sizes: dict[str, object] = dict(zip(first, x.shape, strict=True))
    if any(sizes.setdefault(name, size) != size for name, size in zip(second, y.shape, strict=True)):
        return None
    words = {name: index for index, name in enumerate(sizes)}
    return (tuple(words[one] for one in first), tuple(words[one] for one in second)), tuple(words[one] for one in out)
