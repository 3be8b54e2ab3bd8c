"""A buffer's value that is an expression of several operands, printed as one Python expression."""

from __future__ import annotations

import torch

from archdsl import load
from archdsl.source import Source

TEXT = """
fn apart(places: i64[T]) -> i64[_] { (places // 3)[:, none] - places % 3 -> flatten(0) }
arch Net(x: [N, 25]) -> y: [N, 25] {
  buffer far: i64[25] = apart(arange(5))
  head y { x + cast(far, float) }
}
"""


def test_both_operands_are_filled_in() -> None:
    module = load(Source("net.arch", TEXT)).build("Net")
    places = torch.arange(5)
    assert torch.equal(module.far, ((places // 3)[:, None] - (places % 3)[None, :]).flatten())
