"""`scan`: recurrence over an axis; the body is a graph of one step, its labels belong to the body around."""

from __future__ import annotations

from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.elaborate import blocks, constructs, expressions, initial, statements, steps
from archdsl.elaborate.config import is_number
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.finish import body_graph
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import cast, filled_with, tensor
from archdsl.elaborate.scope import Binding
from archdsl.elaborate.unit import Region
from archdsl.elaborate.values import UNKNOWN, Several, describe
from archdsl.ir.graph import Layer
from archdsl.ir.node import Path, Scan
from archdsl.ir.value import Value
from archdsl.problems.problem import Label
from archdsl.records import fresh, mutable
from archdsl.source import Span
from archdsl.syntax import tree


@mutable
class Walk:
    """A scan being elaborated."""

    outer: Frame
    started: bool = False
    """A statement other than `carry` was seen."""
    carries: list[tuple[str, Value, Value, Span]] = fresh(default_factory=list)
    """Name, first value outside, the old value inside, place."""
    yields: list[tuple[Value, Span]] = fresh(default_factory=list)
    finals: list[tuple[str, Span]] = fresh(default_factory=list)
    until: Value | None = None
    slices: list[Value] = fresh(default_factory=list)
    """What the body sees of each scanned tensor."""


def carry(frame: Frame, one: tree.Carry) -> None:
    """A carry's first value is taken outside, once; it broadcasts to a declared type."""
    walk = _walk(frame, one, "carry")
    if walk.started:
        raise Fault(problems.MisplacedStatement(at=one.span, what="carries come first in a scan"))
    outside = walk.outer.inner()
    outside.numbered = False
    outside.flow = None
    number = blocks.FILLED.get(one.value.name) if one.type is not None and isinstance(one.value, tree.Name) else None
    value = steps.step_value(outside, one.value) if number is None else number
    if value is UNKNOWN:
        raise Absorbed
    if one.type is not None:
        type = blocks.declared_type(outside, one.type)
        if is_number(value) or isinstance(value, bool):
            value = filled_with(outside, type, value, one.span)
        value = initial.broadcast_to(
            outside, cast(outside, tensor(outside, value, one.span), type.dtype, one.span), type, one.span
        )
    elif is_number(value):
        raise Fault(
            names.NotATensor(
                at=one.span, what=f"a carry that starts as a number has a declared type: `carry {one.name}: [B, H] = {value}`"
            )
        )
    first = tensor(outside, value, one.span)
    if not one.name[-1].isdigit():
        frame.unit.hint(first, f"{one.name}0")
    inside = frame.unit.value(first.type, frame.region)
    frame.unit.hint(inside, one.name)
    frame.unit.made[inside.name] = one.span
    statements.new_name(frame, one.name, inside, one.span, "carry")
    walk.carries.append((one.name, outside.region.local(first), inside, one.span))


def _walk(frame: Frame, one: Any, what: str) -> Walk:
    if frame.scan is None:
        raise Fault(problems.MisplacedStatement(at=one.span, what=f"`{what}` belongs directly into the braces of a `scan`"))
    found: Walk = frame.scan
    return found


def yield_(frame: Frame, one: tree.Yield) -> None:
    """Values that each step gives; they are stacked."""
    walk = _walk(frame, one, "yield")
    walk.started = True
    for value in one.values:
        walk.yields.append((frame.region.local(tensor(frame, steps.step_value(frame, value), value.span)), value.span))


def final(frame: Frame, one: tree.Final) -> None:
    """Carries whose last states are results."""
    walk = _walk(frame, one, "final")
    walk.started = True
    for name in one.names:
        if not any(carried == name.name for carried, *_ in walk.carries):
            raise Fault(shapes.BadScan(at=name.span, what=f"`{name.name}` is no carry of this scan, and `final` returns carries"))
        walk.finals.append((name.name, name.span))


def until(frame: Frame, one: tree.Until) -> None:
    """The condition after whose first truth nothing changes."""
    walk = _walk(frame, one, "until")
    value = tensor(frame, expressions.evaluate(frame, one.condition), one.span)
    if value.type.dtype != "bool" or value.type.shape:
        raise Fault(
            shapes.BadScan(
                at=one.span, what=f"`until` takes one bool, and this is {value.type}", help="reduce it: `all(…)` or `any(…)`"
            )
        )
    walk.until = frame.region.local(value)


