"""Variants of the zoo against libraries that can be told to build the same: keys, outputs, gradients, running statistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

import archdsl
from tests.oracles.cases import TINY_BERT, bert, call_bert, image, sentences
from tests.oracles.comparing import Pair, agree_in_float64
from tests.oracles.living import ROOT, quiet, randomise

from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet  # isort: skip

pytestmark = pytest.mark.oracle

Change = Callable[[ResNet], None]


class Straight(BasicBlock):
    """A block without its shortcut."""

    def __init__(self, *args: object, **config: object) -> None:
        super().__init__(*args, **config)
        self.downsample = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class Squashed(BasicBlock):
    """A block whose second convolution is followed by tanh, before its norm."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(torch.tanh(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def small(block: type = BasicBlock, change: Change | None = None, **config: object) -> nn.Module:
    made = ResNet(block, [1, 2, 1, 1], num_classes=7, **config)
    if change is not None:
        change(made)
    return made


def each(kind: type, make: Callable[..., nn.Module], within: str = "") -> Change:
    """Another module in place of each of a kind whose name begins so."""

    def change(module: ResNet) -> None:
        for name, one in list(module.named_modules()):
            if isinstance(one, kind) and name.startswith(within):
                parent, _, leaf = name.rpartition(".")
                setattr(module.get_submodule(parent), leaf, make(one))

    return change


def grouped(module: ResNet) -> None:
    module.layer2[1].conv2 = nn.Conv2d(128, 128, 3, padding=1, groups=4, bias=False)
    each(nn.ReLU, lambda _: nn.Hardswish(), "layer1")(module)


def longer(module: ResNet) -> None:
    module.fc = nn.Sequential()
    module.fc.more, module.fc.last = nn.Linear(512, 16), nn.Linear(16, 7)


def thinner(module: ResNet) -> None:
    module.bn1 = nn.Identity()
    each(nn.ReLU, lambda _: nn.Identity(), "layer3")(module)


def momentum(one: nn.BatchNorm2d) -> nn.Module:
    return nn.BatchNorm2d(one.num_features, eps=1e-3, momentum=0.2)


RESNETS: list[tuple[str, Callable[[], nn.Module]]] = [
    ("replace BatchNorm2d with GroupNorm(8)", lambda: small(norm_layer=partial(nn.GroupNorm, 8))),
    ("unwrap [skip]", lambda: small(Straight)),
    ("insert after *.*.conv2 { tanh }", lambda: small(Squashed)),
    ("replace relu with silu", lambda: small(change=each(nn.ReLU, lambda _: nn.SiLU()))),
    ("set momentum = 0.2, eps = 1e-3 for BatchNorm2d in layer2", lambda: small(change=each(nn.BatchNorm2d, momentum, "layer2"))),
    ("set groups = 4 for layer2.1.conv2\nreplace relu in layer1 with hardswish", lambda: small(change=grouped)),
    ("replace max_pool2d with avg_pool2d(3, stride=2, padding=1)",
     lambda: small(change=lambda one: setattr(one, "maxpool", nn.AvgPool2d(3, 2, 1)))),
    ("replace fc with { more: Linear(16); last: Linear(7) }", lambda: small(change=longer)),
    ("replace bn1 with Identity\nremove relu in layer3", lambda: small(change=thinner)),
]  # fmt: skip


def variant(folder: Path, file: str, base: str, edits: str) -> archdsl.Spec:
    (folder / file).write_text((ROOT / "specs" / file).read_text())
    (folder / "net.arch").write_text(f'use "./{file}" {{ {base} }}\nvariant Net of {base} {{\n{edits}\n}}\n')
    return archdsl.load(folder / "net.arch")


@pytest.mark.parametrize(("edits", "theirs"), RESNETS, ids=[edits.replace("\n", "; ") for edits, _ in RESNETS])
def test_resnets(edits: str, theirs: Callable[[], nn.Module], tmp_path: Path) -> None:
    spec = variant(tmp_path, "resnet.arch", "ResNet18", f"set depths = [1, 2, 1, 1], classes = 7\n{edits}")
    agree_in_float64(Pair(spec.build("Net"), randomise(theirs())), image(37)(3))


@pytest.mark.parametrize("config", [{"base": 128}, {"groups": 2, "base": 32}])
def test_configuration_of_a_layer_that_is_configuration(config: dict[str, int], tmp_path: Path) -> None:
    given = ", ".join(f"{name}={value}" for name, value in config.items())
    spec = variant(tmp_path, "resnet.arch", "ResNet50", f"set unit = unit({given}), depths = [1, 2, 1, 1], classes = 7")
    ours = spec.build("Net", device="meta").state_dict()
    with torch.device("meta"):
        theirs = small(Bottleneck, width_per_group=config["base"], groups=config.get("groups", 1)).state_dict()
    assert {name: one.shape for name, one in ours.items()} == {name: one.shape for name, one in theirs.items()}


@pytest.mark.parametrize(
    ("edits", "config"),
    [("replace gelu with relu", {"hidden_act": "relu"}), ("set eps = 1e-3 for LayerNorm", {"layer_norm_eps": 1e-3})],
)
def test_bert(edits: str, config: dict[str, object], tmp_path: Path) -> None:
    tiny = "set vocab = 19, width = 16, depth = 2, heads = 2, hidden = 24, positions = 16, p = 0.0"
    ours = variant(tmp_path, "bert.arch", "BertBase", f"{tiny}\n{edits}").build("Net")
    theirs = bert(**{**TINY_BERT, **config})()
    agree_in_float64(Pair(quiet(ours), quiet(randomise(theirs)), call_bert), sentences(6, 19)(3))
