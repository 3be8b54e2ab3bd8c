"""Load and check of ResNet-152 in one process beside `torchinfo.summary` of a model on meta."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import archdsl
from archdsl.source import Source
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """Twice: of a text that is new each time, as after an edit, and of the file as it stands, whose unchanged blocks are known.

    torchinfo is given a model that stands."""
    import torch
    from torchinfo import summary

    from benchmarks.references import one_thread, torchvision

    one_thread()
    with torch.device("meta"):
        model = torchvision().resnet152()
    image = torch.empty(1, 3, 224, 224, device="meta")
    text = Path("specs/resnet.arch").read_text()
    edits = count()

    def check(source: Source | str) -> None:
        if archdsl.load(source).check("ResNet152"):
            raise RuntimeError("specs/resnet.arch has problems")

    return [
        compare(
            "check",
            told,
            ours,
            lambda: summary(model, input_data=image, device="meta", verbose=0),
            beside="torchinfo.summary on meta",
            target=1 / 40,
            rounds=2 if quick else 15,
        )
        for told, ours in (
            ("load and check ResNet152, again", lambda: check("specs/resnet.arch")),
            ("load and check ResNet152, a new text", lambda: check(Source("specs/resnet.arch", f"{text}# {next(edits)}\n"))),
        )
    ]
