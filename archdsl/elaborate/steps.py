"""Bodies as pipelines: lines, links and steps; who takes the flow, and which number a step takes."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate import apply, calls, config, constructs, expressions, scans, statements
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.labels import Where, segments
from archdsl.elaborate.operators import UNSENT
from archdsl.elaborate.values import (
    UNKNOWN,
    ConfigWord,
    Derivative,
    DType,
    FnWord,
    Instance,
    OpWord,
    Several,
    describe,
    has_tensor,
)
from archdsl.ir.value import Value
from archdsl.source import Span
from archdsl.syntax import tree


def run_body(frame: Frame, body: tree.Body) -> Any:
    """The statements in order; the result is the final flow."""
    for one in body.statements:
        run_statement(frame, one)
    statements.warn_unused(frame)
    return frame.flow


def run_statement(frame: Frame, one: Any) -> None:
    """One statement; a fault is noted and makes its results unknown."""
    try:
        if isinstance(one, tree.Flow):
            line(frame, one.chain)
        else:
            statements.RUNNERS[type(one)](frame, one)
    except Fault as fault:
        frame.session.note(fault)
        spoil(frame, one)
        if isinstance(fault.problem, problems.RequirementFailed):
            raise Absorbed from None  # what follows may rest on it
    except Absorbed:
        spoil(frame, one)


def spoil(frame: Frame, one: Any) -> None:
    """After a fault: the names that the statement binds, and the flow it makes, are unknown."""
    if isinstance(one, (tree.Flow, tree.Broken)):
        frame.flow = UNKNOWN
        if isinstance(one, tree.Flow):
            for link in one.chain.links:
                for name in link.names or ():
                    frame.scope.bind(name, UNKNOWN, one.span, "value")
    for name in statements.bound_names(one):
        binding = frame.scope.find(name)
        if binding is not None and binding.kind in ("value", "carry"):
            binding.value = UNKNOWN
        else:
            frame.scope.bind(name, UNKNOWN, one.span, "spoiled")


def line(frame: Frame, chain: tree.Chain) -> None:
    """A line of a body: it may start afresh; its result flows on."""
    before, made = frame.flow, frame.flow_span
    result = run_chain(frame, chain, fresh=True)
    if result is before:
        frame.flow_span = made
        return
    if made is not None and frame.flow_span is made and isinstance(before, Value) and before.name not in frame.unit.touched:
        frame.session.problems.add(
            names.DroppedFlow(
                at=made,
                what="what this line makes is thrown away: the next line starts afresh",
                help="name it (`… as y`) or let it flow",
            )
        )
    frame.flow = result
    frame.flow_span = chain.span if isinstance(result, Value) and chain.links[-1].names is None else None


def run_chain(frame: Frame, chain: tree.Chain, fresh: bool) -> Any:
    """Links from left to right; a link after `->` takes the flow or names it."""
    outer, outer_span = frame.flow, frame.flow_span
    taken = False
    try:
        for position, link in enumerate(chain.links):
            if position:
                frame.flow_span = chain.links[position - 1].span
            result = step(frame, link.step, linked=position > 0)
            if position == 0 and frame.flow_span is None and outer_span is not None:
                taken = True
            if link.names is not None:
                name_result(frame, link, result)
            frame.flow = result
    finally:
        frame.flow, frame.flow_span = outer, None if taken else outer_span
    return result


def name_result(frame: Frame, link: tree.Link, result: Any) -> None:
    """`… as y`."""
    names_ = link.names or ()
    values = expressions.take_apart(result, len(names_), link.span) if link.tupled else (result,)
    for name, value in zip(names_, values, strict=True):
        statements.assign(frame, name, value, link.span)


def nested_chain(frame: Frame, chain: tree.Chain) -> Any:
    """A chain in parentheses or as an argument: its steps take no numbers."""
    inner = frame.inner(frame.scope)
    inner.numbered = False
    inner.flow_span = None
    result = run_chain(inner, chain, fresh=True)
    frame.flow_span = None
    return result


def step_value(frame: Frame, expr: Any) -> Any:
    """What stands right of `=`, in `carry` and `yield`: a step or chain that takes no number."""
    inner = frame.inner(frame.scope)
    inner.numbered = False
    inner.flow_span = frame.flow_span
    try:
        if isinstance(expr, tree.Chain):
            return run_chain(inner, expr, fresh=True)
        if inner.visit is not None:
            return step(inner, tree.Step(expr.span, None, expr), False)
        return plain_step(inner, None, expr, False)
    finally:
        frame.flow_span = None


def step(frame: Frame, one: tree.Step, linked: bool, visited: bool = False) -> Any:
    """One step: `label: term`. `visited` tells that it was looked at for edits."""
    if frame.visit is not None and not visited:
        from archdsl.elaborate.editing import visits  # loaded where something is edited

        return visits.step(frame, one, linked)
    frame.session.step(one.span)
    term = one.term
    construct = CONSTRUCTS.get(type(term))
    if construct is None:
        return plain_step(frame, one.label, term, linked)
    label = None if one.label is None else segments(frame, one.label)
    frame.flow_span = None
    return construct(frame, label, term, one)


def run_term(frame: Frame, term: Any) -> Any:
    """A construct as a value."""
    return CONSTRUCTS[type(term)](frame, None, term, term)


def where_of(frame: Frame, label: tree.Path | None, takes_number: bool) -> Where:
    """The place of a step; takes its number."""
    number = frame.unit.number(frame.container) if takes_number and frame.numbered else None
    if label is None:
        return Where(None, number, branching=frame.branching)
    if len(label.segments) == 1 and label.segments[0].text == "_" and not label.segments[0].quoted:
        if number is not None:
            frame.unit.numbers[frame.container] -= 1
        return Where(None, None, splices=True)
    return Where(segments(frame, label), number)


def plain_step(frame: Frame, label: tree.Path | None, expr: Any, linked: bool) -> Any:
    """A step that is an expression: a layer or a function takes the flow; anything else is a value."""
    if isinstance(expr, tree.Name):
        value = expressions.evaluate(frame, expr)
        if value is UNKNOWN:
            raise Absorbed
        if calls.is_layer(value) or isinstance(value, (OpWord, FnWord)):
            return _apply_word(frame, label, value, expr.span)
        if isinstance(value, (ConfigWord, DType)):
            raise Fault(names.NotATensor(at=expr.span, what=f"{describe(value)} takes no flow"))
        return _bare(frame, label, value, expr, linked)
    if isinstance(expr, tree.Call):
        callee = calls.callee_of(frame, expr)
        if isinstance(callee, (OpWord, FnWord)) and calls.is_layer(callee) is False:
            if not (isinstance(callee, FnWord) and not callee.tensors):
                return _call_function(frame, label, callee, expr, linked)
        elif calls.is_layer(callee):
            layer = calls.template(callee, calls.arguments(frame, expr.args, layer=True), expr.span)
            return _apply_word(frame, label, layer, expr.span)
    if linked and isinstance(expr, tree.Binary) and not _names_flow(expr):
        raise _grasping(frame, label, expr)
    return _bare(frame, label, expressions.evaluate(frame, expr), expr, linked)


def _names_flow(expr: tree.Expr) -> bool:
    return any(isinstance(one, tree.It) for one in expr.walk())


def _grasping(frame: Frame, label: tree.Path | None, expr: tree.Binary) -> Fault:
    """The fault of `x -> f + y`, where `(x -> f) + y` was meant."""
    first: tree.Expr = expr
    while isinstance(first, tree.Binary):
        first = first.left
    text = expr.span.text if label is None else f"{label.span.text}: {expr.span.text}"
    word = first.function if isinstance(first, tree.Call) else first
    value = expressions.evaluate(frame, word) if isinstance(word, tree.Name) else None
    given = isinstance(first, tree.Call) and not calls.is_layer(value) and any(one.name is None for one in first.args)
    if given or not isinstance(value, UNSENT) or len(text) > 60 or "\n" in text:
        return _dropped(expr, f"`{text[:60]}` neither takes the flow nor names it")
    rest = expr.span.text[first.span.end - expr.span.start :]
    help = f"write `(… -> {text.removesuffix(rest)}){rest}`"
    return _dropped(expr, f"`{expr.operator}` holds tighter than `->`, so all of this is the step", help)


def _dropped(expr: tree.Expr, what: str, help: str | None = None) -> Fault:
    """The fault of a link that does not use what comes along `->`."""
    dropped, help = "what comes along `->` is dropped here", help or "name the flow with `it`, or start a new line"
    return Fault(names.FlowDropped(at=expr.span, what=what, label=dropped, help=help))


def _bare(frame: Frame, label: tree.Path | None, value: Any, expr: Any, linked: bool) -> Any:
    """A value as a step: it starts afresh, so after `->` it must name what flows."""
    if linked and not _names_flow(expr):
        left = expr.span.text if len(expr.span.text) < 60 else "this"
        raise _dropped(expr, f"`{left}` neither takes the flow nor names it")
    if label is not None and not isinstance(value, Value):
        what = f"a label names a layer or a function, and this is {describe(value)}"
        sent = f"label the layer that it is sent to: `(…) -> {label.span.text}: Layer(…)`"
        raise Fault(problems.BadLabel(at=label.span, what=what, help=sent if isinstance(value, Several) else None))
    return value


def _apply_word(frame: Frame, label: tree.Path | None, layer: Any, span: Span) -> Any:
    """A layer, block or function by its name, applied to the flow."""
    where = where_of(frame, label, not isinstance(layer, (Instance, Derivative)))
    if frame.flow is None and not (isinstance(layer, OpWord) and not layer.kind.tensors):
        raise Fault(names.NoFlow(at=span, what="nothing flows into this step", help="name its input: `x -> …`"))
    frame.flow_span = None
    if isinstance(layer, OpWord) and not layer.kind.layer:
        return calls.call_function(frame, layer, [], span, frame.flow, where.path(frame, False, span), flows=True)
    return apply.apply(frame, layer, frame.flow, where, span)


def _call_function(frame: Frame, label: tree.Path | None, callee: OpWord | FnWord, expr: tree.Call, linked: bool) -> Any:
    """A function called as a step: it takes the flow if it is given no tensor."""
    if isinstance(callee, OpWord) and callee.kind.name in config.ROUNDING:
        exact = calls.rounded_division(frame, callee.kind.name, expr)
        if exact is not None:
            return exact
    where = where_of(frame, label, True)
    span_before = frame.flow_span
    given = calls.arguments(frame, expr.args)
    direct = any(has_tensor(value) for _, value, _ in given)
    creates = isinstance(callee, OpWord) and not callee.kind.tensors
    if linked and (direct or creates) and not _names_flow(expr):
        raise _dropped(expr, f"`{expr.span.text[:60]}` is given its tensors and does not name the flow")
    if not direct and not creates or span_before is not None and _names_flow(expr):
        frame.flow_span = None
    return calls.call_function(frame, callee, given, expr.span, frame.flow, where.path(frame, False, expr.span), flows=True)


CONSTRUCTS: dict[type, Any] = {  # by name at the call: the modules of this room import each other
    tree.Body: lambda frame, label, one, step: constructs.group(frame, label, one, step),
    tree.If: lambda frame, label, one, step: constructs.choose(frame, label, one, step),
    tree.Repeat: lambda frame, label, one, step: constructs.repeat(frame, label, one, step),
    tree.Skip: lambda frame, label, one, step: constructs.skip(frame, label, one, step),
    tree.Branch: lambda frame, label, one, step: constructs.branch(frame, label, one, step),
    tree.Scan: lambda frame, label, one, step: scans.scan(frame, label, one, step),
}
