"""What a value is as a formula, the same however it was written.

Sums over axes are pulled apart, so that a variance is the mean of squares less the square of the mean in each of its spellings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.product.einsum import Einsum
from archdsl.ops.reduce.axes import reduced_axes
from archdsl.passes.deployment.polynomials import (
    MOST,
    Poly,
    atom,
    exponential,
    frozen,
    hyperbolic,
    logistic,
    plus,
    power,
    times,
)  # fmt: skip
from archdsl.passes.deployment.reading import Reading, told

POWERS = {"sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1.0, "square": 2.0}
ONE: Poly = {(): 1.0}
FUNCTIONS: dict[str, Callable[[Poly], Poly]] = {
    "neg": lambda x: plus({}, x, -1.0),
    "exp": exponential,
    "log": lambda x: atom(("log", frozen(x))),
    "erf": lambda x: atom(("erf", frozen(x))),
    "erfc": lambda x: plus(ONE, atom(("erf", frozen(x))), -1.0),
    "sigmoid": logistic,
    "tanh": hyperbolic,
    "logsigmoid": lambda x: atom(("log", frozen(logistic(x)))),
    **{word: lambda x, exponent=exponent: power(x, exponent) for word, exponent in POWERS.items()},  # type: ignore[misc]
}
"""Functions of one value."""


class Formulas:
    """The formulas of one graph, in which the values in `cut` are taken as they stand."""

    def __init__(self, reading: Reading, *cut: Value) -> None:
        self.reading = reading
        self.cut = {one.name for one in cut}
        self.types: dict[str, TensorType] = {}
        self.known: dict[str, Poly] = {}
        self.kept: dict[str, tuple[int, Poly]] = {}
        """Sums over one axis that was not kept: the axis, and the formula as if it were."""

    def of(self, operand: Operand) -> Poly:
        """The formula of an operand."""
        if isinstance(operand, Number):
            number = told(operand)
            return atom(("size", operand.number)) if number is None else {(): number} if number else {}
        if not isinstance(operand, Value):
            return {}
        if operand.name not in self.known:
            node = None if operand.name in self.cut else self.reading.maker(operand)
            made = self._made(node) if node is not None else None
            if made is None or len(made) > MOST:
                self.types[operand.name] = operand.type
                made = atom(("value", operand.name))
            self.known[operand.name] = made
        return self.known[operand.name]

    def _made(self, node: Node) -> Poly | None:
        """The formula of a node's result; None where it is no arithmetic."""
        word, x = node.op.name if node.op is not None else "", node.operands
        if word == "log_softmax" and isinstance(x[0], Value):
            return plus(self.of(x[0]), self._log_total(node, x[0]), -1.0)
        if word in ("cast", "stop_gradient", "expand") and isinstance(x[0], Value):
            same = x[0].type.dtype == node.results[0].type.dtype and word != "stop_gradient"
            return self.of(x[0]) if same and x[0].type.rank == node.results[0].type.rank else None
        if word in ("mean", "sum", "var", "std", "logsumexp", "norm") and isinstance(x[0], Value):
            return self._reduced(node, x[0])
        if isinstance(node.op, Einsum):
            self._inner(node, node.op)
            return None
        if word in ("unsqueeze", "index", "reshape") and isinstance(x[0], Value):
            return self._widened(node, x[0])
        return combined(node, [self.of(one) for one in x])

    def _inner(self, node: Node, op: Einsum) -> None:
        """A sum of products of the same elements, as `_reduced` notes it."""
        x, y = (*node.operands, None)[:2]
        if len(node.operands) == 2 and isinstance(x, Value) and isinstance(y, Value):
            (left, right), out = op.axes((x.type, y.type))
            gone = [at for at, name in enumerate(left) if name not in out]
            if left == right and len(set(left)) == len(left) == len(out) + 1 and tuple(n for n in left if n in out) == tuple(out):
                axis = gone[0]
                poly = times(self.of(x), self.of(y))
                found = self.total(poly, (axis - x.type.rank,), (x.type.shape[axis],))
                self.kept[node.results[0].name] = (axis, found)

    def _reduced(self, node: Node, x: Value) -> Poly | None:
        said: dict[str, Any] = dict(node.op.items()) if node.op is not None else {}
        axes = reduced_axes(said["axis"], x.type.rank)
        inner, word = self.of(x), node.op.name if node.op is not None else ""
        sizes = tuple(x.type.shape[axis] for axis in axes)
        count = TensorType(sizes).numel()
        ends = tuple(axis - x.type.rank for axis in axes)
        share = power(_size(count), -1.0)
        if word == "norm" and said["p"] != 2:
            return None
        inner = exponential(inner) if word == "logsumexp" else power(inner, 2) if word == "norm" else inner
        found = self.total(inner, ends, sizes)
        if word == "logsumexp":
            found = atom(("log", frozen(found)))
        elif word == "norm":
            found = power(found, 0.5)
        elif word != "sum":
            found = times(found, share)
        if word in ("var", "std"):
            squares = times(self.total(power(inner, 2), ends, sizes), share)
            correction = said["correction"]
            if correction and not isinstance(count, int):
                return None
            found = plus(squares, power(found, 2), -1.0)
            found = plus({}, found, count / (count - correction)) if isinstance(count, int) and correction else found
            found = power(found, 0.5) if word == "std" else found
        if said["keepdim"]:
            return found
        if len(axes) == 1:
            self.kept[node.results[0].name] = (axes[0], found)
        return None

    def _log_total(self, node: Node, x: Value) -> Poly:
        """log(sum(exp(x))) along the axis of the node."""
        said: dict[str, Any] = dict(node.op.items()) if node.op is not None else {}
        axis = said["axis"] % x.type.rank
        found = self.total(exponential(self.of(x)), (axis - x.type.rank,), (x.type.shape[axis],))
        return atom(("log", frozen(found)))

    def total(self, poly: Poly, axes: tuple[int, ...], sizes: tuple[Size, ...]) -> Poly:
        """The sum over axes, counted from the end, that have these sizes; they stay with size 1."""
        out: Poly = {}
        for mono, number in poly.items():
            outer = tuple(one for one in mono if self.stays(one[0], axes))
            inner = tuple(one for one in mono if one not in outer)
            summed = atom(("sum", axes, sizes, inner)) if inner else _size(TensorType(sizes).numel())
            out = plus(out, times({outer: number}, summed))
        return out

    def stays(self, one: Any, axes: tuple[int, ...]) -> bool:
        """Whether an atom is the same along these axes."""
        if one[0] == "size":
            return True
        if one[0] == "value":
            shape = self.types[one[1]].shape
            return all(-axis > len(shape) or shape[axis] == 1 for axis in axes)
        if one[0] == "sum":
            rest = tuple(axis for axis in axes if axis not in one[1])
            return not rest or all(self.stays(inner, rest) for inner, _ in one[3])
        return all(self.stays(inner, axes) for mono, _ in one[1] for inner, _ in mono)

    def _widened(self, node: Node, x: Value) -> Poly | None:
        """A formula of sums whose axis is put back."""
        axes = [
            axis for axis in range(x.type.rank + 1)
            if node.results[0].type.shape == (*x.type.shape[:axis], 1, *x.type.shape[axis:])
        ]  # fmt: skip
        return self._lifted(x, axes[0]) if len(axes) == 1 else None  # beside another axis of size 1 either may be the new one

    def _lifted(self, x: Value, axis: int, steps: int = 8) -> Poly | None:
        """The formula of what sums without an axis make, as if they had kept it."""
        self.of(x)
        if x.name in self.kept:
            return self.kept[x.name][1] if self.kept[x.name][0] == axis else None
        node = self.reading.maker(x)
        if node is None or x.name in self.cut or steps == 0:
            return None
        found = []
        for one in node.operands:
            poly = self._lifted(one, axis, steps - 1) if isinstance(one, Value) and one.type == x.type else None
            poly = self.of(one) if isinstance(one, Number) else poly
            if poly is None:
                return None
            found.append(poly)
        return combined(node, found)


def combined(node: Node, x: Sequence[Poly]) -> Poly | None:
    """The formula of an operator on one element of each operand, from theirs; None where it is none."""
    word = node.op.name if node.op is not None else ""
    if word in FUNCTIONS:
        return FUNCTIONS[word](x[0])
    if word in ("add", "sub"):
        return plus(x[0], x[1], 1.0 if word == "add" else -1.0)
    if word in ("mul", "div"):
        right = power(x[1], -1.0) if word == "div" else x[1]
        return times(x[0], right) if len(x[0]) * len(right) <= MOST else None
    if word == "pow":
        exponent = told(node.operands[1])
        return None if exponent is None else power(x[0], exponent)
    if word == "softplus" and node.op is not None and dict(node.op.items())["beta"] == 1:
        return atom(("log", frozen(plus(ONE, exponential(x[0])))))
    return None


def _size(count: Size) -> Poly:
    return {(): float(count)} if isinstance(count, int) else atom(("size", count))
