"""Reads a scan's body as sums of products: each of its values, along the last axis, in terms of weights, carries and inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.combine.concat import Concat
from archdsl.ops.combine.split import Chunk, Split
from archdsl.ops.contract import Op
from archdsl.ops.dense.linear import Linear, LinearFunction
from archdsl.ops.index.indexing import ALL, Index
from archdsl.ops.pointwise.activations import Relu, Sigmoid, Tanh
from archdsl.ops.pointwise.arithmetic import Add, Div, Maximum, Mul, Sub
from archdsl.ops.pointwise.choose import AddCMul, Clamp, Lerp
from archdsl.ops.pointwise.elementary import Neg
from archdsl.ops.product.matmul import Matmul
from archdsl.passes.scans.loop import Loop
from archdsl.passes.scans.steps import Many
from archdsl.passes.scans.sums import (
    Mapped,
    Read,
    Row,
    Source,
    Sum,
    TooLarge,
    added,
    atom,
    curve,
    number,
    part,
    scaled,
    times,
)

MOST_OUTSIDE = 8
"""How many operators before the scan are followed."""


class Reading:
    """The rows of a body's values. What is known outside is read through products with weights, sums and slices alone."""

    def __init__(self, loop: Loop, before: Sequence[Node] = ()) -> None:
        self.loop = loop
        self.facts = loop.steps.context.facts
        self.before = {value.name: node for node in before for value in node.results}
        self.made: dict[str, Node] = {}
        self.rows: dict[Source, Row] = {}
        self.outer: dict[str, tuple[Value, int]] = {}
        """Values outside that a sequence is made of, and the axis of the steps in them."""
        for index, one in enumerate(loop.slices):
            operand, axis = loop.node.operands[index], loop.scan.axes[index]
            if isinstance(operand, Value) and axis != operand.type.rank - 1:
                entering = self._outside(operand, axis, MOST_OUTSIDE)
                if all(_is_mapped(inner) for _, inner in entering):
                    self.rows[Source(one.name)] = entering
        for node in loop.scan.body.nodes:
            self.made.update((value.name, node) for value in node.results)
            for value, row in zip(node.results, self._rows(node, outer=False), strict=True):
                known = value.name in loop.steps.known
                if row is not None and not (known and not all(inner.linear for _, inner in row)):
                    self.rows[Source(value.name)] = row

    def row(self, value: Value, *, outer: bool = False) -> Row:
        """A value's row; of one that is not read further, itself."""
        source = Source(value.name, (), outer)
        if source not in self.rows:
            width = value.type.shape[-1] if value.type.rank else 1
            self.rows[source] = ((width, atom(Read(source, 0, width))),)
        return self.rows[source]

    def whole(self, value: Value) -> Sum | None:
        """A value's sum, where it has no parts."""
        row = self.row(value)
        return row[0][1] if len(row) == 1 else None

    def named(self, one: Operand) -> str:
        """A value in words: by what makes it in the body, else by its name."""
        node = self.made.get(one.name) if isinstance(one, Value) else None
        label = "" if node is None else node.op.name if node.op is not None else ".".join(node.member or ())
        if label:
            return f"what `{label}` gives"
        return f"`{one.name}`" if isinstance(one, Value) else "a number"

    def told(self, source: Source) -> str:
        """A weight in words."""
        made = self.made.get(source.name) if not source.path and not source.outer else None
        return self.named(made.results[0]) if made is not None else f"`{'.'.join(source.path) or source.name}`"

    def many(self, source: Source) -> Many | None:
        """A tensor as it is outside; None where it is not."""
        if not source.outer:
            return self.loop.steps.known.get(source.name)
        value, axis = self.outer[source.name]
        step = TensorType((*value.type.shape[:axis], *value.type.shape[axis + 1 :]), value.type.dtype)
        return Many(value, step, step.rank - axis)

    def _outside(self, value: Value, axis: int, left: int) -> Row:
        """The row of a value before the scan, which is walked along an axis that is not its last."""
        node = self.before.get(value.name)
        self.outer[value.name] = value, axis
        if left and node is not None and Source(value.name, (), True) not in self.rows:
            for one in node.operands:
                if isinstance(one, Value) and one.type.rank == value.type.rank:
                    self._outside(one, axis, left - 1)
            for result, made in zip(node.results, self._rows(node, outer=True), strict=True):
                if made is not None and all(inner.linear for _, inner in made):
                    self.rows[Source(result.name, (), True)] = made
        return self.row(value, outer=True)

    def _rows(self, node: Node, *, outer: bool) -> list[Row | None]:
        """The rows of a node's results; None for what is not read further."""
        none: list[Row | None] = [None] * len(node.results)
        if any(one.type.dtype != "float" or not one.type.rank for one in node.results):
            return none
        try:
            found = self._layer(node, outer) if node.op is None else self._function(node, node.op, outer)
        except TooLarge:
            return none
        return none if found is None else [*found]

    def _layer(self, node: Node, outer: bool) -> list[Row] | None:
        path = node.member or ()
        member = self.loop.steps.members.get(path)
        if not isinstance(member, Layer) or not isinstance(member.op, Linear) or node.leaf:
            return None
        op = member.op
        bias = Source("bias", path) if op.bias else None
        x = node.operands[0]
        if not isinstance(x, Value):
            return None
        return self._product(x, Source("weight", path), op.transposed, bias, op.out_features, outer)

    def _function(self, node: Node, op: Op, outer: bool) -> list[Row] | None:
        operands, result = node.operands, node.results[0].type
        if isinstance(op, (LinearFunction, Matmul)):
            return self._applied(node, op, outer)
        if isinstance(op, (Chunk, Split)):
            return self._split(node, op.axis, outer)
        if isinstance(op, Index):
            return self._index(node, op, outer)
        if isinstance(op, Concat):
            beside = op.axis in (-1, result.rank - 1)
            return [sum((self.row(one, outer=outer) for one in operands if isinstance(one, Value)), ())] if beside else None
        rows = [self._operand(one, result, op, outer) for one in operands]
        change = _pointwise(op, operands)
        if change is None or any(one is None for one in rows):
            return None
        return self._each(change, [one for one in rows if one is not None], result.shape[-1])

    def _operand(self, one: Operand, result: TensorType, op: Op, outer: bool) -> Row | None:
        """The row of an operand as wide as the result; of a number, its own."""
        if isinstance(one, Number):
            return None if isinstance(one.number, bool) or not isinstance(one.number, (int, float)) else ()
        if one is None or one.type.dtype != result.dtype:
            return None
        same = one.type.rank == result.rank and all(map(self.facts.equal, one.type.shape, result.shape))
        bias = isinstance(op, (Add, Sub)) and is_bias(one.type) and self.facts.equal(one.type.shape[-1], result.shape[-1])
        return self.row(one, outer=outer) if same or bias else None

    def _each(self, change: Callable[..., Sum], rows: list[Row], width: Size) -> list[Row] | None:
        """A function of the parts that stand at the same place."""
        widest: Row = max(rows, key=len)
        parts: list[tuple[Size, ...]] = [tuple(size for size, _ in widest)] if widest else [(width,)]
        cut = [self._cut(one, parts[0]) if one else (None,) * len(parts[0]) for one in rows]
        if any(one is None for one in cut):
            return None
        made = [change(*sums) for sums in zip(*(one for one in cut if one is not None), strict=True)]
        return [tuple(zip(parts[0], made, strict=True))]

    def _cut(self, row: Row, widths: tuple[Size, ...]) -> tuple[Sum, ...] | None:
        if len(row) == len(widths):
            same = all(self.facts.equal(size, width) for (size, _), width in zip(row, widths, strict=True))
            return tuple(inner for _, inner in row) if same else None
        if len(row) > 1:
            return None
        ends: list[Size] = [0]
        for width in widths:
            ends.append(ends[-1] + width)
        return tuple(part(row[0][1], low, high) for low, high in zip(ends, ends[1:], strict=False))

    def _split(self, node: Node, axis: int, outer: bool) -> list[Row] | None:
        x = node.operands[0]
        if not isinstance(x, Value) or axis not in (-1, x.type.rank - 1):
            return None
        row, widths = self.row(x, outer=outer), tuple(one.type.shape[-1] for one in node.results)
        cut = self._cut(row, widths)
        return None if cut is None else [((width, one),) for width, one in zip(widths, cut, strict=True)]

    def _index(self, node: Node, op: Index, outer: bool) -> list[Row] | None:
        """A slice of the last axis alone."""
        x, parts = node.operands[0], list(op.parts)
        if not isinstance(x, Value) or not parts or parts[-1][0] != "slice" or parts[-1][3] not in (None, 1):
            return None
        if any(one not in (ALL, ("ellipsis",)) for one in parts[:-1]) or node.results[0].type.rank != x.type.rank:
            return None
        if ("ellipsis",) not in parts and len(parts) != x.type.rank:
            return None
        row, width = self.row(x, outer=outer), x.type.shape[-1]
        low, high = (self._place(one, width) for one in parts[-1][1:3])
        low, high = 0 if low is None else low, width if high is None else high
        before: Size = 0
        for size, inner in row:
            if self.facts.at_least(low - before, 0) and self.facts.at_least(before + size - high, 0):
                return [((high - low, part(inner, low - before, high - before)),)]
            before = before + size
        return None

    @staticmethod
    def _place(at: Size | None, width: Size) -> Size | None:
        return width + at if isinstance(at, int) and at < 0 else at

    def _applied(self, node: Node, op: Op, outer: bool) -> list[Row] | None:
        """A product with a matrix that is a value: the same in each step."""
        x, matrix, *rest = node.operands
        turned = isinstance(op, Matmul)
        if turned and x is not None and x.type.rank == 2 and matrix is not None and matrix.type.rank == 1:  # matrix @ vector
            x, matrix, turned = matrix, x, False
        if not isinstance(x, Value) or not isinstance(matrix, Value) or matrix.type.rank != 2 or not self._is_same(matrix, outer):
            return None
        bias = next((one for one in rest if isinstance(one, Value)), None)
        if bias is not None and not (is_bias(bias.type) and self._is_same(bias, outer)):
            return None
        after = None if bias is None else Source(bias.name, (), outer)
        width = matrix.type.shape[1 if turned else 0]
        return self._product(x, self._owned(matrix, outer), turned, after, width, outer)

    def _owned(self, matrix: Value, outer: bool) -> Source:
        """A matrix that is a value: where it is read from a layer (`W.weight`), that layer's."""
        node = None if outer else self.made.get(matrix.name)
        member = None if node is None or not node.leaf else self.loop.steps.members.get(node.member or ())
        if node is None or not isinstance(member, Layer) or node.leaf not in member.op.parameters():
            return Source(matrix.name, (), outer)
        return Source(node.leaf, node.member or ())

    def _is_same(self, value: Value, outer: bool) -> bool:
        many = None if outer else self.loop.steps.known.get(value.name)
        return many is not None and many.after is None

    def _product(
        self, x: Value, weight: Source, turned: bool, bias: Source | None, width: Size, outer: bool
    ) -> list[Row] | None:  # fmt: skip
        places: list[tuple[Size, Size, Sum]] = []
        if not outer and x.name in self.loop.steps.known:
            size = x.type.shape[-1]
            places.append((0, size, atom(Read(Source(x.name), 0, size))))
        else:
            before: Size = 0
            for size, inner in self.row(x, outer=outer):
                places.append((before, before + size, inner))
                before = before + size
        terms: list[Sum] = []
        for left, right, inner in places:
            for product, coefficient in inner.terms:
                read = _only(product)
                if not isinstance(read, Read):
                    return None
                terms.append(atom(Mapped(weight, turned, 0, width, left, right, read), coefficient))
        if bias is not None:
            terms.append(atom(Read(bias, 0, width)))
        return [((width, added(*terms)),)]


