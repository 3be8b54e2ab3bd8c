"""The statements that are no lines of the pipeline: names, tensors, settings, facts, heads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.dims.shape import simplify_type
from archdsl.elaborate import apply, archs, blocks, calls, expressions, initial, labels, lookup, scans, steps
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.unit import Raised, assume
from archdsl.elaborate.values import UNKNOWN, Derivative, Instance, OpWord, Several, Template, describe, is_tensor
from archdsl.ir.graph import Parameter
from archdsl.ir.value import Value
from archdsl.problems.problem import Label
from archdsl.problems.suggest import did_you_mean
from archdsl.records import changed
from archdsl.source import Span
from archdsl.syntax import tree


def bound_names(one: Any) -> Iterator[str]:
    """The names that a statement binds."""
    match one:
        case tree.Assign():
            yield from (target.name for target in one.targets)
        case tree.Let():
            yield from one.targets
        case tree.Param() | tree.Buffer() | tree.Shared() | tree.Carry():
            yield one.name
        case tree.Broken():
            said = _TARGETS.match(one.span.text)
            yield from _NAME.findall(said[1] or said[2]) if said is not None else ()


_NAME = re.compile(r"[A-Za-z_]\w*")
_TARGETS = re.compile(
    r"(?:let\s+)?([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*=(?!=)"
    r"|(?:param|buffer(?:\s*\([^()]*\))?|shared|carry)\s+([A-Za-z_]\w*)"
)
"""What a statement that could not be read would have bound."""


def new_name(frame: Frame, name: str, value: Any, span: Span, kind: str) -> None:
    """Bind a name that is not bound in the same braces."""
    before = frame.scope.names.get(name)
    if before is not None and before.kind != "spoiled":
        others = (Label(before.span, "first bound here"),) if before.span is not None else ()
        raise Fault(names_fault(span, f"`{name}` is already bound in these braces", others))
    frame.scope.bind(name, value, span, kind)


def names_fault(span: Span, what: str, others: tuple[Label, ...]) -> Any:
    """The problem of a name bound twice."""
    return problems.AlreadyBound(at=span, what=what, others=others)


def assign(frame: Frame, name: str, value: Any, span: Span) -> None:
    """`name = value`: binds, or rebinds what is bound outside where that is allowed."""
    if name == "_":
        return
    if isinstance(value, Value) and value.name in frame.unit.home:
        frame.unit.hint(value, name)
        frame.unit.touched.add(value.name)
    binding = frame.scope.find(name)
    if binding is None:
        frame.scope.bind(name, value, span, "value")
        return
    crossed = frame.scope.crossing(name)
    if crossed:
        help = "a scan has `carry`" if crossed == "scan" else f"a `{crossed}` runs beside the flow: give the value another name"
        others = (Label(binding.span, "bound here"),) if binding.span is not None else ()
        raise Fault(
            problems.ReboundInParallel(at=span, what=f"`{name}` is bound outside this `{crossed}`", others=others, help=help)
        )
    if binding.kind == "slice":
        raise Fault(
            shapes.BadScan(
                at=span, what=f"`{name}` is a scanned input and cannot be assigned", help="give the value another name"
            )
        )
    if binding.kind not in ("value", "input", "carry", "spoiled"):
        raise Fault(
            names_fault(
                span,
                f"`{name}` is {_kind_name(binding.kind)} and cannot be assigned",
                (Label(binding.span, "bound here"),) if binding.span else (),
            )
        )
    binding.value = value
    if binding.kind == "value":
        before = binding.site or binding.span
        if binding.used and before not in binding.read:
            binding.read = (*binding.read, before)
        binding.site = span
        binding.used = span in binding.read  # in a `repeat`, the iteration after the last does not come


def _kind_name(kind: str) -> str:
    return {
        "config": "configuration or a dimension",
        "let": "a `let`",
        "param": "a parameter",
        "buffer": "a buffer",
        "shared": "a shared layer",
        "index": "a counter",
    }.get(kind, kind)


def warn_unused(frame: Frame) -> None:
    """A named value that nothing uses is a warning; not where an error may be the reason."""
    if frame.session.problems.errors:
        return
    for name, binding in frame.scope.names.items():
        if (
            binding.kind == "value"
            and not binding.used
            and binding.span is not None
            and is_tensor(binding.value)
            and not name.startswith("_")
        ):
            frame.session.problems.add(
                names.UnusedValue(
                    at=binding.site or binding.span, what=f"`{name}` is never used", help="remove it, or bind it to `_`"
                )
            )


def _assign(frame: Frame, one: tree.Assign) -> None:
    value = steps.step_value(frame, one.value)
    if len(one.targets) == 1:
        if isinstance(value, Several) and len(value.items) == 1:
            value = value.items[0][1]
        if isinstance(value, range):
            value = tuple(value)
        assign(frame, one.targets[0].name, value, one.targets[0].span)
        return
    parts = expressions.take_apart(value, len(one.targets), one.span)
    for target, part in zip(one.targets, parts, strict=True):
        assign(frame, target.name, part, target.span)


def _let(frame: Frame, one: tree.Let) -> None:
    value = expressions.evaluate(frame, one.value)
    parts = (value,) if len(one.targets) == 1 else expressions.take_apart(value, len(one.targets), one.span)
    for name, part in zip(one.targets, parts, strict=True):
        if is_tensor(part):
            raise Fault(
                names.TypeMismatch(
                    at=one.value.span, what="`let` names configuration, and this is a tensor", help=f"write `{name} = …`"
                )
            )
        if name != "_":
            new_name(frame, name, part, one.span, "let")


FACTS = "a fact about sizes is `p == q`, `p <= q`, `p < q` or `p % k == 0`, or several of them with `and`"


def _require(frame: Frame, one: tree.Require) -> None:
    for condition in conjuncts(one.condition):
        text = "" if one.message is None else labels.fill(frame, one.message.value, one.message.span, spoken=True)
        require(frame, condition, text, one.span)


def conjuncts(expr: Any) -> Iterator[Any]:
    """The parts of an `and`."""
    if isinstance(expr, tree.Paren):
        yield from conjuncts(expr.value)
    elif isinstance(expr, tree.Binary) and expr.operator == "and":
        yield from conjuncts(expr.left)
        yield from conjuncts(expr.right)
    else:
        yield expr


def require(frame: Frame, expr: Any, message: str, span: Span) -> None:
    """Decide a condition now, or make it a fact and a check at the door."""
    if isinstance(expr, tree.Binary) and expr.operator in ("==", "<=", "<", ">=", ">"):
        left, right = expressions.evaluate(frame, expr.left), expressions.evaluate(frame, expr.right)
        if left is UNKNOWN or right is UNKNOWN:
            raise Absorbed
        if isinstance(left, Dim) or isinstance(right, Dim):
            _require_sizes(frame, expr, left, right, message, span)
            return
    try:
        holds = expressions.truth(frame, expressions.evaluate(frame, expr), expr.span)
    except Fault as fault:
        if not isinstance(fault.problem, shapes.UndecidedCondition) or fault.problem.at.source is not expr.span.source:
            raise
        raise Fault(changed(fault.problem, help=FACTS)) from None
    if not holds:
        raise Fault(problems.RequirementFailed(at=expr.span, what=message or f"`{expr.span.text}` does not hold"))


def _require_sizes(frame: Frame, expr: tree.Binary, left: Any, right: Any, message: str, span: Span) -> None:
    operator = expr.operator
    decided = frame.facts.decide(operator, left, right)
    if decided is True:
        return
    if decided is False:
        raise Fault(
            problems.RequirementFailed(
                at=expr.span, what=message or f"`{expr.span.text}` does not hold: {left} {operator} {right}"
            )
        )
    if operator in (">", ">="):
        left, right, operator = right, left, "<" if operator == ">" else "<="
    raised = Raised(left, operator, right, message or f"{left} {operator} {right}", span)
    inner = expr.left
    while isinstance(inner, tree.Paren):
        inner = inner.value  # type: ignore[assignment]
    if operator == "==" and right == 0 and isinstance(inner, tree.Binary) and inner.operator == "%":
        value, divisor = expressions.evaluate(frame, inner.left), expressions.evaluate(frame, inner.right)
        if isinstance(divisor, (int, Dim)):
            raised = Raised(value, "%", divisor, message or f"{value} % {divisor} == 0", span)
    frame.unit.raised.append(raised)
    frame.unit.facts = assume(frame.facts, raised)


def _expect(frame: Frame, one: tree.Expect) -> None:
    if frame.heads is None or frame.scope is not frame.heads.scope:
        raise misplaced(one.span, "`expect` stands in an arch, outside its blocks and constructs")
    frame.heads.expectations.extend((condition, frame.scope) for condition in one.conditions)


def misplaced(span: Span, what: str) -> Fault:
    """The fault of a statement where it has no meaning."""
    return Fault(problems.MisplacedStatement(at=span, what=what))


def _owned(frame: Frame, one: Any, what: str) -> None:
    if frame.restricted:
        raise misplaced(one.span, f"{frame.restricted} owns no {what}; make it a `block`")


def _param(frame: Frame, one: tree.Param | tree.Buffer) -> None:
    buffer = isinstance(one, tree.Buffer)
    _owned(frame, one, "buffers" if buffer else "parameters")
    type = simplify_type(frame.facts, blocks.declared_type(frame, one.type))
    for size in type.shape:
        if isinstance(size, Dim) and not frame.session.open_sizes and not size.symbols <= frame.session.free:
            raise Fault(
                shapes.NeedsANumber(
                    at=one.type.span,
                    what=f"the size {size} of `{one.name}` is symbolic",
                    help="a parameter has a number for each size",
                )
            )
    persistent = True
    if isinstance(one, tree.Buffer):
        for arg in one.args:
            if arg.name != "persistent":
                raise Fault(names.UnknownArgument(at=arg.span, what="`buffer` takes `persistent=`"))
            persistent = expressions.condition(frame, arg.value)
    init = initial.first_value(frame, one.value, type, one.span)
    path = (*frame.container, *((one.name,) if one.path is None else labels.segments(frame, one.path)))
    value = frame.unit.value(type, frame.unit.root)
    frame.unit.hint(value, one.name)
    frame.unit.made[value.name] = one.span
    new_name(frame, one.name, value, one.span, "buffer" if buffer else "param")
    frame.unit.add(path, Parameter(value, init, buffer, persistent, one.span), one.span)
    frame.unit.parameters[value.name] = path


def _shared(frame: Frame, one: tree.Shared) -> None:
    _owned(frame, one, "layers")
    step = one.step
    if frame.visit is not None:
        from archdsl.elaborate.editing import visits  # loaded where something is edited

        step = visits.declared(frame, one.name, step)
    value = layer_value(frame, step.term)
    if isinstance(value, Derivative):
        new_name(frame, one.name, value, one.span, "shared")
        return
    if isinstance(value, Instance):
        new_name(frame, one.name, value, one.span, "shared")
        if step.label is not None:
            apply.also_at(frame, value, (*frame.container, *labels.segments(frame, step.label)), step.span)
        return
    template = value if isinstance(value, Template) else Template(value, (), step.span)
    label = (one.name,) if step.label is None else labels.segments(frame, step.label)
    path = (*frame.container, *label)
    instance = Instance(frame.unit, path, template, step.span, frame.settings)
    if frame.visit is not None:
        instance.visit = visits.inside(frame, step, path)
    new_name(frame, one.name, instance, one.span, "shared")
    frame.unit.add(path, instance, step.span)


def layer_value(frame: Frame, term: Any) -> Any:
    """A step's term as a layer: a template or an instance."""
    if isinstance(term, tree.Body):
        from archdsl.elaborate.values import Group

        return Template(Group(term, frame.scope, frame.module), (), term.span)
    if isinstance(term, (tree.Repeat, tree.If, tree.Skip, tree.Branch, tree.Scan)):
        raise misplaced(term.span, "a shared layer is a layer, a block or a group in braces")
    if isinstance(term, tree.Call):
        callee = calls.callee_of(frame, term)
        if calls.is_layer(callee):
            return calls.template(callee, calls.arguments(frame, term.args, layer=True), term.span)
        value = expressions.evaluate(frame, term)
    else:
        value = expressions.evaluate(frame, term)
    if value is UNKNOWN:
        raise Absorbed
    if calls.is_layer(value) or isinstance(value, (OpWord, Template)):
        return value
    raise Fault(names.NotALayer(at=term.span, what=f"a shared layer is a layer, and this is {describe(value)}"))


