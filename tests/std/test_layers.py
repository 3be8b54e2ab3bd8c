"""`std.layers` against the equations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

import archdsl
from archdsl.source import Source
from tests.std.building import agree, made, normal, same


def test_layer_norm_over_channels() -> None:
    module = made("std.layers { LayerNorm2d }", "(x: [N, 5, H, W])", "_: LayerNorm2d(eps=1e-3)")
    x = normal(2, 5, 3, 4)
    mean, var = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
    scale, shift = (module.get_parameter(name)[:, None, None] for name in ("weight", "bias"))
    same(module(x), (x - mean) / (var + 1e-3).sqrt() * scale + shift)


def test_layer_scale() -> None:
    module = made("std.layers { LayerScale }", "(x: [B, T, 6])", "_: LayerScale")
    x = normal(2, 3, 6)
    same(module(x), x * module.get_parameter("gamma"))


def test_layer_scale_starts_small() -> None:
    text = "use std.layers { LayerScale }\narch Under(x: [B, 6]) { _: LayerScale(0.25) }\n"
    gamma = archdsl.load(Source("test.arch", text)).build().get_parameter("gamma")
    assert gamma.tolist() == [0.25] * 6


class GatedLinear(torch.nn.Module):
    def __init__(self, activation: Callable[[torch.Tensor], torch.Tensor], bias: bool) -> None:
        super().__init__()
        self.proj = torch.nn.Linear(4, 6, bias=bias)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = self.proj(x)
        return both[..., :3] * self.activation(both[..., 3:])


@pytest.mark.parametrize("word", ["gelu", "sigmoid", "silu"])
def test_gated_linear(word: str) -> None:
    for bias in (False, True):
        module = made("std.layers { GatedLinear }", "(x: [B, T, 4])", f"_: GatedLinear(3, {word}, bias={str(bias).lower()})")
        activation = {"gelu": F.gelu, "sigmoid": torch.sigmoid, "silu": F.silu}[word]
        agree(module, GatedLinear(activation, bias), normal(2, 5, 4))


def test_global_response_norm() -> None:
    module = made("std.layers { GlobalResponseNorm }", "(x: [N, H, W, 3])", "_: GlobalResponseNorm")
    x = normal(2, 4, 5, 3)
    scale, shift = (module.get_parameter(name) for name in ("weight", "bias"))
    expected = torch.empty_like(x)
    for n in range(2):  # as the paper writes it, image by image
        size = torch.stack([x[n, :, :, c].norm() for c in range(3)])
        expected[n] = scale * (x[n] * (size / (size.mean() + 1e-6))) + shift + x[n]
    same(module(x), expected)
