"""The layouts of other libraries that a map beside a spec brings into the spec's: a tiny reference of each, and ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from tests.oracles import torchvision_cpu  # noqa: F401  before timm
from tests.oracles.cases import NO_DROPOUT, TINY_BERT, TINY_WORDS, call_gpt2, gpt2, pretraining
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
    identity: str = ""
    """The zoo's word for it, where it has one."""
    summed: frozenset[str] = frozenset()
    """The reference's tensors that do not return bit for bit: only their sum does."""
    lost: str = ""
    """What the names of tensors have that are dropped and do not return."""
    layout: Callable[[nn.Module], dict[str, torch.Tensor]] | None = None
    """What files have, where the library does not write them so any more."""
    saved: bool = False
    """Whether the layout is that of the files that transformers writes, which is not that of its modules."""

    @property
    def batched(self) -> bool:
        """Whether the inputs have an axis of examples: a recurrent cell's are vectors."""
        return len(self.shape) > 2

    def weights(self, module: nn.Module) -> dict[str, torch.Tensor]:
        """The reference's tensors in the layout that the map is of."""
        if self.layout is not None:
            return self.layout(module)
        if not self.saved:
            return {name: one.clone().contiguous() for name, one in module.state_dict().items()}
        with TemporaryDirectory() as folder:
            module.save_pretrained(folder)
            return load_file(Path(folder) / "model.safetensors")

    def inputs(self) -> Inputs:
        """Images in float32; the three vectors of a recurrent cell; words of a vocabulary."""
        if not self.batched:
            draw = torch.Generator().manual_seed(5)
            return {name: torch.randn(self.shape[name != "x"], generator=draw) for name in ("x", "h", "c0")}
        if len(self.shape) == 3:
            return {"tokens": torch.randint(self.shape[2], self.shape[:2], generator=torch.Generator().manual_seed(5))}
        return {"image": torch.randn(self.shape, generator=torch.Generator().manual_seed(5))}


def in_timm(name: str, **config: Any) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, **config)


def as_on_the_hub(module: nn.Module) -> dict[str, torch.Tensor]:
    """GPT-2 without its head, with a mask in each block."""
    weights = {name: one.clone() for name, one in module.transformer.state_dict().items()}
    size = len(weights["wpe.weight"])
    blocks = range(len(module.transformer.h))
    return weights | {f"h.{i}.attn.bias": torch.ones(size, size).tril()[None, None].clone() for i in blocks}


def call_encoder(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    made = module.bert(inputs["tokens"])
    return made.last_hidden_state, made.pooler_output


def call_cell(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return tuple(module(inputs["x"], (inputs["h"], inputs["c0"])))


def call_logits(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return (module(inputs["image"]).logits,)


def hf_vit(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.ViTForImageClassification(transformers.ViTConfig(**config))


def hf_swin(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.SwinForImageClassification(transformers.SwinConfig(**config))


def hf_resnet(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.ResNetForImageClassification(transformers.ResNetConfig(**config))


TINY_HF_VIT = hf_vit(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8, num_labels=10
)
TINY_HF_SWIN = hf_swin(
    image_size=64, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4, num_labels=10, drop_path_rate=0.0
)
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
        identity="timm_vit_b16",
    ),
    Mapped(
        "hf_vit",
        "vit",
        "ViTB16",
        hf_vit(num_labels=1000),
        TINY_HF_VIT,
        {**TINY_VIT, "hidden": 24, "eps": 1e-12},
        call=call_logits,
        identity="hf_vit_b16",
    ),
    Mapped(
        "hf_vit_checkpoint",
        "vit",
        "ViTB16",
        hf_vit(num_labels=1000),
        TINY_HF_VIT,
        {**TINY_VIT, "hidden": 24, "eps": 1e-12},
        call=call_logits,
        saved=True,
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
        identity="timm_swin_t",
    ),
    Mapped(
        "hf_swin",
        "swin",
        "SwinT",
        hf_swin(num_labels=1000),
        TINY_HF_SWIN,
        TINY_SWIN,
        (2, 3, 64, 64),
        call_logits,
        identity="hf_swin_t",
    ),
    Mapped(
        "hf_swin_checkpoint", "swin", "SwinT", hf_swin(), TINY_HF_SWIN, TINY_SWIN, (2, 3, 64, 64), call_logits, saved=True
    ),
    Mapped(
        "timm_efficientnet",
        "efficientnet",
        "EfficientNetB0",
        in_timm("efficientnet_b0"),
        in_timm("efficientnet_b0", num_classes=10),
        {"drop": 0.0, "classes": 10},
        (2, 3, 64, 64),
        identity="timm_efficientnet_b0",
    ),
    Mapped(
        "timm_efficientnetv2_s",
        "efficientnet",
        "EfficientNetV2S",
        in_timm("efficientnetv2_s"),
        in_timm("efficientnetv2_s", num_classes=10),
        {"drop": 0.0, "eps": 1e-5, "classes": 10},
        (2, 3, 64, 64),
        identity="timm_efficientnetv2_s",
    ),
    Mapped(
        "hf_resnet",
        "resnet",
        "ResNet50",
        hf_resnet(num_labels=1000),
        hf_resnet(depths=[1, 2, 1, 1], num_labels=10),
        {"depths": [1, 2, 1, 1], "classes": 10},
        (2, 3, 64, 64),
        call_logits,
    ),
    Mapped(
        "torch_lstm_cell",
        "lstm",
        "LSTMCell",
        lambda: nn.LSTMCell(8, 16),
        lambda: nn.LSTMCell(5, 7),
        {"inputs": 5, "hidden": 7},
        (5, 7),
        call_cell,
        summed=frozenset({"bias_ih", "bias_hh"}),
    ),
    Mapped(
        "hf_gpt2_base",
        "gpt2",
        "GPT2",
        gpt2(),
        gpt2(vocab_size=19, n_positions=16, n_embd=16, n_layer=2, n_head=2, **NO_DROPOUT),
        {**TINY_WORDS, "context": 16, "p": 0.0},
        (2, 9, 19),
        call_gpt2,
        lost=".attn.bias",
        layout=as_on_the_hub,
    ),
    Mapped(
        "hf_bert_pretraining",
        "bert",
        "BertBase",
        pretraining(),
        pretraining(**TINY_BERT),
        {**TINY_WORDS, "hidden": 24, "positions": 16, "p": 0.0},
        (2, 9, 19),
        call_encoder,
        lost="cls.",
    ),
]  # fmt: skip
