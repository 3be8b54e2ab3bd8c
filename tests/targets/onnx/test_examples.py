"""The reference's examples, small, in ONNX Runtime against the interpreter, at several values of every dimension."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.compiler import load
from tests.targets.onnx.agree import assert_agrees

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
BATCHES = [{"B": 1, "T": 1}, {"B": 2, "T": 7}, {"B": 3, "T": 12}]
IMAGES = [{"N": 1, "H": 32, "W": 32}, {"N": 3, "H": 32, "W": 48}, {"N": 2, "H": 64, "W": 32}]
PAIRS = [{**one, "S": source} for one, source in zip(BATCHES, (1, 5, 11), strict=True)]
TEXTS = [{"N": 1, "H": 16, "W": 8, "S": 1}, {"N": 2, "H": 8, "W": 16, "S": 5}, {"N": 3, "H": 16, "W": 8, "S": 3}]
CASES = {
    "gat": (None, {"features": 11, "classes": 3}, [{"V": 5, "E": 1}, {"V": 5, "E": 13}, {"V": 23, "E": 40}]),
    "gpt2": ("GPT2", {"vocab": 19, "context": 16, "width": 16, "depth": 2, "heads": 2}, BATCHES),
    "lstm": (None, {"vocab": 11, "width": 6, "hidden": 5, "tags": 3}, BATCHES),
    "mamba": (None, {"vocab": 13, "width": 16, "depth": 2, "state": 4}, BATCHES),
    "mobilenet_v2": (None, {"width": 0.1, "classes": 5}, IMAGES),
    "neural_ode": (None, {"hidden": 7, "steps": 2, "classes": 3}, [{"B": 1}, {"B": 3}, {"B": 8}]),
    "ntm": (None, {"inputs": 3, "outputs": 4, "hidden": 6, "slots": 8, "width": 5, "heads": 2}, BATCHES),
    "resnet": ("ResNet", {"depths": [1, 2, 1, 1], "classes": 7}, IMAGES),
    "rwkv4": (None, {"vocab": 13, "width": 8, "depth": 2}, BATCHES),
    "sd_unet": (None, {"widths": [32, 64, 32, 32], "depth": 1, "heads": 2, "text": 6}, TEXTS),
    "seq2seq": (None, {"vocab": 13, "width": 6, "hidden": 5}, PAIRS),
    "t5": ("T5", {"vocab": 13, "width": 8, "head_width": 4, "hidden": 12, "depth": 2, "heads": 2}, PAIRS),
    "unet": (None, {"base": 4}, [{"N": 1, "H": 4, "W": 4}, {"N": 3, "H": 8, "W": 12}, {"N": 2, "H": 20, "W": 16}]),
}


@pytest.mark.parametrize("example", sorted(CASES))
def test_example(example: str) -> None:
    name, config, envs = CASES[example]
    graph = load(EXAMPLES / f"{example}.arch").graph(name, **config)
    assert_agrees(graph, envs)


def test_t5_with_its_mask() -> None:
    """An optional input that is given is an input like the others."""
    _, config, envs = CASES["t5"]
    model = assert_agrees(load(EXAMPLES / "t5.arch").graph("T5", given=("mask",), **config), envs)
    assert [one.name for one in model.graph.input] == ["source", "target", "mask"]
