"""`std.vision` against torch modules with torchvision's names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archdsl
from archdsl.source import Source
from tests.std.building import agree, made, normal, same


def conv_norm(
    wide: int, out: int, kernel: int, stride: int = 1, groups: int = 1, act: nn.Module | None = None, dilation: int = 1
) -> nn.Sequential:
    """Keys 0 and 1, as torchvision's Conv2dNormActivation."""
    conv = nn.Conv2d(wide, out, kernel, stride, dilation * (kernel - 1) // 2, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), *([] if act is None else [act]))


class SqueezeExcite(nn.Module):
    def __init__(self, wide: int, hidden: int, act: nn.Module) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(wide, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, wide, 1)
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True)))))


class Residual(nn.Module):
    """The layers under a label of their own, with a skip where input and output are alike."""

    def __init__(self, label: str, layers: list[nn.Module], skip: bool) -> None:
        super().__init__()
        self.label, self.skip = label, skip
        setattr(self, label, nn.Sequential(*layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = getattr(self, self.label)(x)
        return x + y if self.skip else y


@pytest.mark.parametrize("kernel,stride,groups,dilation", [(3, 1, 1, 1), (1, 1, 2, 1), (5, 2, 4, 1), (3, 1, 1, 2), (4, 2, 1, 1)])
def test_conv_norm(kernel: int, stride: int, groups: int, dilation: int) -> None:
    said = f"_: ConvNorm(8, {kernel}, {stride}, {groups}, {dilation}, activation=silu)"
    module = made("std.vision { ConvNorm }", "(x: [N, 4, H, W])", said)
    agree(module, conv_norm(4, 8, kernel, stride, groups, nn.SiLU(), dilation), normal(2, 4, 9, 8))


def test_conv_norm_takes_another_norm() -> None:
    module = made("std.vision { ConvNorm }", "(x: [N, 4, H, W])", "_: ConvNorm(8, norm=GroupNorm(2))")
    agree(module, nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, bias=False), nn.GroupNorm(2, 8), nn.ReLU()), normal(2, 4, 5, 6))


def test_conv_linear() -> None:
    module = made("std.vision { ConvLinear }", "(x: [N, 4, H, W])", "_: ConvLinear(6, 3, stride=2, groups=2)")
    agree(module, conv_norm(4, 6, 3, 2, 2), normal(2, 4, 5, 6))


def test_separable() -> None:
    module = made("std.vision { SeparableConv }", "(x: [N, 4, H, W])", "_: SeparableConv(6, 5, stride=2)")
    layers = {"depthwise": conv_norm(4, 4, 5, 2, 4, nn.ReLU()), "pointwise": conv_norm(4, 6, 1, act=nn.ReLU())}
    reference = nn.Sequential()
    for name, one in layers.items():
        reference.add_module(name, one)
    agree(module, reference, normal(2, 4, 7, 6))


def test_squeeze_excite() -> None:
    module = made("std.vision { SqueezeExcite }", "(x: [N, 6, H, W])", "_: SqueezeExcite(3)")
    agree(module, SqueezeExcite(6, 3, nn.ReLU()), normal(2, 6, 5, 4))


@pytest.mark.parametrize("channels,stride,expand", [(4, 1, 6), (4, 2, 6), (6, 1, 3), (4, 1, 1)])
def test_inverted_residual(channels: int, stride: int, expand: int) -> None:
    module = made("std.vision { InvertedResidual }", "(x: [N, 4, H, W])", f"_: InvertedResidual({channels}, {stride}, {expand})")
    inner = 4 * expand
    layers = [] if expand == 1 else [conv_norm(4, inner, 1, act=nn.ReLU6())]
    layers += [
        conv_norm(inner, inner, 3, stride, inner, nn.ReLU6()),
        nn.Conv2d(inner, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]
    agree(module, Residual("conv", layers, stride == 1 and channels == 4), normal(2, 4, 7, 6))


@pytest.mark.parametrize("channels,kernel,stride,expand", [(8, 3, 1, 6), (8, 5, 2, 6), (6, 3, 1, 4), (8, 3, 1, 1)])
def test_mbconv(channels: int, kernel: int, stride: int, expand: int) -> None:
    module = made("std.vision { MBConv }", "(x: [N, 8, H, W])", f"_: MBConv({channels}, {kernel}, {stride}, {expand}, p=0.3)")
    inner = 8 * expand
    layers: list[nn.Module] = [] if expand == 1 else [conv_norm(8, inner, 1, act=nn.SiLU())]
    layers += [
        conv_norm(inner, inner, kernel, stride, inner, nn.SiLU()),
        SqueezeExcite(inner, 2, nn.SiLU()),
        conv_norm(inner, channels, 1),
    ]
    agree(module, Residual("block", layers, stride == 1 and channels == 8), normal(2, 8, 7, 6))


def test_mbconv_drops_whole_samples() -> None:
    module = made("std.vision { MBConv }", "(x: [N, 8, H, W])", "_: MBConv(8, p=0.5)").train()
    x = normal(64, 8, 4, 4)
    torch.manual_seed(0)
    alike = (module(x) == x).flatten(1).all(1).sum().item()
    assert 16 < alike < 48


def test_patches_stand_row_by_row() -> None:
    module = made("std.vision { PatchEmbed }", "(x: [N, 3, H, W])", "require H % 2 == 0 and W % 2 == 0; _: PatchEmbed(2, 5)")
    x = normal(2, 3, 4, 6)
    weight, bias = module.get_parameter("proj.weight"), module.get_parameter("proj.bias")
    rows = [torch.einsum("nchw,dchw->nd", x[:, :, i : i + 2, j : j + 2], weight) + bias for i in (0, 2) for j in (0, 2, 4)]
    same(module(x), torch.stack(rows, 1))


def divisible(v: float, d: int = 8) -> int:
    """The rule in words: the nearest multiple, halves upwards, at least `d`, one more where that loses over a tenth."""
    near = min(range(d, int(v) + 2 * d, d), key=lambda one: (abs(one - v), -one))
    return near if near >= 0.9 * v else near + d


def test_divisible() -> None:
    widths = [3, 8, 11, 12, 13, 16.0, 19.2, 22.4, 24 * 0.35, 32 * 1.4, 96 * 0.75, 1280 * 1.3]
    for v in widths:
        text = f"use std.vision {{ divisible }}\narch Under(x: [N, 1]) -> y: [N, {divisible(v)}] {{ Linear(divisible({v})) }}\n"
        assert archdsl.load(Source("test.arch", text)).check() == ()
