"""The deployment passes on the zoo, each alone and all in order: at a reduced size, in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import archdsl
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.fold_batchnorm import FoldBatchNorm
from archdsl.passes.deployment.fuse_attention import FuseAttention
from archdsl.passes.deployment.fuse_gelu import FuseGelu
from archdsl.passes.deployment.fuse_layer_norm import FuseLayerNorm
from archdsl.passes.deployment.fuse_qkv import FuseQKV
from archdsl.passes.deployment.fuse_rms_norm import FuseRMSNorm
from archdsl.passes.deployment.fuse_swiglu import FuseSwiGLU
from archdsl.passes.deployment.remove_dropout import RemoveDropout
from archdsl.targets.torch.module import build
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise, widened
from tests.passes.deployment.passing import agree, through

ROOT = Path(__file__).resolve().parents[3]
PASSES: list[Pass] = [
    RemoveDropout(), FuseLayerNorm(), FuseRMSNorm(), FuseGelu(), FuseAttention(), FuseQKV(), FuseSwiGLU(), FoldBatchNorm(),
]  # fmt: skip
TEXT = {"vocab": 11, "width": 16, "depth": 2, "heads": 2}
IMAGE = {"N": 2, "H": 40, "W": 33}
SPECS: dict[str, tuple[str, dict[str, Any], dict[str, int]]] = {
    "alexnet": ("AlexNet", {"classes": 5}, {"N": 1, "H": 63, "W": 65}),
    "bert": ("BertForPreTraining", {**TEXT, "hidden": 24, "positions": 32}, {}),
    "bigbird": ("BigBird", {**TEXT, "hidden": 24}, {}),
    "clip_text": ("CLIPText", {**TEXT, "hidden": 24, "length": 7, "end": 10}, {}),
    "densenet": ("DenseNet", {"growth": 4, "depths": [2, 2, 2, 2], "stem": 8, "classes": 5}, IMAGE),
    "efficientnet": ("EfficientNetB0", {"width": 0.25, "classes": 5}, IMAGE),
    "googlenet": ("GoogLeNet", {"classes": 5}, IMAGE),
    "gpt1": ("GPT1", {**TEXT, "context": 32}, {}),
    "gpt2": ("GPT2", {**TEXT, "context": 32}, {}),
    "gpt_model_x": ("GPTModelX", {"width": 16, "depth": 2, "heads": 2}, {}),
    "inception_v3": ("InceptionV3NoAux", {"classes": 5}, {"N": 1, "H": 80, "W": 75}),
    "linformer": ("Linformer", {"width": 16, "heads": 2, "length": 7, "reduced": 3}, {}),
    "llama": ("Llama", {**TEXT, "kv_heads": 1, "hidden": 24}, {}),
    "longformer": ("Longformer", {**TEXT, "hidden": 24, "window": 4, "positions": 40}, {}),
    "mobilenet_v1": ("MobileNetV1", {"width": 4, "classes": 5}, IMAGE),
    "mobilenet_v2": ("MobileNetV2", {"width": 0.25, "classes": 5}, IMAGE),
    "mobilenet_v3": ("MobileNetV3Small", {"width": 0.25, "classes": 5}, IMAGE),
    "preact_resnet": ("PreActResNet", {"width": 4, "depths": [1, 1, 1, 1], "classes": 5}, IMAGE),
    "resnet": ("ResNet", {"depths": [1, 1, 1, 1], "classes": 5}, IMAGE),
    "resnet_cifar": ("WideResNetCIFAR", {"depth": 10, "wider": 1}, IMAGE),
    "sd_unet": (
        "UNet2DCondition", {"widths": [32, 64], "attend": [True, False], "depth": 1, "heads": 2, "text": 12},
        {"N": 1, "H": 6, "W": 4, "T": 3},
    ),
    "sd_vae": ("SDVAE", {"widths": [32, 32], "depth": 1}, {"N": 1, "H": 8, "W": 10}),
    "se_resnet": ("SEResNet50", {"depths": [1, 1, 1, 1], "classes": 5}, IMAGE),
    "small_cnns": ("ModernCNN", {}, IMAGE),
    "sparse_attention": ("SparseAttention", {"width": 16, "heads": 2, "window": 2}, {}),
    "swin": ("Swin", {"width": 12, "depths": [1, 1, 1, 1], "heads": [1, 2, 2, 4], "size": 64, "window": 2, "classes": 5}, {}),
    "t5": ("T5", {**TEXT, "head_width": 4, "hidden": 24}, {}),
    "transformer": ("Vaswani", {**TEXT, "hidden": 24}, {}),
    "unet": ("UNet", {"base": 4}, {"N": 1, "H": 32, "W": 16}),
    "vgg": ("VGG16BN", {"widths": [4, 4, 8, 8, 8], "hidden": 8, "classes": 5}, IMAGE),
    "vit": ("ViT", {"size": 8, "patch": 4, "width": 16, "depth": 2, "heads": 2, "hidden": 24, "classes": 5, "p": 0.1}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_computes_what_it_did(name: str) -> None:
    arch, config, bind = SPECS[name]
    before = archdsl.load(ROOT / f"specs/{name}.arch").graph(arch, **config)
    first = build(before, dtype=torch.float64).eval()
    randomise(first, 1)
    known = {one: size for one, size in bind.items() if any(one in str(value.type) for value in before.input_values)}
    binding = choose_bindings(before, known)[-1 if not bind else 0]
    inputs = widened(draw_inputs(before, binding, 1), before)
    with torch.no_grad():
        wanted = apply(first, before, inputs)
    each = [through(before, [one]) for one in PASSES]
    applied = [passed for passed in each if passed.graph is not before]
    assert applied, "no pass does anything"
    for passed in [*applied, *([through(before, PASSES)] if len(applied) > 1 else [])]:
        other = build(passed.graph, dtype=torch.float64).eval()
        other.load_state_dict(passed.carry(first.state_dict()), strict=True)
        with torch.no_grad():
            made = apply(other, passed.graph, inputs)
        for one, two in zip(wanted, made, strict=True):
            agree(two, one)


@pytest.mark.slow
def test_every_arch_of_the_zoo_stays_valid() -> None:
    """At full size, as graphs: valid, types kept, done after once."""
    for file in sorted((ROOT / "specs").glob("*.arch")):
        spec = archdsl.load(file)
        for name in spec.names:
            assert isinstance(through(spec.graph(name), PASSES), Passed)
