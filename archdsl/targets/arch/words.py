"""Values of configuration, labels and arguments in the language's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.elaborate.arguments import DTYPES
from archdsl.ir.node import Path
from archdsl.ops.contract import INFERRED, REQUIRED, Context, Field, Op, OpFault
from archdsl.ops.registry import find
from archdsl.targets.arch.fault import Unsayable

SizeText = Callable[[Size], str]
"""How a size is said where the text stands."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]*", re.ASCII)


def label_text(path: Path) -> str:
    """A label: words and numbers as they are, anything else quoted."""
    if path == ("_",):
        return '"_"'
    if all(_WORD.fullmatch(one) for one in path):
        return ".".join(path)
    return string(".".join(path))


def string(text: str) -> str:
    """A string of the language."""
    if "{" in text or "}" in text:
        raise Unsayable(f"the string {text!r} has braces, which a template fills")
    return quoted(text)


def quoted(text: str) -> str:
    """A string whose braces are no template."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def literal(value: Any, size: SizeText, kind: str = "") -> str:
    """A configuration value; `kind` is the field's, which tells a dtype from a string."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, Dim):
        return size(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return value if "dtype" in kind and value in DTYPES else quoted(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(literal(one, size, kind) for one in value)}]"
    raise Unsayable(f"the language has no word for {value!r}")


def number(value: float) -> str:
    """A fractional number, as short as it is read back equal."""
    if not isfinite(value):
        raise Unsayable(f"the language has no number {value}")
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{int(power)}" if exponent else text


def configuration(op: Op, size: SizeText, *, settled: bool = False) -> list[str]:
    """The arguments of an operator that differ from what it would have without them, in the order of its contract.

    Those without a default stand by position. Sizes that the input gives are left out unless the operator is `settled`: never
    applied, so that nothing else says them.
    """
    positional: list[str] = []
    named: list[str] = []
    for name, value in op.items():
        field = op.fields[name]
        if name == op.variadic:
            positional += variadic(field, value, size)
        elif name == op.keywords:
            named += [f"{key}={size(one)}" for key, one in value]
        elif field.default is REQUIRED or (field.positional and op.layer and not named and value != field.default):
            positional.append(literal(value, size, field.kind))
        elif field.default is INFERRED:
            if settled and value is not INFERRED:
                named.append(f"{name}={literal(value, size, field.kind)}")
        elif type(value) is not type(field.default) or value != field.default:
            named.append(f"{name}={literal(value, size, field.kind)}")
    return [*positional, *named]


def inferred(op: Op, inputs: Sequence[TensorType | None], results: Sequence[TensorType], facts: Facts) -> bool:
    """Whether the inputs give the operator's inferred arguments as they are.

    Raises `Unsayable` for an operator that the language does not have, or not for such inputs: layers compute in the program's
    one float type.
    """
    if find(op.name) is not type(op):
        raise Unsayable(f"`{op.name}` is an operator of the compiler alone")
    context = Context(facts)
    given = {name: value for name, value in op.items() if op.fields[name].default is not INFERRED}
    try:
        made = op.bind(context, *inputs).infer(context, *inputs)
        if any(one.dtype != other.dtype for one, other in zip(made, results, strict=True)):
            raise Unsayable(
                f"`{op.name}` gives {', '.join(map(str, results))}, and the language's gives {', '.join(map(str, made))}"
            )
    except OpFault as fault:
        raise Unsayable(f"`{op.name}` {fault.message}") from None
    try:
        return len(given) == len(op.fields) or type(op)(**given).bind(context, *inputs) == op
    except OpFault:
        return False


def variadic(field: Field, value: Any, size: SizeText) -> Iterable[str]:
    """What stands by position, each element for itself."""
    if value == ():
        return ["[]"]
    return [literal(one, size, field.kind) for one in (value if isinstance(value, tuple) else (value,))]
