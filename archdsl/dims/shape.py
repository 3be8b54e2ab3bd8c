"""Tensor types: a shape and a dtype."""

from __future__ import annotations

from typing import Final

from archdsl.dims.dim import Size
from archdsl.dims.facts import Facts
from archdsl.records import record


@record
class TensorType:
    """`[N, 3, H // 2]` of the program's float type, or `i64[B, T]`."""

    shape: tuple[Size, ...]
    dtype: str = "float"

    @property
    def rank(self) -> int:
        return len(self.shape)

    def numel(self) -> Size:
        """How many elements it has."""
        total: Size = 1
        for size in self.shape:
            total = total * size
        return total

    def __str__(self) -> str:
        return f"{'' if self.dtype == 'float' else self.dtype}[{', '.join(map(str, self.shape))}]"


def simplify_type(facts: Facts, type: TensorType) -> TensorType:
    """The type with its sizes in the normal form of the facts."""
    shape = type.shape
    for size in shape:
        if size.__class__ is not int:
            new = tuple(map(facts.simplify, shape))
            return type if new == shape else TensorType(new, type.dtype)
    return type


class Unknown:
    """The type of a value that an earlier error left without one: every later check of it passes in silence."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