def scan(frame: Frame, label: Path | None, one: tree.Scan, step: Any) -> Any:
    """Elaborates the body once, for one step."""
    region = Region(frame.unit, frame.region)
    holder = frame.inner(frame.scope)
    holder.flow = None
    constructs.enter_container(frame, holder, label, step.span)
    inner = holder.inner(parallel="scan")
    inner.region = region
    walk = inner.scan = Walk(holder)
    if frame.restricted and frame.restricted == "an initializer":
        inner.restricted = frame.restricted
    axis_value = expressions.evaluate(frame, one.axis)
    if not isinstance(axis_value, int) or isinstance(axis_value, bool):
        raise Fault(names.TypeMismatch(at=one.axis.span, what=f"an axis is an int, and this is {describe(axis_value)}"))
    scanned, axes, length = _inputs(frame, inner, one, axis_value)
    since = len(region.nodes)
    for statement in one.body.statements:
        if not isinstance(statement, tree.Carry):
            walk.started = True
        if walk.until is not None and not isinstance(statement, tree.Broken):
            raise Fault(problems.MisplacedStatement(at=statement.span, what="`until` ends the body of a scan"))
        steps.run_statement(inner, statement)
    statements.warn_unused(inner)
    _no_state(frame, region, since, one)
    nexts = _next_carries(inner, walk)
    if not walk.yields and not walk.finals:
        if any(isinstance(below, (tree.Yield, tree.Final, tree.Broken)) for below in one.body.walk()):
            raise Absorbed
        raise Fault(
            shapes.BadScan(at=one.span, what="this scan gives nothing", help="`yield` a value of each step, or `final` a carry")
        )
    if walk.until is not None and walk.yields:
        raise Fault(
            shapes.BadScan(at=one.span, what="a scan with `until` gives finals only", help="remove the `yield` or the `until`")
        )
    inputs = walk.slices + [value for _, _, value, _ in walk.carries]
    yields = [value for value, _ in walk.yields]
    outputs = [*nexts, *yields, *([walk.until] if walk.until is not None else [])]
    body = body_graph(frame.unit, region, "step", "scan", inputs, outputs)
    order = [name for name, *_ in walk.carries]
    yield_axes = tuple(_yield_axis(axis_value, value, at) for value, at in walk.yields)
    made = Scan(
        body,
        tuple(axes),
        length,
        len(walk.carries),
        len(yields),
        yield_axes,
        tuple(order.index(name) for name, _ in walk.finals),
        one.reverse,
        walk.until is not None,
    )
    stacked = [
        TensorType((*value.type.shape[:at], length, *value.type.shape[at:]), value.type.dtype)
        for value, at in zip(yields, yield_axes, strict=True)
    ]
    states = [walk.carries[index][1].type for index in made.finals]
    captured = [outer for outer, _ in region.captured.values()]
    operands = (*scanned, *(first for _, first, _, _ in walk.carries), *captured)
    results = frame.region.emit(operands, (*stacked, *states), one.span, scan=made, path=holder.container)
    return results[0] if len(results) == 1 else Several(tuple((None, value) for value in results))


def _inputs(frame: Frame, inner: Frame, one: tree.Scan, axis: int) -> tuple[list[Value], list[int], Any]:
    """The scanned tensors, each one's axis, and the length, proved equal."""
    scanned: list[Value] = []
    axes: list[int] = []
    length: Any = None
    for given in one.inputs:
        value = frame.region.local(tensor(frame, expressions.evaluate(frame, given.items), given.items.span))
        shape = value.type.shape
        if not -len(shape) <= axis < len(shape):
            raise Fault(shapes.AxisOutOfRange(at=given.span, what=f"axis {axis} of {value.type}"))
        at = axis % len(shape)
        size = shape[at]
        if length is None:
            length = size
        elif not frame.facts.equal(length, size):
            first = one.inputs[0]
            missing = frame.facts.missing_equal(length, size)
            raise Fault(
                shapes.ScanLength(
                    at=given.span,
                    what=f"the scanned axes have different lengths: {length} and {size}",
                    others=(Label(first.span, f"this has length {length}"),),
                    help=f"add: require {missing}" if missing and not frame.facts.differ(length, size) else None,
                )
            )
        part = frame.unit.value(TensorType(shape[:at] + shape[at + 1 :], value.type.dtype), inner.region)
        frame.unit.hint(part, given.name)
        frame.unit.made[part.name] = given.span
        inner.scan.slices.append(part)
        if given.name != "_":
            statements.new_name(inner, given.name, part, given.span, "slice")
        scanned.append(value)
        axes.append(at)
    return scanned, axes, length


def _next_carries(frame: Frame, walk: Walk) -> list[Value]:
    """The carries after the step, of the same types."""
    nexts = []
    for name, _, old, span in walk.carries:
        binding: Binding = frame.scope.names[name]
        value = binding.value
        if value is UNKNOWN:
            raise Absorbed
        if value is old:
            raise Fault(
                shapes.UnusedCarry(
                    at=span,
                    what=f"the carry `{name}` is never assigned",
                    help="assign it in the body, or make it a plain value outside",
                )
            )
        new = tensor(frame, value, span)
        made = frame.unit.made.get(new.name, span)
        if (
            new.type.dtype != old.type.dtype
            or len(new.type.shape) != len(old.type.shape)
            or not all(map(frame.facts.equal, new.type.shape, old.type.shape))
        ):
            raise Fault(
                shapes.CarryMismatch(
                    at=made,
                    what=f"the carry `{name}` is {old.type} and its next value is {new.type}",
                    others=(Label(span, f"it starts as {old.type}"),),
                    help="declare the type that it broadcasts to: `carry h: [B, H] = …`",
                )
            )
        nexts.append(frame.region.local(new))
    return nexts


def _yield_axis(axis: int, value: Value, at: Span) -> int:
    rank = len(value.type.shape) + 1
    if not -rank <= axis < rank:
        raise Fault(
            shapes.AxisOutOfRange(
                at=at,
                what=f"a yield is stacked at axis {axis}, and this has only {rank - 1} axes",
                help="yield a tensor with more axes, or scan over another axis",
            )
        )
    return axis % rank


def _no_state(frame: Frame, region: Region, since: int, one: tree.Scan) -> None:
    """A layer that updates a buffer in training cannot be run once a step."""
    for node in region.nodes[since:]:
        member = frame.unit.members.get(node.member) if node.member else None
        if isinstance(member, Layer) and any(weight.buffer for weight in member.op.parameters().values()):
            raise Fault(
                shapes.StateInScan(
                    at=node.span or one.span,
                    what=f"`{member.op.name}` updates its statistics in training, which a scan would do at each step",
                    help="normalise without running statistics: LayerNorm, RMSNorm or GroupNorm",
                )
            )
