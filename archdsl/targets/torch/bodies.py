"""Nodes with bodies: a recurrence as a plain loop, and the one choice that is made at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Scan
from archdsl.ir.value import Operand, Value
from archdsl.targets.torch.names import stem_of
from archdsl.targets.torch.scope import Unexplained
from archdsl.targets.torch.statements import Block, Line, Statement
from archdsl.targets.torch.steps import in_one_graph, write_steps

if TYPE_CHECKING:
    from archdsl.targets.torch.forward import Forward


def write_choice(forward: Forward, node: Node) -> None:
    """`if self.training: … else: …`, each side ending in the same locals."""
    choice = node.choice
    if choice is None:
        raise ValueError("a node without a choice")
    function = forward.function
    names = dict(function.locals)
    targets = tuple(function.bind(one) for one in node.results)
    bodies = [_side(forward, body, node.operands, targets, names) for body in (choice.training, choice.evaluation)]
    function.locals.update((value.name, local) for value, local in zip(node.results, targets, strict=True))
    function.statements.append(Block("if self.training:", bodies[0], bodies[1], state=targets))
    function.shapes += [(local, one.type) for local, one in zip(targets, node.results, strict=True)]


def _side(
    forward: Forward, body: Graph, operands: Sequence[Operand], targets: tuple[str, ...], names: dict[str, str]
) -> list[Statement]:
    function = forward.function
    outer, shapes = function.statements, len(function.shapes)
    function.statements = []
    kept = function.locals
    function.locals = {**kept, **_bound(body, operands, names)}
    for node in body.nodes:
        forward.node(node)
    for target, one in zip(targets, body.outputs, strict=True):
        function.add((target,), function.locals[one.value.name], forward.note((one.value.type,), None))
    made, function.statements, function.locals = function.statements, outer, kept
    del function.shapes[shapes:]
    return made


def _bound(body: Graph, operands: Sequence[Operand], names: dict[str, str]) -> dict[str, str]:
    """The locals of a body's inputs."""
    given = [one for one in operands if isinstance(one, Value)]
    return {inner.name: names[outer.name] for inner, outer in zip(body.input_values, given, strict=True)}


def write_scan(forward: Forward, node: Node) -> None:
    """A loop over the slices: carries are locals, yields are collected and stacked."""
    scan = node.scan
    if scan is None:
        raise ValueError("a node without a scan")
    if not forward.in_step and in_one_graph(scan.body, forward.graph):
        return write_steps(forward, node, scan)
    function = forward.function
    inputs = scan.body.input_values
    count = len(scan.axes)
    operands = [one for one in node.operands if isinstance(one, Value)]
    names = dict(function.locals)

    carries: list[str] = []
    for inner, start in zip(inputs[count : count + scan.carries], operands[count:], strict=False):
        local = function.fresh(inner.name)
        function.add((local,), names[start.name], forward.note((inner.type,), None))
        function.shapes.append((local, inner.type))
        carries.append(local)
    lists: list[str] = []
    for index in range(scan.yields):
        stem = stem_of(node.results[index].name)
        local = function.fresh("steps" if stem in ("x", "it") else f"{stem}_steps")
        line = function.add((local,), "[]", fixed=True)
        line.annotation = ": list[Tensor]"
        lists.append(local)
    done = ""
    if scan.until:
        done = function.fresh("done")
        device = function.tape((), ()).device()
        function.add((done,), f"torch.zeros((), dtype=torch.bool, device={device})", fixed=True)

    slices = [function.fresh(one.name) for one in inputs[:count]]
    sources = [f"{names[one.name]}.unbind({axis})" for one, axis in zip(operands, scan.axes, strict=False)]
    if scan.reverse:
        sources = [f"reversed({one})" for one in sources]
    walked = sources[0] if count == 1 else f"zip({', '.join(sources)}, strict=True)"
    head = f"for {', '.join(slices)} in {walked}:"

    outer, shapes, kept = function.statements, len(function.shapes), function.locals
    function.statements = []
    inner_names = {one.name: local for one, local in zip(inputs, [*slices, *carries], strict=False)}
    captured = zip(inputs[count + scan.carries :], operands[count + scan.carries :], strict=True)
    inner_names.update((one.name, names[value.name]) for one, value in captured)
    function.locals = {**kept, **inner_names}
    function.shapes += [(local, one.type) for local, one in zip(slices, inputs, strict=False)]
    _body(forward, scan, carries, lists, done)
    made, function.statements, function.locals = function.statements, outer, kept
    del function.shapes[shapes:]
    state = (*carries, *lists, *([done] if done else []))
    function.statements.append(Block(head, made, targets=tuple(slices), state=state))
    _results(forward, node, scan, carries, lists)


