"""What a picture says of a step: the operator with the arguments that matter, counts, ranges of labels."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import INFERRED, REQUIRED, Op
from archdsl.targets.diagram.escape import clean

SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "matmul": "@"}
"""Operators of two tensors that are drawn as a sign in a circle."""

HIDDEN = frozenset({"padding", "bias", "padding_mode", "transposed", "eps", "momentum", "count_include_pad", "ceil_mode"})
"""Arguments that a reader of a picture does not need; the shapes tell the sizes."""

LONGEST_WORD = 42
LONGEST_TYPE = 44

FAMILIES = {
    "conv": "conv", "dense": "dense", "product": "dense", "attention": "attention", "recurrent": "recurrent", "norm": "norm",
    "pointwise": "activation", "activation": "activation", "pool": "pool", "reduce": "pool", "embed": "embed",
}  # fmt: skip
"""Families of operators → families of colour; all others move data and stay plain."""


def family(op: Op) -> str:
    """The colour's name."""
    return FAMILIES.get(op.family, "plain")


def word(op: Op, node: Node) -> str:
    """The operator as its author would write it, with the arguments that matter."""
    numbers = [one.number for one in node.operands if isinstance(one, Number)]
    if op.name in SIGNS and len(numbers) == 1 and len(node.operands) == 2:
        last = isinstance(node.operands[1], Number)
        told = _value(numbers[0])
        return clean(f"{SIGNS[op.name]} {told}" if last else f"{told} {SIGNS[op.name]}", LONGEST_WORD)
    if op.name == "index":
        return op.name
    if op.name == "cast":
        return clean(f"cast({', '.join(str(value) for _, value in op.items())})", LONGEST_WORD)
    said = [_value(one) for one in numbers]
    for name, one in op.fields.items():
        value = getattr(op, name)
        if one.default is INFERRED or name in HIDDEN or name == op.keywords or value == one.default:
            continue
        if name == op.variadic:
            said += map(_value, value)
            continue
        said.append(_value(value) if one.default is REQUIRED else f"{name}={_value(value)}")
    return clean(f"{op.name}({', '.join(said)})" if said else op.name, LONGEST_WORD)


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def amount(size: Size) -> str:
    """A count with three digits: `25.6 M`."""
    if isinstance(size, Dim):
        return clean(str(size), 24)
    if size < 1000:
        return str(size)
    number = float(size)
    units = iter("kMGTPE")
    unit = ""
    while number >= 999.5:
        number, unit = number / 1000, next(units)
    return f"{number:.3g} {unit}"


def type_text(type: TensorType) -> str:
    """The type in the user's own symbols."""
    return clean(str(type), LONGEST_TYPE)


def label(path: Path, last: Path, frame: Path) -> str:
    """The label below the frame's, and where several are told, the segment that counts as a range."""
    said = [one if one == other else f"{one}–{other}" for one, other in zip(path, last, strict=False)]
    inside = path[: len(frame)] == frame and len(path) > len(frame)
    return clean(".".join(said[len(frame) :] if inside else said), 48)


def values(node: Node) -> list[Value]:
    """The tensors among the operands."""
    return [one for one in node.operands if isinstance(one, Value)]
