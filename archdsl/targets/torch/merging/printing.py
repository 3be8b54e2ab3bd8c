"""A choice by what is given, as statements: `if mask is not None: …`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.targets.torch.literals import quote
from archdsl.targets.torch.merging.doors import GuardedDoor
from archdsl.targets.torch.merging.presence import Presence, is_absent
from archdsl.targets.torch.statements import FOLD_WIDTH, LOCAL, Block, Line, Statement

if TYPE_CHECKING:
    from archdsl.targets.torch.forward import Forward

ASKED = re.compile(rf"if ({LOCAL.pattern}) is not None:")


def write_presence(forward: Forward, node: Node, choice: Presence) -> None:
    """The sides, each ending in the same locals; a side that computes nothing stands before, as what the locals are at first."""
    function = forward.function
    there, rest = choice.training, choice.evaluation
    condition = node.operands[0]
    if not isinstance(condition, Value):
        raise ValueError("a choice by what is no input")
    outer = {inner.name: function.locals[one.name] for inner, one in zip(there.input_values, _values(node), strict=True)}
    asked = function.locals[condition.name]
    targets = tuple(function.bind(one) for one in node.results)
    empty = rest if not rest.nodes else there if not there.nodes else None
    if not there.nodes and not rest.nodes:
        for index, (target, one) in enumerate(zip(targets, node.results, strict=True)):
            sides = [_given(side, index, outer) for side in (there, rest)]
            code = f"{sides[0]} if {asked} is not None else {sides[1]}"
            function.add((target,), code, forward.note((one.type,), None))
    elif empty is not None:
        full = there if empty is rest else rest
        moved: dict[str, str] = {}
        for index, target in enumerate(targets):
            first = _given(empty, index, outer)
            line = function.add((target,), first, fixed=first == "None")
            if first == "None":
                line.annotation = ": Tensor | None"
            elif first not in moved and _given(full, index, outer) != first:
                moved[first] = target
        now = {name: moved.get(local, local) for name, local in outer.items()}
        body = _side(forward, full, now, targets, condition if full is there else None)
        head = f"if {moved.get(asked, asked)} is {'not ' if full is there else ''}None:"
        function.statements.append(Block(head, body, state=targets))
    else:
        bodies = [
            _side(forward, there, outer, targets, condition),
            _side(forward, rest, outer, targets, None),
        ]
        function.statements.append(Block(f"if {asked} is not None:", bodies[0], bodies[1], state=targets))
    for target, one, *outs in zip(targets, node.results, there.outputs, rest.outputs, strict=True):
        if all(not is_absent(out.value) for out in outs):
            function.shapes.append((target, one.type))


def _values(node: Node) -> list[Value]:
    return [one for one in node.operands if isinstance(one, Value)]


def _given(side: Graph, index: int, locals: dict[str, str]) -> str:
    """The local that a side without statements gives."""
    value = side.outputs[index].value
    return "None" if is_absent(value) else locals.get(value.name, "")


def _side(
    forward: Forward, side: Graph, locals: dict[str, str], targets: tuple[str, ...], condition: Value | None
) -> list[Statement]:
    """The statements of a side. `condition` is the input that is known to be there on it."""
    function = forward.function
    outer, shapes, kept = function.statements, function.shapes, function.locals
    function.statements = []
    function.locals = {**kept, **locals}
    now = {kept[name]: local for name, local in locals.items() if name in kept}
    function.shapes = [(now.get(local, local), type) for local, type in shapes]
    if condition is not None and condition.name in forward.optional:
        function.shapes.append((function.locals[condition.name], condition.type))
    for node in side.nodes:
        forward.node(node)
    last = function.statements[-1] if function.statements else None
    for target, one in zip(targets, side.outputs, strict=True):
        local = function.locals.get(one.value.name)
        if isinstance(last, Line) and last.targets == (local,) and sum(one.value == each.value for each in side.outputs) == 1:
            last.targets = (target,)
            continue
        code = "None" if is_absent(one.value) else function.locals[one.value.name]
        if code != target:
            function.add((target,), code, "" if code == "None" else forward.note((one.value.type,), None))
    made, function.statements, function.locals, function.shapes = function.statements, outer, kept, shapes
    return made


def write_guarded(forward: Forward, door: GuardedDoor) -> None:
    """A check for some ways of calling alone: `if mask is not None and T % 2 != 0:`."""
    from archdsl.targets.torch.forward import door_code, fact_text

    function = forward.function
    inputs = {one.name: one.value for one in forward.graph.inputs if one.value is not None}
    asked = [f"{function.locals[inputs[name].name]} is {'not ' * there}None" for name, there in door.where]
    if door.op:
        shapes = len(function.shapes)
        given = [inputs[name] for name, there in door.where if there]
        function.shapes += [(function.locals[one.name], one.type) for one in given]
        asked.append(door_code(door, function.tape((), ())))
        del function.shapes[shapes:]
    said = door.message or fact_text(door)
    raised = Line((), f"ValueError({quote(said)})", head="raise")
    function.statements.append(Block(f"if {' and '.join(asked)}:", [raised]))


def as_expressions(statements: list[Statement], stems: Mapping[str, str]) -> list[Statement]:
    """`m = None` and `if mask is not None: m = …` as one line, where that is short."""
    out: list[Statement] = []
    for one in statements:
        if isinstance(one, Block):
            one.body, one.other = as_expressions(one.body, stems), as_expressions(one.other, stems)
            before, body = out[-1] if out else None, one.body[0] if one.body else None
            if isinstance(before, Line) and isinstance(body, Line) and before.code == "None" and not (one.body[1:] or one.other):
                asked = ASKED.fullmatch(one.head)
                code = f"None if {asked[1] if asked else ''} is None else {body.code}"
                short = len(LOCAL.sub(lambda found: stems[found[0]], code)) <= FOLD_WIDTH - 16
                if asked and short and before.targets == body.targets == one.state:
                    out[-1] = Line(body.targets, code, body.note)
                    continue
        out.append(one)
    return out
