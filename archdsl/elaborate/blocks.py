"""Blocks: elaborated once for each distinct configuration, input types and settings; spliced where the label is `_`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.elaborate import expressions, headers, steps, twins
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.finish import finish
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.labels import Where
from archdsl.elaborate.program import Module
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import MAX_NODES, Session
from archdsl.elaborate.unit import Made, Unit
from archdsl.elaborate.values import UNKNOWN, BlockWord, Group, Instance, Leaf, Several, Template, describe, key_of
from archdsl.ir.value import Value
from archdsl.source import Span
from archdsl.syntax import tree

FILLED = {"zeros": 0, "ones": 1}
"""Words that, with a declared type, are a tensor of that number."""


def inputs_of(frame: Frame, tensors: tuple[tree.Param_, ...], flow: Any, name: str, span: Span) -> list[Value | None]:
    """What flows, in the order of a header; absent where an optional input is not given."""
    given = headers.flow_inputs(flow, [one.name for one in tensors], name, span)
    values: list[Value | None] = []
    for one in tensors:
        value = given.get(one.name)
        if value is None:
            if one.default is None:
                if one.name in given:
                    raise Fault(problems.AbsentInput(at=span, what=f"`{name}` needs `{one.name}`, and `none` is given"))
                needed = ", ".join(each.name for each in tensors if each.default is None)
                help = f"send them together: `({needed}) -> {name}`"
                raise Fault(names.MissingArgument(at=span, what=f"`{name}` needs the tensor `{one.name}`", help=help))
            values.append(None)
        else:
            values.append(headers.as_tensor(frame, value, one, span))
    return values


def instantiate(
    frame: Frame, callee: BlockWord | Group, template: Template, flow: Any, where: Where, span: Span, visit: Any = None
) -> tuple[Made, tuple[Value, ...]] | None:
    """A block for what flows into it: its graph (made once) and the operands; None where it could not be made."""
    if isinstance(callee, Group):
        value = headers_single(frame, flow, span)
        inputs: list[Value | None] = [value]
        name = where.label[-1] if where.label else "layers"
        config: tuple[tuple[str, Any], ...] = ()
        tensors: tuple[tree.Param_, ...] = ()
    else:
        parameters, tensors = callee.module.lists(callee.item)
        name = callee.name
        config = tuple({**dict(callee.given), **dict(template.args)}.items())
        if len(config) < len(parameters):
            config = completed(frame, callee, parameters, config, span)
        inputs = inputs_of(frame, tensors, flow, name, span) if tensors else [headers_single(frame, flow, span)]
    session = frame.session
    if isinstance(callee, BlockWord) and callee.edits:
        visit = mounted(session, callee, template, config, inputs, visit)
    types = tuple([None if one is None else one.type for one in inputs])
    what = template.key() if isinstance(callee, Group) else (callee.module, name)
    key: tuple[object, ...] = (what, key_of(config), types, frame.settings, frame.unit.facts)
    if visit is not None:
        key = (*key, visit.edits)
    operands = tuple([one for one in inputs if one is not None])
    if not isinstance(callee, Group):
        session.refuse_recursion(name, callee.item, span)
    known = session.memo.get(key)
    written = visit is not None and visit.writes
    own: Module | None = None
    if known is None and isinstance(callee, BlockWord) and not any(lent(one) for _, one in config):
        own = callee.module
        known, met = own.made.get((key, session.mode, written), (None, None))
        if met is not None:
            session.met.setdefault(key, met)
            session.memo[key] = known
    if written:
        visit.entries = session.met.setdefault(key, visit.entries)
    if known is None:
        session.memo[key] = (None, False)
        before = session.troubles
        family = twins.family(session, callee, key, config) if isinstance(callee, BlockWord) and visit is None else None
        made = family.another(session, config) if family else None
        if made is None:
            made = make(frame, callee, name, config, tensors, types, span, visit)
        sound = made is not None and session.troubles == before
        if family and made and sound:
            family.found(made, config)
        known = session.memo[key] = (made, sound)
        if sound and own is not None:
            own.keep((key, session.mode, written), (known, visit.entries if written else None))
    made, sound = known
    session.faulty += not sound
    if made is None:
        return None
    if frame.unit.expanded + made.expanded * session.multiplier > MAX_NODES:
        raise Fault(problems.TooManyNodes(at=span, what=f"the program expands to more than {MAX_NODES:,} nodes"))
    return made, operands


def mounted(
    session: Session,
    callee: BlockWord,
    template: Template,
    config: tuple[tuple[str, Any], ...],
    inputs: Sequence[Value | None],
    visit: Any,
) -> Any:
    """The visit of a variant with edits where it is called like a block."""
    from archdsl.elaborate.editing import variants  # loaded where something is edited

    tensors = callee.module.lists(callee.item)[1]
    given = frozenset(
        one.name for one, value in zip(tensors, inputs, strict=False) if value is not None and one.default is not None
    )
    return variants.mounted(session, callee, config, given, visit, own=not template.args)


def lent(value: Any) -> bool:
    """Whether a configuration value is, or has in it, a tensor or shared instance of the caller's."""
    if isinstance(value, tuple):
        return any(lent(one) for one in value)
    if isinstance(value, Template):
        return isinstance(value.callee, Group) or any(lent(one) for _, one in value.args)
    return isinstance(value, (Value, Leaf, Instance, Group, Several))


