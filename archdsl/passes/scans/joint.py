"""Carries that need each other and are affine in themselves together, element by element: the real and the imaginary part of a
state, position and speed."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op, OpFault
from archdsl.ops.pointwise.arithmetic import Add, Div, Mul, Sub
from archdsl.ops.pointwise.elementary import Neg
from archdsl.passes.scans.forms import Forms, NoForm
from archdsl.passes.scans.loop import Loop, needed
from archdsl.passes.scans.recurrences import MatrixScan
from archdsl.passes.scans.steps import Steps
from archdsl.passes.scans.story import Finding

MOST = 4
"""Of more carries the products of matrices cost more than the loop."""

Row = dict[str, Operand]
"""The coefficient of each carry, by its name, and of 1 under the empty name; what is absent is 0."""


def components(loop: Loop) -> list[list[int]]:
    """The carries in the loop that need each other, in groups."""
    reads = {}
    for index in loop.carries:
        nodes = needed(loop.nodes, {loop.new[index].name})
        used = {one.name for node in nodes for one in node.operands if isinstance(one, Value)} | {loop.new[index].name}
        reads[index] = {other for other in loop.carries if loop.old[other].name in used}
    for middle in loop.carries:
        for index in loop.carries:
            if middle in reads[index]:
                reads[index] |= reads[middle]
    groups = [[other for other in loop.carries if other in reads[index] and index in reads[other]] for index in loop.carries]
    return [group for at, group in enumerate(groups) if len(group) > 1 and group not in groups[:at]]


class JointForms:
    """The values of a body as rows of coefficients. New values are written outside the loop, by `steps`."""

    def __init__(self, steps: Steps, carries: list[Value]) -> None:
        self.single = Forms(steps, carries[0])
        self.steps = steps
        self.type = carries[0].type
        self.rows: dict[str, Row] = {one.name: {one.name: self._number(1)} for one in carries}

    def _number(self, number: float) -> Number:
        return Number(number, TensorType((), self.type.dtype))

    def follow(self, nodes: list[Node]) -> None:
        """The rows of all values that have one."""
        for node in nodes:
            operands = [one for one in node.operands if isinstance(one, Value)]
            if any(one.name in self.rows for one in operands):
                if all(one.name in self.rows or one.name in self.steps.known for one in operands):
                    try:
                        self.rows[node.results[0].name] = self._node(node)
                    except NoForm:
                        continue

    def _node(self, node: Node) -> Row:
        if node.op is None or len(node.results) != 1 or node.results[0].type != self.type:
            raise NoForm
        mine = [self.rows.get(one.name) if isinstance(one, Value) else None for one in node.operands]
        if isinstance(node.op, Neg) and mine[0] is not None:
            return {name: self._negative(one) for name, one in mine[0].items()}
        if len(mine) != 2:
            raise NoForm
        left, right = (row if row is not None else {"": one} for row, one in zip(mine, node.operands, strict=True))
        if isinstance(node.op, Sub):
            right = {name: self._negative(one) for name, one in right.items()}
        if isinstance(node.op, (Add, Sub)):
            return {name: self._sum(left.get(name), right.get(name)) for name in {**left, **right}}
        if isinstance(node.op, Mul) and None in mine:
            row, factor = (mine[0], node.operands[1]) if mine[0] is not None else (mine[1], node.operands[0])
            return {name: self._scaled(node.op, one, factor) for name, one in (row or {}).items()}
        if isinstance(node.op, Div) and mine[0] is not None and mine[1] is None:
            return {name: self._scaled(node.op, one, node.operands[1]) for name, one in mine[0].items()}
        raise NoForm

    def _sum(self, left: Operand, right: Operand) -> Operand:
        if left is None or right is None:
            return right if left is None else left
        return self.single.combined(Add(), left, right)

    def _scaled(self, op: Op, one: Operand, factor: Operand) -> Operand:
        if isinstance(op, Mul) and isinstance(one, Number) and one.number == 1:
            return factor
        return self.single.combined(op, one, factor)

    def _negative(self, one: Operand) -> Operand:
        if isinstance(one, Number) and isinstance(one.number, (int, float)):
            return self._number(-one.number)
        return self.single.combined(Neg(), one)


def solve_joint(loop: Loop, group: list[int]) -> list[tuple[Value, Value, Value]] | None:
    """The states before the steps, those after, and the last, of each carry of a group; None where they are not affine so."""
    steps = loop.steps
    old, new = [loop.old[index] for index in group], [loop.new[index] for index in group]
    starts = [one for index in group if isinstance(one := loop.starts[index], Value)]
    if len(group) > MOST or len(starts) < len(group) or any(one.type != old[0].type for one in old):
        return None
    if old[0].type.dtype != "float" or not old[0].type.rank:
        return None
    made = len(steps.nodes)
    try:
        forms = JointForms(steps, old)
        forms.follow(loop.nodes)
        rows = [forms.rows.get(one.name) for one in new]
        if any(row is None for row in rows):
            raise NoForm
        names = [one.name for one in old]
        zero = Number(0.0, TensorType((), "float"))
        parts = [(row or {}).get(name) or zero for row in rows for name in names]
        parts += [(row or {}).get("") or zero for row in rows]
        operands = [_placed(loop, one, old[0].type.rank) for one in parts]
        if all(not isinstance(one, Value) or one.type.rank <= old[0].type.rank for one in operands):
            raise NoForm  # nothing varies with the steps
        op = MatrixScan(steps=loop.scan.length, size=len(group), reverse=loop.scan.reverse)
        types = op.infer(steps.context, *(None if one is None else one.type for one in (*operands, *starts)))
        results = [steps.named(like, type) for like, type in zip([*old, *new, *new], types, strict=True)]
        given = (*operands, *starts)
        steps.nodes.append(Node(given, tuple(results), op=op, path=steps.around.path, span=steps.around.span))
    except (NoForm, OpFault):
        del steps.nodes[made:]
        steps.forget()
        return None
    count = len(group)
    said = " and ".join(f"`{one.name}`" for one in old)
    loop.found.append(Finding(f"{said} are affine in themselves together: solved by {op.name} for all steps at once"))
    return [(results[at], results[count + at], results[2 * count + at]) for at in range(count)]


def _placed(loop: Loop, one: Operand, rank: int) -> Operand:
    """A coefficient outside; what varies has the axis of the steps first."""
    if not isinstance(one, Value):
        return one
    many = loop.steps.known[one.name]
    return loop.steps.at(many, rank if many.after is not None else None)
