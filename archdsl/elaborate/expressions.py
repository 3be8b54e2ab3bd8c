"""Expressions: one evaluator for configuration and tensors; what has a tensor in it becomes nodes."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.elaborate import calls, indexing, lookup, steps
from archdsl.elaborate.config import arithmetic, checked, compare
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import call, tensor, word
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import MAX_STEPS
from archdsl.elaborate.values import PLAIN, UNKNOWN, FnWord, Instance, Leaf, OpWord, Several, describe, is_tensor
from archdsl.ir.value import Value
from archdsl.source import Span
from archdsl.syntax import tree

OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "floor_divide",
    "%": "remainder",
    "**": "pow",
    "@": "matmul",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "and": "logical_and",
    "or": "logical_or",
}
"""The language's signs on tensors, and the operators they are."""

COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "in"}
NUMBERS = frozenset({int, float})
BETWEEN_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
"""Comparisons that need no facts."""


LITERALS = frozenset({tree.Int, tree.Float, tree.Str, tree.Bool})


def evaluate(frame: Frame, expr: Any) -> Any:
    """The value of an expression, or of a chain in parentheses."""
    kind = expr.__class__
    if kind in LITERALS:
        return expr.value
    if kind is tree.Name:
        binding = frame.scope.find(expr.name)
        if binding is not None and binding.value.__class__ in PLAIN:
            binding.used = True
            return binding.value
    session = frame.session
    session.steps += 1
    if session.steps > MAX_STEPS:
        session.too_many(expr.span)
    return EVALUATORS[kind](frame, expr)


def _name(frame: Frame, expr: tree.Name) -> Any:
    return lookup.look_up(frame, expr.name, expr.span)


def _nothing(frame: Frame, expr: tree.Nothing) -> Any:
    return None


def _it(frame: Frame, expr: tree.It) -> Any:
    if frame.flow is None:
        raise Fault(names.NoFlow(at=expr.span, what="nothing flows here", help="name the value instead"))
    frame.flow_span = None
    if isinstance(frame.flow, Value):
        frame.unit.touched.add(frame.flow.name)
    return frame.flow


def _training(frame: Frame, expr: tree.Training) -> Any:
    raise Fault(
        problems.MisplacedStatement(
            at=expr.span, what="`training` stands only as the condition of an `if`", help="write `if training { … } else { … }`"
        )
    )


def _tuple(frame: Frame, expr: tree.Tuple) -> Any:
    return Several(tuple((one.name, evaluate(frame, one.value)) for one in expr.items))


def _paren(frame: Frame, expr: tree.Paren) -> Any:
    return evaluate(frame, expr.value)


def _chain(frame: Frame, expr: tree.Chain) -> Any:
    return steps.nested_chain(frame, expr)


def _list(frame: Frame, expr: tree.List) -> Any:
    return checked(tuple(evaluate(frame, one) for one in expr.items), expr.span)


def _comprehension(frame: Frame, expr: tree.Comprehension) -> Any:
    done: list[Any] = []
    for one in elements(evaluate(frame, expr.items), expr.items.span):
        frame.session.step(expr.span)
        inner = frame.inner()
        if frame.visit is not None:
            inner.visit = frame.visit.into((expr.span, len(done)))
        bind_targets(inner.scope, expr.targets, expr.tupled, one, expr.span)
        done.append(evaluate(inner, expr.body))
    return checked(tuple(done), expr.span)


def elements(value: Any, span: Span) -> Any:
    """What a `repeat` or a comprehension walks."""
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, (tuple, range)):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise Fault(
            names.TypeMismatch(at=span, what=f"a list or a range is needed here, and this is {value}", help=f"write `0..{value}`")
        )
    raise Fault(names.TypeMismatch(at=span, what=f"a list or a range is needed here, and this is {describe(value)}"))


def bind_targets(scope: Scope, targets: tuple[str, ...], tupled: bool, value: Any, span: Span, kind: str = "index") -> None:
    """Bind the names left of `in`."""
    values = take_apart(value, len(targets), span) if tupled else (value,)
    for name, one in zip(targets, values, strict=True):
        if name != "_":
            scope.bind(name, one, span, kind)


def take_apart(value: Any, count: int, span: Span) -> tuple[Any, ...]:
    """A tuple or list as `count` values."""
    if value is UNKNOWN:
        return (UNKNOWN,) * count
    items: tuple[Any, ...] | None = None
    if isinstance(value, Several):
        items = tuple(one for _, one in value.items)
    elif isinstance(value, tuple):
        items = value
    if items is None:
        raise Fault(
            shapes.PartsMismatch(
                at=span,
                what=f"this is {describe(value)}, and {count} names take it apart",
                help="`unbind`, `split` and `chunk` take a tensor apart" if isinstance(value, Value) else None,
            )
        )
    if len(items) != count:
        raise Fault(shapes.PartsMismatch(at=span, what=f"{len(items)} values for {count} name{'s' if count > 1 else ''}"))
    return items


def _call(frame: Frame, expr: tree.Call) -> Any:
    if frame.visit is not None:
        return _visits().expression(frame, expr, "", lambda: calls.call_expression(frame, expr))
    return calls.call_expression(frame, expr)


def _visits() -> Any:
    from archdsl.elaborate.editing import visits  # loaded where something is edited

    return visits


def _index(frame: Frame, expr: tree.Index) -> Any:
    return indexing.index(frame, evaluate(frame, expr.value), expr)


