"""What a step does to a carry, where that is affine or max-plus: found by following the carry through the body's operators."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.ops.pointwise.arithmetic import Add, Div, Maximum, Mul, Sub
from archdsl.ops.pointwise.choose import Lerp, Where
from archdsl.ops.pointwise.elementary import Neg
from archdsl.passes.scans.steps import Steps
from archdsl.records import record


class NoForm(Exception):
    """The carry's next value is no such form of the carry."""


@record
class Form:
    """`a * h + b`, or with `most` `maximum(h + a, b)`.

    a and b are values of the body, numbers, or absent: a is then 1, or 0 with `most`, and b is 0.
    """

    a: Operand = None
    b: Operand = None
    most: bool = False


class Forms:
    """Forms of the values of a body in one carry. New values are written outside the loop, by `steps`."""

    def __init__(self, steps: Steps, carry: Value) -> None:
        self.steps = steps
        self.carry = carry
        self.forms: dict[str, Form] = {carry.name: Form()}
        self.count = 0

    def knows(self, one: Value) -> bool:
        """Whether a value of the body needs no carry."""
        return one.name in self.steps.known

    def follow(self, nodes: list[Node], goal: Value) -> Form:
        """The form of `goal`. Raises `NoForm`."""
        for node in nodes:
            operands = [one for one in node.operands if isinstance(one, Value)]
            if any(one.name in self.forms for one in operands):
                if all(one.name in self.forms or self.knows(one) for one in operands):
                    try:
                        self.forms[node.results[0].name] = self._node(node)
                    except NoForm:
                        continue
        if goal.name not in self.forms:
            raise NoForm
        return self.forms[goal.name]

    def _node(self, node: Node) -> Form:
        if node.op is None or len(node.results) != 1 or node.results[0].type != self.carry.type:
            raise NoForm
        mine = [self.forms.get(one.name) if isinstance(one, Value) else None for one in node.operands]
        if isinstance(node.op, Neg) and mine[0] is not None and not mine[0].most:
            return Form(self._negative(mine[0].a), self._negative(mine[0].b) if mine[0].b is not None else None)
        parts = [one if form is None else form for one, form in zip(node.operands, mine, strict=True)]
        made: Form | Operand
        if isinstance(node.op, Where):
            made = self._chosen(node.op, *parts)
        elif isinstance(node.op, Lerp):
            x, y, weight = parts
            made = self._two(Add(), x, self._two(Mul(), weight, self._two(Sub(), y, x)))
        elif len(parts) == 2:
            made = self._two(node.op, *parts)
        else:
            raise NoForm
        if not isinstance(made, Form):
            raise NoForm
        return made

    def _two(self, op: Op, left: Form | Operand, right: Form | Operand) -> Form | Operand:
        """An operator of two on what is a form or known."""
        if isinstance(left, Form):
            return self._both(op, left, right) if isinstance(right, Form) else self._with(op, left, right, first=True)
        return self._with(op, right, left, first=False) if isinstance(right, Form) else self.combined(op, left, right)

    def _chosen(self, op: Where, condition: Form | Operand, *sides: Form | Operand) -> Form:
        """One form or another, or one and what is known, by a condition that is known: each part chosen by itself."""
        dtype = TensorType((), self.carry.type.dtype)
        forms = [one if isinstance(one, Form) else Form(Number(0, dtype), one) for one in sides]
        if isinstance(condition, Form) or any(one.most for one in forms):
            raise NoForm
        a = self.combined(op, condition, *(self._one(one.a) for one in forms))
        return Form(a, self.combined(op, condition, *(Number(0, dtype) if one.b is None else one.b for one in forms)))

    def _both(self, op: Op, left: Form, right: Form) -> Form:
        """A sum or a difference of two forms."""
        if left.most or right.most or not isinstance(op, (Add, Sub)):
            raise NoForm
        a = self.combined(op, self._one(left.a), self._one(right.a))
        if isinstance(op, Add):
            return Form(a, self._sum(left.b, right.b))
        if right.b is None:
            return Form(a, left.b)
        return Form(a, self._negative(right.b) if left.b is None else self.combined(op, left.b, right.b))

    def _with(self, op: Op, form: Form, known: Operand, *, first: bool) -> Form:
        """An operator on a form and a value that is known; `first`: the form is its first operand."""
        plain = form.a is None and not form.most
        if isinstance(op, Maximum) and (form.most or plain):
            if form.most:
                return Form(form.a, self.combined(op, form.b, known), most=True)
            return Form(form.b, known, most=True)
        if form.most:
            if isinstance(op, Add) or (isinstance(op, Sub) and first):
                moved = known if isinstance(op, Add) else self._negative(known)
                return Form(self._sum(form.a, moved), self._sum(form.b, moved), most=True)
            raise NoForm
        if isinstance(op, Add):
            return Form(form.a, self._sum(form.b, known))
        if isinstance(op, Sub) and first:
            return Form(form.a, self._sum(form.b, self._negative(known)))
        if isinstance(op, Sub):
            return Form(self._negative(form.a), known if form.b is None else self.combined(op, known, form.b))
        if isinstance(op, Mul):
            return Form(
                known if form.a is None else self.combined(op, form.a, known), form.b and self.combined(op, form.b, known)
            )
        if isinstance(op, Div) and first:
            return Form(self.combined(op, self._one(form.a), known), form.b and self.combined(op, form.b, known))
        raise NoForm

    def _one(self, a: Operand) -> Operand:
        return Number(1, TensorType((), self.carry.type.dtype)) if a is None else a

    def _negative(self, one: Operand) -> Operand:
        if one is None or isinstance(one, Number):
            number = 1 if one is None else one.number
            if not isinstance(number, (int, float)):
                raise NoForm
            return Number(-number, TensorType((), self.carry.type.dtype))
        return self.combined(Neg(), one)

    def _sum(self, left: Operand, right: Operand) -> Operand:
        if left is None or right is None:
            return right if left is None else left
        return self.combined(Add(), left, right)

    def combined(self, op: Op, *operands: Operand) -> Operand:
        """The operator applied outside, under a new name of the body; of two numbers, a number."""
        if all(isinstance(one, Number) for one in operands):
            return self._number(op, [one.number for one in operands if isinstance(one, Number)])
        types = tuple(None if one is None else one.type for one in operands)
        type = op.infer(self.steps.context, *types)[0]
        self.count += 1
        result = Value(f"{self.carry.name} form {self.count}", type)
        self.made(Node(operands, (result,), op=op, path=self.steps.around.path, span=self.steps.around.span))
        return result

    def made(self, node: Node) -> None:
        """Take in the node of a coefficient. Raises `NoForm`."""
        if not self.steps.written(node):
            raise NoForm

    def _number(self, op: Op, numbers: list[object]) -> Number:
        left, right = numbers
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            raise NoForm
        made = {Add: left + right, Sub: left - right, Mul: left * right}.get(type(op))
        if made is None:
            raise NoForm
        return Number(made, TensorType((), self.carry.type.dtype))
