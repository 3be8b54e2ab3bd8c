"""Recurrences that are a maximum of a shifted state and a term, for all steps at once."""

from __future__ import annotations

import torch
from torch import Tensor

from archdsl.targets.torch.runtime.affine_scan import _affine_gradients
from archdsl.targets.torch.runtime.recurrence import Recurrence, chunked_states, register, solved


def maxplus_scan(a: Tensor, b: Tensor, start: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """`h[t] = maximum(h[t - 1] + a[t], b[t])` of [T, …] and the first state […]: the states before the steps and those after,
    both [T, …], and the last. With `reverse` it runs from the last step to the first.

    a and b may have 1 in place of any size.
    """
    return solved(_MAXPLUS, a, b, start, reverse)


def _maxplus_states(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    return chunked_states(a, b, start, reverse, _maxplus_step, _maxplus_sum)


def _maxplus_step(factor: Tensor, term: Tensor, state: Tensor, out: Tensor | None) -> Tensor:
    moved = state + factor
    return torch.maximum(moved, term, out=moved if out is None else out)


def _maxplus_sum(later: Tensor, whole: Tensor) -> Tensor:
    return whole.add_(later)


def _maxplus_gradients(a: Tensor, b: Tensor, before: Tensor, onto: Tensor, reverse: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient goes to the larger side, and to both by halves where they are equal."""
    kept = before + a
    share = (kept > b).to(onto.dtype) + (kept == b).to(onto.dtype) * 0.5
    _, whole, first = _affine_gradients(share, None, before, onto, reverse)
    return whole * share, whole * (1 - share), first


_MAXPLUS = Recurrence("maxplus", _maxplus_states, _maxplus_gradients, reads_term=True)
register(_MAXPLUS)
