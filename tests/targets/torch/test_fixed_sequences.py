"""A generated sequence whose steps take no argument still makes its steps."""

from __future__ import annotations

from archdsl import load
from archdsl.source import Source

TEXT = """
block Norms() { BatchNorm2d; BatchNorm2d }
arch Net(x: [N, 4, H, W]) -> y: [N, 4, H, W] {
  one: Norms
  head y { relu }
}
"""


def test_a_sequence_without_arguments_owns_its_steps() -> None:
    module = load(Source("net.arch", TEXT)).build("Net", device="meta")
    assert [name for name, _ in module.named_parameters()] == ["one.0.weight", "one.0.bias", "one.1.weight", "one.1.bias"]
