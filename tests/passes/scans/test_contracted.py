"""The helper that keeps no states, against the plain loop: values, gradients, lengths, memory."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archdsl.compiler import load
from archdsl.source import Source
from archdsl.targets.torch.runtime.contracted_scan import _kept_scan, contracted_scan

Coefficients = Callable[..., tuple[Tensor, Tensor]]
FORMULAS: dict[str, Coefficients] = {
    "a selective state space": lambda p, q, u, v, out: (torch.exp(p * q), u * v),
    "a decay for all": lambda p, q, u, v, out: (torch.sigmoid(q), u * v + p),
    "zeros and signs": lambda p, q, u, v, out: (p * torch.relu(q), u - v),
    "sizes of one": lambda p, q, u, v, out: (p, v),
    "large": lambda p, q, u, v, out: (5 * p, u * v),
    "tiny": lambda p, q, u, v, out: (1e-30 * p, u * v),
}
SHAPES: dict[str, tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...], tuple[int, ...]]] = {
    # the state, what is given (0: the steps), the weights, the summed axes
    "Mamba": ((2, 5, 3), ((0, 2, 5, 1), (5, 3), (0, 2, 5, 1), (0, 2, 1, 3)), (0, 2, 1, 3), (2,)),
    "linear attention": ((2, 2, 3, 4), ((0, 2, 2, 1, 1), (3, 4), (0, 2, 2, 3, 1), (0, 2, 2, 1, 4)), (0, 2, 2, 3, 1), (2,)),
    "a whole weight": ((2, 5, 3), ((0, 2, 1, 3), (3,), (0, 2, 5, 1), (0, 2, 5, 3)), (0, 2, 5, 3), (1,)),
    "the same weight": ((4, 3), ((0, 1, 3), (1, 1), (0, 4, 1), (0, 4, 3)), (3,), (1,)),
    "two axes": ((2, 5, 3), ((0, 2, 5, 1), (5, 3), (0, 2, 5, 1), (0, 2, 1, 3)), (0, 1, 5, 3), (0, 2)),
    "all axes": ((5, 3), ((0, 5, 1), (5, 3), (0, 5, 1), (0, 1, 3)), (0, 5, 3), (0, 1)),
    "one axis": ((3,), ((0, 3), (3,), (0, 1), (0, 3)), (0, 3), (0,)),
}


def drawn(shapes: str, length: int, dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], tuple[int, ...]]:
    """The first state, the weights and what is given."""
    torch.manual_seed(length)
    state, given, weights, axes = SHAPES[shapes]
    sizes = [state, weights, *given]
    made = [torch.randn([length if size == 0 else size for size in one], dtype=dtype) for one in sizes]
    return [one.requires_grad_() for one in made], axes


def run(formula: str, parts: list[Tensor], axes: tuple[int, ...], reverse: bool) -> tuple[Tensor, Tensor]:
    start, weights, *given = parts
    return contracted_scan(FORMULAS[formula], tuple(given), weights, start, axes, reverse)


def loop(formula: str, parts: list[Tensor], axes: tuple[int, ...], reverse: bool) -> tuple[Tensor, Tensor]:
    h, weights, *given = parts
    rank, steps = h.dim(), parts[2].shape[0]
    sums = []
    for t in range(steps)[:: -1 if reverse else 1]:
        now, *held = (one[t] if one.dim() > rank else one for one in (weights, *given))
        a, b = FORMULAS[formula](*held, (None, None))
        h = a * h + b
        sums.append((h * now).sum(axes))
    empty = h.new_empty(0, *(size for axis, size in enumerate(h.shape) if axis not in axes)) + h.sum()
    return torch.stack(sums[:: -1 if reverse else 1]) if sums else empty, h


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("formula", FORMULAS)
def test_values_and_gradients_are_the_loops(formula: str, shapes: str, reverse: bool) -> None:
    for length in (0, 1, 2, 13, 36):
        parts, axes = drawn(shapes, length)
        made, wanted = (side(formula, parts, axes, reverse) for side in (run, loop))
        weights = [torch.randn_like(one) for one in wanted]
        grads = [torch.autograd.grad(one, parts, weights, allow_unused=True, materialize_grads=True) for one in (made, wanted)]
        for one, two in zip((*made, *grads[0]), (*wanted, *grads[1]), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shapes", ["Mamba", "linear attention", "two axes"])
def test_coefficients_written_where_the_helper_says(shapes: str, reverse: bool) -> None:
    for length in (0, 1, 2, 13, 36, 64):
        (start, weights, *given), axes = drawn(shapes, length)
        with torch.no_grad():
            made = contracted_scan(in_place, tuple(given), weights, start, axes, reverse)
            wanted = loop("a selective state space", [start, weights, *given], axes, reverse)
        for one, two in zip(made, wanted, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shapes", SHAPES)
def test_second_derivatives(shapes: str) -> None:
    parts, axes = drawn(shapes, 3)
    assert torch.autograd.gradgradcheck(lambda *given: run("a selective state space", list(given), axes, False), parts)


def test_float32_is_as_near_as_the_loop() -> None:
    exact, axes = drawn("Mamba", 400)
    exact[2:4] = [one.abs() * sign for one, sign in zip(exact[2:4], (0.1, -1), strict=True)]
    narrow = [one.detach().float() for one in exact]
    true = loop("a selective state space", [one.double() for one in narrow], axes, False)[0]
    off = [(side("a selective state space", narrow, axes, False)[0] - true).abs().max().item() for side in (run, loop)]
    assert off[0] <= 4 * off[1] + 1e-7


class Alive(TorchDispatchMode):
    """The bytes of the storages that were made and are not freed: now, and at most."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                storage = one.untyped_storage()
                key = storage._cdata
                if key not in self.sizes:
                    self.sizes[key] = storage.nbytes()
                    weakref.finalize(storage, self.sizes.pop, key, None)
        self.most = max(self.most, sum(self.sizes.values()))
        return made