def completed(
    frame: Frame, callee: BlockWord, parameters: tuple[tree.Param_, ...], config: tuple[tuple[str, Any], ...], span: Span
) -> tuple[tuple[str, Any], ...]:
    """The configuration with its defaults, so that `B` and `B(1)` are one block where 1 is the default."""
    alone = Frame(frame.session, callee.module, frame.unit, Scope(None), frame.settings)
    return headers.bind_config(alone, parameters, [], callee.name, span, dict(config))


def headers_single(frame: Frame, flow: Any, span: Span) -> Value:
    """The one tensor that a block without a tensor list takes."""
    if isinstance(flow, Several):
        raise Fault(
            names.TooManyArguments(at=span, what=f"this layer takes one tensor, and a tuple of {len(flow.items)} flows into it")
        )
    from archdsl.elaborate.operators import tensor

    return tensor(frame, flow, span)


def make(
    frame: Frame,
    callee: BlockWord | Group,
    name: str,
    config: tuple[tuple[str, Any], ...],
    tensors: tuple[tree.Param_, ...],
    types: tuple[TensorType | None, ...],
    span: Span,
    visit: Any = None,
) -> Made | None:
    """Elaborate a block's body for these inputs; None where an error keeps it from being one."""
    session = frame.session
    item = callee.body if isinstance(callee, Group) else callee.item
    unit = Unit(session, name, "block", frame.unit.facts, item.span)
    scope = Scope(callee.scope, wall=True) if isinstance(callee, Group) else Scope(None)
    inner = Frame(session, callee.module, unit, scope, frame.settings)
    inner.visit = visit
    multiplier, session.multiplier = session.multiplier, 1
    try:
        if isinstance(callee, Group):
            return _make_body(inner, callee.body, None, name, types, (), (), span)
        with session.inside(name, item, span):
            try:
                return _make_body(inner, callee.item.body, callee.item, name, types, tensors, config, span)
            except Fault as fault:
                session.note(fault)
                return None
    except Fault as fault:
        session.note(fault)
        return None
    except Absorbed:
        return None
    except RecursionError:
        session.too_deep(span)
        return None
    finally:
        session.multiplier = multiplier


def enter(
    frame: Frame,
    item: tree.Block | tree.Arch,
    config: tuple[tuple[str, Any], ...],
    tensors: tuple[tree.Param_, ...],
    values: list[Value | None],
    span: Span,
) -> tuple[str, ...]:
    """Bind a header in the frame; the flow starts as its first tensor. The names of its configuration."""
    parameters, _ = frame.module.lists(item)
    headers.misplaced_ellipsis(
        [
            one
            for one in (*(one.type for one in tensors), *(one.type for one in item.outs or ()))
            if isinstance(one, tree.TensorTypeTree)
        ]
    )
    if len(config) == len(parameters):  # complete, and of the declared types
        known = dict(config)
        for one in parameters:
            frame.scope.bind(one.name, known[one.name], one.span, "config")
    else:
        headers.bind_config(frame, parameters, [(name, value, span) for name, value in config], item.name, span)
    if tensors:
        headers.bind_tensors(frame, tensors, item.outs or (), values, item.name, span)
    default_inputs(frame, tensors, values)
    frame.flow = frame.scope.names[tensors[0].name].value if tensors else values[0]
    return tuple(one.name for one in parameters)


def default_inputs(frame: Frame, tensors: Sequence[tree.Param_], values: Sequence[Value | None]) -> None:
    """Give the optional inputs that were not given, and whose default is not `none`, their default."""
    for one, value in zip(tensors, values, strict=False):
        if value is None and one.default is not None and not isinstance(one.default, tree.Nothing):
            frame.scope.names[one.name].value = default_input(frame, one)


def default_input(frame: Frame, parameter: tree.Param_) -> Value:
    """An input that was not given and has a default: `zeros`, `ones`, or an expression, broadcast to the declared type."""
    from archdsl.elaborate.initial import broadcast_to
    from archdsl.elaborate.operators import cast, filled_with, tensor

    declared = parameter.type
    assert isinstance(declared, tree.TensorTypeTree)  # noqa: S101
    assert parameter.default is not None  # noqa: S101
    type = declared_type(frame, declared)
    span = parameter.default.span
    value: Any = FILLED.get(parameter.default.name) if isinstance(parameter.default, tree.Name) else None
    if value is None:
        value = expressions.evaluate(frame, parameter.default)
    if isinstance(value, (int, float)):
        made = filled_with(frame, type, value, span)
        assert isinstance(made, Value)  # noqa: S101
        return made
    return broadcast_to(frame, cast(frame, tensor(frame, value, span), type.dtype, span), type, span)


