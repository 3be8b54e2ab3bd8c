"""Values of a graph: typed results, and numbers that stand where a tensor does."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.records import record


@record
class Value:
    """One tensor in a graph. `name` is unique in its graph and follows the author's names where there are any (`q`, `x_3`)."""

    name: str
    type: TensorType


@record
class Number:
    """A number, or a symbolic size, as an operand; its type is 0-d with the dtype of the tensor beside it."""

    number: int | float | bool | Size
    type: TensorType


Operand = Value | Number | None
"""None is an optional input that is absent."""
