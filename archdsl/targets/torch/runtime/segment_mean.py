"""The mean of the rows of each segment."""

from __future__ import annotations

from torch import Tensor


def segment_mean(x: Tensor, segments: Tensor, n: int) -> Tensor:
    """[E, …] and segments [E] of 0 … n - 1 to [n, …]; 0 where a segment has no row."""
    total = x.new_zeros(n, *x.shape[1:]).index_add(0, segments, x)
    count = segments.new_zeros(n).index_add(0, segments, segments.new_ones(segments.shape[0])).clamp(min=1)
    return total / count.reshape(-1, *(1 for _ in x.shape[1:]))
