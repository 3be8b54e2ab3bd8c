"""Indexing: of tensors as NumPy, of lists at compile time; indexing `none` gives `none`."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Dim
from archdsl.elaborate import expressions
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import UNSENT, call, tensor, word
from archdsl.elaborate.values import UNKNOWN, Several, describe, is_tensor
from archdsl.syntax import tree


def index(frame: Frame, value: Any, expr: tree.Index) -> Any:
    """`value[items]`."""
    if value is UNKNOWN:
        raise Absorbed
    if value is None:
        return None
    if is_tensor(value):
        items = tuple(_item(frame, one) for one in expr.items)
        return call(frame, word("index")(parts=items), [value], expr.span)
    if isinstance(value, range):
        value = tuple(value)
    if isinstance(value, Several):
        value = tuple(one for _, one in value.items)
    if not isinstance(value, (tuple, str)):
        if isinstance(value, UNSENT):
            tensor(frame, value, expr.value.span)
        raise Fault(names.TypeMismatch(at=expr.span, what=f"{describe(value)} cannot be indexed"))
    if len(expr.items) != 1:
        raise Fault(names.TypeMismatch(at=expr.span, what="a list has one index; write `xs[i][j]`"))
    one = expr.items[0]
    if isinstance(one, tree.Slice):
        parts = [None if part is None else _whole(frame, part) for part in (one.start, one.stop, one.step)]
        return value[slice(*parts)]
    at = _whole(frame, one)
    if not -len(value) <= at < len(value):
        raise Fault(shapes.IndexOutOfRange(at=one.span, what=f"index {at} of a list of {len(value)}"))
    return value[at]


def _whole(frame: Frame, expr: Any) -> int:
    value = expressions.evaluate(frame, expr)
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Fault(names.TypeMismatch(at=expr.span, what=f"an index of a list is an int, and this is {describe(value)}"))


def _size(frame: Frame, expr: Any) -> Any:
    value = expressions.evaluate(frame, expr)
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, (int, Dim)) and not isinstance(value, bool):
        return value
    help = "pick positions known at run time with `index_select` or `gather`" if is_tensor(value) else None
    raise Fault(names.TypeMismatch(at=expr.span, what=f"an index is an int or a size, and this is {describe(value)}", help=help))


def _item(frame: Frame, one: Any) -> tuple[Any, ...]:
    if isinstance(one, tree.Ellipsis_):
        return ("ellipsis",)
    if isinstance(one, tree.Nothing):
        return ("none",)
    if isinstance(one, tree.Slice):
        return ("slice", *(None if part is None else _size(frame, part) for part in (one.start, one.stop, one.step)))
    return ("int", _size(frame, one))
