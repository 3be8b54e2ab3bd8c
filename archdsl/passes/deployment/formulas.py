"""What a value is as a formula: a polynomial over what is no arithmetic, the same however it was written.

Sums over axes are pulled apart, so that a variance is the mean of squares less the square of the mean in each of its spellings.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.reduce.axes import reduced_axes
from archdsl.passes.deployment.reading import Reading, told

Atom = Hashable
"""`("value", name)`, `("sum", axes, sizes, product)`, `("power of", polynomial)`, `(function, polynomial)`, `("size", size)`."""
Mono = tuple[tuple[Atom, float], ...]
"""A product of atoms with their exponents, sorted."""
Poly = dict[Mono, float]
MOST = 24
"""How many terms a polynomial has at most; what has more is taken as it stands."""
FUNCTIONS = ("erf", "tanh", "sigmoid", "log")
POWERS = {"sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1.0, "square": 2.0}


def plus(left: Poly, right: Poly, factor: float = 1.0) -> Poly:
    """The sum; terms that vanish but for rounding are left out."""
    out = dict(left)
    for mono, number in right.items():
        total = out.get(mono, 0.0) + factor * number
        if abs(total) > 1e-14 * (abs(out.get(mono, 0.0)) + abs(number)):
            out[mono] = total
        else:
            out.pop(mono, None)
    return out


def times(left: Poly, right: Poly) -> Poly:
    """The product."""
    out: Poly = {}
    for one, a in left.items():
        for other, b in right.items():
            out = plus(out, _opened(together(one, other), a * b))
    return out


def _opened(mono: Mono, number: float) -> Poly:
    """A term in which the root of a sum that was squared is what is under the root: of a variance, which is not negative."""
    for index, (one, exponent) in enumerate(mono):
        if exponent not in (1, 2) or not isinstance(one, tuple) or one[0] != "power of":
            continue
        if any(inner[0] == "sum" for part, _ in one[1] for inner, _ in part):
            return times({(*mono[:index], *mono[index + 1 :]): number}, power(dict(one[1]), exponent))
    return {mono: number}


def together(one: Mono, other: Mono) -> Mono:
    """The product of two products."""
    found = dict(one)
    for atom, exponent in other:
        found[atom] = found.get(atom, 0.0) + exponent
    return tuple(sorted(((atom, exponent) for atom, exponent in found.items() if exponent), key=repr))


def atom(one: Atom, exponent: float = 1.0) -> Poly:
    """An atom by itself."""
    return {((one, exponent),): 1.0}


def frozen(poly: Poly) -> Atom:
    """The polynomial as a key: numbers that differ by rounding are one."""
    return tuple(sorted(((mono, float(f"{number:.12g}")) for mono, number in poly.items()), key=repr))


def power(poly: Poly, exponent: float) -> Poly:
    """The polynomial to a power. What is no product is taken whole."""
    if exponent in (1, 2, 3, 4) and len(poly) ** exponent <= MOST:
        out = poly
        for _ in range(int(exponent) - 1):
            out = times(out, poly)
        return out
    if len(poly) == 1:
        ((mono, number),) = poly.items()
        whole = float(exponent).is_integer()
        if number and (whole or (number > 0 and len(mono) <= 1 and all(one % 2 for _, one in mono))):
            return {tuple((one, own * exponent) for one, own in mono): number**exponent}
    return atom(("power of", frozen(poly)), exponent)


def exponential(poly: Poly) -> Poly:
    """The exponential of a polynomial; where a logarithm is added to it, what that is of is a factor."""
    out: Poly = {(): 1.0}
    rest = dict(poly)
    for mono, number in poly.items():
        if len(mono) == 1 and isinstance(mono[0][0], tuple) and mono[0][0][0] == "log" and mono[0][1] == 1:
            out = times(out, power(dict(mono[0][0][1]), number))
            del rest[mono]
    return times(out, atom(("exp", frozen(rest)))) if rest else out


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
        if word in ("add", "sub"):
            return plus(self.of(x[0]), self.of(x[1]), 1.0 if word == "add" else -1.0)
        if word == "neg":
            return plus({}, self.of(x[0]), -1.0)
        if word in ("mul", "div"):
            left, right = self.of(x[0]), self.of(x[1])
            right = power(right, -1.0) if word == "div" else right
            return times(left, right) if len(left) * len(right) <= MOST else None
        if word in POWERS:
            return power(self.of(x[0]), POWERS[word])
        if word == "pow":
            exponent = told(x[1])
            return None if exponent is None else power(self.of(x[0]), exponent)
        if word == "exp":
            return exponential(self.of(x[0]))
        if word in FUNCTIONS:
            return atom((word, frozen(self.of(x[0]))))
        if word == "log_softmax" and isinstance(x[0], Value):
            return plus(self.of(x[0]), self._log_total(node, x[0]), -1.0)
        if word in ("cast", "stop_gradient", "expand") and isinstance(x[0], Value):
            same = x[0].type.dtype == node.results[0].type.dtype and word != "stop_gradient"
            return self.of(x[0]) if same and x[0].type.rank == node.results[0].type.rank else None
        if word in ("mean", "sum", "var", "std", "logsumexp") and isinstance(x[0], Value):
            return self._reduced(node, x[0])
        if word in ("unsqueeze", "index", "reshape") and isinstance(x[0], Value):
            return self._widened(node, x[0])
        return None

    def _reduced(self, node: Node, x: Value) -> Poly | None:
        said: dict[str, Any] = dict(node.op.items()) if node.op is not None else {}
        axes = reduced_axes(said["axis"], x.type.rank)
        inner, word = self.of(x), node.op.name if node.op is not None else ""
        sizes = tuple(x.type.shape[axis] for axis in axes)
        count = TensorType(sizes).numel()
        ends = tuple(axis - x.type.rank for axis in axes)
        share = power(_size(count), -1.0)
        found = self.total(exponential(inner) if word == "logsumexp" else inner, ends, sizes)
        if word == "logsumexp":
            found = atom(("log", frozen(found)))
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
        """A sum whose axis is put back."""
        self.of(x)
        if x.name not in self.kept:
            return None
        axis, found = self.kept[x.name]
        shape = (*x.type.shape[:axis], 1, *x.type.shape[axis:])
        if node.results[0].type.shape != shape:
            return None
        beside = [place for place in (axis - 1, axis) if 0 <= place < x.type.rank and x.type.shape[place] == 1]
        return None if beside else found  # where the axis is put beside another of size 1, either may be the new one


def _size(count: Size) -> Poly:
    return {(): float(count)} if isinstance(count, int) else atom(("size", count))
