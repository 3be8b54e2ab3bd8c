"""Load and check of ResNet-152 in one process beside `torchinfo.summary` of a model on meta."""

from __future__ import annotations

import archdsl
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """The text is read, parsed and elaborated anew each time; torchinfo is given a model that stands."""
    import torch
    from torchinfo import summary

    from benchmarks.references import one_thread, torchvision

    one_thread()
    with torch.device("meta"):
        model = torchvision().resnet152()
    image = torch.empty(1, 3, 224, 224, device="meta")

    def ours() -> None:
        if archdsl.load("specs/resnet.arch").check("ResNet152"):
            raise RuntimeError("specs/resnet.arch has problems")

    return [
        compare(
            "check",
            "load and check ResNet152",
            ours,
            lambda: summary(model, input_data=image, device="meta", verbose=0),
            beside="torchinfo.summary on meta",
            target=1 / 40,
            rounds=2 if quick else 15,
        )
    ]
