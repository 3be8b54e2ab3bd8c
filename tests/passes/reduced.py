"""Every spec of the zoo at a size that a test can afford, and one of its architectures."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import archdsl
from archdsl.ir.graph import Graph

SPECS = Path(__file__).resolve().parents[2] / "specs"
TEXT = {"width": 16, "depth": 2, "heads": 2}
MODEL = {**TEXT, "vocab": 23, "hidden": 24}
LAYERS = {"features": 5, "hidden": 6}
REDUCED: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet": ("AlexNet", {"classes": 5}),
    "bert": ("Bert", {**MODEL, "positions": 12}),
    "bigbird": ("BigBird", {**MODEL, "positions": 12}),
    "clip_text": ("CLIPText", {**MODEL, "length": 12, "end": 22}),
    "dalle_dvae": ("DVAEEncoder", {"width": 8, "groups": 2, "depth": 1, "words": 11}),
    "dbn": ("DBN", {"sizes": [784, 20, 10], "classes": 5}),
    "densenet": ("DenseNet", {"growth": 4, "depths": [2, 2], "stem": 8, "classes": 5}),
    "efficientnet": ("EfficientNet", {"width": 0.25, "depth": 0.3, "classes": 5}),
    "googlenet": ("GoogLeNet", {"classes": 5}),
    "gpt1": ("GPT1", {**TEXT, "vocab": 23, "context": 16}),
    "gpt2": ("GPT2", {**TEXT, "vocab": 23, "context": 16}),
    "gpt3": ("GPT3_175B", {**TEXT, "vocab": 23, "context": 16}),
    "gpt_model_x": ("GPTModelX", TEXT),
    "gru": ("GRU", LAYERS),
    "inception_v3": ("InceptionV3NoAux", {"classes": 5}),
    "lenet": ("LeNet5", {}),
    "lenet_1998": ("LeNet5_1998", {}),
    "linear_attention": ("LinearAttention", {"width": 16, "heads": 2}),
    "linformer": ("Linformer", {"width": 16, "heads": 2, "length": 12, "reduced": 4}),
    "llama": ("Llama", {**MODEL, "kv_heads": 1}),
    "longformer": ("Longformer", {**MODEL, "window": 4, "positions": 20}),
    "lstm": ("LSTM", LAYERS),
    "mamba": ("Mamba", {"vocab": 23, "width": 16, "depth": 2, "state": 4}),
    "mlp": ("MLP", {}),
    "mobilenet_v1": ("MobileNetV1", {"width": 4, "depths": [1, 1, 1, 1, 1], "classes": 5}),
    "mobilenet_v2": ("MobileNetV2", {"width": 0.25, "classes": 5}),
    "mobilenet_v3": ("MobileNetV3", {"width": 0.25, "classes": 5}),
    "performer": ("Performer", {"width": 16, "heads": 2, "directions": 6}),
    "preact_resnet": ("PreActResNet", {"depths": [1, 1, 1, 1], "width": 8, "classes": 5}),
    "resnet": ("ResNet", {"depths": [1, 2, 1, 1], "classes": 5}),
    "resnet_cifar": ("ResNetCIFAR", {"depth": 8, "width": 4}),
    "rnn": ("RNN", LAYERS),
    "rwkv4": ("RWKV4", {"vocab": 23, "width": 16, "depth": 2}),
    "s4d": ("S4D", {"width": 8, "state": 4}),
    "sd_unet": ("UNet2DCondition", {"widths": [32, 64], "attend": [True, False], "depth": 1, "heads": 2, "text": 12}),
    "sd_vae": ("SDVAEEncoder", {"widths": [32, 64], "depth": 1}),
    "se_resnet": ("SEResNet50", {"depths": [1, 1, 1, 1], "classes": 5}),
    "small_cnns": ("ModernCNN", {}),
    "sparse_attention": ("SparseAttention", {"width": 16, "heads": 2}),
    "swin": ("Swin", {"width": 12, "depths": [2, 2], "heads": [2, 3], "window": 4, "patch": 4, "size": 32, "classes": 5}),
    "t5": ("T5", {**MODEL, "head_width": 8}),
    "transformer": ("Vaswani", MODEL),
    "unet": ("UNet", {"base": 4}),
    "vgg": ("VGG", {"stages": [1, 1, 1, 1, 1], "widths": [4, 8, 8, 8, 8], "hidden": 16, "classes": 5}),
    "vit": ("ViT", {"size": 32, "patch": 8, "width": 16, "depth": 2, "heads": 2, "hidden": 24, "classes": 5}),
}


@cache
def reduced(name: str) -> Graph:
    """The graph of a spec's architecture at its reduced size."""
    arch, config = REDUCED[name]
    return archdsl.load(SPECS / f"{name}.arch").graph(arch, **config)
