"""Calls: functions of tensors and of configuration, and layers, which wait for the flow."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate import apply, config, expressions, functions, initial
from archdsl.elaborate.arguments import Given, fields_of
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import absent, call, operands_of, slots, tensor, word
from archdsl.elaborate.values import (
    PLAIN,
    UNKNOWN,
    BlockWord,
    ConfigWord,
    Derivative,
    DerivativeWord,
    DType,
    FnWord,
    Group,
    Instance,
    OpWord,
    Several,
    Template,
    describe,
    has_tensor,
    is_tensor,
)
from archdsl.ir.node import Path
from archdsl.ops.contract import Op
from archdsl.source import Span
from archdsl.syntax import tree

LAYERS = (Template, BlockWord, Instance, Derivative, DerivativeWord)


def is_layer(value: Any) -> bool:
    """Whether a value is a layer, which takes the flow."""
    return value.__class__ not in PLAIN and isinstance(value, LAYERS) or (isinstance(value, OpWord) and value.kind.layer)


def callee_of(frame: Frame, expr: tree.Call) -> Any:
    """What is called."""
    frame.session.calls[expr.span] = expr
    value = expressions.evaluate(frame, expr.function)
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, DType) and value.name in ("float", "bool"):
        return ConfigWord(value.name)
    if is_layer(value) or isinstance(value, (OpWord, FnWord, ConfigWord, Template)):
        return value
    raise Fault(names.TypeMismatch(at=expr.function.span, what=f"{describe(value)} cannot be called"))


def arguments(frame: Frame, args: tuple[tree.Arg, ...], layer: bool = False) -> list[Given]:
    """The values of a call's arguments; in a layer a group in braces is a template, `init` an initializer."""
    done: list[Given] = []
    for one in args:
        if layer and one.name == "init":
            done.append((one.name, initial.initializer(frame, one.value), one.span))
        else:
            value = chained(frame, one.value) if isinstance(one.value, tree.Chain) else expressions.evaluate(frame, one.value)
            if value is UNKNOWN or (isinstance(value, tuple) and any(part is UNKNOWN for part in value)):
                raise Absorbed
            done.append((one.name, value, one.span))
    if frame.visit is not None:
        tensors = [index for index, (_, value, _) in enumerate(done) if has_tensor(value)]
        frame.visit.told(args, tuple(tensors))
    return done


def chained(frame: Frame, chain: tree.Chain) -> Any:
    """A chain as an argument: a group alone is a layer template, anything else a value."""
    step = chain.links[0].step
    if len(chain.links) == 1 and isinstance(step.term, tree.Body) and step.label is None:
        return Template(Group(step.term, frame.scope, frame.module), (), step.span)
    return expressions.evaluate(frame, chain)


def call_expression(frame: Frame, expr: tree.Call) -> Any:
    """A call inside an expression: it takes no flow."""
    callee = callee_of(frame, expr)
    if is_layer(callee):
        given = arguments(frame, expr.args, layer=True)
        return template(callee, given, expr.span)
    if isinstance(callee, OpWord) and callee.kind.name in config.ROUNDING:
        exact = rounded_division(frame, callee.kind.name, expr)
        if exact is not None:
            return exact
    given = arguments(frame, expr.args)
    return call_function(frame, callee, given, expr.span, None, None, flows=False)


def template(callee: Any, given: list[Given], span: Span) -> Any:
    """A layer with configuration, not yet applied."""
    if isinstance(callee, Instance):
        if given:
            raise Fault(names.TooManyArguments(at=span, what="a shared layer was configured where it was declared"))
        return callee
    if isinstance(callee, DerivativeWord):
        from archdsl.elaborate import derivatives  # loaded where a derivative is asked for

        return derivatives.derivative(given, span)
    for name, value, at in given:
        if value is UNKNOWN:
            raise Absorbed
        if isinstance(value, Several) or (is_tensor(value) and name is None):
            raise Fault(
                names.TypeMismatch(
                    at=at,
                    what="a layer's parentheses take configuration; tensors flow to it along `->`",
                    help="write `x -> Layer(…)`",
                )
            )
    if isinstance(callee, OpWord):
        ties = [(str(name), value) for name, value, _ in given if is_tensor(value)]
        inits = [("init", value) for name, value, _ in given if name == "init"]
        plain = [one for one in given if not is_tensor(one[1]) and one[0] != "init"]
        return Template(callee, (*fields_of(callee.kind, plain, span, loose=True).items(), *ties, *inits), span)
    if isinstance(callee, Template):
        return apply.extended(callee, given, span)
    if isinstance(callee, BlockWord):
        return Template(callee, tuple(apply.block_arguments(callee, (), given, span).items()), span)
    raise Fault(names.NotALayer(at=span, what=f"{describe(callee)} is no layer"))


