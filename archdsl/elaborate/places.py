"""Where an argument was written: problems underline the argument, and the part inside a pattern, not the whole call."""

from __future__ import annotations

from archdsl.ops.contract import INFERRED, REQUIRED, Op, OpFault
from archdsl.source import Span
from archdsl.syntax import tree

LITERALS = (tree.Str, tree.Int, tree.Float, tree.Bool, tree.List, tree.Nothing, tree.Unary)


def place_of(call: tree.Call | None, op: Op, fault: OpFault, span: Span) -> Span:
    """The argument that a fault blames, or `span` where it blames none or none is written."""
    if call is None or fault.argument is None:
        return span
    arg = _written(call, op, fault.argument)
    if arg is None:
        return span
    value = arg.value
    if fault.offset is not None and isinstance(value, tree.Str) and value.span.text[1:-1] == value.value:
        start, end = fault.offset
        first = value.span.start + 1
        return Span(span.source, first + start, first + max(end, start + 1))
    return value.span if arg.name is None else arg.span


def _written(call: tree.Call, op: Op, name: str) -> tree.Arg | None:
    """The argument of that name, or the one that stands in its place."""
    for one in call.args:
        if one.name == name:
            return one
    plain = [one for one in call.args if one.name is None]
    order = [one.name for one in op.fields.values() if one.default is not INFERRED and one.name != op.keywords]
    if op.layer:
        order = [one for one in order if op.fields[one].positional]
    else:
        begin = next((index for index, one in enumerate(plain) if isinstance(one.value, LITERALS)), len(plain))
        plain = plain[begin:]
        if op.variadic is not None:
            order = [one for one in order if one != op.variadic and op.fields[one].default is REQUIRED]
            if name == op.variadic:
                return plain[len(order)] if begin == 0 and len(plain) == len(order) + 1 else None
    order = [one for one in order if not any(given.name == one for given in call.args)]
    at = order.index(name) if name in order else len(plain)
    return plain[at] if at < len(plain) else None
