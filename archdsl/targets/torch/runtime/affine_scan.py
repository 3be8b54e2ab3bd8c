"""Recurrences that are affine in their state, for all steps at once."""

from __future__ import annotations

import torch
from torch import Tensor

from archdsl.targets.torch.runtime.recurrence import Recurrence, chunked_states, register, solved, states_of


def affine_scan(a: Tensor, b: Tensor, start: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """`h[t] = a[t] * h[t - 1] + b[t]` of [T, …] and the first state […]: the states before the steps and those after them, both
    [T, …], and the last. With `reverse` it runs from the last step to the first.

    a and b may have 1 in place of any size. Without logarithms and without division, so zeros and signs are exact.
    """
    return solved(_AFFINE, a, b, start, reverse)


def _affine_states(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    """All states [T + 1, …], by the strategy for the device."""
    if b.is_cuda and b.shape[0] > 0:
        return _affine_parallel(a, b, start, reverse, "pointwise")
    return chunked_states(a, b, start, reverse, _affine_step, _affine_product)


def _affine_step(factor: Tensor, term: Tensor, state: Tensor, out: Tensor | None) -> Tensor:
    return torch.addcmul(term, factor, state) if out is None else torch.addcmul(term, factor, state, out=out)


def _affine_product(later: Tensor, whole: Tensor) -> Tensor:
    return whole.mul_(later)


def _affine_parallel(a: Tensor, b: Tensor, start: Tensor, reverse: bool, mode: str) -> Tensor:
    """The same by PyTorch's associative scan: with the mode "pointwise", on CUDA alone, one kernel for all steps."""
    from torch._higher_order_ops import associative_scan

    def joined(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return left[0] * right[0], right[0] * left[1] + right[1]

    first, rest = (slice(-1, None), slice(-1)) if reverse else (slice(1), slice(1, None))
    entering = torch.addcmul(b[first], a[first], start)  # the first state goes into the first term, so no product meets it
    terms = torch.cat([b[rest], entering] if reverse else [entering, b[rest]])
    _, after = associative_scan(joined, (a.contiguous(), terms), 0, reverse=reverse, combine_mode=mode)
    return torch.cat([after, start[None]] if reverse else [start[None], after])


def _affine_gradients(a: Tensor, b: None, before: Tensor, onto: Tensor, reverse: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The same recurrence the other way round."""
    if not before.shape[0]:
        return before, before, before.new_zeros(before.shape[1:])
    rest, inner, end = (a[:-1], onto[1:], onto[0]) if reverse else (a[1:], onto[:-1], onto[-1])
    whole = states_of(_AFFINE, rest, inner, end, not reverse)[0]
    return whole * before, whole, (a[-1] * whole[-1] if reverse else a[0] * whole[0])


_AFFINE = Recurrence("affine", _affine_states, _affine_gradients)
register(_AFFINE)
