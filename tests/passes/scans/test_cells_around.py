"""Fused cells in blocks, of shared layers, upon each other and within each other."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.source import Source

CELL = "block Cell(n: int)(x: [B, D], h: [B, n]) -> [B, n] { tanh((x -> W: Linear(n)) + (h -> U: Linear(n))) }\n"
ARCHS = {
    "a layer for input and state": """
arch A(x: [B, T, 5]) -> y: [B, T, 5] {
  shared W = Linear(5)
  scan a in x over axis 1 { carry h = zeros(B, 5); h = tanh((a -> W) + (h -> W)); yield h }
  head y
}""",
    "a layer's weight": """
arch A(x: [B, T, 5]) -> y: [B, T, 5] {
  shared W = Linear(5)
  scan a in x over axis 1 { carry h = zeros(B, 5); h = tanh((a -> W) + linear(h, W.weight)); yield h }
  head y
}""",
    "a sum of input and state": """
arch A(x: [B, T, 5]) -> y: [B, T, 5] {
  scan a in x over axis 1 { carry h = zeros(B, 5); h = tanh(a + h -> W: Linear(5)); yield h }
  head y
}""",
    "a cell in a block, two networks": """
block Cell(n: int)(x: [B, D], h: [B, n]) -> [B, n] {
  r, z = sigmoid((x -> W: Linear(2*n)) + (h -> U: Linear(2*n))) -> chunk(2, axis=-1)
  m = tanh((x -> Wn: Linear(n)) + r * (h -> Un: Linear(n)))
  (1 - z) * m + z * h
}
block Net(n: int)(x: [B, T, D]) -> [B, T, n] {
  scan a in x over axis 1 { carry h = zeros(B, n); h = (a, h) -> cell: Cell(n); yield h }
}
arch A(x: [B, T, 5]) -> y: [B, T, 4] { a: Net(6); b: Net(4); head y }""",
    "two cells in a body": CELL + """
arch A(x: [B, T, 5]) -> y: [B, T, 4] {
  scan a in x over axis 1 {
    carry h = zeros(B, 3)
    carry g = zeros(B, 4)
    h = (a, h) -> one: Cell(3)
    g = (h, g) -> two: Cell(4)
    yield g
  }
  head y
}""",
    "a cell twice in a body": CELL + """
arch A(x: [B, T, 5]) -> y: [B, T, 5] {
  shared cell = Cell(5)
  scan a in x over axis 1 {
    carry h = zeros(B, 5)
    carry g = zeros(B, 5)
    h = (a, h) -> cell
    g = (h, g) -> cell
    yield g
  }
  head y
}""",
    "the state before each step": """
arch A(x: [B, T, 5]) -> y: [B, T, 5] {
  scan a in x over axis 1 reverse {
    carry h: [B, 5] = 0
    yield h
    h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)))
  }
  head y
}""",
    "the steps last": """
arch A(x: [B, T, 5]) -> y: [B, T, 4] {
  transpose(1, 2)
  scan a in it over axis 2 { carry h: [B, 4] = 0; h = tanh((a -> W: Linear(4)) + (h -> U: Linear(4))); yield h }
  transpose(1, 2)
  head y
}""",
    "a cell within a loop": """
arch A(x: [B, T, 5]) -> y: [B, 4] {
  last = scan row in unsqueeze(x, -1) over axis 2 {
    carry g = zeros(B, 4)
    inner = scan a in row over axis 1 { carry h = g; h = tanh((a -> W: Linear(4)) + (h -> U: Linear(4))); final h }
    g = g + sigmoid(inner) * g + inner
    final g
  }
  head y { last }
}""",
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHS)
def test_values_and_gradients_are_the_loops(name: str) -> None:
    spec = load(Source("<around>", ARCHS[name]))
    assert "_scan(" in spec.source()
    fused, plain = (spec.build(seed=0, scan=form).double() for form in ("auto", "loop"))
    assert list(fused.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(fused.state_dict())
    for length in (0, 1, 2, 7):
        x = torch.randn(2, length, 5, dtype=torch.float64, requires_grad=True)
        outputs = [module(x) for module in (fused, plain)]
        torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-9)
        if not outputs[1].requires_grad:  # no step, or the start alone
            continue
        grads = [
            torch.autograd.grad((y * y).sum(), [x, *module.parameters()], allow_unused=True, materialize_grads=True)
            for y, module in zip(outputs, (fused, plain), strict=True)
        ]
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ARCHS)
def test_onnx(name: str) -> None:
    """ONNX Runtime beside the module and its source, at several sizes."""
    report = load(Source("<around>", ARCHS[name])).verify()
    assert report.ok, str(report)
