"""The largest of the rows of each segment."""

from __future__ import annotations

from torch import Tensor


def segment_max(x: Tensor, segments: Tensor, n: int) -> Tensor:
    """[E, …] and segments [E] of 0 … n - 1 to [n, …]; 0 where a segment has no row."""
    index = segments.reshape(-1, *(1 for _ in x.shape[1:])).expand_as(x)
    return x.new_zeros(n, *x.shape[1:]).scatter_reduce(0, index, x, "amax", include_self=False)
