"""Values of Python as the language writes them."""

from __future__ import annotations

import math
from typing import Any

from archdsl.elaborate.editing.sites import Occurrence


def argument(one: Occurrence, value: Any) -> str:
    """The text of an argument; a str is text already, a function gives the value for this step."""
    if callable(value):
        value = value(one)
    return value if isinstance(value, str) else literal(value)


def literal(value: Any) -> str:
    """A number, bool, None or list of these. Raises TypeError for anything else."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(one if isinstance(one, str) else literal(one) for one in value) + "]"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    raise TypeError(f"{value!r} is no value of the language: give a number, a bool, None, a list, or its text")