def declared_type(frame: Frame, declared: tree.TensorTypeTree) -> TensorType:
    """A declared type whose dimensions are all known."""
    from archdsl.dims.dim import Dim

    shape: list[Any] = []
    for dim in declared.dims:
        if isinstance(dim, tree.Ellipsis_):
            known = frame.scope.find("...")
            if known is None:
                raise Fault(names.UnknownName(at=dim.span, what="`...` is not known here"))
            shape.extend(known.value)
            continue
        size = expressions.evaluate(frame, dim)
        if size is UNKNOWN:
            raise Absorbed
        if not isinstance(size, (int, Dim)) or isinstance(size, bool):
            raise Fault(names.TypeMismatch(at=dim.span, what=f"a dimension is a whole number, and this is {describe(size)}"))
        if isinstance(size, int) and size < 0:
            raise Fault(shapes.ShapeMismatch(at=dim.span, what=f"a dimension is not negative, and this is {size}"))
        shape.append(size)
    return TensorType(tuple(shape), declared.dtype or "float")


def _make_body(
    frame: Frame,
    body: tree.Body,
    item: tree.Block | tree.Arch | None,
    name: str,
    types: tuple[TensorType | None, ...],
    tensors: tuple[tree.Param_, ...],
    config: tuple[tuple[str, Any], ...],
    span: Span,
) -> Made | None:
    unit = frame.unit
    values: list[Value | None] = []
    labels = [one.name for one in tensors] or ["x"]
    for index, type in enumerate(types):
        value = None if type is None else unit.value(type, unit.root)
        if value is not None:
            unit.hint(value, labels[index])
            if tensors:
                unit.made[value.name] = tensors[index].span
        unit.inputs.append((labels[index], value, False))
        values.append(value)
    parameters: tuple[str, ...] = ()
    if item is not None:
        parameters = enter(frame, item, config, tensors, values, span)
    else:
        frame.flow = values[0]
    if isinstance(item, tree.Arch):
        from archdsl.elaborate import archs

        return archs.body_of_arch(frame, item, parameters)
    result = steps.run_body(frame, body)
    if result is UNKNOWN:
        return None
    if item is not None and item.outs:
        headers.check_outs(frame, item.outs, result, name, body.span)
    items = [one for _, one in result.items] if isinstance(result, Several) else [result]
    if any(one is UNKNOWN for one in items):
        return None
    from archdsl.elaborate import apply
    from archdsl.elaborate.operators import tensor

    outputs: list[tuple[str | None, Value, bool]] = [(None, tensor(frame, one, end_of(body)), False) for one in items]
    apply.settle_unused(frame)
    return finish(
        unit,
        outputs,
        isinstance(result, Several),
        config=configuration(frame.scope),
        parameters=parameters,
        doc=(item.doc or "") if item else "",
    )


def end_of(body: tree.Body) -> Span:
    """Where a body's result is made: its last statement."""
    return body.statements[-1].span if body.statements else body.span


def configuration(scope: Scope) -> tuple[tuple[str, Any], ...]:
    """Names and values of the configuration in a body's own braces, for printing."""
    from archdsl.dims.dim import Dim

    return tuple(
        (name, binding.value)
        for name, binding in scope.names.items()
        if binding.kind in ("config", "let") and name != "..." and binding.value.__class__ in (int, float, str, Dim, tuple)
    )


def splice(frame: Frame, callee: BlockWord | Group, template: Template, flow: Any, span: Span) -> Any:
    """The label `_`: the block's body here, its steps going on with the container's numbers."""
    inner = frame.inner(Scope(callee.scope, wall=True) if isinstance(callee, Group) else Scope(None))
    inner.module = callee.module
    inner.numbered = True
    inner.visit = frame.visit and frame.visit.into(span)
    if isinstance(callee, Group):
        inner.flow = flow
        return steps.run_body(inner, callee.body)
    _, tensors = callee.module.lists(callee.item)
    values: list[Value | None] = (
        inputs_of(frame, tensors, flow, callee.name, span) if tensors else [headers_single(frame, flow, span)]
    )
    config = tuple({**dict(callee.given), **dict(template.args)}.items())
    if callee.edits:
        inner.visit = mounted(frame.session, callee, template, config, values, inner.visit)
    with frame.session.inside(callee.name, callee.item, span):
        enter(inner, callee.item, config, tensors, values, span)
        if isinstance(callee.item, tree.Arch):
            from archdsl.elaborate import archs

            return archs.spliced(inner, callee.item)
        result = steps.run_body(inner, callee.item.body)
        if callee.item.outs:
            headers.check_outs(inner, callee.item.outs, result, callee.name, callee.item.body.span)
    return result
