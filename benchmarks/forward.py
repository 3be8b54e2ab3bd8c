"""The generated forward of ResNet-50 and GPT-2 beside torchvision's and transformers', one image and one text, one thread."""

from __future__ import annotations

from collections.abc import Callable

import archdsl
from benchmarks.measuring import Row, compare


def measure(quick: bool) -> list[Row]:
    """The same weights on both sides, no gradients."""
    import torch
    from torch import nn

    from benchmarks.references import gpt2, one_thread, torchvision

    one_thread()
    rounds = 2 if quick else 15

    def row(what: str, ours: nn.Module, theirs: nn.Module, x: torch.Tensor, beside: str) -> Row:
        ours.load_state_dict(theirs.state_dict())
        ours.eval()
        theirs.eval()

        def run(module: nn.Module) -> Callable[[], object]:
            def call() -> object:
                with torch.inference_mode():
                    return module(x)

            return call

        return compare("forward", what, run(ours), run(theirs), beside=beside, target=1.02, rounds=rounds)

    size, length = (64, 16) if quick else (224, 128)
    resnet = archdsl.load("specs/resnet.arch").build("ResNet50")
    text = archdsl.load("specs/gpt2.arch").build("GPT2", depth=2 if quick else 12)
    return [
        row("ResNet50", resnet, torchvision().resnet50(), torch.randn(1, 3, size, size), "torchvision"),
        row("GPT2", text, gpt2(n_layer=2 if quick else 12), torch.randint(50257, (1, length)), "transformers"),
    ]
