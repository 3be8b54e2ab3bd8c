"""`jvp(f, k)`: a shared instance applied, and the tangent of what it gives along a tangent of its input k."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate import apply
from archdsl.elaborate.arguments import Given
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.labels import Where
from archdsl.elaborate.operators import slots, tensor
from archdsl.elaborate.program import headers as header_lists
from archdsl.elaborate.session import MAX_NODES
from archdsl.elaborate.values import UNKNOWN, Derivative, Group, Instance, OpWord, Several, describe
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.checks import FLOATS
from archdsl.ops.contract import Op
from archdsl.problems.problem import Label
from archdsl.records import changed
from archdsl.source import Span
from archdsl.tangents.rewrite import Rewriting, Tangents, TooMany
from archdsl.tangents.trace import NoTangent

MAX_TANGENTS = 30_000
"""How many nodes the tangents of a program may take; a derivative of a derivative takes several times those of the first."""


def derivative(given: list[Given], span: Span) -> Derivative:
    """`jvp` with its arguments, not yet applied."""
    values: dict[str, tuple[Any, Span]] = {}
    for index, (name, value, at) in enumerate(given):
        key = name or ("f", "k")[index] if index < 2 else name or ""
        if key not in ("f", "k") or key in values:
            raise Fault(
                names.TooManyArguments(at=at, what="`jvp` takes a shared instance and the number of an input: `jvp(f, 0)`")
            )
        values[key] = (value, at)
    for key in ("f", "k"):
        if key not in values:
            said = "a shared instance" if key == "f" else "the number of the input that the tangent belongs to"
            raise Fault(names.MissingArgument(at=span, what=f"`jvp` needs {said}", help="write `(x, v) -> jvp(f, 0)`"))
    (f, at), (k, k_at) = values["f"], values["k"]
    if f is UNKNOWN or k is UNKNOWN:
        raise Absorbed
    if not isinstance(f, Instance):
        raise Fault(
            names.NotALayer(
                at=at,
                what=f"`jvp` takes a shared instance, whose weights it uses, and this is {describe(f)}",
                help="declare it: `shared f = …`, then `(x, v) -> jvp(f, 0)`",
            )
        )
    if not isinstance(k, int) or isinstance(k, bool):
        raise Fault(names.TypeMismatch(at=k_at, what=f"the input of `jvp` is a number, and this is {describe(k)}"))
    inputs = inputs_of(f)
    if not 0 <= k < len(inputs):
        many = f"inputs 0 to {len(inputs) - 1} ({', '.join(inputs)})" if len(inputs) > 1 else "one input, 0"
        raise Fault(names.BadArgument(at=k_at, what=f"the instance has {many}, and input {k} is asked for"))
    return Derivative(f, k)


def inputs_of(instance: Instance) -> list[str]:
    """The names of an instance's tensor inputs."""
    callee = instance.template.callee
    if isinstance(callee, OpWord):
        plain, star = slots(callee.kind)
        return [*plain, *([star] if star else [])]
    if isinstance(callee, Group):
        return ["x"]
    return [one.name for one in header_lists(callee.item)[1]] or ["x"]


def apply_derivative(frame: Frame, layer: Derivative, flow: Any, where: Where, span: Span) -> Any:
    """The instance applied to what flows but the last, which is the tangent: its results, then their tangents."""
    items: list[tuple[str | None, Any]] = list(flow.items) if isinstance(flow, Several) else [(None, flow)]
    inputs = inputs_of(layer.instance)
    if len(items) < 2 or items[-1][0] is not None:
        raise Fault(
            names.MissingArgument(
                at=span,
                what=f"`jvp` takes the inputs of the instance ({', '.join(inputs)}) and, last, a tangent",
                help="send it along: `(x, v) -> jvp(f, 0)`",
            )
        )
    *items, (_, last) = items
    at = _place(items, inputs, layer.input, span)
    x, v = tensor(frame, items[at][1], span), tensor(frame, last, span)
    _same_type(frame, x, v, inputs[layer.input], span)
    region, unit = frame.region, frame.unit
    seed = unit.value(x.type, region)
    unit.made[seed.name] = unit.made.get(x.name, span)
    items[at] = (items[at][0], seed)
    since = len(region.nodes)
    given = seed if len(items) == 1 else Several(tuple(items))
    result = apply.apply_instance(frame, layer.instance, given, where, span)
    written, region.nodes[since:] = region.nodes[since:], []
    writing = Rewriting(_tangents(frame), unit.facts, lambda path: _called(frame, path), _maker(frame))
    writing.tangents[seed.name] = region.local(v)
    try:
        for node in written:
            writing.node(node)
        results = [one for _, one in result.items] if isinstance(result, Several) else [result]
        if any(not isinstance(one, Value) for one in results):
            raise Absorbed
        tangents = [writing.tangent(one, True) for one in results]
    except TooMany:
        raise Fault(problems.TooManyNodes(at=span, what=f"the tangents take more than {MAX_TANGENTS:,} nodes")) from None
    except NoTangent as fault:
        raise _refused(fault, span) from None
    nodes, _ = writing.writer.finished({one.name for one in (*results, *tangents) if one is not None})
    _count(frame, writing.count, span)
    home = region.local(x)
    region.nodes += [_renamed(node, seed, home) for node in nodes]
    for node in nodes:
        unit.touched.update(one.name for one in node.operands if isinstance(one, Value))
        for value in node.results:
            unit.made.setdefault(value.name, span)
    unit.touched |= {x.name, v.name}
    return Several(tuple((None, x if one is seed else one) for one in (*results, *tangents)))


