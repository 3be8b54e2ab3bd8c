"""Calls of `fn`: of configuration, evaluated; of tensors, expanded where they are called."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate import blocks, expressions, headers, steps
from archdsl.elaborate.arguments import Given
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import tensor
from archdsl.elaborate.program import headers as header_lists
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.values import PLAIN, UNKNOWN, FnWord, Several, Template, has_tensor, is_tensor
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Span
from archdsl.syntax import tree

MAX_CALLS = 64
"""How deep functions of configuration may call each other: less than Python's own stack holds, wherever this runs."""


def call_fn(frame: Frame, word: FnWord, given: list[Given], span: Span, flow: Any) -> Any:
    """A function called with its arguments, or, as a step, with what flows."""
    return call_of_tensors(frame, word, given, span, flow) if word.tensors else call_of_config(frame, word, given, span)


def call_of_config(frame: Frame, word: FnWord, given: list[Given], span: Span) -> Any:
    """A function of configuration: pure, so that equal arguments give what they gave; it may call itself within the bounds."""
    item, session = word.item, frame.session
    key = tuple([(name, value.__class__, value) for name, value, _ in given if value.__class__ in PLAIN])
    known = word.module.computed.get((id(item), key)) if len(key) == len(given) else None
    if known is not None:
        value, taken = known
        session.step(span, taken)
        return value
    before = session.steps
    parameters = tuple(one for part in item.lists for one in part)
    scope = Scope(None)
    inner = Frame(session, word.module, frame.unit, scope, frame.settings)
    headers.bind_config(inner, parameters, positional_of(given), item.name, span)
    if len(session.active) > MAX_CALLS:
        raise Fault(problems.TooManySteps(at=span, what=f"functions of configuration call each other more than {MAX_CALLS} deep"))
    session.active.append(item)
    try:
        value = expressions.evaluate(inner, item.value)
    except RecursionError:
        raise Fault(problems.TooManySteps(at=span, what="functions of configuration call each other too deep")) from None
    finally:
        session.active.pop()
    if len(key) == len(given):
        word.module.keep_value((id(item), key), (value, session.steps - before))
    return value


def template(word: FnWord, given: list[Given], span: Span) -> Template:
    """A function of tensors with its configuration alone: a layer as a value."""
    config, _ = word.module.lists(word.item)
    values = headers.match_arguments(config, given, word.item.name, span)
    return Template(word, tuple((name, value) for name, (value, _) in values.items()), span)


def positional_of(given: list[Given]) -> list[Given]:
    """Configuration arguments; a tensor among them is a fault."""
    for _, value, at in given:
        if value is UNKNOWN:
            raise Absorbed
        if has_tensor(value) and not isinstance(value, tuple):
            raise Fault(names.TypeMismatch(at=at, what="a tensor stands where configuration does"))
    return given


def call_of_tensors(frame: Frame, word: FnWord, given: list[Given], span: Span, flow: Any) -> Any:
    """A function of tensors, expanded here: its tensors first, then its configuration."""
    item = word.item
    config, tensors = header_lists(item)
    tensor_names = [one.name for one in tensors] or ["x"]
    inputs: dict[str, Any] = {}
    plain: list[Given] = []
    position = 0
    direct = any(has_tensor(value) or isinstance(value, Several) for _, value, _ in given)
    for name, value, at in given:
        if value is UNKNOWN:
            raise Absorbed
        if name is not None and name in tensor_names:
            inputs[name] = value
        elif name is None and direct and position < len(tensor_names) and (is_tensor(value) or value is None or not plain):
            inputs[tensor_names[position]] = value
            position += 1
        elif is_tensor(value):
            raise Fault(names.TooManyArguments(at=at, what=f"`{item.name}` takes {len(tensor_names)} tensors"))
        else:
            plain.append((name, value, at))
    if not direct:
        if flow is None:
            raise Fault(
                names.NotATensor(at=span, what=f"`{item.name}` needs its tensors", help=f"it takes {', '.join(tensor_names)}")
            )
        inputs.update(headers.flow_inputs(flow, tensor_names, item.name, span))
    with frame.session.inside(item.name, item, span):
        scope = Scope(None)
        inner = Frame(frame.session, word.module, frame.unit, scope, frame.settings)
        inner.region = frame.region
        inner.container = frame.container
        inner.numbered = False
        inner.restricted = f"the function `{item.name}`"
        inner.visit = frame.visit and frame.visit.into(span)
        headers.bind_config(inner, config, plain, item.name, span)
        values = []
        for one in tensors:
            value = inputs.get(one.name)
            if value is None and one.default is None and one.name not in inputs:
                raise Fault(
                    names.MissingArgument(
                        at=span, what=f"`{item.name}` needs the tensor `{one.name}`", help=did_you_mean(one.name, inputs)
                    )
                )
            values.append(None if value is None else headers.as_tensor(inner, value, one, span))
        headers.bind_tensors(inner, tensors, item.outs or (), values, item.name, span)
        blocks.default_inputs(inner, tensors, values)
        inner.flow = inner.scope.names[tensors[0].name].value if tensors else tensor(inner, inputs.get("x", flow), span)
        if not tensors:
            scope.bind("x", inner.flow, item.span, "input")
        if isinstance(item.value, tree.Body):
            result = steps.run_body(inner, item.value)
        else:
            result = steps.step_value(inner, item.value)
        if item.outs:
            headers.check_outs(inner, item.outs, result, item.name, item.value.span)
        return result
