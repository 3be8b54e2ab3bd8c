"""The zoo's vision architectures: which spec each is, at which sizes its MACs are, how a tiny one of the reference is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tests.oracles import autoencoders_by_hand as autoencoders
from tests.oracles import course_by_hand as course
from tests.oracles import torchvision_cpu  # noqa: F401  before torchvision and timm
from tests.oracles import vision_by_hand as hand
from tests.oracles.comparing import Call, Inputs, call_plain

import timm  # isort: skip
from torchvision import models  # isort: skip


@dataclass(frozen=True)
class Vision:
    """One row of the zoo. `tiny` makes the reference that `config` makes ours equal to; without it, counts and keys are held."""

    name: str
    file: str
    arch: str
    sizes: dict[str, int]
    tiny: Callable[[], nn.Module] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (2, 3, 64, 64)
    input: str = "image"
    call: Call = call_plain

    def inputs(self) -> Inputs:
        """Images in float32, of a seed of their own; `input` may name several inputs of the same shape."""
        draw = torch.Generator().manual_seed(5)
        return {name: torch.randn(self.shape, generator=draw) for name in self.input.split()}


def image(size: int) -> dict[str, int]:
    """One square image."""
    return {"N": 1, "H": size, "W": size}


ONE = {"N": 1}
TEN = {"classes": 10}
SMALL = (2, 3, 16, 16)


def in_timm(name: str, **config: Any) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, **config)


def efficientnet(which: str, size: int, held: bool = False) -> Vision:
    """One of the family; the ones `held` are compared in float64, which tells the norms' eps apart."""
    name = f"efficientnet_{which}"
    arch = "EfficientNet" + which.upper().replace("_", "")

    def tiny() -> nn.Module:
        return getattr(models, name)(num_classes=10, stochastic_depth_prob=0.0)

    return Vision(name, "efficientnet", arch, image(size), tiny if held else None, {"drop": 0.0, **TEN})


def course_resnet(which: str, unit: type, depths: list[int]) -> Vision:
    """torchvision's, with the names of the course."""

    def tiny() -> nn.Module:
        return course.renamed(models.ResNet(unit, depths, num_classes=10))

    return Vision(f"class_resnet{which}", "small_cnns", f"CourseResNet{which}", image(224), tiny, {"depths": depths, **TEN})


def swin(which: str, size: int = 0) -> Vision:
    """One of the family; with a size, two stages for images of that size are compared."""

    def tiny() -> nn.Module:
        return models.SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], stochastic_depth_prob=0.0, num_classes=10)

    config = {"width": 16, "depths": [2, 2], "heads": [2, 4], "window": 4, "size": size, "drop": 0.0, **TEN}
    return Vision(f"swin_{which}", "swin", f"Swin{which.upper()}", ONE, tiny if size else None, config, (2, 3, size, size))