def refuse_layers(name: str, given: list[Given]) -> None:
    """A function takes tensors and configuration, no layers."""
    for _, value, at in given:
        if is_layer(value):
            raise Fault(
                names.LayerInExpression(
                    at=at,
                    what=f"{describe(value)} is not applied to anything here, so `{name}` has no tensor to take",
                    help=f"let the flow go through it first: `x -> {at.text[:60]} -> {name}`",
                )
            )


def call_function(frame: Frame, callee: Any, given: list[Given], span: Span, flow: Any, path: Path | None, flows: bool) -> Any:
    """A function called with its arguments; `flows` tells that it is a step and takes the flow if it is given no tensor."""
    if isinstance(callee, ConfigWord):
        return _config(frame, callee.name, given, span)
    if isinstance(callee, FnWord):
        if callee.tensors and not flows and not any(has_tensor(value) or isinstance(value, Several) for _, value, _ in given):
            return functions.template(callee, given, span)
        return functions.call_fn(frame, callee, given, span, flow if flows else None)
    kind: type[Op] = callee.kind
    refuse_layers(kind.name, given)
    direct = any(has_tensor(value) for _, value, _ in given) or any(
        isinstance(value, tuple) and not value and kind.tensors[:1] and kind.tensors[0].startswith("*") for _, value, _ in given
    )
    if not direct and not flows and kind.name in config.FUNCTIONS and not any(name == "axis" for name, _, _ in given):
        return _config(frame, kind.name, given, span)
    if not direct and kind.tensors:
        if given and given[0][0] is None and given[0][1] is None:
            raise absent(given[0][2])
        if not flows:
            return Template(callee, tuple(fields_of(kind, given, span, loose=True).items()), span)
        if flow is None:
            raise Fault(
                names.NoFlow(at=span, what=f"nothing flows into `{kind.name}` here", help=f"name its input: `{kind.name}(x)`")
            )
    operands, plain = split_arguments(kind, given, direct, span)
    if not direct and kind.tensors:
        return _with_flow(frame, kind, operands, plain, flow, span, path)
    values = fields_of(kind, plain, span)
    return call(frame, kind(**values), operands, span, path)


def _with_flow(
    frame: Frame, kind: type[Op], operands: list[Any], plain: list[Given], flow: Any, span: Span, path: Path | None
) -> Any:
    """A function that takes the flow; numbers given by position fill the tensor places after it."""
    plain_slots, star = slots(kind)
    if kind.numbers and not isinstance(flow, Several) and len(plain_slots) > 1:
        numbers = [value for name, value, _ in plain if name is None][: len(plain_slots) - 1]
        plain = [one for one in plain if one[0] is not None] + [one for one in plain if one[0] is None][len(numbers) :]
        flow = Several(tuple((None, one) for one in (flow, *numbers)))
    if star is not None and isinstance(flow, tuple):
        flow = Several(tuple((None, one) for one in flow))
    named = Several(
        (
            *(flow.items if isinstance(flow, Several) else ((None, flow),)),
            *((n, v) for n, v in zip(plain_slots, operands, strict=False) if v is not None),
        )
    )
    values = fields_of(kind, plain, span)
    return call(frame, kind(**values), operands_of(frame, kind, named, span), span, path)


