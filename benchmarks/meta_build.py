"""ResNet-152 on meta beside torchvision's: what it costs to have the modules without their numbers."""

from __future__ import annotations

import archdsl
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """From a loaded spec, as torchvision's is from an imported module; and, without a target, from the text."""
    import torch

    from benchmarks.references import one_thread, torchvision

    one_thread()
    spec = archdsl.load("specs/resnet.arch")
    rounds = 2 if quick else 15
    models = torchvision()

    def theirs() -> object:
        with torch.device("meta"):
            return models.resnet152()

    return [
        compare(
            "meta_build",
            "build ResNet152 on meta",
            lambda: spec.build("ResNet152", device="meta"),
            theirs,
            beside="torchvision",
            target=1 / 3,
            rounds=rounds,
        ),
        compare(
            "meta_build",
            "load and build ResNet152 on meta",
            lambda: archdsl.load("specs/resnet.arch").build("ResNet152", device="meta"),
            theirs,
            beside="torchvision",
            target=None,
            rounds=rounds,
        ),
    ]
