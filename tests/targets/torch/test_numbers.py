"""The generated modules compute what plain PyTorch written by hand computes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from archdsl.compiler import load
from archdsl.source import Source
from tests.targets.torch.made import module

RESIDUAL = """
block Unit(width: int)(x: [N, C, H, W]) -> [N, C, H, W] {
  skip {
    conv1: Conv2d(width, 3, padding=1, bias=false)
    bn1: BatchNorm2d
    relu
    conv2: Conv2d(C, 3, padding=1)
  }
  relu
}
arch Net(widths: list[int] = [4, 16])(image: [N, 3, H, W]) -> logits: [N, 5] {
  stem: Conv2d(8, 3, padding=1)
  layers: repeat w in widths { Unit(w) }
  mean(axis=[2, 3])
  fc: Linear(5)
}
"""


def weights(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(net.state_dict())


def test_a_residual_network() -> None:
    net = module(RESIDUAL)
    w = weights(net)
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    y = F.conv2d(x, w["stem.weight"], w["stem.bias"], padding=1)
    for k in range(2):
        p = f"layers.{k}."
        z = F.conv2d(y, w[p + "conv1.weight"], padding=1)
        z = F.batch_norm(z, w[p + "bn1.running_mean"], w[p + "bn1.running_var"], w[p + "bn1.weight"], w[p + "bn1.bias"])
        y = F.relu(y + F.conv2d(F.relu(z), w[p + "conv2.weight"], w[p + "conv2.bias"], padding=1))
    torch.testing.assert_close(net(x), F.linear(y.mean((2, 3)), w["fc.weight"], w["fc.bias"]))


ELMAN = """
arch Elman(x: [B, T, 3]) -> states: [B, T, 4], last: [B, 4] {
  states, last = scan xt in x over axis 1 DIRECTION {
    carry h = zeros(B, 4)
    h = tanh((xt -> W: Linear(4)) + (h -> U: Linear(4, bias=false)))
    yield h
    final h
  }
  (states, last)
}
"""


def test_a_recurrence_forwards_and_backwards() -> None:
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    for word, order in (("", range(5)), ("reverse", range(4, -1, -1))):
        net = module(ELMAN.replace("DIRECTION", word))
        w = weights(net)
        h = torch.zeros(2, 4, dtype=torch.float64)
        states = {}
        for t in order:
            h = torch.tanh(F.linear(x[:, t], w["W.weight"], w["W.bias"]) + F.linear(h, w["U.weight"]))
            states[t] = h
        out = net(x)
        torch.testing.assert_close(out.states, torch.stack([states[t] for t in range(5)], 1))
        torch.testing.assert_close(out.last, h)


def test_a_recurrence_over_nothing_gives_nothing() -> None:
    out = module(ELMAN.replace("DIRECTION", ""))(torch.zeros(2, 0, 3, dtype=torch.float64))
    assert out.states.shape == (2, 0, 4)
    assert torch.equal(out.last, torch.zeros(2, 4, dtype=torch.float64))


SWAP = """
arch Swap(x: [T, 2]) -> a: [2], b: [2] {
  a, b = scan xt in x over axis 0 {
    carry a = zeros(2)
    carry b = ones(2)
    a, b = (b, a + xt)
    final a, b
  }
  (a, b)
}
"""


def test_carries_are_assigned_at_once() -> None:
    x = torch.randn(4, 2, dtype=torch.float64)
    a, b = torch.zeros(2).double(), torch.ones(2).double()
    for xt in x:
        a, b = b, a + xt
    out = module(SWAP)(x)
    torch.testing.assert_close(out.a, a)
    torch.testing.assert_close(out.b, b)


CHOICE = """
arch Choosing(x: [N, 4]) -> out: [N, 4], aux: [N, 2] when training {
  y = if training { x * 2.0 } else { x / 2.0 }
  head out { y }
  head aux when training { fc: Linear(2) }
}
"""


def test_training_chooses_and_has_its_own_head() -> None:
    net = module(CHOICE)
    x = torch.randn(3, 4, dtype=torch.float64)
    evaluated = net(x)
    torch.testing.assert_close(evaluated.out, x / 2)
    assert evaluated.aux is None
    trained = net.train()(x)
    torch.testing.assert_close(trained.out, x * 2)
    assert trained.aux.shape == (3, 2)
    assert list(net.state_dict()) == ["fc.weight", "fc.bias"]


TIED = """
arch Tied(words: i64[B, T]) -> [B, T, 11] {
  shared table = embed.words: Embedding(11, 6)
  words -> table
  body: repeat 3 { Linear(6); tanh }
  out: Linear(11, bias=false, weight=table.weight)
}
"""


def test_tied_tensors_are_one() -> None:
    net = module(TIED)
    w = weights(net)
    assert net.get_parameter("out.weight") is net.get_parameter("embed.words.weight")
    assert sum(one.numel() for one in net.parameters()) == 11 * 6 + 3 * (36 + 6)
    words = torch.tensor([[1, 4, 10]])
    x = w["embed.words.weight"][words]
    for key in [key for key in w if key.startswith("body") and key.endswith("weight")]:
        x = torch.tanh(F.linear(x, w[key], w[key.replace("weight", "bias")]))
    torch.testing.assert_close(net(words), x @ w["embed.words.weight"].T)


PADDED = """
arch Padded(window: int = 4)(x: [B, T, 3]) -> out: [B, _, 3] {
  let n = ceil(T / window)
  head out { pad([0, 0, window, n*window - T]) }
}
"""


def test_a_rounded_size_is_written_with_the_configuration_it_is_made_of() -> None:
    space: dict[str, Any] = {"__name__": "padded"}
    exec(load(Source("net.arch", PADDED)).source(), space)
    x = torch.randn(2, 7, 3)
    for window, length in ((4, 12), (5, 15), (7, 14)):
        torch.testing.assert_close(space["Padded"](window=window)(x), F.pad(x, (0, 0, window, length - window - 7)))


PATCHES = """
arch Net(patch: int = 4, width: int = 6, size: int = 16)(image: [N, 3, size, size]) -> y: [N, width, _] {
  Conv2d(width, patch, stride=patch)
  flatten(2)
  Linear(dim(it, -1))
}
"""


def test_the_class_of_an_arch_takes_only_what_stays_open() -> None:
    """`size // 4` is no `size // patch`, since a kernel's size is fixed in the class."""
    spec = load(Source("net.arch", PATCHES))
    made: dict[str, Any] = {}
    exec(spec.source("Net"), made)
    assert made["Net"]()(torch.ones(2, 3, 16, 16)).shape == (2, 6, 16)
    assert made["Net"](width=5, size=8)(torch.ones(2, 3, 8, 8)).shape == (2, 5, 4)
