"""What a merged graph has beside a plain one: inputs that may be absent at run time, and choices by what is there."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Input, Output
from archdsl.ir.node import Choice
from archdsl.ir.value import Value
from archdsl.records import record


@record
class Maybe(Input):
    """An optional input whose absence is found out in each call: `mask: Tensor | None = None`."""


@record
class MaybeOutput(Output):
    """An output of an arch that only some ways of calling have, else None."""


@record
class Presence(Choice):
    """A choice by the node's first operands, which are there together: the side `training` where they are, else `evaluation`.

    An output of a side may be `ABSENT`: then the result is None after that side. It is `UNASKED` where what comes after that side
    never reads the result.
    """

    asked: int = 1
    """How many operands are asked for."""


ABSENT = Value("none", TensorType(()))
UNASKED = Value("it", TensorType(()))
"""What a side gives where it has no such value. These are no author's names."""


def is_absent(value: Value) -> bool:
    """Whether an output of a side is None."""
    return value.name == ABSENT.name


def is_unasked(value: Value) -> bool:
    """Whether an output of a side is never read."""
    return value.name == UNASKED.name


TOLD = "?"
"""Begins the name of an input that a block is given only for its presence: by it the block tells how its caller is called."""
