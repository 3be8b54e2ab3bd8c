"""Layers in a loop, recurrent ones as functions of their tensors, beside the layers themselves called step by step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archdsl.compiler import load
from archdsl.source import Source

Step = Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]]


def kernel(layer: nn.Module, a: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    out, h = layer(torch.stack([a, 2 * a], 1), h[None])
    return torch.tanh(h[0]), out[:, 1]


def memory(layer: nn.Module, a: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    out, (last, c) = layer(a[:, None], (h[None], torch.sin(h)[None]))
    return last[0] * c[0], out[:, 0]


def from_zeros(layer: nn.Module, a: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    h = torch.tanh(layer(torch.stack([a, h], 1))[0][:, 1])
    return h, h


def norm(layer: nn.Module, a: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    h = torch.tanh(layer(h + a) + a)
    return h, h


GIVEN = "o, s = (stack(a, 2 * a, axis=1), h[none]) -> L: {}\n    h = tanh(s[0])\n    yield o[:, 1]"
LAYERS: dict[str, tuple[str, Step, Callable[[], nn.Module]]] = {
    "GRU": (GIVEN.format("GRU(4, states=true)"), kernel, lambda: nn.GRU(4, 4, batch_first=True)),
    "RNN": (
        GIVEN.format('RNN(4, nonlinearity="relu", bias=false, states=true)'),
        kernel,
        lambda: nn.RNN(4, 4, nonlinearity="relu", bias=False, batch_first=True),
    ),
    "LSTM": (
        "o, s, c = (a[:, none], h[none], sin(h)[none]) -> L: LSTM(4, states=true)\n    h = s[0] * c[0]\n    yield o[:, 0]",
        memory,
        lambda: nn.LSTM(4, 4, batch_first=True),
    ),
    "LSTM from zeros": (
        "o = stack(a, h, axis=1) -> L: LSTM(4)\n    h = tanh(o[:, 1])\n    yield h",
        from_zeros,
        lambda: nn.LSTM(4, 4, batch_first=True),
    ),
    "LayerNorm": ("h = tanh((h + a -> L: LayerNorm(eps=1e-2)) + a)\n    yield h", norm, lambda: nn.LayerNorm(4, eps=1e-2)),
    "LayerNorm, no bias": (
        "h = tanh((h + a -> L: LayerNorm(bias=false)) + a)\n    yield h",
        norm,
        lambda: nn.LayerNorm(4, bias=False),
    ),
    "RMSNorm": ("h = tanh((h + a -> L: RMSNorm(eps=1e-2)) + a)\n    yield h", norm, lambda: nn.RMSNorm(4, eps=1e-2)),
    "GroupNorm": ("h = tanh((h + a -> L: GroupNorm(2)) + a)\n    yield h", norm, lambda: nn.GroupNorm(2, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_in_a_loop(name: str) -> None:
    body, step, make = LAYERS[name]
    text = (
        f"arch A(x: [B, T, 4]) -> y: [B, T, 4] {{\n  scan a in x over axis 1 {{\n    carry h = ones(B, 4)\n    {body}\n  }}\n}}"
    )
    spec = load(Source("<body>", text))
    net, plain, layer = spec.build(dtype="f64"), spec.build(dtype="f64", scan="loop"), make().double()
    with torch.no_grad():
        for one in layer.parameters():
            one.normal_()
    calls = []
    for one in (net, plain):
        one.get_submodule("L").load_state_dict(layer.state_dict())
        one.get_submodule("L").register_forward_hook(lambda *_, one=one: calls.append(one))
    for length in (1, 5):
        x = torch.randn(3, length, 4, dtype=torch.float64).requires_grad_()
        h, steps = x.new_ones(3, 4), []
        for a in x.unbind(1):
            h, y = step(layer, a, h)
            steps.append(y)
        wanted = torch.autograd.grad(torch.stack(steps, 1).square().sum(), [x, *layer.parameters()], retain_graph=True)
        for one in (net, plain):
            made = one(x)
            torch.testing.assert_close(made, torch.stack(steps, 1), rtol=1e-9, atol=1e-9)
            grads = torch.autograd.grad(made.square().sum(), [x, *one.parameters()])
            for a, b in zip(grads, wanted, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)
    assert calls.count(plain) == 6  # the form that was asked for calls its layers
    assert calls.count(net) == (6 if "Norm" in name else 0)
    assert net(x[:, :0]).shape == (3, 0, 4)


def test_layers_that_are_no_one_kernel_stay_layers() -> None:
    text = """arch A(x: [B, T, 4]) -> y: [B, T, 4] {
  scan a in x over axis 1 {
    carry h = ones(2, B, 4)
    o, h = (a[:, none], h) -> L: GRU(4, num_layers=2, states=true)
    h = tanh(h)
    yield o[:, 0]
  }
}"""
    source = load(Source("<body>", text)).source()
    assert "self.L(" in source
    assert "gru_scan" not in source
