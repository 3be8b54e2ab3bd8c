"""The helpers of solved recurrences against the loops they stand for: values, gradients, awkward coefficients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from archdsl.targets.torch.runtime.affine_scan import affine_scan, maxplus_scan

Scan = Callable[[Tensor, Tensor, Tensor, bool], Tensor]
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
    def run(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
        states, turn = [start], -1 if reverse else 1
        for t in range(len(b))[::turn]:
            states.append(step(states[-1], a[t], b[t]))
        return torch.stack(states[::turn])

    return run


PAIRS: dict[str, tuple[Scan, Scan]] = {
    "affine": (affine_scan, loop(lambda h, a, b: a * h + b)),
    "maxplus": (maxplus_scan, loop(lambda h, a, b: torch.maximum(h + a, b))),
}


def drawn(length: int, factor: str, dtype: torch.dtype) -> list[Tensor]:
    torch.manual_seed(length)
    a, b, start = (torch.randn(*size, dtype=dtype) for size in ((length, 2, 3), (length, 2, 3), (2, 3)))
    return [one.requires_grad_() for one in (FACTORS[factor](a), b, start)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", PAIRS)
def test_values_and_gradients_are_the_loops(kind: str, factor: str, reverse: bool) -> None:
    fast, slow = PAIRS[kind]
    for length in LENGTHS:
        given = drawn(length, factor, torch.float64)
        made, wanted = fast(*given, reverse), slow(*given, reverse)
        torch.testing.assert_close(made, wanted, rtol=1e-9, atol=1e-9)
        weights = torch.randn(made.shape, dtype=made.dtype)
        ours, theirs = (
            torch.autograd.grad(one, given, weights, allow_unused=True, materialize_grads=True) for one in (made, wanted)
        )
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", PAIRS)
def test_float32_is_as_near_as_the_loop(kind: str) -> None:
    fast, slow = PAIRS[kind]
    exact = [one.detach() for one in drawn(1000, "half", torch.float64)]
    true = slow(*exact, False)
    narrow = [one.float() for one in exact]
    off = [(run(*narrow, False).double() - true).abs().max().item() for run in (fast, slow)]
    assert off[0] <= 4 * off[1] + 1e-7


def test_long_sequences() -> None:
    a, b = torch.rand(16384, 3, dtype=torch.float64), torch.randn(16384, 3, dtype=torch.float64)
    torch.testing.assert_close(affine_scan(a, b, b[0]), PAIRS["affine"][1](a, b, b[0], False), rtol=1e-9, atol=1e-9)


def test_coefficients_broadcast() -> None:
    b, start = torch.randn(150, 2, 3), torch.randn(2, 3)
    for a in (torch.rand(3), torch.rand(1), torch.rand(1, 2, 1), torch.rand(150, 1, 3)):
        torch.testing.assert_close(affine_scan(a, b, start), affine_scan(a.expand(150, 2, 3), b, start))


def test_states_that_grow_beyond_all_numbers_are_the_loops() -> None:
    a, b, start = torch.full((200, 2), 1e4), torch.zeros(200, 2), torch.tensor([0.0, 1.0])
    torch.testing.assert_close(affine_scan(a, b, start), PAIRS["affine"][1](a, b, start, False))


@pytest.mark.parametrize("kind", PAIRS)
def test_second_derivatives(kind: str) -> None:
    given = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((3, 2), (3, 2), (2,))]
    run = PAIRS[kind][0]
    assert torch.autograd.gradgradcheck(lambda a, b, h: run(a, b, h, False), given)


@pytest.mark.parametrize("kind", PAIRS)
def test_meta_tensors_and_compiled_graphs(kind: str) -> None:
    run = PAIRS[kind][0]
    on_meta = [one.detach().to("meta") for one in drawn(131, "half", torch.float32)]
    assert run(*on_meta, False).shape == (132, 2, 3)
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    given = drawn(3, "half", torch.float64)
    for reverse in (False, True):
        torch.testing.assert_close(compiled(*given, reverse), run(*given, reverse))