CASES = [
    Vision("lenet5_1998", "lenet_1998", "LeNet5_1998", ONE, hand.LeNet1998, {}, (2, 1, 32, 32)),
    Vision("class_simplecnn", "small_cnns", "SimpleCNN", image(224), lambda: course.SimpleCNN(4), {"width": 4}),
    Vision(
        "class_moderncnn", "small_cnns", "ModernCNN", image(32), lambda: course.ModernCNN(4, 6), {"width": 4, "hidden": 6}, SMALL
    ),
    Vision(
        "class_vgg16",
        "small_cnns",
        "CourseVGG16",
        ONE,
        lambda: course.VGG16([4, 4, 6, 6, 8], 12),
        {"widths": [4, 4, 6, 6, 8], "hidden": 12, **TEN},
        (2, 3, 224, 224),
    ),
    course_resnet("18", models.resnet.BasicBlock, [1, 2, 1, 1]),
    course_resnet("50", models.resnet.Bottleneck, [1, 2, 1, 1]),
    Vision("class_residualblock", "small_cnns", "ResidualBlock", image(32), course.ResidualBlock, {}, (2, 64, 8, 8), "x"),
    Vision("class_seblock", "small_cnns", "SEBlock", image(8), lambda: course.SEBlock(64), {}, (2, 64, 5, 5), "x"),
    Vision("class_mbconv_noexpand", "small_cnns", "MBConvNoExpand", image(14), course.MBConv, {}, (2, 32, 7, 7), "x"),
    Vision("class_inception_module", "small_cnns", "InceptionModule", image(28), course.Inception, {}, (2, 192, 6, 6), "x"),
    Vision(
        "class_mha",
        "small_cnns",
        "CourseAttention",
        {"B": 1, "T": 16, "S": 16},
        lambda: course.Attention(12, 3),
        {"D": 12, "heads": 3},
        (2, 5, 12),
        "query key value",
    ),
    Vision(
        "resnet_cifar",
        "resnet_cifar",
        "ResNetCIFAR",
        image(32),
        lambda: hand.ResNetCIFAR(8, 4),
        {"depth": 8, "width": 4},
        SMALL,
    ),
    Vision(
        "preact_resnet_cifar",
        "resnet_cifar",
        "PreActResNetCIFAR",
        image(32),
        lambda: hand.PreActCIFAR(11, 4),
        {"depth": 11, "width": 4},
        SMALL,
    ),
    Vision(
        "wrn_28_10",
        "resnet_cifar",
        "WideResNetCIFAR",
        image(32),
        lambda: hand.WideCIFAR(10, 1),
        {"depth": 10, "wider": 1},
        SMALL,
    ),
    Vision(
        "preact_resnet50",
        "preact_resnet",
        "PreActResNet50",
        image(224),
        in_timm("resnetv2_50", layers=[1, 2, 1, 1], num_classes=10),
        {"depths": [1, 2, 1, 1], **TEN},
    ),
    Vision(
        "se_resnet50",
        "se_resnet",
        "SEResNet50",
        image(224),
        in_timm("seresnet50", layers=[1, 2, 1, 1], num_classes=10),
        {"depths": [1, 2, 1, 1], **TEN},
    ),
    Vision("se_block", "se_resnet", "SEBlock", image(8), lambda: hand.SEBlock(8, 4), {"C": 8, "reduction": 4}, (2, 8, 5, 5), "x"),
    Vision(
        "timm_resnet50",
        "resnet",
        "ResNet50",
        image(224),
        in_timm("resnet50", layers=[1, 1, 1, 1], num_classes=10),
        {"depths": [1, 1, 1, 1], **TEN},
    ),
    Vision(
        "densenet121",
        "densenet",
        "DenseNet121",
        image(224),
        lambda: models.DenseNet(8, (2, 3, 2, 2), 16, 4, num_classes=10),
        {"growth": 8, "depths": [2, 3, 2, 2], "stem": 16, **TEN},
    ),
    Vision("timm_densenet121", "densenet", "DenseNet121", image(224), in_timm("densenet121", num_classes=10), TEN),
    Vision("densenet161", "densenet", "DenseNet161", image(224)),
    Vision("densenet169", "densenet", "DenseNet169", image(224)),
    Vision("densenet201", "densenet", "DenseNet201", image(224)),
    Vision("mobilenet_v1", "mobilenet_v1", "MobileNetV1", image(224), in_timm("mobilenetv1_100", num_classes=10), TEN),
    Vision(
        "googlenet_2014",
        "googlenet",
        "GoogLeNet2014",
        image(224),
        lambda: hand.GoogLeNet2014(4, 10),
        {"shrink": 4, **TEN},
    ),
    Vision(
        "googlenet",
        "googlenet",
        "GoogLeNet",
        image(224),
        lambda: models.GoogLeNet(10, aux_logits=False, init_weights=False),
        TEN,
        (2, 3, 96, 96),
    ),
    Vision(
        "googlenet_aux",
        "googlenet",
        "GoogLeNetAux",
        image(224),
        lambda: models.GoogLeNet(10, init_weights=False),
        TEN,
        (2, 3, 96, 96),
    ),
    Vision(
        "inception_v3",
        "inception_v3",
        "InceptionV3",
        image(299),
        lambda: models.Inception3(10, init_weights=False),
        TEN,
        (2, 3, 299, 299),
    ),
    Vision(
        "inception_v3_noaux",
        "inception_v3",
        "InceptionV3NoAux",
        image(299),
        in_timm("inception_v3", num_classes=10),
        TEN,
        (2, 3, 96, 96),
    ),
    Vision(
        "mobilenet_v3_large",
        "mobilenet_v3",
        "MobileNetV3Large",
        image(224),
        lambda: models.mobilenet_v3_large(num_classes=10),
        TEN,
    ),
    Vision(
        "mobilenet_v3_small",
        "mobilenet_v3",
        "MobileNetV3Small",
        image(224),
        lambda: models.mobilenet_v3_small(num_classes=10),
        TEN,
    ),
    efficientnet("b0", 224, True),
    efficientnet("b1", 240),
    efficientnet("b2", 288),
    efficientnet("b3", 300),
    efficientnet("b4", 380),
    efficientnet("b5", 456),
    efficientnet("b6", 528),
    efficientnet("b7", 600),
    efficientnet("v2_s", 384, True),
    efficientnet("v2_m", 480),
    efficientnet("v2_l", 480),
    swin("t", 64),
    swin("s", 44),  # padded windows, an odd map to merge
    swin("b"),
    Vision(
        "dalle_dvae_encoder",
        "dalle_dvae",
        "DVAEEncoder",
        image(256),
        lambda: autoencoders.DVAE(False),
        {"width": 8, "groups": 2, "depth": 1, "words": 11},
        (2, 3, 8, 8),
    ),
    Vision(
        "dalle_dvae_decoder",
        "dalle_dvae",
        "DVAEDecoder",
        image(32),
        lambda: autoencoders.DVAE(True),
        {"width": 8, "groups": 2, "depth": 1, "stem": 6, "vocabulary": 11},
        (2, 11, 5, 5),
        "words",
    ),
    Vision(
        "stable_diffusion_vae",
        "sd_vae",
        "SDVAE",
        image(256),
        autoencoders.SDVAE,
        {"widths": [32, 64], "depth": 1, "latent": 2},
        (2, 3, 12, 12),
        "sample",
    ),
]
