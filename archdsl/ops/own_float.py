"""What an operator sees that computes in another float type than the program: its own is `float` to it."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.dims.dtype import FLOAT, FLOATS
from archdsl.dims.shape import TensorType


def own_float(operands: Sequence[TensorType | None], results: Sequence[TensorType]) -> str:
    """The float type of a function: the one that all its float operands have, where its results have no other."""
    given = {one.dtype for one in operands if one is not None} & {FLOAT, *FLOATS}
    made = {one.dtype for one in results} & {FLOAT, *FLOATS}
    return given.pop() if len(given) == 1 and made <= given else FLOAT


def seen(type: TensorType, own: str) -> TensorType:
    """The type with the own float and the program's float in each other's place; that of what is seen, and back."""
    return type if own == FLOAT else TensorType(type.shape, exchanged(type.dtype, own))


def all_seen(types: Sequence[TensorType | None], own: str) -> tuple[TensorType | None, ...]:
    """The same for several, of which some are absent."""
    return tuple(None if one is None else seen(one, own) for one in types)


def exchanged(dtype: str, own: str) -> str:
    """The same for a dtype."""
    return own if dtype == FLOAT else FLOAT if dtype == own else dtype
