"""Broadcasting: only a dimension that is the number 1, or a missing leading one, stretches."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.dims.dim import Size
from archdsl.dims.facts import Facts


class BroadcastFault(Exception):
    """Two sizes of one axis do not agree.

    `axis` counts from the end of the result (-1 is the last); `left` and `right` are the sizes, `operand` and `other` the
    indices of the shapes they come from. `proved_unequal` tells a certain mismatch from one that only a fact decides, which is
    then `missing`.
    """

    def __init__(
        self, axis: int, left: Size, right: Size, proved_unequal: bool, missing: str | None, operand: int = 0, other: int = 1
    ) -> None:
        super().__init__(f"{left} and {right} differ in axis {axis}")
        self.axis = axis
        self.left = left
        self.right = right
        self.proved_unequal = proved_unequal
        self.missing = missing
        self.operand = operand
        self.other = other


def broadcast(facts: Facts, shapes: Sequence[tuple[Size, ...]]) -> tuple[Size, ...]:
    """The shape all `shapes` stretch to.

    Raises `BroadcastFault` at the first axis, from the last, where two are proved unequal, else at the first where they are not
    proved equal: no fact would mend the former.
    """
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    rank = max(map(len, shapes))
    result: list[Size] = []
    undecided: BroadcastFault | None = None
    for axis in range(-1, -rank - 1, -1):
        size: Size = 1
        owner = 0
        for index, shape in enumerate(shapes):
            if -axis > len(shape):
                continue
            one = shape[axis]
            if one == 1 or one == size:
                continue
            if size == 1:
                size, owner = one, index
            elif not facts.equal(size, one):
                if facts.differ(size, one):
                    raise BroadcastFault(axis, size, one, True, None, owner, index)
                undecided = undecided or BroadcastFault(axis, size, one, False, facts.missing_equal(size, one), owner, index)
            elif isinstance(one, int):
                size = one
        result.append(size)
    if undecided is not None:
        raise undecided
    return tuple(reversed(result))
