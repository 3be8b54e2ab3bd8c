"""Parameters, MACs and state-dict keys at full size are those of the zoo's table."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from archdsl.analyses.cost import macs, parameters
from archdsl.dims.dim import Dim
from tests.oracles.comparing import same_keys
from tests.oracles.living import ROOT, build, spec

pytestmark = pytest.mark.oracle
ZOO = ROOT / "tests/data/zoo"

IMAGE = {"N": 1, "H": 224, "W": 224}
# id of the zoo: file, arch, what its dimensions are there
ROWS: dict[str, tuple[str, str, dict[str, int]]] = {
    "mlp_seed": ("mlp", "MLP", {"B": 1}),
    "lenet5_modern": ("lenet", "LeNet5", {"N": 1}),
    "lenet_like": ("lenet", "LeNetLike", {"N": 1}),
    "alexnet": ("alexnet", "AlexNet", IMAGE),
    "alexnet_2012": ("alexnet", "AlexNet2012", {"N": 1}),
    "vgg11": ("vgg", "VGG11", IMAGE),
    "vgg13": ("vgg", "VGG13", IMAGE),
    "vgg16": ("vgg", "VGG16", IMAGE),
    "vgg16_bn": ("vgg", "VGG16BN", IMAGE),
    "vgg19": ("vgg", "VGG19", IMAGE),
    "resnet18": ("resnet", "ResNet18", IMAGE),
    "resnet34": ("resnet", "ResNet34", IMAGE),
    "resnet50": ("resnet", "ResNet50", IMAGE),
    "resnet101": ("resnet", "ResNet101", IMAGE),
    "resnet152": ("resnet", "ResNet152", IMAGE),
    "resnext50_32x4d": ("resnet", "ResNeXt50", IMAGE),
    "resnext101_32x8d": ("resnet", "ResNeXt101", IMAGE),
    "wide_resnet50_2": ("resnet", "WideResNet50", IMAGE),
    "wide_resnet101_2": ("resnet", "WideResNet101", IMAGE),
    "mobilenet_v2": ("mobilenet_v2", "MobileNetV2", IMAGE),
    "vit_b_16": ("vit", "ViTB16", {"N": 1}),
    "vit_b_32": ("vit", "ViTB32", {"N": 1}),
    "vit_l_16": ("vit", "ViTL16", {"N": 1}),
    "gpt2": ("gpt2", "GPT2", {"B": 1, "T": 1024}),
    "gpt2_medium": ("gpt2", "GPT2Medium", {"B": 1, "T": 1024}),
    "gpt2_large": ("gpt2", "GPT2Large", {"B": 1, "T": 1024}),
    "gpt2_xl": ("gpt2", "GPT2XL", {"B": 1, "T": 1024}),
    "bert_base": ("bert", "BertBase", {"B": 1, "T": 512}),
    "bert_large": ("bert", "BertLarge", {"B": 1, "T": 512}),
    "mamba_130m": ("examples/mamba", "Mamba", {"B": 1, "T": 64}),
    "rwkv4_169m": ("examples/rwkv4", "RWKV", {"B": 1, "T": 64}),
    "ntm": ("examples/ntm", "NTM", {"B": 1, "T": 6}),
    "t5_small": ("examples/t5", "T5", {"B": 1, "S": 512, "T": 512}),
    "t5_base": ("examples/t5", "T5Base", {"B": 1, "S": 512, "T": 512}),
    "stable_diffusion_unet": ("sd_unet", "UNet2DCondition", {"N": 1, "H": 64, "W": 64, "S": 77}),
}
# What the table's counter did not see: NTM's reference writes three products with the memory as sums of elementwise products, the
# example as einsums: 3 in each of 6 steps, 128 slots of 20.
UNSEEN = {"ntm": 3 * 6 * 128 * 20}
EXAMPLES = {
    "gpt2": ("examples/gpt2", "GPT2"),
    "gpt2_xl": ("examples/gpt2", "GPT2XL"),
    "mobilenet_v2": ("examples/mobilenet_v2", "MobileNetV2"),
    "resnet18": ("examples/resnet", "ResNet18"),
    "resnet50": ("examples/resnet", "ResNet50"),
    "resnext50_32x4d": ("examples/resnet", "ResNeXt50"),
    "stable_diffusion_unet": ("examples/sd_unet", "UNet2DCondition"),
}


@cache
def zoo() -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in json.loads((ZOO / "zoo.json").read_text())}


def keys(identity: str) -> dict[str, tuple[int, ...]]:
    """Every key with its shape; a scalar's shape is empty in the table."""
    rows = [line.split("\t") for line in (ZOO / "keys" / f"{identity}.txt").read_text().splitlines() if line]
    return {name: tuple(int(one) for one in shape.split("x") if one.isdigit()) for name, shape, *_ in rows}


@pytest.mark.parametrize("identity", ROWS)
def test_the_parameters_are_those_of_the_zoo(identity: str) -> None:
    file, arch, _ = ROWS[identity]
    assert parameters(spec(file).graph(arch)) == zoo()[identity]["params"]


@pytest.mark.parametrize("identity", ROWS)
def test_the_macs_are_those_of_the_zoo(identity: str) -> None:
    file, arch, bound = ROWS[identity]
    counted = macs(spec(file).graph(arch))
    assert (counted.evaluate(bound) if isinstance(counted, Dim) else counted) == zoo()[identity]["macs"] + UNSEEN.get(identity, 0)


@pytest.mark.parametrize("identity", ROWS)
def test_the_keys_are_those_of_the_zoo(identity: str) -> None:
    file, arch, _ = ROWS[identity]
    made = build(file, arch, device="meta")
    same_keys(made, keys(identity))
    assert [name for name, tensor in made.state_dict().items() if not tensor.is_meta] == []


@pytest.mark.parametrize("identity", EXAMPLES)
def test_the_keys_of_the_examples_are_those_of_the_zoo(identity: str) -> None:
    file, arch = EXAMPLES[identity]
    same_keys(build(file, arch, device="meta"), keys(identity))
