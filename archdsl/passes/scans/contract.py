"""Carries that are affine in themselves but too large to keep for all steps, where the yields need no more of them than a sum."""

from __future__ import annotations

import math
import re

from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op, OpFault
from archdsl.ops.create.filled import Full
from archdsl.ops.pointwise.arithmetic import Mul
from archdsl.ops.pointwise.elementary import Exp
from archdsl.ops.pointwise.elementwise import Elementwise
from archdsl.ops.product.einsum import Einsum
from archdsl.ops.product.matmul import Matmul
from archdsl.passes.scans.contraction import Contraction, as_many, contraction_of, laid
from archdsl.passes.scans.forms import Form, Forms, NoForm
from archdsl.passes.scans.formula import GIVEN, NUMBER, Formula
from archdsl.passes.scans.loop import Loop, needed
from archdsl.passes.scans.recurrences import ContractedScan
from archdsl.passes.scans.steps import Steps, is_outer
from archdsl.passes.scans.story import Finding


def contract(loop: Loop) -> None:
    """Take such carries out of the loop; what depends on their sums alone is hoisted."""
    if loop.scan.until:
        return
    for index in loop.carries:
        before = len(loop.steps.nodes)
        try:
            _take_out(loop, index)
        except (NoForm, OpFault):
            del loop.steps.nodes[before:]
            loop.steps.forget()
        else:
            loop.hoist()


class _LateForms(Forms):
    """Forms whose coefficients may be formulas of what is known, made in each step."""

    def __init__(self, steps: Steps, carry: Value, nodes: list[Node]) -> None:
        super().__init__(steps, carry)
        self.late: dict[str, Node] = {}
        """The formulas' nodes, by their results."""
        for node in nodes:
            if all(self.knows(one) for one in node.operands if isinstance(one, Value)) and _is_formula(node):
                self.late[node.results[0].name] = node

    def knows(self, one: Value) -> bool:
        return one.name in self.steps.known or one.name in self.late

    def made(self, node: Node) -> None:
        self.late[node.results[0].name] = node


def _is_formula(node: Node) -> bool:
    """Whether each element of a node's result is made of those of its operands at its place."""
    if node.op is None or len(node.results) != 1 or node.results[0].type.dtype != "float":
        return False
    if any(one is None or one.type.dtype != "float" for one in node.operands):
        return False
    return (isinstance(node.op, Elementwise) and not node.op.random) or is_outer(node) or _outer_axes(node) is not None


def _outer_axes(node: Node) -> tuple[tuple[int, ...], ...] | None:
    """Where the axes of the two operands of a product stand in its result, if it sums over none of them."""
    if not isinstance(node.op, Einsum) or len(node.operands) != 2:
        return None
    operands, result = node.op.axes(tuple(None if one is None else one.type for one in node.operands))
    plain = all(len(set(one)) == len(one) and set(one) <= set(result) for one in operands)
    return tuple(tuple(map(result.index, one)) for one in operands) if plain else None


def _take_out(loop: Loop, index: int) -> None:
    """Replace one carry by its sums. Raises `NoForm`."""
    old, new, start = loop.old[index], loop.new[index], loop.starts[index]
    if old.type.dtype != "float" or not isinstance(start, Value):
        raise NoForm
    own = {id(node) for node in needed(loop.nodes, {new.name})}
    others = [node for node in loop.nodes if id(node) not in own]
    forms = _LateForms(loop.steps, old, loop.nodes)
    form = forms.follow(loop.nodes, new)
    mine = {old.name} | (forms.forms.keys() & {one.name for node in loop.nodes if id(node) in own for one in node.results})
    sums = contraction_of(loop, new, others)
    inside = {one.name for node in others for one in node.operands if isinstance(one, Value)}
    yielded = {value.name for value, _ in loop.open()} | ({loop.new[other].name for other in loop.carries if other != index})
    if form.most or sums is None or (mine - {new.name}) & (inside | yielded):
        raise NoForm
    _write(loop, index, form, sums, forms)


