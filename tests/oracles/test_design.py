"""Design edits of the zoo against torchvision's networks with their modules exchanged by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import tests.oracles.torchvision_cpu  # noqa: F401  (first)
from archdsl import design
from archdsl.ir.graph import Graph
from tests.oracles.living import randomise, spec

from torchvision import models  # isort: skip

pytestmark = pytest.mark.oracle


def each(module: nn.Module, kind: type[nn.Module], make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Every module of a kind exchanged for another."""
    for name, one in module.named_children():
        if isinstance(one, kind):
            setattr(module, name, make(one))
        else:
            each(one, kind, make)
    return module


def without_skips(module: nn.Module) -> nn.Module:
    """Blocks without their identity: what is added is zero."""
    for one in module.modules():
        if isinstance(one, models.resnet.BasicBlock):
            one.downsample = nn.Sequential(nn.Identity(), Zero(one.stride))
    return module


class Zero(nn.Module):
    """Zeros as small as the block's result, whose channels broadcast."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x[:, :1, :: self.stride, :: self.stride]


def separated(conv: nn.Module) -> nn.Module:
    assert isinstance(conv, nn.Conv2d)
    if conv.kernel_size == (1, 1):
        return conv
    made = nn.Sequential()
    depthwise = nn.Conv2d(conv.in_channels, conv.in_channels, conv.kernel_size, conv.stride, conv.padding,
                          groups=conv.in_channels, bias=False)  # fmt: skip
    made.add_module("depthwise", depthwise)
    made.add_module("pointwise", nn.Conv2d(conv.in_channels, conv.out_channels, 1, bias=False))
    return made


EDITS: dict[str, tuple[Callable[[Graph], Graph], Callable[[], nn.Module]]] = {
    "group norm": (
        lambda g: design.swap(g, "BatchNorm2d", "GroupNorm(32)"),
        lambda: models.resnet18(norm_layer=lambda width: nn.GroupNorm(32, width)),
    ),
    "gelu": (lambda g: design.swap(g, "relu", "gelu"), lambda: each(models.resnet18(), nn.ReLU, lambda _: nn.GELU())),
    "no skips": (design.without_skips, lambda: without_skips(models.resnet18())),
    "separable": (design.separable, lambda: each(models.resnet18(), nn.Conv2d, separated)),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_resnet_is_torchvisions_with_its_modules_exchanged(what: str) -> None:
    edit, reference = EDITS[what]
    theirs = randomise(reference().double()).eval()
    zoo = spec("resnet")
    ours = zoo.build(edit(zoo.graph("ResNet18")), weights=theirs.state_dict(), dtype=torch.float64).eval()
    x = torch.randn(1, 3, 48, 64, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-9, atol=1e-9)


def test_torchvisions_efficientnet_grows_into_the_next_one() -> None:
    zoo = spec("efficientnet")
    theirs = randomise(models.efficientnet_b0().double()).eval()
    made = design.grow(zoo.graph("EfficientNetB0"), zoo.graph("EfficientNetB2"), theirs.state_dict())
    wide = models.efficientnet_b2().double().eval()
    wide.load_state_dict(dict(made.state))
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        wanted = theirs(x)
        assert (wide(x) - wanted).abs().max() <= 1e-12 * wanted.abs().max()


def test_torchvisions_resnet_grows_deeper_and_wider() -> None:
    zoo = spec("resnet")
    theirs = randomise(models.resnet18()).eval()
    made = design.grow(zoo.graph("ResNet18"), zoo.graph("ResNet34"), theirs.state_dict())
    deep = models.resnet34().eval()
    deep.load_state_dict(dict(made.state))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted = theirs(x)
        assert (deep(x) - wanted).abs().max() <= 1e-6 * wanted.abs().max()
