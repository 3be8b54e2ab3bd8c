"""Carries that need each other: which are solved together, and that they compute what the loop does."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

TOGETHER = {
    "a rotation": "h, k = (h * cos(w) - k * sin(w) + a, h * sin(w) + k * cos(w))",
    "a rotation that varies": "r = sigmoid(b)\n    h, k = (r * (h * cos(a) - k * sin(a)) + b, r * (h * sin(a) + k * cos(a)))",
    "position and speed": "k = 0.9 * k - 0.1 * h + a\n    h = h + 0.1 * k",
    "a delay": "h, k = (k + a, h * sigmoid(b))",
    "one after the other": "k = sigmoid(a) * k + h / (1 + exp(b))\n    h = -(h - k) * 0.5 + b",
}
APART = {
    "a product of both": "h, k = (0.1 * h * k + sin(a), 0.5 * h - 0.1 * k)",
    "not affine": "h, k = (tanh(k) + a, h * 0.5)",
}


def both(body: str, reverse: str = "") -> tuple[Graph, Graph]:
    text = f"""arch A(x: [B, T, 3], z: [B, T, 3], w: [3]) {{
  y, u, last = scan a in x, b in z over axis 1 {reverse} {{
    carry h = zeros(B, 3)
    carry k = ones(B, 3)
    {body}
    yield h * tanh(k), k
    final h
  }}
  head y {{ y }}
  head u {{ u }}
  head last {{ last }}
}}"""
    plain = load(Source("<body>", text)).graph()
    return plain, check(fast_scans(plain))


def agree(plain: Graph, fast: Graph) -> None:
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    for length in (0, 1, 2, 131):
        torch.manual_seed(length)
        given = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((2, length, 3), (2, length, 3), (3,))]
        outputs = [module(*given) for module in (one, two)]
        for a, b in zip(*outputs, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)
        if length:
            grads = [
                torch.autograd.grad(
                    sum((y * y.detach().cos()).sum() for y in made), given, materialize_grads=True, allow_unused=True
                )
                for made in outputs
            ]
            for a, b in zip(*grads, strict=True):
                torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("reverse", ["", "reverse"])
@pytest.mark.parametrize("name", TOGETHER)
def test_affine_together(name: str, reverse: str) -> None:
    plain, fast = both(TOGETHER[name], reverse)
    assert [node.op.name for node in fast.nodes if node.op is not None and node.op.name.endswith("_scan")] == ["matrix_scan"]
    assert not any(node.scan for node in fast.nodes)
    agree(plain, fast)


@pytest.mark.parametrize("name", APART)
def test_the_rest_keeps_the_loop(name: str) -> None:
    plain, fast = both(APART[name])
    assert any(node.scan for node in fast.nodes)
    agree(plain, fast)