def _attribute(frame: Frame, expr: tree.Attribute) -> Any:
    inner = expr.value
    parts = [expr.name]
    while isinstance(inner, tree.Attribute):
        parts.append(inner.name)
        inner = inner.value
    value = evaluate(frame, inner)
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, Instance):
        return Leaf(value, ".".join(reversed(parts)))
    raise Fault(
        names.TypeMismatch(
            at=expr.span,
            what=f"`.` names a tensor of a shared layer, and this is {describe(value)}",
            help="declare it: `shared f = Linear(4)`, then `f.weight`",
        )
    )


def _unary(frame: Frame, expr: tree.Unary) -> Any:
    value = evaluate(frame, expr.value)
    if value is UNKNOWN:
        raise Absorbed
    if is_tensor(value):
        return call(frame, word("neg" if expr.operator == "-" else "logical_not")(), [value], expr.span)
    if expr.operator == "not":
        return not truth(frame, value, expr.value.span)
    if isinstance(value, (int, float, Dim)) and not isinstance(value, bool):
        return checked(-value, expr.span)
    raise Fault(names.TypeMismatch(at=expr.span, what=f"`-` does not work on {describe(value)}"))


def _binary(frame: Frame, expr: tree.Binary) -> Any:
    spine = [expr]
    while isinstance(spine[-1].left, tree.Binary) and spine[-1].operator not in ("and", "or"):
        spine.append(spine[-1].left)
    if frame.visit is not None:
        word = OPERATORS.get(expr.operator, expr.operator)
        return _visits().expression(frame, expr, word, lambda: _apply(frame, expr, evaluate(frame, expr.left)))
    left: Any = evaluate(frame, spine[-1].left)
    for one in reversed(spine):
        left = _apply(frame, one, left)
    return left


def _apply(frame: Frame, expr: tree.Binary, left: Any) -> Any:
    operator = expr.operator
    if operator in ("and", "or") and not is_tensor(left):
        if left is UNKNOWN:
            raise Absorbed
        decided = truth(frame, left, expr.left.span)
        if decided is (operator == "or"):
            return decided
        right = evaluate(frame, expr.right)
        return right if is_tensor(right) else truth(frame, right, expr.right.span)
    right = evaluate(frame, expr.right)
    if left.__class__ in NUMBERS and right.__class__ in NUMBERS and operator in BETWEEN_NUMBERS:
        return BETWEEN_NUMBERS[operator](left, right)
    if left is UNKNOWN or right is UNKNOWN:
        raise Absorbed
    if is_tensor(left) or is_tensor(right):
        if operator in ("==", "!=") and (left is None or right is None):
            return operator == "!="
        name = OPERATORS.get(operator)
        if name is None:
            raise Fault(names.TypeMismatch(at=expr.span, what=f"`{operator}` does not work on tensors"))
        for one, at in ((left, expr.left.span), (right, expr.right.span)):
            if one is None or calls.is_layer(one) or isinstance(one, (OpWord, FnWord)):
                tensor(frame, one, at)
        return call(frame, word(name)(), [left, right], expr.span)
    if operator in COMPARISONS:
        decided_or_not = compare(frame.facts, operator, left, right, expr.span)
        if decided_or_not is None:
            raise undecided(frame, operator, left, right, expr.span)
        return decided_or_not
    for one, at in ((left, expr.left.span), (right, expr.right.span)):
        if calls.is_layer(one) or isinstance(one, (OpWord, FnWord)):
            tensor(frame, one, at)
    return arithmetic(frame.facts, operator, left, right, expr.span)


def undecided(frame: Frame, operator: str, left: Any, right: Any, span: Span) -> Fault:
    """The fault of a condition on a dimension, naming the fact that would decide it."""
    told = f"{left} {operator} {right}"
    fact = (
        told
        if operator in ("==", "<=", "<")
        else f"{right} {operator.replace('>', '<')} {left}"
        if operator in (">", ">=")
        else f"{left} == {right}"
    )
    return Fault(
        shapes.UndecidedCondition(
            at=span, what=f"whether {told} holds is known only at run time", help=f"decide it: require {fact}"
        )
    )


def truth(frame: Frame, value: Any, span: Span) -> bool:
    """A compile-time condition."""
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, bool):
        return value
    if is_tensor(value):
        raise Fault(
            names.TypeMismatch(
                at=span,
                what="this condition is a tensor, known only at run time",
                help="choose elementwise with `where(condition, a, b)`",
            )
        )
    raise Fault(names.TypeMismatch(at=span, what=f"a condition is true or false, and this is {describe(value)}"))


def condition(frame: Frame, expr: Any) -> bool:
    """An expression as a compile-time condition."""
    return truth(frame, evaluate(frame, expr), expr.span)


def _if(frame: Frame, expr: tree.IfExpr) -> Any:
    return evaluate(frame, expr.then if condition(frame, expr.condition) else expr.otherwise)


def _misplaced(frame: Frame, expr: Any) -> Any:
    return steps.run_term(frame, expr)


EVALUATORS: dict[type, Callable[[Frame, Any], Any]] = {
    tree.Name: _name,
    tree.Nothing: _nothing,
    tree.It: _it,
    tree.Training: _training,
    tree.Tuple: _tuple,
    tree.Paren: _paren,
    tree.Chain: _chain,
    tree.List: _list,
    tree.Comprehension: _comprehension,
    tree.Call: _call,
    tree.Index: _index,
    tree.Attribute: _attribute,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.IfExpr: _if,
}
