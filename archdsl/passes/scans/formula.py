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


def formula_text(formula: Formula, names: tuple[str, ...], tape: TorchTape, place: str = "") -> Code:
    """The formula as a Python expression of the arguments of these names; with a place, written there where it is a product or
    sum, or a function of one."""
    if formula[0] == GIVEN:
        return Code(names[formula[1]])
    if formula[0] == NUMBER:
        return tape.value(formula[1])
    op = find(formula[0])
    if op is None:
        raise KeyError(formula[0])
    over = formula[0] in FROM_RESULT and formula[2][0] in UNREAD
    inside = [formula_text(one, names, tape, place if over else "") for one in formula[2:]]
    if place and formula[0] in UNREAD and not formula[1] and formula[2][0] != NUMBER:
        return tape.call(f"torch.{formula[0]}", *inside, out=Code(place))
    types = tuple(TensorType(() if one[0] == NUMBER else (1,), "float") for one in formula[2:])
    text = str(op(**dict(formula[1])).torch(_Inside(tape, types), *map(_grouped, inside)))  # type: ignore[arg-type]
    if over and text.startswith(f"torch.{formula[0]}("):
        text = text.replace("(", "_(", 1)
    return Code(text)


def given_of(formula: Formula) -> set[int]:
    """Which arguments it reads."""
    if formula[0] in (GIVEN, NUMBER):
        return {formula[1]} if formula[0] == GIVEN else set()
    return {one for inner in formula[2:] for one in given_of(inner)}


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
