"""Arithmetic of configuration: Python's, on numbers, lists and symbolic dimensions; pure and bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from archdsl.dims.dim import Dim, DimTooLarge, ceil_div, maximum, minimum
from archdsl.dims.facts import Facts
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.values import UNKNOWN, describe
from archdsl.source import Span

LIMIT = 1 << 63
MAX_LIST = 100_000


def checked(value: Any, span: Span) -> Any:
    """A result within the limits: integers in 64 bits, finite floats, lists not too long."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -LIMIT <= value < LIMIT:
            raise too_large(span)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise too_large(span, whole=False)
    elif isinstance(value, tuple) and len(value) > MAX_LIST:
        raise Fault(problems.ListTooLong(at=span, what=f"this list has more than {MAX_LIST:,} elements"))
    return value


def too_large(span: Span, *, whole: bool = True) -> Fault:
    """The fault of a number that the language cannot hold, the parser's own."""
    from archdsl.syntax.problems import NumberTooLarge

    return Fault(NumberTooLarge(at=span, limit=f"whole numbers go to {LIMIT - 1:_}" if whole else "numbers go to about 1.8e308"))


def is_number(value: Any) -> bool:
    """An int, a float or a symbolic dimension; not a bool."""
    return isinstance(value, (int, float, Dim)) and not isinstance(value, bool)


def arithmetic(facts: Facts, operator: str, left: Any, right: Any, span: Span) -> Any:
    """`left operator right` on configuration."""
    if left is UNKNOWN or right is UNKNOWN:
        raise Absorbed
    try:
        if isinstance(left, Dim) or isinstance(right, Dim):
            return _on_dimension(facts, operator, left, right, span)
        if operator == "..":
            return _range(left, right, span)
        if isinstance(left, tuple) or isinstance(right, tuple):
            return checked(_on_lists(operator, left, right, span), span)
        if isinstance(left, str) and isinstance(right, str) and operator == "+":
            return left + right
        if not (is_number(left) and is_number(right)):
            raise _refuse(operator, left, right, span)
        return checked(_on_numbers(operator, left, right, span), span)
    except ZeroDivisionError:
        raise Fault(problems.BadArithmetic(at=span, what="division by zero")) from None
    except OverflowError:
        raise too_large(span, whole=False) from None
    except DimTooLarge:
        raise Fault(shapes.DimensionTooLarge(at=span, what="this dimension has more than 256 terms")) from None


def _refuse(operator: str, left: Any, right: Any, span: Span) -> Fault:
    return Fault(names.TypeMismatch(at=span, what=f"`{operator}` does not work on {describe(left)} and {describe(right)}"))


def _range(left: Any, right: Any, span: Span) -> range:
    if type(left) is not int or type(right) is not int:
        raise Fault(names.TypeMismatch(at=span, what=f"a range goes from int to int, not {describe(left)} to {describe(right)}"))
    if right - left > MAX_LIST:
        raise Fault(problems.ListTooLong(at=span, what=f"this range has more than {MAX_LIST:,} elements"))
    return range(left, max(left, right))


def _on_lists(operator: str, left: Any, right: Any, span: Span) -> Any:
    if operator == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if operator == "*":
        items, count = (left, right) if isinstance(left, tuple) else (right, left)
        if type(count) is int:
            if len(items) * max(count, 0) > MAX_LIST:
                raise Fault(problems.ListTooLong(at=span, what=f"this list has more than {MAX_LIST:,} elements"))
            return items * count
    raise _refuse(operator, left, right, span)


def _on_numbers(operator: str, left: Any, right: Any, span: Span) -> Any:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
        case "%":
            return left % right
        case "**":
            if (
                isinstance(left, int)
                and isinstance(right, int)
                and right > 0
                and abs(left) > 1
                and right * math.log2(abs(left)) > 64
            ):
                raise too_large(span)
            result = left**right
            if isinstance(result, complex):
                raise Fault(problems.BadArithmetic(at=span, what="a root of a negative number"))
            return result
    raise _refuse(operator, left, right, span)