def in_place(p: Tensor, q: Tensor, u: Tensor, v: Tensor, out: tuple[Tensor | None, Tensor | None]) -> tuple[Tensor, Tensor]:
    """A selective state space, as it is printed."""
    return torch.exp_(torch.mul(p, q, out=out[0])), torch.mul(u, v, out=out[1])


def most_alive(scan: Callable[..., tuple[Tensor, Tensor]], backward: bool) -> float:
    """The memory at most, in parts of that of all states."""
    steps, state = 400, (2, 64, 32)
    sizes = ((steps, 2, 64, 1), (64, 32), (steps, 2, 64, 1), (steps, 2, 1, 32))
    start, weights, *given = (torch.rand(one, requires_grad=True) for one in (state, (steps, 2, 1, 32), *sizes))
    with Alive() as alive, torch.set_grad_enabled(backward):
        y, _ = scan(in_place, tuple(given), weights, start, (2,))
        if backward:
            y.sum().backward()
    return alive.most / (steps * 2 * 64 * 32 * 4)


def kept(coefficients: Coefficients, given: tuple[Tensor, ...], weights: Tensor, start: Tensor, axes: tuple[int, ...]) -> Any:
    """The same with all states."""
    return _kept_scan(coefficients, axes, start, weights, *given)


@pytest.mark.parametrize("backward", [False, True])
def test_memory_does_not_hold_all_states(backward: bool) -> None:
    assert most_alive(kept, backward) > 2
    assert most_alive(contracted_scan, backward) < (0.8 if backward else 0.25)


def test_a_compiled_graph_of_any_batch_and_length() -> None:
    text = """arch A(x: [B, T, 5], w: [B, T, 3]) {
  param A: [5, 3] = normal
  scan xt in x, wt in w over axis 1 {
    carry h = zeros(B, 5, 3)
    h = exp(-xt[:, :, none] * A) * h + xt[:, :, none] * wt[:, none, :]
    yield einsum("b d n, b n -> b d", h, wt)
  }
}"""
    module = load(Source("<text>", text)).build()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=True)
    for batch, length in ((2, 3), (4, 6)):
        x, w = torch.rand(batch, length, 5), torch.rand(batch, length, 3)
        torch.testing.assert_close(compiled(x, w), module(x, w))