def _place(items: list[tuple[str | None, Any]], inputs: list[str], wanted: int, span: Span) -> int:
    """Which of the things that flow is the input."""
    positions = [index for index, (name, _) in enumerate(items) if name is None]
    if wanted < len(positions):
        return positions[wanted]
    for index, (name, _) in enumerate(items):
        if name == inputs[wanted]:
            return index
    raise Fault(names.MissingArgument(at=span, what=f"no `{inputs[wanted]}` flows into `jvp`, and the tangent is its"))


def _same_type(frame: Frame, x: Value, v: Value, name: str, span: Span) -> None:
    if x.type.dtype not in FLOATS:
        raise Fault(shapes.DtypeMismatch(at=span, what=f"`{name}` is {x.type}, and only a float tensor has a tangent"))
    if v.type.dtype == x.type.dtype and v.type.rank == x.type.rank and all(map(frame.facts.equal, v.type.shape, x.type.shape)):
        return
    others = [
        Label(frame.unit.made[one.name], f"{said} is {one.type}")
        for one, said in ((x, f"`{name}`"), (v, "the tangent"))
        if one.name in frame.unit.made
    ]
    kind = shapes.ShapeMismatch if v.type.dtype == x.type.dtype else shapes.DtypeMismatch
    raise Fault(
        kind(
            at=span,
            what=f"the tangent of `{name}` has its type {x.type}, and this is {v.type}",
            others=tuple(others),
            help="stretch it: `expand(v, …)`",
        )
    )


def _tangents(frame: Frame) -> Tangents:
    session = frame.session
    if session.tangents is None:
        session.tangents = Tangents(session.float, MAX_TANGENTS)
    found: Tangents = session.tangents
    return found


def _called(frame: Frame, path: Path) -> Op | Graph:
    """What a node of this unit calls."""
    unit = frame.unit
    if path[0] == "" and len(path) == 2:
        what: Any = next(instance for name, instance in unit.borrowed.values() if name == path[1])
    else:
        what = unit.members[path]
    found: Op | Graph | None = getattr(what, "graph", None) or getattr(what, "op", None)
    if found is None:
        raise Absorbed
    return found


def _maker(frame: Frame) -> Any:
    hints = frame.unit.hints

    def make(type: Any, hint: str) -> Value:
        made = frame.unit.value(type, frame.region)
        known = hints.get(hint.removeprefix("d_"))
        frame.unit.hint(made, f"d_{known}" if known else "d" if hint.startswith("d_%") else hint)
        return made

    return make


def _refused(fault: NoTangent, span: Span) -> Fault:
    why = type(fault.op).no_tangent or "it has no tangent rule"
    return Fault(
        problems.NoTangent(
            at=fault.span or span,
            what=f"`{fault.op.name}` cannot be differentiated: {why}",
            others=() if fault.span is None or fault.span == span else (Label(span, "the tangent is asked for here"),),
            help="compute it outside of what `jvp` is taken of, or write it with operators that have one (`archdsl ops`)",
        )
    )


def _count(frame: Frame, more: int, span: Span) -> None:
    frame.unit.expanded += more
    if frame.unit.expanded + more * (frame.session.multiplier - 1) > MAX_NODES:
        raise Fault(problems.TooManyNodes(at=span, what=f"the program expands to more than {MAX_NODES:,} nodes"))


def _renamed(node: Node, seed: Value, home: Value) -> Node:
    if not any(one is not None and one == seed for one in node.operands):
        return node
    return changed(node, operands=tuple(home if one == seed else one for one in node.operands))