def _on_dimension(facts: Facts, operator: str, left: Any, right: Any, span: Span) -> Any:
    if not all(isinstance(one, (int, Dim)) and not isinstance(one, bool) for one in (left, right)):
        raise Fault(
            problems.NotOnADimension(
                at=span,
                what=f"`{operator}` does not work on {describe(left)} and {describe(right)}",
                help="a symbolic dimension is known at run time: here only integers go with it",
            )
        )
    match operator:
        case "+":
            return facts.simplify(left + right)
        case "-":
            return facts.simplify(left - right)
        case "*":
            return facts.simplify(left * right)
        case "//":
            return facts.simplify(left // right)
        case "%":
            return facts.simplify(left % right)
        case "/":
            help = "`//` floors; a tensor of floats comes from `cast` or by dividing a tensor"
        case "..":
            help = "a range over a dimension is a `scan`: `scan i in arange(T) over axis 0 { … }`"
        case _:
            help = "only + - * // % max min work on symbolic dimensions"
    raise Fault(
        problems.NotOnADimension(
            at=span,
            what=f"`{operator}` does not work on the symbolic dimension {left if isinstance(left, Dim) else right}",
            help=help,
        )
    )


def compare(facts: Facts, operator: str, left: Any, right: Any, span: Span) -> bool | None:
    """A comparison; None where it depends on a dimension and no fact decides it."""
    if left is UNKNOWN or right is UNKNOWN:
        raise Absorbed
    if isinstance(left, Dim) or isinstance(right, Dim):
        if is_number(left) and is_number(right) and not isinstance(left, float) and not isinstance(right, float):
            return facts.decide(operator, left, right)
        if operator in ("==", "!=") and (left is None or right is None):
            return operator == "!="
        raise _refuse(operator, left, right, span)
    if operator == "==":
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    if operator == "in":
        if isinstance(right, (tuple, range)):
            return left in right
        if isinstance(left, str) and isinstance(right, str):
            return left in right
        raise _refuse(operator, left, right, span)
    if not (is_number(left) and is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
        raise _refuse(operator, left, right, span)
    match operator:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)


def _each(args: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(args) == 1 and isinstance(args[0], (tuple, range)):
        return tuple(args[0])
    return args


def _extreme(which: str) -> Callable[..., Any]:
    def apply(*args: Any) -> Any:
        items = _each(args)
        if any(isinstance(one, Dim) for one in items):
            return maximum(*items) if which == "max" else minimum(*items)
        return max(items) if which == "max" else min(items)

    return apply


def _sum(*args: Any) -> Any:
    total: Any = 0
    for one in _each(args):
        total = total + one
    return total


def _zip(*lists: Any) -> tuple[Any, ...]:
    return tuple(zip(*lists, strict=False))


def _log(value: Any, base: Any = None) -> float:
    return math.log(value) if base is None else math.log(value, base)


def _round(value: Any, digits: Any = None) -> Any:
    return round(value) if digits is None else round(value, digits)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _extreme("min"),
    "max": _extreme("max"),
    "sum": _sum,
    "abs": abs,
    "int": int,
    "float": float,
    "bool": bool,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "log": _log,
    "log2": math.log2,
    "exp": math.exp,
    "len": len,
    "zip": _zip,
    "dim": int,
}
"""The built-in functions of configuration; `dim(x, -1)` and `len` of a value list are the elaborator's."""
ROUNDING = ("ceil", "floor")
"""Those that know the division inside them: exact on whole numbers and dimensions, as `divide` tells."""


def apply(facts: Facts, name: str, args: tuple[Any, ...], span: Span) -> Any:
    """A built-in function of configuration."""
    if any(one is UNKNOWN for one in args):
        raise Absorbed
    try:
        if any(isinstance(one, Dim) for one in _each(args)) and name not in ("max", "min", "sum", "len", "zip", "int"):
            raise Fault(
                problems.NotOnADimension(
                    at=span,
                    what=f"`{name}` does not work on a symbolic dimension",
                    help=f"as a tensor it has one: `{name}(full([], {args[0]}))`"
                    if name in ("sqrt", "log", "log2", "exp")
                    else "`ceil(p / k)` and `floor(p / k)` do, with the division inside",
                )
            )
        if name == "int" and isinstance(args[0], Dim):
            return args[0]
        result = FUNCTIONS[name](*args)
    except (ValueError, OverflowError):
        raise Fault(problems.BadArithmetic(at=span, what=f"`{name}` is not defined here")) from None
    except (TypeError, IndexError):
        told = ", ".join(describe(one) for one in args) or "nothing"
        raise Fault(names.TypeMismatch(at=span, what=f"`{name}` does not take {told}")) from None
    return checked(facts.simplify(result) if isinstance(result, Dim) else result, span)


def divide(facts: Facts, name: str, left: Any, right: Any, span: Span) -> Any:
    """`ceil(p / k)` and `floor(p / k)`: exact also on integers and symbolic dimensions."""
    if right == 0:
        raise Fault(problems.BadArithmetic(at=span, what="division by zero"))
    if isinstance(left, Dim) or isinstance(right, Dim):
        return facts.simplify(ceil_div(left, right) if name == "ceil" else left // right)
    if isinstance(left, int) and isinstance(right, int):
        return checked(-(-left // right) if name == "ceil" else left // right, span)
    return checked(math.ceil(left / right) if name == "ceil" else math.floor(left / right), span)
