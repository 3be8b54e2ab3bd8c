"""What only the yields need leaves the loop, unless all states, or products of them, would have to be kept for it."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import explained, fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

YIELDS = {
    "sum(h, axis=-1)": 0,
    "sum(w * h, axis=-1)": 0,
    "exp(2 * sum(w * h, axis=-1))": 2,
    "mean(sigmoid(w * h - h), axis=-1)": 0,
    "tanh(w * h)": 2,
    "exp(w * h[:, :, none])[:, :, 0]": 4,
}


@pytest.mark.parametrize("made", YIELDS)
def test_what_leaves(made: str) -> None:
    text = f"""arch A(x: [B, T, 4, 3], w: [3]) {{
  scan a in x over axis 1 {{
    carry h = zeros(B, 4, 3)
    h = tanh(h * w + a)
    yield {made}
  }}
}}"""
    plain = load(Source("<body>", text)).graph()
    (story,) = explained(plain)
    behind = [str(one) for one in story.findings if "for the yields alone" in str(one)]
    assert behind == ([f"{YIELDS[made]} nodes are for the yields alone: computed behind, for all steps"] if YIELDS[made] else [])
    x, w = torch.randn(2, 5, 4, 3), torch.randn(3)
    torch.testing.assert_close(build(check(fast_scans(plain)))(x, w), build(plain)(x, w))