def _body(forward: Forward, scan: Scan, carries: list[str], lists: list[str], done: str) -> None:
    """The statements of one step."""
    function = forward.function
    body = scan.body
    after = body.outputs[: scan.carries]
    own = body.input_values[len(scan.axes) : len(scan.axes) + scan.carries]
    direct = {} if done else _direct(body, own, [one.value for one in after])
    for index, node in enumerate(body.nodes):
        forward.node(node)
        if index in direct and isinstance(line := function.statements[-1], Line) and len(line.targets) == 1:
            carry = carries[direct[index]]
            line.targets = (carry,)
            function.locals[node.results[0].name] = carry
            function.shapes = [(local, type) for local, type in function.shapes if local != node.results[0].name]
    yields = list(zip(lists, body.outputs[scan.carries : scan.carries + scan.yields], strict=True))
    before = {one.name for one in own}
    for steps, out in yields:
        if out.value.name in before:  # the carry as it was: read before it is assigned
            function.add((), f"{steps}.append({function.locals[out.value.name]})", fixed=True)
    rest = [(carry, function.locals[one.value.name]) for carry, one in zip(carries, after, strict=True)]
    rest = [(carry, new) for carry, new in rest if carry != new]
    if done:
        for carry, new in rest:
            function.add((carry,), f"torch.where({done}, {carry}, {new})", fixed=True)
    elif rest:
        function.add(tuple(carry for carry, _ in rest), ", ".join(new for _, new in rest), fixed=True)
    moved = {one.value.name: carry for one, carry in zip(after, carries, strict=True)} if not done else {}
    for steps, out in yields:
        if out.value.name not in before:
            function.add((), f"{steps}.append({moved.get(out.value.name, function.locals[out.value.name])})", fixed=True)
    if done:
        function.add((done,), f"{done} | {function.locals[body.outputs[-1].value.name]}", fixed=True)


def _direct(body: Graph, own: Sequence[Value], after: Sequence[Value]) -> dict[int, int]:
    """The nodes that may write a carry at once, since nothing reads its old value later: node to carry."""
    found: dict[int, int] = {}
    last = {one.name: index for index, node in enumerate(body.nodes) for one in node.operands if isinstance(one, Value)}
    reads_out = {one.value.name for one in body.outputs}
    for carry, (old, new) in enumerate(zip(own, after, strict=True)):
        made = [
            index for index, node in enumerate(body.nodes) if node.results == (new,) and node.scan is None and node.choice is None
        ]
        single = sum(1 for one in after if one == new) == 1
        if made and single and last.get(old.name, -1) <= made[0] and old.name not in reads_out:
            found[made[0]] = carry
    return found


def _results(forward: Forward, node: Node, scan: Scan, carries: list[str], lists: list[str]) -> None:
    """What comes out: the stacked yields and the last carries."""
    function = forward.function
    for value, steps, axis in zip(node.results, lists, scan.yield_axes, strict=False):
        at = axis % value.type.rank
        order = f"{steps}[::-1]" if scan.reverse else steps
        code = f"torch.stack({order}, dim={at})"
        empty = _empty(forward, value.type, at)
        local = function.bind(value)
        function.add(
            (local,), f"{code} if {steps} else {empty}" if empty else code, forward.note((value.type,), node.span), fixed=True
        )
        function.shapes.append((local, value.type))
    for value, index in zip(node.results[len(lists) :], scan.finals, strict=True):
        function.locals[value.name] = carries[index]


def _empty(forward: Forward, type: TensorType, axis: int) -> str:
    """The yield of a loop over nothing."""
    function = forward.function
    tape = function.tape((), ())
    try:
        sizes = ", ".join(tape.plain(0 if index == axis else size) for index, size in enumerate(type.shape))
        if type.dtype == "float" and (dtype := tape.dtype("float")).endswith(".dtype"):
            return f"{dtype.removesuffix('.dtype')}.new_empty({sizes})"
        return f"torch.empty({sizes}, dtype={tape.dtype(type.dtype)}, device={tape.device()})"
    except Unexplained:
        return ""
