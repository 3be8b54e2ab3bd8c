"""Attention with one heads axis and one axis before it: the shapes that PyTorch's fused kernels take, from those of any rank."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.dims.dim import Dim, Size
from archdsl.ops.contract import Code, TorchTape

Shape = tuple[Size, ...]


class Fold:
    """How q, k, v and what is added to the scores go into rank 4, and the result comes back.

    Without heads an axis of one head is put in. Several axes before the heads become one; where a mask or a bias is stretched
    along some of them and not along others, it would have to be copied, and all stays as it is.
    """

    def __init__(self, q: Shape, tables: Sequence[Shape]) -> None:
        self.lead = q[:-3]
        self.rank = len(q)
        self.table = max((len(one) for one in tables), default=0)
        full = [any(_size(one, axis, self.rank) != 1 for one in tables) for axis, size in enumerate(self.lead) if size != 1]
        self.stays = self.rank == 4 or (any(full) and not all(full))

    def tensor(self, code: Code | str) -> Code:
        """q, k or v."""
        if self.stays:
            return Code(code)
        return Code(f"{code}.unsqueeze(1)" if self.rank == 3 else f"{code}.flatten(0, {self.rank - 4})")

    def scores(self, code: str) -> str:
        """A mask or a bias, of the highest rank of those it is made of."""
        held = f"({code})" if " " in code else code
        if self.table < 2:  # PyTorch wants both axes of a table
            return f"{held}[{', '.join(['None'] * (2 - self.table))}]"
        if self.stays or self.table < self.rank:
            return code
        return f"{held}.unsqueeze(1)" if self.rank == 3 else f"{held}.flatten(0, {self.rank - 4})"

    def back(self, tape: TorchTape, code: Code) -> Code:
        """The result in the shape of q."""
        if self.stays:
            return code
        if self.rank == 3:
            return Code(f"{code}.squeeze(1)")
        open_axis = max((axis for axis, size in enumerate(self.lead) if isinstance(size, Dim)), default=0)
        sizes = tuple(-1 if axis == open_axis else size for axis, size in enumerate(self.lead))
        return Code(f"{code}.unflatten(0, {tape.value(sizes)})")


def _size(shape: Shape, axis: int, rank: int) -> Size:
    """The size of a table that broadcasts to `rank` axes, along one of them."""
    place = axis - (rank - len(shape))
    return shape[place] if place >= 0 else 1
