"""Operators as the language writes them: signs with their precedence, indexing, calls."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate.expressions import OPERATORS
from archdsl.ops.contract import Op
from archdsl.targets.arch.words import SizeText, configuration

OR, AND, NOT, COMPARED, SUM, PRODUCT, NEGATED, POWER, ATOM = range(9)
"""How tightly an expression binds."""

_TIGHT = {
    **dict.fromkeys(("*", "/", "//", "%", "@"), PRODUCT), **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), COMPARED), "and": AND, "or": OR, "**": POWER,
}  # fmt: skip
SIGNS = {name: sign for sign, name in OPERATORS.items()}
"""The signs by the operators that they are."""
BEFORE = {"neg": ("-", NEGATED), "logical_not": ("not ", NOT)}
"""Signs that stand before their operand."""


def is_sign(op: Op) -> bool:
    """Whether an operator is written as a sign or an index, not by its name."""
    return op.name == "index" or ((op.name in SIGNS or op.name in BEFORE) and not configuration(op, str))


def binary(sign: str, left: tuple[str, int], right: tuple[str, int]) -> tuple[str, int]:
    """`left sign right`, parenthesised where it must be."""
    tight = _TIGHT[sign]
    first, second = (tight + 1, tight) if sign == "**" else (tight, tight + 1)
    if tight == COMPARED:
        first = tight + 1
    return f"{within(left, first)} {sign} {within(right, second)}", tight


def before(name: str, operand: tuple[str, int]) -> tuple[str, int]:
    """`-x`, `not x`."""
    sign, tight = BEFORE[name]
    return f"{sign}{within(operand, tight)}", tight


def within(one: tuple[str, int], least: int) -> str:
    """An expression where something that binds at least so tightly may stand."""
    text, tight = one
    return text if tight >= least else f"({text})"


def index_text(parts: tuple[tuple[Any, ...], ...], size: SizeText) -> str:
    """`[:, 0, ..., none]`."""
    said = []
    for kind, *values in parts:
        if kind == "ellipsis":
            said.append("...")
        elif kind == "none":
            said.append("none")
        elif kind == "slice":
            start, stop, step = ("" if one is None else size(one) for one in values)
            said.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            said.append(size(values[0]))
    return f"[{', '.join(said)}]"
