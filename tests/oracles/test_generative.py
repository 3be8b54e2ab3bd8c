"""Stable Diffusion's UNet against its definition, tiny; test_counts holds its counts and keys, test_vision the autoencoders."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.oracles.comparing import Inputs, call_plain
from tests.oracles.diffusion_by_hand import sd_unet
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.running import agrees, session
from tests.oracles.test_examples import Written, agree_with_written, drawn

pytestmark = pytest.mark.oracle
CONFIGS: list[dict[str, Any]] = [
    {"widths": [32, 64, 64, 32], "attend": [True, False, True, False], "depth": 1, "heads": 2, "text": 8},
    {"widths": [32, 64], "attend": [False, True], "depth": 2, "heads": 4, "text": 6},
]


def latents(config: dict[str, Any], n: int, words: int, height: int) -> Inputs:
    """Latents twice as wide as high, times, states of a text."""
    made = drawn(n, sample=(n, 4, height, 2 * height), context=(n, words, config["text"]))
    return {"sample": made["sample"], "timestep": torch.arange(n) * 37.0, "context": made["context"]}


@pytest.mark.parametrize("config", CONFIGS, ids=["four levels", "two levels"])
def test_a_tiny_unet_is_its_definition(config: dict[str, Any]) -> None:
    ours = quiet(randomise(build("sd_unet", "UNet2DCondition", **config))).double()
    sizes = {"depth": config["depth"], "heads": config["heads"]}
    agree_with_written(ours, lambda state, *inputs: sd_unet(state, *inputs, **sizes), latents(config, 2, 5, 8))


@pytest.mark.parametrize("config", CONFIGS, ids=["four levels", "two levels"])
def test_the_onnx_model_of_a_tiny_unet_agrees_at_all_its_sizes(config: dict[str, Any]) -> None:
    ours = quiet(randomise(build("sd_unet", "UNet2DCondition", **config)))
    sizes = {"depth": config["depth"], "heads": config["heads"]}
    theirs = Written(ours, lambda state, *inputs: sd_unet(state, *inputs, **sizes))
    running = session(spec("sd_unet").onnx("UNet2DCondition", weights=ours, **config))
    for n, words, height in ((1, 4, 8), (3, 4, 8), (2, 7, 16)):
        agrees(running, theirs, call_plain, latents(config, n, words, height))
