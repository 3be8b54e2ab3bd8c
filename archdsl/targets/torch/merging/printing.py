"""A choice by what is given, as statements: `if mask is not None: …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.targets.torch.literals import quote
from archdsl.targets.torch.merging.doors import GuardedDoor
from archdsl.targets.torch.merging.presence import Presence, is_absent, is_unasked
from archdsl.targets.torch.statements import Block, Line, Statement

if TYPE_CHECKING:
    from archdsl.targets.torch.forward import Forward


def write_presence(forward: Forward, node: Node, choice: Presence) -> None:
    """The sides, each ending in the same locals; a side that computes nothing stands before, as what the locals are at first."""
    function = forward.function
    there, rest = choice.training, choice.evaluation
    conditions = _values(node)[: choice.asked]
    outer = {inner.name: function.locals[one.name] for inner, one in zip(there.input_values, _values(node), strict=True)}
    asked = [function.locals[one.name] for one in conditions]
    targets = tuple(function.bind(one) for one in node.results)
    empty = rest if not rest.nodes else there if not there.nodes else None
    if empty is not None and any(_given(empty, index, outer) in forward.partial for index in range(len(targets))):
        empty = None  # what is there on one side alone is not read before the question
    if not there.nodes and not rest.nodes:
        for index, (target, one) in enumerate(zip(targets, node.results, strict=True)):
            sides = [_given(side, index, outer) for side in (there, rest)]
            code = f"{sides[0]} if {_told(asked, True)} else {sides[1]}"
            for side in forward.partial & set(sides):
                forward.partial.add(target)
                forward.copied[side] = None
            function.add((target,), code, forward.note((one.type,), None))
    elif empty is not None:
        full = there if empty is rest else rest
        moved: dict[str, str] = {}
        for index, target in enumerate(targets):
            if is_unasked(empty.outputs[index].value):
                continue
            first = _given(empty, index, outer)
            line = function.add((target,), first, fixed=first == "None")
            if first == "None":
                line.annotation = ": Tensor | None"
            elif first not in moved and _given(full, index, outer) != first:
                moved[first] = target
        now = {name: moved.get(local, local) for name, local in outer.items()}
        body = _side(forward, full, now, targets, conditions if full is there else [])
        head = f"if {_told([moved.get(one, one) for one in asked], full is there)}:"
        function.statements.append(Block(head, body, state=targets))
    else:
        bodies = [
            _side(forward, there, outer, targets, conditions),
            _side(forward, rest, outer, targets, []),
        ]
        function.statements.append(Block(f"if {_told(asked, True)}:", bodies[0], bodies[1], state=targets))
    for target, one, *outs in zip(targets, node.results, there.outputs, rest.outputs, strict=True):
        if any(is_unasked(out.value) for out in outs):
            forward.partial.add(target)
        elif target not in forward.partial and not any(is_absent(out.value) for out in outs):
            function.shapes.append((target, one.type))


def _told(asked: list[str], there: bool) -> str:
    """`mask is not None`; of several that are there together the first tells that they are not."""
    return " and ".join(f"{one} is not None" for one in asked) if there else f"{asked[0]} is None"


def _values(node: Node) -> list[Value]:
    return [one for one in node.operands if isinstance(one, Value)]


def _given(side: Graph, index: int, locals: dict[str, str]) -> str:
    """The local that a side without statements gives."""
    value = side.outputs[index].value
    return "None" if is_absent(value) else locals.get(value.name, "")


def _side(forward: Forward, side: Graph, locals: dict[str, str], targets: tuple[str, ...], given: list[Value]) -> list[Statement]:
    """The statements of a side. `given` are the inputs that are known to be there on it."""
    function = forward.function
    outer, shapes, kept = function.statements, function.shapes, function.locals
    function.statements = []
    function.locals = {**kept, **locals}
    now = {kept[name]: local for name, local in locals.items() if name in kept}
    function.shapes = [(now.get(local, local), type) for local, type in shapes]
    function.shapes += [(function.locals[one.name], one.type) for one in given]
    for node in side.nodes:
        forward.node(node)
    for target, one in zip(targets, side.outputs, strict=True):
        if is_unasked(one.value):
            continue
        code = "None" if is_absent(one.value) else function.locals[one.value.name]
        alone = sum(one.value == each.value for each in side.outputs) == 1
        if code in forward.partial:
            forward.partial.add(target)
        if code != target and not (alone and rename(function.statements, code, target)):
            if code in forward.partial:
                forward.copied[code] = None
            function.add((target,), code, "" if code == "None" else forward.note((one.value.type,), None))
    made, function.statements, function.locals, function.shapes = function.statements, outer, kept, shapes
    return made


def rename(statements: list[Statement], old: str, new: str) -> bool:
    """Call a local that the statements make by another name, if what has that name before is not read once it is made."""
    made = next((at for at, one in enumerate(statements) if old in (one.targets if isinstance(one, Line) else one.state)), None)
    if made is None or any(new in spelled(one) for one in statements[made + 1 :]):
        return False
    first = statements[made]
    if isinstance(first, Block) and new in spelled(first):
        return False
    for one in statements:
        _replace(one, old, new)
    return True


def spelled(one: Statement) -> str:
    """All names that stand in a statement."""
    if isinstance(one, Line):
        return " ".join((*one.targets, one.code))
    return " ".join((*one.targets, *one.state, one.head, *map(spelled, one.body), *map(spelled, one.other)))


def _replace(one: Statement, old: str, new: str) -> None:
    one.targets = tuple(new if each == old else each for each in one.targets)
    if isinstance(one, Line):
        one.code = one.code.replace(old, new)
        return
    one.head = one.head.replace(old, new)
    one.state = tuple(new if each == old else each for each in one.state)
    for inner in (*one.body, *one.other):
        _replace(inner, old, new)


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
