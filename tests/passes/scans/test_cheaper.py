"""Steps of loops that stay, in fewer operators: the same numbers, gradients and keys."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

BODIES = {
    "a product without a bias": ("h = tanh((a -> W: Linear(4)) + (h -> U: Linear(4, bias=false))) * 2", ["addmm"]),
    "a product with a bias": ("h = tanh((h -> U: Linear(4)) + (a -> W: Linear(4))) * 2", ["addmm"]),
    "a bias that no input meets": ("h = tanh(h + (h -> U: Linear(4))) * 2", []),
    "a stored transpose": ("h = sin((h -> U: Linear(4, bias=false, transposed=true)) + a[:, :1] * ones(B, 4))", ["addmm"]),
    "a matrix": ("h = sin(h @ m + (a -> W: Linear(4)))", ["addmm"]),
    "two products": ("h = sigmoid(h) * h + tanh(h) * (a -> W: Linear(4))", ["addcmul"]),
    "a product that is read twice": ("k = h @ m\n    h = sin(k + (a -> W: Linear(4))) * k", []),
    "a product that is yielded": ("k = h * sin(h)\n    h = sin(k + (a -> W: Linear(4)))\n    yield k + 0 * h", []),
}


def graphs(body: str, reverse: str) -> tuple[Graph, Graph]:
    body = body if "yield" in body else f"{body}\n    yield h"
    text = f"""arch A(x: [B, T, 3], m: [4, 4]) -> y: [B, T, 4] {{
  y = scan a in x over axis 1 {reverse} {{
    carry h = ones(B, 4)
    {body}
  }}
  head y {{ y }}
}}"""
    plain = load(Source("<body>", text)).graph()
    return plain, check(fast_scans(plain))


@pytest.mark.parametrize("reverse", ["", "reverse"])
@pytest.mark.parametrize("name", BODIES)
def test_fewer_operators_the_same_numbers(name: str, reverse: str) -> None:
    body, wanted = BODIES[name]
    plain, fast = graphs(body, reverse)
    (loop,) = (one for one in fast.graphs() if one.kind == "scan")
    found = [node.op.name for node in loop.nodes if node.op is not None and node.op.name in ("addmm", "addcmul")]
    assert found == wanted
    assert list(fast.tensors()) == list(plain.tensors())
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    two.load_state_dict(one.state_dict())
    for length in (0, 1, 5):
        torch.manual_seed(length)
        x, m = torch.randn(2, length, 3, dtype=torch.float64), torch.randn(4, 4, dtype=torch.float64)
        outputs = [module(x, m) for module in (one, two)]
        torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-12, atol=1e-12)
        if length:
            grads = [
                torch.autograd.grad(y.square().sum(), list(z.parameters())) for y, z in zip(outputs, (one, two), strict=True)
            ]
            for a, b in zip(*grads, strict=True):
                torch.testing.assert_close(b, a, rtol=1e-11, atol=1e-11)
