"""Arguments of operators: to their fields, each once, each of its kind."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.values import UNKNOWN, DType, describe
from archdsl.ops.contract import INFERRED, REQUIRED, Field, Op
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Span

DTYPES = {"f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "bool", "float"}


class Wrong(Exception):
    """A value is not of the kind."""


def coerce(kind: str, value: Any) -> Any:
    """A value as one of the kinds of a field, `int | list[int]`: an int may stand for a float, not the reverse. Raises
    `Wrong`."""
    if value.__class__ in exactly(kind):
        return value
    for option in _options(kind):
        try:
            return _one(option, value)
        except Wrong:
            continue
    raise Wrong


@cache
def _options(kind: str) -> tuple[str, ...]:
    return tuple([one.strip() for one in re.split(r"\|(?![^\[]*\])", kind)])


@cache
def exactly(kind: str) -> frozenset[type]:
    """The classes whose values are of the kind as they are, whatever stands before in it."""
    classes = {"none": type(None), "bool": bool, "int": int, "size": int, "str": str, "number": int}
    options = _options(kind)
    if "float" in options:  # an int before it is a float
        return frozenset()
    return frozenset([classes[one] for one in options if one in classes])


def _one(kind: str, value: Any) -> Any:
    if kind.startswith(("list[", "tuple[")):
        if isinstance(value, range):
            value = tuple(value)
        if not isinstance(value, tuple):
            raise Wrong
        element = kind[kind.index("[") + 1 : -1]
        return tuple([coerce(element, one) for one in value])
    match kind:
        case "none":
            good = value is None
        case "bool":
            good = isinstance(value, bool)
        case "int":
            good = isinstance(value, int) and not isinstance(value, bool)
        case "size":
            good = isinstance(value, (int, Dim)) and not isinstance(value, bool)
        case "float":
            if isinstance(value, int) and not isinstance(value, bool):
                return float(value)
            good = isinstance(value, float)
        case "str":
            good = isinstance(value, str)
        case "number":
            good = isinstance(value, (int, float, Dim)) and not isinstance(value, bool)
        case "dtype":
            if isinstance(value, DType):
                return value.name
            good = False
        case "list" | "tuple" | "items" | "nested":
            good = isinstance(value, tuple)
        case "any":
            good = True
        case _:
            good = False
    if not good:
        raise Wrong
    return value


Given = tuple[str | None, Any, Span]
"""One argument: its name, value, and place."""


def fields_of(
    kind: type[Op], given: list[Given], span: Span, defaults: dict[str, Any] | None = None, loose: bool = False
) -> dict[str, Any]:
    """The field values that a call's configuration arguments give. `loose`: a template, whose missing arguments come at its
    use."""
    values: dict[str, Any] = {}
    order = list(kind.fields.values())
    if kind.layer:
        order = [one for one in order if one.positional]
    elif kind.variadic is not None:
        order = [one for one in order if one.name != kind.variadic and one.default is REQUIRED]
    order = [one for one in order if one.default is not INFERRED and one.name != kind.keywords]
    position = 0
    several: list[Any] = []
    named: list[tuple[str, Any]] = []
    for name, value, at in given:
        if value is UNKNOWN:
            raise Absorbed
        if name is None:
            while position < len(order) and order[position].name in values:
                position += 1
            if position < len(order):
                put(kind, values, order[position], value, at)
                position += 1
            elif kind.variadic is not None:
                several.append(value)
            else:
                raise too_many(kind, value, at)
        elif name in kind.fields and name != kind.keywords:
            put(kind, values, kind.fields[name], value, at)
        elif kind.keywords is not None:
            named.append((name, _checked(kind, Field("", "size", None, name=name), value, at)))
        else:
            raise unknown(kind, name, at)
    if kind.variadic is not None and several:
        field = kind.fields[kind.variadic]
        one = several[0] if len(several) == 1 and isinstance(several[0], (tuple, range)) else tuple(several)
        put(kind, values, field, one, given[0][2])
    if kind.keywords is not None and named:
        values[kind.keywords] = tuple(named)
    for name, value in (defaults or {}).items():
        values.setdefault(name, value)
    if not loose:
        for field in kind.fields.values():
            if field.default is REQUIRED and field.name not in values:
                raise Fault(names.MissingArgument(at=span, what=f"`{kind.name}` needs `{field.name}`: {field.doc}"))
    return values


def put(kind: type[Op], values: dict[str, Any], field: Field, value: Any, at: Span) -> None:
    """One argument into its field."""
    if field.name in values:
        raise Fault(names.RepeatedArgument(at=at, what=f"`{field.name}` of `{kind.name}` is given twice"))
    values[field.name] = _checked(kind, field, value, at)


def _checked(kind: type[Op], field: Field, value: Any, at: Span) -> Any:
    try:
        if field.name == kind.variadic:
            several = field.kind if field.kind.startswith("list[") else f"list[{field.kind}]"
            return coerce(several, value if isinstance(value, (tuple, range)) else (value,))
        found = coerce(field.kind if field.default is not None else f"{field.kind} | none", value)
    except Wrong:
        raise Fault(
            names.BadArgument(
                at=at,
                what=f"`{field.name}` of `{kind.name}` is {field.kind}, and this is {describe(value)}",
                help=field.doc or None,
            )
        ) from None
    if field.choices and isinstance(found, str) and found not in field.choices:
        wanted = ", ".join(f'"{one}"' for one in field.choices)
        raise Fault(
            names.BadArgument(
                at=at,
                what=f'`{field.name}` of `{kind.name}` is one of {wanted}, not "{found}"',
                help=did_you_mean(found, list(field.choices)),
            )
        )
    return found


def too_many(kind: type[Op], value: Any, at: Span) -> Fault:
    """Too many by position; in a layer, the sizes that are inferred are the usual reason."""
    inferred = [one.name for one in kind.fields.values() if one.default is INFERRED]
    if kind.layer:
        wanted = [one.name for one in kind.fields.values() if one.positional]
        takes = f"takes {', '.join(f'`{one}`' for one in wanted)} by position" if wanted else "takes nothing by position"
        help = (
            f"`{inferred[0]}` is inferred from the input: leave it out, or give it by name, to be checked: `{inferred[0]}=…`"
            if inferred
            else "give options by name"
        )
        return Fault(names.TooManyArguments(at=at, what=f"`{kind.name}` {takes}", help=help))
    return Fault(names.TooManyArguments(at=at, what=f"`{kind.name}` has no place for this argument"))


def unknown(kind: type[Op], name: str, at: Span) -> Fault:
    """An argument that the operator does not have."""
    known = [*kind.fields, *(one.strip("*?") for one in kind.tensors)]
    help = did_you_mean(name, known)
    if name == "dim" and "axis" in kind.fields:
        help = "a position is an `axis` here: `axis=`; a dimension is a size"
    elif help is None and kind.fields:
        help = f"it has {', '.join(f'`{one}`' for one in kind.fields)}"
    return Fault(names.UnknownArgument(at=at, what=f"`{kind.name}` has no argument `{name}`", help=help))
