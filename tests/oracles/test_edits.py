"""Edited designs beside torchvision's networks edited by hand: the same keys, values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archdsl
import tests.oracles.torchvision_cpu  # noqa: F401  (first)
from archdsl.ir.graph import Graph
from tests.oracles.comparing import Pair, agree_in_float64

from torchvision.models import ResNet, resnet18, resnet50  # isort: skip

pytestmark = pytest.mark.oracle
SPECS = Path(__file__).parents[2] / "specs"


def swapped(module: nn.Module, old: type[nn.Module], new: Callable[[nn.Module], nn.Module]) -> None:
    for name, child in module.named_children():
        if isinstance(child, old):
            setattr(module, name, new(child))
        else:
            swapped(child, old, new)


class Gates(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


def gelu(net: ResNet) -> None:
    swapped(net, nn.ReLU, lambda _: nn.GELU())


def norms(net: ResNet) -> None:
    swapped(net, nn.BatchNorm2d, lambda one: nn.GroupNorm(8, one.num_features))


def one_block(net: ResNet) -> None:
    net.layer2[1].relu = nn.Tanh()
    net.layer2[1].bn2 = nn.Identity()


def no_bends(net: ResNet) -> None:
    swapped(net, nn.ReLU, lambda _: nn.Identity())


def gated(net: ResNet) -> None:
    net.layer1 = nn.Sequential(*net.layer1, Gates())
    net.avgpool = nn.Sequential(nn.Sigmoid(), net.avgpool)


def in_groups(net: ResNet) -> None:
    for stage in (net.layer3, net.layer4):
        for block in stage:
            old = block.conv2
            block.conv2 = nn.Conv2d(old.in_channels, old.out_channels, 3, old.stride, 1, groups=4, bias=True)


class Doubled(nn.Module):
    """A residual around a residual."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        for name, child in inner.named_children():
            setattr(self, name, child)
        self.inner = [inner]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner[0](x)


def around(net: ResNet) -> None:
    net.layer2[1] = Doubled(net.layer2[1])


CASES: dict[str, tuple[Callable[[Graph], Graph], Callable[[ResNet], None]]] = {
    "gelu": (lambda net: net.select("relu").replace("gelu"), gelu),
    "norms": (lambda net: net.select(layer="BatchNorm2d").replace("GroupNorm(8)"), norms),
    "one block": (
        lambda net: net.select("layer2.1.relu").replace("tanh").select("layer2.1.bn2").remove(),
        one_block,
    ),
    "no bends": (lambda net: net.select("relu").remove(), no_bends),
    "gated": (
        lambda net: (
            net.select("layer1").insert_after("mul(it, sigmoid(it))").select("adaptive_avg_pool2d").insert_before("sigmoid")
        ),
        gated,
    ),
    "in groups": (lambda net: net.select("layer3.*.conv2 | layer4.*.conv2").set(groups=4, bias=True), in_groups),
    "around": (lambda net: net.select("layer2.1").wrap("skip"), around),
}


@pytest.mark.parametrize("case", CASES)
def test_an_edited_resnet(case: str) -> None:
    edit, by_hand = CASES[case]
    spec = archdsl.load(SPECS / "resnet.arch")
    graph = edit(spec.graph("ResNet18"))
    torch.manual_seed(0)
    theirs = resnet18()
    by_hand(theirs)
    ours = spec.build(graph)
    agree_in_float64(Pair(ours, theirs), {"image": torch.randn(2, 3, 40, 40)})


def test_a_deep_resnet_with_gelu_has_torchvisions_keys() -> None:
    spec = archdsl.load(SPECS / "resnet.arch")
    graph = spec.graph("ResNet50").select("relu").replace("gelu")
    torch.manual_seed(0)
    theirs = resnet50()
    gelu(theirs)
    agree_in_float64(Pair(spec.build(graph), theirs), {"image": torch.randn(1, 3, 33, 33)})
