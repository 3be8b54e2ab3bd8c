"""`std.flow` against the Jacobian."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.std.building import made, normal, same

FIELD = "block Field(t: [], x: [B, D]) -> [B, D] { x -> a: Linear(6) -> tanh -> b: Linear(D); it * cos(t) + t * x ** 2 }"


def jacobians(module: torch.nn.Module, t: Tensor, x: Tensor) -> Tensor:
    """[B, D, D]"""
    return torch.stack([torch.func.jacrev(lambda one: module.f(t, one[None])[0])(row) for row in x])


def test_the_divergence_is_the_trace_of_the_jacobian() -> None:
    body = f"shared f = Field\n(t, x) -> _: Divergence(f)\n}}\n{FIELD[:-2]}"
    module = made("std.flow { Divergence }", "(t: [], x: [B, 3])", body)
    t, x = normal(1)[0], normal(4, 3)
    y, divergence = module(t, x)
    same(y, module.f(t, x))
    same(divergence, torch.einsum("bii->b", jacobians(module, t, x)))


def test_hutchinsons_estimate_is_noise_by_jacobian_by_noise() -> None:
    header = "(t: [], x: [B, 3], noise: [B, 3])"
    body = f"shared f = Field\n(t, x, noise) -> _: HutchinsonDivergence(f)\n}}\n{FIELD[:-2]}"
    module = made("std.flow { HutchinsonDivergence }", header, body)
    t, x, noise = normal(1)[0], normal(4, 3), normal(4, 3, seed=5)
    y, estimate = module(t, x, noise)
    same(y, module.f(t, x))
    same(estimate, torch.einsum("bi,bij,bj->b", noise, jacobians(module, t, x), noise))