def _init(frame: Frame, one: tree.Init) -> None:
    kind = lookup.look_up(frame, one.layer, one.span)
    if not (isinstance(kind, OpWord) and kind.kind.layer):
        raise Fault(names.NotALayer(at=one.span, what=f"`{one.layer}` is no layer that owns tensors"))
    leaves = initial.leaves_of(kind.kind)
    if initial.without_digits(one.leaf) not in {initial.without_digits(leaf) for leaf in leaves}:
        raise Fault(
            names.UnknownArgument(
                at=one.span,
                what=f"`{one.layer}` owns no tensor `{one.leaf}`; it owns {', '.join(leaves) or 'none'}",
                help=did_you_mean(one.leaf, leaves),
            )
        )
    value = initial.initializer(frame, one.value)
    frame.settings = changed(frame.settings, inits=(*frame.settings.inits, (kind.kind.name, one.leaf, value)))


def _default(frame: Frame, one: tree.Default) -> None:
    if not isinstance(one.value, tree.Call):
        raise misplaced(one.span, "`default` states a layer with arguments: `default BatchNorm2d(eps=1e-3)`")
    callee = calls.callee_of(frame, one.value)
    if not (isinstance(callee, OpWord) and callee.kind.layer):
        raise Fault(names.NotALayer(at=one.value.span, what=f"`default` is for layers, and this is {describe(callee)}"))
    from archdsl.elaborate.arguments import fields_of

    values = fields_of(callee.kind, calls.arguments(frame, one.value.args, layer=True), one.value.span, loose=True)
    frame.settings = changed(frame.settings, defaults=(*frame.settings.defaults, (callee.kind.name, tuple(values.items()))))


def _broken(frame: Frame, one: tree.Broken) -> None:
    raise Absorbed


RUNNERS: dict[type, Callable[[Frame, Any], None]] = {
    tree.Assign: _assign,
    tree.Let: _let,
    tree.Require: _require,
    tree.Expect: _expect,
    tree.Param: _param,
    tree.Buffer: _param,
    tree.Shared: _shared,
    tree.Init: _init,
    tree.Default: _default,
    tree.Carry: lambda frame, one: scans.carry(frame, one),
    tree.Yield: lambda frame, one: scans.yield_(frame, one),
    tree.Final: lambda frame, one: scans.final(frame, one),
    tree.Until: lambda frame, one: scans.until(frame, one),
    tree.Head: lambda frame, one: archs.head(frame, one),
    tree.Broken: _broken,
}
