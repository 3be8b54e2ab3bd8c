"""Initializers: named ones of `torch.nn.init`, or a constant that is computed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.dims.facts import Facts
from archdsl.dims.read import read_type
from archdsl.dims.shape import TensorType
from archdsl.elaborate import expressions, steps
from archdsl.elaborate.config import is_number
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.finish import body_graph
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import call, cast, tensor, word
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.unit import Unit
from archdsl.elaborate.values import UNKNOWN, Leaf, describe
from archdsl.ir.graph import Initializer
from archdsl.ir.value import Value
from archdsl.ops.contract import Context, Op, OpFault
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Span
from archdsl.syntax import tree

NAMED: dict[str, dict[str, Any]] = {
    "zeros": {},
    "ones": {},
    "normal": {"mean": 0.0, "std": 1.0},
    "uniform": {"a": 0.0, "b": 1.0},
    "trunc_normal": {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0},
    "constant": {"val": None},
    "xavier_uniform": {"gain": 1.0},
    "xavier_normal": {"gain": 1.0},
    "kaiming_uniform": {"a": 0.0, "mode": "fan_in", "nonlinearity": "leaky_relu"},
    "kaiming_normal": {"a": 0.0, "mode": "fan_in", "nonlinearity": "leaky_relu"},
    "orthogonal": {"gain": 1.0},
    "eye": {},
    "dirac": {"groups": 1},
    "sparse": {"sparsity": None, "std": 0.01},
}
"""The initializers of `torch.nn.init` with their arguments and defaults."""

ALSO_FUNCTIONS = {"zeros", "ones", "eye", "constant"}
"""With positional sizes or a list these are functions of tensors."""


def initializer(frame: Frame, expr: Any) -> Initializer:
    """An initializer as it is written: `normal(std=0.02)`, `zeros`, `0.5`; raises where it is none of the named ones or a
    number."""
    found = named(frame, expr)
    if found is not None:
        return found
    word = expr.function if isinstance(expr, tree.Call) else expr
    if isinstance(word, tree.Name) and frame.scope.find(word.name) is None and word.name not in frame.module.names():
        raise unknown(expr)
    value = expressions.evaluate(frame, expr)
    if is_number(value) and not isinstance(value, Dim):
        return Initializer("full", (("value", float(value)),))
    raise unknown(expr)


_leaves: dict[str, tuple[str, ...]] = {}


def leaves_of(kind: type[Op]) -> tuple[str, ...]:
    """The tensors that a layer can own: those of its worked examples, in which each of its arguments leaves its default."""
    known = _leaves.get(kind.name)
    if known is not None:
        return known
    found: dict[str, None] = {}
    for example in kind.examples:
        inputs = [None if text in ("", "none") else read_type(text) for text in example.inputs]
        with suppress(OpFault):  # one that rests on facts adds no tensor
            found.update(dict.fromkeys(kind(**example.args).bind(Context(Facts()), *inputs).parameters()))
    made = _leaves[kind.name] = tuple(found)
    return made


def without_digits(leaf: str) -> str:
    """`weight_ih_l3` as any layer of an LSTM has it."""
    return "".join(one for one in leaf if not one.isdigit())


def unknown(expr: Any) -> Fault:
    """The fault of an initializer that does not exist."""
    name = (
        expr.function.name if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) else getattr(expr, "name", "")
    )
    return Fault(
        names.UnknownName(
            at=expr.span,
            what=f"there is no initializer `{name}`" if name else "this is no initializer",
            help=did_you_mean(name, NAMED) or f"there are {', '.join(NAMED)}, and numbers",
        )
    )


def named(frame: Frame, expr: Any) -> Initializer | None:
    """A named initializer, or None where the expression is something else."""
    if isinstance(expr, tree.Name):
        if expr.name not in NAMED or frame.scope.find(expr.name) is not None:
            return None
        if any(default is None for default in NAMED[expr.name].values()):
            return None
        return Initializer(expr.name)
    if not (isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) and expr.function.name in NAMED):
        return None
    name = expr.function.name
    if frame.scope.find(name) is not None:
        return None
    if name in ALSO_FUNCTIONS and any(
        one.name is None and not (name == "constant" and _is_scalar(frame, one.value)) for one in expr.args
    ):
        return None
    known = NAMED[name]
    given: dict[str, Any] = {}
    for position, one in enumerate(expr.args):
        key = one.name or (list(known)[position] if position < len(known) else None)
        if key is None or key not in known:
            raise Fault(
                names.UnknownArgument(
                    at=one.span,
                    what=f"`{name}` has no argument `{one.name or position}`",
                    help=did_you_mean(one.name or "", known),
                )
            )
        value = expressions.evaluate(frame, one.value)
        if value is UNKNOWN:
            raise Absorbed
        wanted = known[key]
        kinds = str if isinstance(wanted, str) else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            told = "a word" if isinstance(wanted, str) else "a number"
            raise Fault(names.BadArgument(at=one.span, what=f"`{key}` of `{name}` is {told}, and this is {describe(value)}"))
        if key in ("std", "gain") and isinstance(value, (int, float)) and value < 0:
            raise Fault(names.BadArgument(at=one.span, what=f"`{key}` is not negative"))
        given[key] = float(value) if isinstance(wanted, float) or (wanted is None and isinstance(value, int)) else value
    for key, default in known.items():
        if default is None and key not in given:
            raise Fault(names.MissingArgument(at=expr.span, what=f"`{name}` needs `{key}`"))
    if name == "constant":
        return Initializer("full", (("value", given["val"]),))
    return Initializer(name, tuple(given.items()))


def _is_scalar(frame: Frame, expr: Any) -> bool:
    said = isinstance(expr, (tree.Int, tree.Float, tree.Unary, tree.Name, tree.Binary))
    return said and not isinstance(expressions.evaluate(frame, expr), tuple)


def first_value(frame: Frame, expr: Any, type: TensorType, span: Span) -> Initializer:
    """What stands right of `=` in a `param` or `buffer`: a named initializer, a number, or a constant tensor expression."""
    found = named(frame, expr)
    if found is not None:
        return found
    unit = Unit(frame.session, "constant", "constant", frame.facts, span)
    inner = Frame(frame.session, frame.module, unit, Scope(frame.scope, wall=True), frame.settings)
    inner.numbered = False
    inner.restricted = "an initializer"
    value = steps.step_value(inner, expr)
    if value is UNKNOWN:
        raise Absorbed
    if is_number(value) or isinstance(value, bool):
        if isinstance(value, Dim):
            raise Fault(names.TypeMismatch(at=expr.span, what="an initializer depends on no symbolic dimension"))
        return Initializer("full", (("value", value),))
    if isinstance(value, Leaf) or (isinstance(value, Value) and unit.home.get(value.name) is None):
        raise Fault(names.TypeMismatch(at=expr.span, what="an initializer is constant: it reads no tensor of the program"))
    one = cast(inner, tensor(inner, value, expr.span), type.dtype, expr.span)
    one = broadcast_to(inner, one, type, expr.span)
    return Initializer("constant", (), body_graph(unit, unit.root, "constant", "constant", [], [one]))


def broadcast_to(frame: Frame, value: Value, type: TensorType, span: Span) -> Value:
    """A value broadcast to a declared type."""
    if value.type.shape == type.shape:
        return value
    facts = frame.facts
    offset = len(type.shape) - len(value.type.shape)
    for axis, size in enumerate(value.type.shape):
        if offset < 0 or not (size == 1 or facts.equal(size, type.shape[offset + axis])):
            raise Fault(shapes.ShapeMismatch(at=span, what=f"{value.type} does not broadcast to the declared type {type}"))
    result = call(frame, word("expand")(sizes=type.shape), [value], span)
    assert isinstance(result, Value)  # noqa: S101
    return result