def is_bias(type: TensorType) -> bool:
    """Whether it has one axis that is not of size 1, the last."""
    return type.rank > 0 and all(size == 1 for size in type.shape[:-1])


def _is_mapped(one: Sum) -> bool:
    """Whether it is made of products with weights, and of members' biases."""
    atoms = [_only(product) for product, _ in one.terms]
    return all(isinstance(inner, Mapped) or (isinstance(inner, Read) and bool(inner.source.path)) for inner in atoms)


def _only(product: Iterable[tuple[object, int]]) -> object:
    """The one atom of a product; None where there are more."""
    atoms = list(product)
    return atoms[0][0] if len(atoms) == 1 and atoms[0][1] == 1 else None


def _pointwise(op: Op, operands: Sequence[Operand]) -> Callable[..., Sum] | None:
    """What an operator does to the sums of its operands; a number's is None there."""
    numbers = [number(float(one.number)) if isinstance(one, Number) and isinstance(one.number, (int, float)) else None
               for one in operands]  # fmt: skip

    def lifted(change: Callable[..., Sum]) -> Callable[..., Sum]:
        def call(*sums: Sum | None) -> Sum:
            return change(*(given or own for given, own in zip(sums, numbers, strict=True)))

        return call

    if isinstance(op, Maximum):
        zero = [isinstance(one, Number) and one.number == 0 for one in operands]
        return (lambda *sums: curve("relu", sums[zero.index(False)])) if sorted(zero) == [False, True] else None
    if isinstance(op, Clamp):
        return (lambda x: curve("relu", x)) if op.min == 0 and op.max is None else None
    if isinstance(op, Div):
        by = operands[1]
        if not isinstance(by, Number) or not isinstance(by.number, (int, float)) or not by.number:
            return None
        factor = 1.0 / by.number
        return lambda x, _: scaled(x, factor)
    if isinstance(op, AddCMul):
        factor = float(op.value)
        return lifted(lambda x, y, z: added(x, scaled(times(y, z), factor)))
    known = POINTWISE.get(type(op))
    return None if known is None else lifted(known)


POINTWISE: Mapping[type[Op], Callable[..., Sum]] = {
    Add: added,
    Sub: lambda x, y: added(x, scaled(y, -1.0)),
    Neg: lambda x: scaled(x, -1.0),
    Mul: times,
    Lerp: lambda x, y, weight: added(x, times(weight, added(y, scaled(x, -1.0)))),
    Sigmoid: lambda x: curve("sigmoid", x),
    Tanh: lambda x: curve("tanh", x),
    Relu: lambda x: curve("relu", x),
}