def _write(loop: Loop, index: int, form: Form, sums: Contraction, forms: _LateForms) -> None:
    steps, old, new = loop.steps, loop.old[index], loop.new[index]
    rank = old.type.rank
    formulas = _Formulas(loop, forms.late, rank)
    a, b = formulas.of(form.a, 1.0), formulas.of(form.b, 0.0)
    weights = steps.applied(Full(size=(1,), fill_value=1.0, dtype="float"), name="ones")
    if sums.weights is not None:
        weights = laid(loop, sums.weights, sums.places, rank)
    if all(one.type.rank <= rank for one in (weights, *formulas.given)):
        raise NoForm  # nothing tells the number of steps
    op = ContractedScan(
        steps=loop.scan.length, axes=sums.axes, names=formulas.names(), a=a, b=b, reverse=loop.scan.reverse
    )  # fmt: skip
    start = loop.starts[index]
    operands = (start, weights, *formulas.given)
    types = op.infer(steps.context, *(one.type if one is not None else None for one in operands))
    results = tuple(steps.named(one, type) for one, type in zip((sums.result, new), types, strict=True))
    steps.nodes.append(Node(operands, results, op=op, path=steps.around.path, span=steps.around.span))
    steps.known[sums.result.name] = as_many(loop, sums, results[0])
    for place, final in enumerate(loop.scan.finals):
        if final == index:
            loop.results[loop.node.results[loop.scan.yields + place].name] = results[1]
    loop.solved.add(index)
    loop.drop_unneeded()
    said = f"`{old.name}` is affine in itself, and the yields need a sum of it alone: its states are not kept"
    loop.found.append(Finding(said))


class _Formulas:
    """Coefficients as formulas of tensors outside."""

    def __init__(self, loop: Loop, late: dict[str, Node], rank: int) -> None:
        self.loop = loop
        self.late = late
        self.rank = rank
        self.given: list[Value] = []
        self.hints: list[str] = []
        self.indices: dict[str, int] = {}

    def names(self) -> tuple[str, ...]:
        """A name for each given tensor."""
        taken: list[str] = []
        for hint in self.hints:
            name = re.sub(r"(_[0-9]+)+$", "", hint)
            name = name if name.isidentifier() else "x"
            same = sum(re.sub(r"_[0-9]+$", "", one) == name for one in taken)
            taken.append(f"{name}_{same}" if same else name)
        return tuple(taken)

    def of(self, one: Operand, otherwise: float) -> Formula:
        """The formula of a coefficient, which may be absent."""
        if one is None:
            return self._leaf(self._constant(otherwise), "one")
        if isinstance(one, Number):
            if not isinstance(one.number, (int, float)):
                raise NoForm
            return self._leaf(self._constant(float(one.number)), "factor")
        return self._made(one)

    def _made(self, one: Operand) -> Formula:
        if isinstance(one, Number):
            return (NUMBER, one.number)
        if one is None:
            raise NoForm
        if one.name in self.loop.steps.known:
            many = self.loop.steps.known[one.name]
            if many.step.rank > self.rank:
                raise NoForm
            value = self.loop.steps.at(many, self.rank if many.after is not None else None)
            return self._leaf(value, one.name)
        node = self.late[one.name]
        scaled = self._as_power_of_two(node)
        if scaled is not None:
            return scaled
        places = _outer_axes(node)
        if places is not None:
            front = self.rank - node.results[0].type.rank
            places = tuple(tuple(place + front for place in one) for one in places)
            return ("mul", (), *map(self._laid, node.operands, places))
        op: Op = Mul() if isinstance(node.op, Matmul) else node.op or Mul()
        return (op.name, tuple(op.items()), *map(self._made, node.operands))

    def _laid(self, one: Operand, places: tuple[int, ...]) -> Formula:
        if not isinstance(one, Value) or one.name not in self.loop.steps.known:
            raise NoForm
        return self._leaf(laid(self.loop, one, places, self.rank), one.name)

    def _as_power_of_two(self, node: Node) -> Formula | None:
        """`exp(p * q)` as `exp2(p * (q * log2 e))` where q is the same in each step: PyTorch takes half the time for it."""
        inner = node.operands[0]
        if not isinstance(node.op, Exp) or not isinstance(inner, Value) or inner.name not in self.late:
            return None
        product, steps = self.late[inner.name], self.loop.steps
        if not isinstance(product.op, Mul):
            return None
        for one, other in (product.operands, product.operands[::-1]):
            many = steps.known.get(other.name) if isinstance(other, Value) else None
            if many is not None and many.after is None and isinstance(other, Value):
                scale = Number(math.log2(math.e), TensorType((), "float"))
                scaled = self._leaf(steps.applied(Mul(), many.value, scale), other.name)
                return ("exp2", (), ("mul", (), self._made(one), scaled))
        return None

    def _constant(self, number: float) -> Value:
        return self.loop.steps.applied(Full(size=(1,), fill_value=number, dtype="float"), name="factor")

    def _leaf(self, value: Value, hint: str) -> Formula:
        if value.name not in self.indices:
            self.indices[value.name] = len(self.given)
            self.given.append(value)
            self.hints.append(hint)
        return (GIVEN, self.indices[value.name])