def split_arguments(kind: type[Op], given: list[Given], direct: bool, span: Span) -> tuple[list[Any], list[Given]]:
    """Which arguments are tensors, in the operator's places, and which are configuration."""
    plain_slots, star = slots(kind)
    optional = {one[:-1] for one in kind.tensors if one.endswith("?")}
    pattern_first = getattr(kind, "pattern_first", False)
    operands: list[Any] = [None] * len(plain_slots)
    filled: set[str] = set()
    rest: list[Any] = []
    plain: list[Given] = []
    position = 0
    seen_config = False
    for name, value, at in given:
        if value is UNKNOWN:
            raise Absorbed
        if name is not None:
            if name in plain_slots:
                operands[plain_slots.index(name)] = value
                filled.add(name)
            else:
                plain.append((name, value, at))
            continue
        if pattern_first and isinstance(value, str) and not plain:
            plain.append((name, value, at))
            continue
        while position < len(plain_slots) and plain_slots[position] in filled:
            position += 1
        if (
            direct
            and not seen_config
            and position < len(plain_slots)
            and (has_tensor(value) or kind.numbers or (value is None and plain_slots[position] in optional))
        ):
            operands[position] = value
            filled.add(plain_slots[position])
            position += 1
        elif star is not None and (is_tensor(value) or (isinstance(value, tuple) and (has_tensor(value) or not value))):
            rest.extend(value if isinstance(value, tuple) else (value,))
        elif star is not None and isinstance(value, Several):
            rest.extend(value.positional)
        elif is_tensor(value):
            help = f"of two tensors, element by element, it is `{kind.of_two}`" if kind.of_two else None
            raise Fault(names.TooManyArguments(at=at, what=f"`{kind.name}` has no place for one more tensor", help=help))
        else:
            seen_config = True
            plain.append((name, value, at))
    if direct:
        for slot in plain_slots:
            if slot not in filled and slot not in optional:
                raise Fault(names.MissingArgument(at=span, what=f"`{kind.name}` needs the tensor `{slot}`"))
        if star is not None and not rest:
            raise Fault(names.MissingArgument(at=span, what=f"`{kind.name}` needs at least one tensor"))
    return operands + rest, plain


def _config(frame: Frame, name: str, given: list[Given], span: Span) -> Any:
    values = []
    for key, value, at in given:
        if key is not None:
            raise Fault(names.UnknownArgument(at=at, what=f"`{name}` has no argument `{key}`"))
        values.append(value)
    if name == "dim":
        return _dim(frame, values, span)
    if name == "len" and len(values) == 1 and isinstance(values[0], Several):
        return len(values[0].items)
    return config.apply(frame.facts, name, tuple(values), span)


def _dim(frame: Frame, values: list[Any], span: Span) -> Any:
    if len(values) != 2 or not isinstance(values[1], int):
        raise Fault(names.TypeMismatch(at=span, what="`dim` takes a tensor and an axis: `dim(x, -1)`"))
    shape = tensor(frame, values[0], span).type.shape
    if not -len(shape) <= values[1] < len(shape):
        from archdsl.elaborate.faults.shapes_problems import AxisOutOfRange

        raise Fault(AxisOutOfRange(at=span, what=f"axis {values[1]} of a tensor with {len(shape)} axes"))
    return shape[values[1]]


def rounded_division(frame: Frame, name: str, expr: tree.Call) -> Any:
    """`ceil(p / k)` and `floor(p / k)` with the division inside, or None where the call is another."""
    if len(expr.args) != 1 or expr.args[0].name is not None:
        return None
    inner = expr.args[0].value
    if not isinstance(inner, tree.Binary) or inner.operator != "/":
        return None
    left, right = expressions.evaluate(frame, inner.left), expressions.evaluate(frame, inner.right)
    if left is UNKNOWN or right is UNKNOWN:
        raise Absorbed
    if is_tensor(left) or is_tensor(right):
        divided = call(frame, word("div")(), [left, right], inner.span)
        return call(frame, word(name)(), [divided], expr.span)
    return config.divide(frame.facts, name, left, right, expr.span)


FUNCTIONS = (FnWord,)
"""Functions that are no operators."""


def builtin_word(name: str) -> OpWord:
    """A built-in function as a value."""
    from archdsl.elaborate.lookup import builtin

    found = builtin(name)
    assert isinstance(found, OpWord)  # noqa: S101
    return found
