"""Affine recurrences that are spelled with operators of three: `lerp`, and `where` by what is known."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

SOLVED = {
    "a moving average": "h = lerp(h, a, sigmoid(b))",
    "a weight for all": "h = lerp(a, h, sigmoid(w))",
    "both sides": "h = lerp(h, a - h, sigmoid(b))",
    "a number for the weight": "h = lerp(h, a, 0.25)",
    "the weight itself": "h = lerp(a, b, h)",
    "a reset": "h = where(a > 0, 0.0, sigmoid(b) * h + a)",
    "a reset to what is known": "h = where(a > 0, b, h)",
    "one or the other": "h = where(a > 0, w * h, h - b)",
    "a choice within": "h = sigmoid(b) * where(a > 0, h, -h) + a",
}
KEPT = {
    "a condition on the state": "h = where(h > 0, a, b * h)",
    "a product of states": "h = lerp(h, a, h)",
}


@pytest.mark.parametrize("name", [*SOLVED, *KEPT])
def test_the_numbers_are_the_loops(name: str) -> None:
    body = {**SOLVED, **KEPT}[name]
    text = f"""arch A(x: [B, T, 3], z: [B, T, 3], w: [3]) -> y: [B, T, 3] {{
  y = scan a in x, b in z over axis 1 {{
    carry h = zeros(B, 3)
    {body}
    yield h
  }}
  head y {{ y }}
}}"""
    plain = load(Source("<body>", text)).graph()
    fast = check(fast_scans(plain))
    assert any(node.scan is not None for node in fast.nodes) == (name in KEPT)
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    torch.manual_seed(0)
    for length in (1, 7, 150):
        inputs = [torch.randn(2, length, 3, dtype=torch.float64, requires_grad=True) * 0.5 for _ in range(2)]
        inputs.append(torch.randn(3, dtype=torch.float64, requires_grad=True))
        wanted, got = one(*inputs), two(*inputs)
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)
        weights = torch.randn_like(wanted)
        grads = [torch.autograd.grad((made * weights).sum(), inputs, materialize_grads=True) for made in (got, wanted)]
        for mine, theirs in zip(*grads, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
