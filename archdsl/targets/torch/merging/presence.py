"""What a merged graph has beside a plain one: inputs that may be absent at run time, and choices by what is there."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Input
from archdsl.ir.node import Choice
from archdsl.ir.value import Value
from archdsl.records import record


@record
class Maybe(Input):
    """An optional input whose absence is found out in each call: `mask: Tensor | None = None`."""


@record
class Presence(Choice):
    """A choice by the node's first operand: the side `training` where it is there, `evaluation` where it is None.

    An output of a side may be `ABSENT`: then the result is None after that side.
    """


ABSENT = Value("none", TensorType(()))
"""What a side gives where it has no such value."""


def is_absent(value: Value) -> bool:
    """Whether an output of a side is absent; `none` is no author's name."""
    return value.name == ABSENT.name


TOLD = "?"
"""Begins the name of an input that a block is given only for its presence: by it the block tells how its caller is called."""
