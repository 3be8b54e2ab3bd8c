"""Carries that need no loop: those whose next value is known, affine in themselves, or max-plus in themselves."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.combine.concat import Concat
from archdsl.ops.contract import Op, OpFault
from archdsl.ops.create.filled import Full
from archdsl.ops.index.indexing import Index
from archdsl.ops.reshape.axes import Unsqueeze
from archdsl.passes.scans.forms import Forms, NoForm
from archdsl.passes.scans.joint import components, solve_joint
from archdsl.passes.scans.loop import Loop, needed
from archdsl.passes.scans.recurrences import AffineScan, MaxPlusScan
from archdsl.passes.scans.steps import Many
from archdsl.passes.scans.story import Finding

BUT_LAST = ("slice", None, -1, None)
BUT_FIRST = ("slice", 1, None, None)

Solution = tuple[Value, Value | None, Value]
"""The states before the steps [T, …], those after them (None where they are known), and the last."""


def solve(loop: Loop, *, recurrences: bool = True) -> None:
    """Solve the carries that can be, in the order in which they depend on each other; what depends on no other is hoisted.

    Without `recurrences` only those that remember, for targets that have no operator for a solved recurrence.
    """
    if loop.scan.until:
        return
    again = True
    while again:
        again = False
        for index in loop.carries:
            states = _remembered(loop, index) or (_recurrence(loop, index) if recurrences else None)
            if states is not None:
                replace(loop, index, states)
                loop.hoist()
                again = True
        for group in components(loop) if recurrences and not again else []:
            solutions = solve_joint(loop, group)
            if solutions is not None:
                for index, solution in zip(group, solutions, strict=True):
                    replace(loop, index, solution)
                loop.hoist()
                again = True
                break


def why_not(loop: Loop, index: int) -> Finding:
    """Why a carry is still in the loop."""
    old, new = loop.old[index], loop.new[index]
    stays = f"`{old.name}` stays in the loop"
    if loop.scan.until:
        return Finding(f"{stays}: `until` decides at each step whether there is a next")
    forms = Forms(loop.steps, old)
    others = {loop.old[other].name for other in loop.carries if other != index}
    try:
        forms.follow(loop.nodes, new)
    except NoForm:
        for node in needed(loop.nodes, {new.name}):
            operands = {one.name for one in node.operands if isinstance(one, Value)}
            if operands & others:
                return Finding(f"{stays}: it needs `{min(operands & others)}`, which does too", node.span)
            mine = operands & forms.forms.keys()
            if mine and operands - mine - loop.steps.known.keys():
                return Finding(f"{stays}: a coefficient is larger than what it is made of, too large to keep", node.span)
            if mine and not forms.forms.keys() & {one.name for one in node.results}:
                what = node.op.name if node.op is not None else ".".join(node.member or ("a scan or a choice",))
                return Finding(f"{stays}: `{what}` makes it neither affine nor max-plus in itself", node.span)
    return Finding(f"{stays}: what it is made of is too large to keep for all steps, or the same in each")


def _remembered(loop: Loop, index: int) -> Solution | None:
    """The states of a carry whose next value is known: that value, a step later."""
    steps, start, old = loop.steps, loop.starts[index], loop.old[index]
    known = steps.known.get(loop.new[index].name)
    if known is None or known.after is None or not isinstance(start, Value):
        return None
    parts = [steps.applied(Unsqueeze(axis=0), start), steps.at(known, old.type.rank)]
    states = steps.applied(Concat(axis=0), *(parts[::-1] if loop.scan.reverse else parts), name=loop.new[index].name)
    before, last = (BUT_FIRST, ("int", 0)) if loop.scan.reverse else (BUT_LAST, ("int", -1))
    loop.found.append(Finding(f"`{old.name}` only remembers what is known of the step before: no recurrence"))
    return steps.applied(Index(parts=(before,)), states), None, steps.applied(Index(parts=(last,)), states)


def _recurrence(loop: Loop, index: int) -> Solution | None:
    """All states of a carry that is affine or max-plus in itself; None where only the loop has them."""
    steps, new, start = loop.steps, loop.new[index], loop.starts[index]
    type, name = loop.old[index].type, loop.old[index].name
    if type.dtype != "float" or not isinstance(start, Value) or new.name in steps.known:
        return None
    made = len(steps.nodes)
    try:
        forms = Forms(steps, loop.old[index])
        form = forms.follow(loop.nodes, new)
        if not any(isinstance(one, Value) and steps.known[one.name].after is not None for one in (form.a, form.b)):
            return None
        a = sequence(loop, form.a, 0.0 if form.most else 1.0, type)
        b = sequence(loop, form.b, 0.0, type)
        kind = MaxPlusScan if form.most else AffineScan
        solution = solved(loop, kind(steps=loop.scan.length, reverse=loop.scan.reverse), new, a, b, start)
        equation = f"max-plus in itself, maximum({name} + a, b)" if form.most else f"affine in itself, a * {name} + b"
        loop.found.append(Finding(f"`{name}` is {equation}: solved by {kind.name} for all steps at once"))
        return solution
    except (NoForm, OpFault):
        del steps.nodes[made:]
        steps.forget()
        return None


def solved(loop: Loop, op: Op, like: Value, *operands: Value) -> tuple[Value, Value, Value]:
    """The states before the steps, those after, and the last, by an operator."""
    steps = loop.steps
    types = op.infer(steps.context, *(one.type for one in operands))
    before, after, last = (steps.named(like, type) for type in types)
    steps.nodes.append(Node(operands, (before, after, last), op=op, path=steps.around.path, span=steps.around.span))
    return before, after, last


def sequence(loop: Loop, one: Operand, otherwise: float, type: TensorType) -> Value:
    """A coefficient with the axis of the steps first, or one number for all."""
    if isinstance(one, Value):
        return loop.steps.at(loop.steps.known[one.name], type.rank)
    number = otherwise if one is None else one.number
    if not isinstance(number, (int, float)):
        raise NoForm
    return loop.steps.applied(Full(size=(1,), fill_value=float(number), dtype=type.dtype), name="factor")


def replace(loop: Loop, index: int, solution: Solution) -> None:
    """The carry's values of all steps, before and after each, and its last, in the place of the carry."""
    steps, old, new = loop.steps, loop.old[index], loop.new[index]
    before, after, last = solution
    steps.known[old.name] = Many(before, old.type, old.type.rank)
    if after is not None and new.name not in steps.known:
        steps.known[new.name] = Many(after, new.type, new.type.rank)
    for place, final in enumerate(loop.scan.finals):
        if final == index:
            loop.results[loop.node.results[loop.scan.yields + place].name] = last
    loop.solved.add(index)
