"""Rows of the zoo for the classics that have no library's reference, and for depths that only counts would hold otherwise."""

from __future__ import annotations

from tests.oracles import classics_by_hand as classics
from tests.oracles.cases import resnet, vgg
from tests.oracles.vision_cases import ONE, TEN, Vision, image

from torchvision import models  # isort: skip

FLAT = {"B": 1}
DEEPER = [
    resnet("resnet101", "ResNet101", models.resnet101, models.resnet.Bottleneck, [1, 2, 1, 1]),
    vgg("vgg13", "VGG13", models.vgg13, "B", False),
    vgg("vgg19", "VGG19", models.vgg19, "E", False),
]
CASES = [
    Vision("mlp_seed", "mlp", "MLP", FLAT, lambda: classics.MLP(10, 20, 10, 3), {}, (4, 10), "x"),
    Vision("lenet5_modern", "lenet", "LeNet5", ONE, classics.LeNet5, {}, (2, 1, 28, 28)),
    Vision("lenet_like", "lenet", "LeNetLike", ONE, classics.LeNetLike, {}, (2, 1, 28, 28)),
    Vision(
        "alexnet_2012",
        "alexnet",
        "AlexNet2012",
        ONE,
        lambda: classics.AlexNet2012(8, 32, 10, 128),
        {"size": 99, "shrink": 8, "hidden": 32, **TEN},
        (2, 3, 99, 99),
    ),
    Vision(
        "dbn",
        "dbn",
        "DBN",
        ONE,
        lambda: classics.DBN(12, 8, 8, 10, classes=10),
        {"sizes": [12, 8, 8, 10]},
        (2, 12),
        "x",
    ),
    *(Vision(one.name, one.file, one.arch, image(224), one.tiny, one.config, (2, 3, 64, 64)) for one in DEEPER),
]
