"""The vision networks of the zoo that torchvision has and no course prints: which spec each is, how a tiny one is made."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from tests.oracles import torchvision_cpu  # noqa: F401  before torchvision
from tests.oracles.vision_cases import ONE, TEN, Vision, image

from torchvision import models  # isort: skip
from torchvision.models.convnext import CNBlockConfig  # isort: skip


def convnext(which: str, tiny: Callable[[], nn.Module] | None = None) -> Vision:
    config = {"widths": [8, 16, 24, 32], "depths": [1, 2, 1, 1], "drop": 0.0, **TEN}
    return Vision(f"convnext_{which}", "convnext", f"ConvNeXt{which.title()}", image(224), tiny, config)


def tiny_convnext() -> nn.Module:
    stages = [CNBlockConfig(8, 16, 1), CNBlockConfig(16, 24, 2), CNBlockConfig(24, 32, 1), CNBlockConfig(32, None, 1)]
    return models.ConvNeXt(stages, num_classes=10)


def shufflenet(which: str, arch: str, tiny: Callable[[], nn.Module] | None = None) -> Vision:
    config = {"depths": [2, 3, 2], "widths": [8, 16, 24, 32, 40], **TEN}
    return Vision(f"shufflenet_v2_x{which}", "shufflenet_v2", f"ShuffleNetV2{arch}", image(224), tiny, config)


def regnet(which: str, held: bool = False) -> Vision:
    """One of the family; the ones `held` are compared in float64, with and without gates."""
    name = f"regnet_{which}"
    arch = "RegNet" + which.upper().replace("1_6GF", "1600MF").replace("_", "")

    def tiny() -> nn.Module:
        with torch.device("cpu"):  # it reads its widths off a tensor
            return getattr(models, name)(num_classes=10)

    return Vision(name, "regnet", arch, image(224), tiny if held else None, TEN)


def tiny_maxvit() -> nn.Module:
    return models.MaxVit((32, 32), 16, 4, [16, 32], [1, 2], 8, 0.0, num_classes=10)


CASES = [
    convnext("tiny", tiny_convnext),
    convnext("small"),
    convnext("base"),
    convnext("large"),
    Vision("squeezenet1_0", "squeezenet", "SqueezeNet10", image(224), lambda: models.squeezenet1_0(num_classes=10), TEN),
    Vision("squeezenet1_1", "squeezenet", "SqueezeNet11", image(224), lambda: models.squeezenet1_1(num_classes=10), TEN),
    shufflenet("0_5", "Half"),
    shufflenet("1_0", "One", lambda: models.ShuffleNetV2([2, 3, 2], [8, 16, 24, 32, 40], num_classes=10)),
    shufflenet("1_5", "OneAndHalf"),
    shufflenet("2_0", "Two"),
    regnet("y_400mf", True),
    regnet("y_1_6gf"),
    regnet("y_8gf"),
    regnet("y_32gf"),
    regnet("x_400mf", True),
    regnet("x_8gf"),
    Vision(
        "maxvit_t",
        "maxvit",
        "MaxViTT",
        ONE,
        tiny_maxvit,
        {"stem": 16, "widths": [16, 32], "depths": [1, 2], "width": 8, "window": 4, "size": 32, **TEN},
        (2, 3, 32, 32),
    ),
]
