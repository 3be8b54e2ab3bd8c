"""Elementwise formulas as plain data, so that an operator may have one among its options, and their PyTorch text."""

from __future__ import annotations

import re
from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Code, TorchTape
from archdsl.ops.registry import find

Formula = tuple[Any, ...]
"""`("given", 2)` is the third argument, `("number", 0.5)` itself, `("mul", (), left, right)` an operator by its word, with its
options as pairs."""

GIVEN = "given"
NUMBER = "number"
FROM_RESULT = ("exp", "exp2", "sigmoid", "tanh")
"""Functions whose gradient follows from their result: they may write over what they are given."""
UNREAD = ("add", "sub", "mul")
"""Operators whose gradient does not read their result: it may be written over."""


def formula_text(formula: Formula, names: tuple[str, ...], tape: TorchTape) -> Code:
    """The formula as a Python expression of the arguments of these names."""
    if formula[0] == GIVEN:
        return Code(names[formula[1]])
    if formula[0] == NUMBER:
        return tape.value(formula[1])
    op = find(formula[0])
    if op is None:
        raise KeyError(formula[0])
    inside = [_grouped(formula_text(one, names, tape)) for one in formula[2:]]
    types = tuple(TensorType(() if one[0] == NUMBER else (1,), "float") for one in formula[2:])
    text = str(op(**dict(formula[1])).torch(_Inside(tape, types), *inside))  # type: ignore[arg-type]
    if formula[0] in FROM_RESULT and formula[2][0] in UNREAD and text.startswith(f"torch.{formula[0]}("):
        text = text.replace("(", "_(", 1)
    return Code(text)


def _grouped(code: Code) -> Code:
    """In brackets where an operator beside it might bind closer."""
    return code if re.fullmatch(r"[\w.]+(\(.*\))?", code) and code.count("(") <= 1 else Code(f"({code})")


class _Inside:
    """The tape as an operator inside the formula sees it."""

    def __init__(self, tape: TorchTape, inputs: tuple[TensorType, ...]) -> None:
        self.tape = tape
        self.inputs = inputs
        self.outputs = (TensorType((1,), "float"),)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tape, name)
