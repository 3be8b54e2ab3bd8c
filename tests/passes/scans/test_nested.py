"""Scans in scans, scans without carries, and scans that stop early."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

BODIES = {
    "an affine scan in a loop": """
  y = scan row in x over axis 1 {
    carry s = zeros(B, 4)
    inner = scan a in row over axis 1 { carry h = s; h = 0.5 * h + a; yield h }
    s = tanh(s) + mean(inner, axis=1)
    yield s
  }""",
    "an LSTM in a scan without carries": """
  y = scan row in x over axis 1 {
    last = scan a in row over axis 1 {
      carry h = zeros(B, 4)
      carry c = zeros(B, 4)
      i, f, g, o = (a -> W: Linear(16)) + (h -> U: Linear(16)) -> chunk(4, axis=-1)
      c = sigmoid(f) * c + sigmoid(i) * tanh(g)
      h = sigmoid(o) * tanh(c)
      final h
    }
    yield last
  }""",
    "no carries": """
  y = scan row in x over axis 1 { yield tanh(mean(row, axis=1) -> fc: Linear(4)) }""",
    "until": """
  s = scan row in x over axis 1 { carry h = zeros(B, 4); h = 0.5 * h + mean(row, axis=1); final h; until sum(h) > 1.0 }
  y = s[:, none] + zeros(B, R, 4)""",
}


@pytest.mark.parametrize("name", BODIES)
def test_the_fast_form_agrees(name: str) -> None:
    text = f"arch A(x: [B, R, T, 4]) -> y: [B, R, 4] {{{BODIES[name]}\n  head y {{ y }}\n}}"
    plain = load(Source("<body>", text)).graph()
    for solving in (False, True):
        fast = check(fast_scans(plain, solving=solving))
        one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
        two.load_state_dict(one.state_dict())
        torch.manual_seed(0)
        for rows, steps in ((1, 1), (3, 5)):
            x = torch.randn(2, rows, steps, 4, dtype=torch.float64)
            torch.testing.assert_close(two(x), one(x), rtol=1e-12, atol=1e-12)
