"""The helpers of solved recurrences against the loops they stand for: values, gradients, awkward coefficients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from archdsl.targets.torch.runtime.affine_scan import _affine_parallel, affine_scan
from archdsl.targets.torch.runtime.matrix_scan import matrix_scan
from archdsl.targets.torch.runtime.maxplus_scan import maxplus_scan

Scan = Callable[[Tensor, Tensor, Tensor, bool], tuple[Tensor, ...]]
LENGTHS = (0, 1, 2, 127, 128, 131, 1000)
FACTORS = {
    "zero": lambda x: x * 0,
    "half": lambda x: x * 0.5,
    "negative": lambda x: -x.abs() * 0.9,
    "tiny": lambda x: x * 1e-30,
    "some zero": lambda x: x * (x > 0.3),
    "large and zero": lambda x: 1e3 * x * (x > 1.0),
}


def loop(step: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Scan:
    def run(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> tuple[Tensor, ...]:
        states, turn = [start], -1 if reverse else 1
        for t in range(len(b))[::turn]:
            states.append(step(states[-1], a[t], b[t]))
        none = start.new_empty(0, *start.shape) * start.sum()
        before, after = (torch.stack(one[::turn]) if one else none for one in (states[:-1], states[1:]))
        return before, after, states[-1]

    return run


def product(h: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Small matrices in the first two axes, element by element in the rest."""
    return torch.einsum("ij...,j...->i...", a, h) + b


def joint(a: Tensor, b: Tensor, start: Tensor, reverse: bool = False) -> tuple[Tensor, ...]:
    """Two states together, by their parts."""
    rows = tuple(tuple(row.unbind(-start.dim())) for row in a.unbind(-start.dim() - 1))
    parts = matrix_scan(rows, tuple(b.unbind(1)), tuple(start.unbind(0)), reverse)
    return torch.stack(parts[:2], 1), torch.stack(parts[2:4], 1), torch.stack(parts[4:])


PAIRS: dict[str, tuple[Scan, Scan]] = {
    "affine": (affine_scan, loop(lambda h, a, b: a * h + b)),
    "maxplus": (maxplus_scan, loop(lambda h, a, b: torch.maximum(h + a, b))),
    "matrix": (joint, loop(product)),
}


def drawn(kind: str, length: int, factor: str, dtype: torch.dtype) -> list[Tensor]:
    """Coefficients [T, 2, 3] or, of matrices, [T, 2, 2, 3]; the first state [2, 3]."""
    torch.manual_seed(length)
    shape = (length, 2, 2, 3) if kind == "matrix" else (length, 2, 3)
    a, b, start = (torch.randn(*size, dtype=dtype) for size in (shape, (length, 2, 3), (2, 3)))
    made = FACTORS[factor](a)
    if kind == "matrix" and factor in ("negative", "large and zero"):
        made = made * (0.6 if factor == "negative" else torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=dtype)[..., None])
    return [one.requires_grad_() for one in (made, b, start)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", PAIRS)
def test_values_and_gradients_are_the_loops(kind: str, factor: str, reverse: bool) -> None:
    fast, slow = PAIRS[kind]
    for length in LENGTHS:
        given = drawn(kind, length, factor, torch.float64)
        made, wanted = fast(*given, reverse), slow(*given, reverse)
        for one, other in zip(made, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
        for chosen in ((0, 1, 2), (1,), (0,), (2,)):
            weights = [torch.randn(wanted[at].shape, dtype=torch.float64) for at in chosen]
            ours, theirs = (
                torch.autograd.grad(
                    [side[at] for at in chosen], given, weights, allow_unused=True, materialize_grads=True, retain_graph=True
                )
                for side in (made, wanted)
            )
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", PAIRS)
def test_float32_is_as_near_as_the_loop(kind: str, factor: str) -> None:
    fast, slow = PAIRS[kind]
    narrow = [one.detach().float() for one in drawn(kind, 1000, factor, torch.float64)]
    true = slow(*(one.double() for one in narrow), False)[1]
    off = [(run(*narrow, False)[1].double() - true).abs().max().item() for run in (fast, slow)]
    assert off[0] <= 4 * off[1] + 1e-30


@pytest.mark.parametrize("kind", PAIRS)
def test_long_sequences(kind: str) -> None:
    fast, slow = PAIRS[kind]
    given = drawn(kind, 16384, "negative", torch.float64)
    made, wanted = fast(*given, False)[1], slow(*given, False)[1]
    torch.testing.assert_close(made, wanted, rtol=1e-9, atol=1e-9)
    ours, theirs = (torch.autograd.grad(one.square().sum(), given) for one in (made, wanted))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", ["affine", "maxplus"])
def test_long_sequences_of_large_states_in_pieces(kind: str, reverse: bool) -> None:
    fast, slow = PAIRS[kind]
    given = [torch.rand(*size, requires_grad=True) for size in ((900, 2, 3000), (900, 2, 3000), (2, 3000))]
    made, wanted = fast(*given, reverse)[1], slow(*given, reverse)[1]
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    ours, theirs = (torch.autograd.grad(one.sum(), given) for one in (made, wanted))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_coefficients_broadcast() -> None:
    b, start = torch.randn(150, 2, 3), torch.randn(2, 3)
    for a in (torch.rand(3), torch.rand(1), torch.rand(1, 2, 1), torch.rand(150, 1, 3)):
        for one, two in zip(affine_scan(a, b, start), affine_scan(a.expand(150, 2, 3), b, start), strict=True):
            torch.testing.assert_close(one, two)
    for a in (torch.rand(2, 2, 1), torch.rand(1, 2, 2, 3)):
        for one, two in zip(joint(a, b, start), joint(a.expand(150, 2, 2, 3), b, start), strict=True):
            torch.testing.assert_close(one, two)


def test_states_that_grow_beyond_all_numbers_are_the_loops() -> None:
    a, b, start = torch.full((200, 2), 1e4), torch.zeros(200, 2), torch.tensor([0.0, 1.0])
    torch.testing.assert_close(affine_scan(a, b, start)[1], PAIRS["affine"][1](a, b, start, False)[1])


@pytest.mark.parametrize("kind", PAIRS)
def test_second_derivatives(kind: str) -> None:
    sizes = ((3, 2, 2), (3, 2), (2,)) if kind == "matrix" else ((3, 2), (3, 2), (2,))
    given = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in sizes]
    run = PAIRS[kind][0]
    for reverse in (False, True):
        assert torch.autograd.gradgradcheck(lambda a, b, h, turn=reverse: run(a, b, h, turn), given)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_form_for_cuda_gives_the_same(reverse: bool) -> None:
    """By the mode that any device has; the mode "pointwise" needs CUDA, and is not tested."""
    for length in (1, 2, 131):
        a, b, start = (one.detach() for one in drawn("affine", length, "half", torch.float64))
        made = _affine_parallel(a, b, start, reverse, "generic")
        torch.testing.assert_close(made, chunked(a, b, start, reverse), rtol=1e-12, atol=1e-12)


def chunked(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    """All states, in the order of the steps."""
    before, after, last = affine_scan(a, b, start, reverse)
    return torch.cat([last[None], before] if reverse else [before, last[None]])


@pytest.mark.parametrize("kind", PAIRS)
def test_meta_tensors(kind: str) -> None:
    given = [one.detach().to("meta") for one in drawn(kind, 131, "half", torch.float32)]
    assert [one.shape for one in PAIRS[kind][0](*given, False)] == [(131, 2, 3), (131, 2, 3), (2, 3)]
