"""The softmax among the rows of each segment."""

from __future__ import annotations

from torch import Tensor


def segment_softmax(x: Tensor, segments: Tensor, n: int) -> Tensor:
    """[E, …] and segments [E] of 0 … n - 1 to [E, …], which sums to 1 over the rows of a segment."""
    index = segments.reshape(-1, *(1 for _ in x.shape[1:])).expand_as(x)
    top = x.detach().new_zeros(n, *x.shape[1:]).scatter_reduce(0, index, x.detach(), "amax", include_self=False)
    grown = (x - top.index_select(0, segments)).exp()
    total = x.new_zeros(n, *x.shape[1:]).index_add(0, segments, grown)
    return grown / total.index_select(0, segments)
