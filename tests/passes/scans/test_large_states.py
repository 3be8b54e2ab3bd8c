"""States that are affine together and large are walked step by step, with the numbers of the small ones beside each other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from archdsl.targets.torch.runtime.matrix_scan import matrix_scan


def drawn(steps: int, width: int) -> tuple[list[Tensor], Tensor]:
    """Two first states, two coefficients that vary and one that does not, a term, and what weighs the results."""
    torch.manual_seed(steps)
    shapes = [(2, width), (2, width), (steps, 2, width), (steps, 1, width), (width,), (steps, 2, width)]
    parts = [torch.randn(shape, dtype=torch.float64) * 0.7 for shape in shapes]
    return [one.requires_grad_() for one in parts], torch.randn(width, dtype=torch.float64)


def results(parts: list[Tensor], reverse: bool) -> tuple[Tensor, ...]:
    p, q, a, b, c, term = parts
    return matrix_scan(((a, -1.0), (b, c)), (term, 0.0), (p, q), reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_a_large_state_is_many_small_ones(steps: int, reverse: bool) -> None:
    parts, weight = drawn(steps, 1100)
    whole = results(parts, reverse)
    pieces = [results([one[..., at : at + 550] for one in parts], reverse) for at in (0, 550)]
    joined = tuple(torch.cat(one, -1) for one in zip(*pieces, strict=True))
    grads = [
        torch.autograd.grad(
            torch.stack([((index + 1) * one * weight).sum() for index, one in enumerate(made)]).sum(),
            parts,
            materialize_grads=True,
        )
        for made in (whole, joined)
    ]
    for mine, wanted in zip((*whole, *grads[0]), (*joined, *grads[1]), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-9, atol=1e-9)


def test_a_large_state_is_the_plain_loops() -> None:
    parts, _ = drawn(5, 1100)
    p, q, a, b, c, term = parts
    before, _, after, _, *_ = results(parts, False)
    for t in range(5):
        torch.testing.assert_close(before[t], p)
        p, q = a[t] * p - q + term[t], b[t] * p + c * q
        torch.testing.assert_close(after[t], p)
