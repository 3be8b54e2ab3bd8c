"""Recurrences under autocast: what products give in half precision, many steps add up in float32, as the plain loop does."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.source import Source

TURN = "h, k = (h * cos(a) - k * sin(a), h * sin(a) + k * cos(b))"
STATE = "carry h = zeros(B, 3, 2)\n    h = exp(-exp(a)[:, :, none] * exp(A)) * h + b[:, :, none]"
FORMS = {
    "affine": "carry h = zeros(B, 3)\n    h = sigmoid(a) * h + b\n    yield h",
    "max-plus": "carry h = zeros(B, 3)\n    h = maximum(h - a, b)\n    yield h",
    "together": f"carry h = zeros(B, 3)\n    carry k = ones(B, 3)\n    {TURN}\n    yield h",
    "a sum alone": f"{STATE}\n    yield sum(h, axis=2)",
    "a product alone": f"{STATE}\n    yield sum(h * b[:, none, :2], axis=2)",
}


@pytest.mark.parametrize("name", FORMS)
def test_it_is_the_loop_in_float32(name: str) -> None:
    text = f"""arch A(x: [B, T, 3], z: [B, T, 3]) {{
  param A: [3, 2] = normal
  v = x -> L: Linear(3)
  w = z -> M: Linear(3)
  scan a in v, b in w over axis 1 {{
    {FORMS[name]}
  }}
  it + sum(A)
}}"""
    spec = load(Source("<text>", text))
    fast, loop = spec.build(), spec.build(scan="loop")
    loop.load_state_dict(fast.state_dict())
    given = torch.randn(2, 2, 40, 3)
    with torch.autocast("cpu", torch.bfloat16):
        made, wanted = fast(*given), loop(*given)
    assert made.dtype == wanted.dtype == torch.float32
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-4)
    sides = [torch.autograd.grad(one.square().sum(), list(module.parameters())) for one, module in ((made, fast), (wanted, loop))]
    for one, two in zip(*sides, strict=True):
        assert bool(torch.isfinite(one).all())
        assert float((one - two).norm()) <= 0.02 * float(two.norm()) + 1e-3
