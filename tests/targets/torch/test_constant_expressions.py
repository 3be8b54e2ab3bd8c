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


EACH = """
block Scale(start: float)(x: [N, C]) -> [N, C] {
  param gain: [C, 1] = full([C, 1], start)
  buffer rows: [C] = start * ones(C)
  x * gain[:, 0] + rows
}
arch Net(x: [N, 4]) -> y: [N, 2] {
  a: Scale(0.5)
  Linear(2)
  b: Scale(0.25)
}
"""


def test_each_instance_of_a_class_has_its_own_numbers() -> None:
    spec = load(Source("net.arch", EACH))
    assert spec.source("Net").count("class Scale") == 1
    module = spec.build("Net")
    assert torch.equal(module.a.gain, torch.full((4, 1), 0.5))
    assert torch.equal(module.b.gain, torch.full((2, 1), 0.25))
    assert torch.equal(module.a.rows, torch.full((4,), 0.5))
    assert torch.equal(module.b.rows, torch.full((2,), 0.25))
