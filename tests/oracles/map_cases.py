"""The layouts of other libraries that a map beside a spec brings into the spec's: a tiny reference of each, and ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tests.oracles import torchvision_cpu  # noqa: F401  before timm
from tests.oracles.comparing import Call, Inputs, call_plain

import timm  # isort: skip
import transformers  # isort: skip


@dataclass(frozen=True)
class Mapped:
    """One map: `full` is the reference at the size of the arch as it stands, `tiny` is what `config` makes ours equal to."""

    name: str
    file: str
    arch: str
    full: Callable[[], nn.Module]
    tiny: Callable[[], nn.Module]
    config: dict[str, Any]
    shape: tuple[int, ...] = (2, 3, 32, 32)
    call: Call = call_plain
    back: bool = True
    """Whether every tensor returns bit for bit."""

    def inputs(self) -> Inputs:
        """Images in float32."""
        return {"image": torch.randn(self.shape, generator=torch.Generator().manual_seed(5))}


def in_timm(name: str, **config: Any) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, **config)


def call_logits(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return (module(inputs["image"]).logits,)


def hf_vit(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.ViTForImageClassification(transformers.ViTConfig(layer_norm_eps=1e-6, **config))


def hf_swin(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.SwinForImageClassification(transformers.SwinConfig(layer_norm_eps=1e-5, **config))


TINY_VIT = {"size": 32, "patch": 8, "width": 16, "depth": 2, "heads": 2, "classes": 10}
TINY_SWIN = {"width": 16, "depths": [2, 2], "heads": [2, 4], "window": 4, "size": 64, "drop": 0.0, "classes": 10}
CASES = [
    Mapped(
        "timm_vit",
        "vit",
        "ViTB16",
        in_timm("vit_base_patch16_224"),
        in_timm("vit_base_patch16_224", img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=10),
        {**TINY_VIT, "hidden": 64},
    ),
    Mapped(
        "hf_vit",
        "vit",
        "ViTB16",
        hf_vit(num_labels=1000),
        hf_vit(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8,
            num_labels=10,
        ),
        {**TINY_VIT, "hidden": 24},
        call=call_logits,
    ),
    Mapped(
        "timm_swin",
        "swin",
        "SwinT",
        in_timm("swin_tiny_patch4_window7_224"),
        in_timm(
            "swin_tiny_patch4_window7_224", img_size=64, window_size=4, embed_dim=16, depths=(2, 2), num_heads=(2, 4),
            num_classes=10, drop_path_rate=0.0,
        ),
        TINY_SWIN,
        (2, 3, 64, 64),
    ),
    Mapped(
        "hf_swin",
        "swin",
        "SwinT",
        hf_swin(num_labels=1000),
        hf_swin(
            image_size=64, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4, num_labels=10, drop_path_rate=0.0
        ),
        TINY_SWIN,
        (2, 3, 64, 64),
        call_logits,
    ),
]  # fmt: skip
