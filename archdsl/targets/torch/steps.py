"""A recurrence as a function of one step and the call that walks it, for bodies that a compiler takes as one operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.ir.graph import Graph, Layer, Parameter
from archdsl.ir.node import Node, Path, Scan
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.targets.torch.members import callable_access
from archdsl.targets.torch.merging.presence import Presence
from archdsl.targets.torch.names import stem_of
from archdsl.targets.torch.statements import Block

if TYPE_CHECKING:
    from archdsl.targets.torch.forward import Forward


def in_one_graph(body: Graph, owner: Graph) -> bool:
    """Whether PyTorch's `scan` operator takes the body: not with a scan in it whose length is not known before it runs. `owner`
    has what the body's nodes call."""
    return all(_taken(node, owner) for node in body.nodes)


def _taken(node: Node, owner: Graph) -> bool:
    if node.scan is not None:
        return isinstance(node.scan.length, int) and in_one_graph(node.scan.body, owner)
    if node.choice is not None:
        return not isinstance(node.choice, Presence) and all(in_one_graph(one, owner) for one in node.bodies)
    if node.member is None or node.leaf:
        return True
    what = node.graph or _called(owner, node.member)
    if isinstance(what, Graph):
        return not any(one.scan is not None for one in what.nodes) and in_one_graph(what, what)
    return what.family != "recurrent"


def _called(owner: Graph, path: Path) -> Op | Graph:
    """What stands there in a graph: a layer's operator, or a block's graph."""
    if path[0] == "":
        return dict(owner.borrowed)[path[1]]
    member = owner.members[path]
    if isinstance(member, Parameter):
        raise ValueError("a parameter is not called")
    return member.op if isinstance(member, Layer) else member.graph


def _numbered(forward: Forward, body: Graph) -> dict[str, None]:
    """The modules that the body calls or hands on, and that have numbers of their own: a probability, an eps."""
    found: dict[str, None] = {}
    for node in body.nodes:
        for inner in node.bodies:
            found.update(_numbered(forward, inner))
        paths = [path for _, path in node.lent] + ([node.member] if node.member is not None and not node.leaf else [])
        for path in paths:
            if _has_numbers(_called(forward.graph, path)):
                found[forward.lent[path[1]] if path[0] == "" else callable_access(forward.plan, forward.plans, path)] = None
    return found


def _has_numbers(what: Op | Graph) -> bool:
    if isinstance(what, Graph):
        return any(_has_numbers(_called(what, path)) for path, one in what.members.items() if not isinstance(one, Parameter))
    return any(isinstance(value, float) for _, value in what.items())


def write_steps(forward: Forward, node: Node, scan: Scan) -> None:
    """`def step(…)` with the body, and `… = scan(step, …)`."""
    function = forward.function
    body, count = scan.body, len(scan.axes)
    inputs = body.input_values
    operands = [one for one in node.operands if isinstance(one, Value)]
    names = dict(function.locals)

    step = function.fresh("step")
    slices = [function.fresh(one.name) for one in inputs[:count]]
    carries = [function.fresh(one.name) for one in inputs[count : count + scan.carries]]
    done = [function.fresh("done")] if scan.until else []
    outer, shapes, kept = function.statements, len(function.shapes), function.locals
    function.statements = []
    inside = dict(zip((one.name for one in inputs), (*slices, *carries), strict=False))
    captured = zip(inputs[count + scan.carries :], operands[count + scan.carries :], strict=True)
    function.locals = {**kept, **inside, **{one.name: names[value.name] for one, value in captured}}
    function.shapes += [(local, one.type) for local, one in zip((*slices, *carries), inputs, strict=False)]
    around, forward.in_step = forward.in_step, True
    for one in body.nodes:
        forward.node(one)
    forward.in_step = around
    made = [function.locals[one.value.name] for one in body.outputs]
    if done:
        over = made.pop()
        for at, carry in enumerate(carries):
            chosen = function.fresh(inputs[count + at].name)
            function.add((chosen,), f"torch.where({done[0]}, {carry}, {made[at]})", fixed=True)
            made[at] = chosen
        made.insert(scan.carries, f"{done[0]} | {over}")
    function.add((), f"({made[0]},)" if len(made) == 1 else ", ".join(made), head="return")
    statements, function.statements, function.locals = function.statements, outer, kept
    del function.shapes[shapes:]
    arguments = [*carries, *done, *slices]
    head = f"def {step}({', '.join(f'{one}: Tensor' for one in arguments)}) -> tuple[Tensor, ...]:"
    function.statements.append(Block(head, statements, targets=(step, *arguments), function=True))
    _write_call(forward, node, scan, step, [names[one.name] for one in operands])


def _write_call(forward: Forward, node: Node, scan: Scan, step: str, operands: list[str]) -> None:
    function = forward.function
    count = len(scan.axes)
    tape = function.tape((), ())
    starts = operands[count : count + scan.carries]
    if scan.until:
        starts.append(f"torch.zeros((), dtype=torch.bool, device={tape.device()})")
    results = node.results[: scan.yields]
    stacked = tuple(axis % one.type.rank for axis, one in zip(scan.yield_axes, results, strict=True))
    given = [step, _tuple(starts), _tuple(operands[:count]), tape.plain(scan.axes), *([tape.plain(stacked)] if stacked else [])]
    given += ["reverse=True"] if scan.reverse else []
    given += [f"layers={_tuple(layers)}"] if (layers := list(_numbered(forward, scan.body))) else []
    code = f"{tape.helper('scan')}({', '.join(given)})"

    finals = {index: value for value, index in zip(node.results[scan.yields :], scan.finals, strict=True)}
    targets = []
    inner = scan.body.input_values[count : count + scan.carries]
    for index, one in enumerate(inner):
        targets.append(function.bind(finals[index]) if index in finals else function.fresh(stem_of(one.name)))
    targets += [function.fresh("done")] if scan.until else []
    targets += [function.bind(one) for one in results]
    note = forward.note(tuple(one.type for one in node.results), node.span)
    function.add(tuple(targets), code if len(targets) > 1 else f"{code}[0]", note, fixed=True)
    function.shapes += [(function.locals[one.name], one.type) for one in node.results]


def _tuple(said: list[str]) -> str:
    return f"({', '.join(said)}{',' if len(said) == 1 else ''})"
