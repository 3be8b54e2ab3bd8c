"""Which architectures have a library's implementation to be held against, at full size and tiny."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tests.oracles import torchvision_cpu  # noqa: F401  before torchvision
from tests.oracles.comparing import Call, Inputs, call_plain
from tests.oracles.living import build, quiet, randomise

import transformers  # isort: skip
from torchvision import models  # isort: skip

Shape = Callable[[int], Inputs]


@dataclass(frozen=True)
class Case:
    """One architecture: how each side is made, and inputs for a batch of n. `config` makes ours tiny."""

    name: str
    file: str
    arch: str
    full: Callable[[], nn.Module]
    tiny: Callable[[], nn.Module]
    config: dict[str, Any]
    inputs: Shape
    tiny_inputs: Shape
    given: tuple[str, ...] = ()
    call: Call = call_plain

    def pair(self, tiny: bool) -> tuple[nn.Module, nn.Module]:
        """Ours, and theirs with random weights, both without dropout."""
        ours = build(self.file, self.arch, **(self.config if tiny else {}))
        return quiet(ours), quiet(randomise((self.tiny if tiny else self.full)()))


def image(size: int, name: str = "image") -> Shape:
    """Images with three channels."""
    return lambda n: {name: torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(n))}


def words(length: int, vocab: int, name: str = "tokens") -> Shape:
    """Indices of words; the length follows the batch, so that both dimensions move."""
    return lambda n: {name: torch.randint(vocab, (n, length + n), generator=torch.Generator().manual_seed(n))}


def sentences(length: int, vocab: int) -> Shape:
    """Words with segments and a mask whose rows end at different places."""

    def draw(n: int) -> Inputs:
        tokens = words(length, vocab)(n)["tokens"]
        places = torch.arange(tokens.shape[1])
        mask = places[None] < torch.arange(tokens.shape[1], tokens.shape[1] - n, -1)[:, None]
        return {"tokens": tokens, "segments": (places[None] >= 3).long().expand(n, -1).contiguous(), "mask": mask}

    return draw


def on_meta(factory: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Made without drawing weights, which the test draws anyway."""

    def make() -> nn.Module:
        with torch.device("meta"):
            made = factory()
        return made.to_empty(device="cpu")

    return make


def call_gpt2(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return (module(input_ids=inputs["tokens"], use_cache=False).logits,)


def call_bert(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    made = module(inputs["tokens"], attention_mask=inputs["mask"].long(), token_type_ids=inputs["segments"])
    return made.last_hidden_state, made.pooler_output


def call_pretraining(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    made = module(inputs["tokens"], attention_mask=inputs["mask"].long(), token_type_ids=inputs["segments"])
    return made.prediction_logits, made.seq_relationship_logits


def gpt2(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(**config))


def bert(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.BertModel(transformers.BertConfig(**config))


def pretraining(**config: Any) -> Callable[[], nn.Module]:
    return lambda: transformers.BertForPreTraining(transformers.BertConfig(**config))


TINY_BERT: dict[str, Any] = {
    "vocab_size": 19,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 16,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}

Basic, Bottleneck = models.resnet.BasicBlock, models.resnet.Bottleneck


def resnet(name: str, arch: str, full: Callable[..., nn.Module], unit: type, depths: list[int], **tiny: int) -> Case:
    return Case(
        name,
        "resnet",
        arch,
        on_meta(full),
        on_meta(lambda: models.ResNet(unit, depths, num_classes=10, **tiny)),
        {"depths": depths, "classes": 10},
        image(128),
        image(64),
    )


def vgg(name: str, arch: str, full: Callable[..., nn.Module], layers: str, norm: bool) -> Case:
    def tiny() -> nn.Module:
        plan = [one if one == "M" else one // 16 for one in models.vgg.cfgs[layers]]
        made = models.VGG(models.vgg.make_layers(plan, batch_norm=norm), num_classes=10)
        made.classifier[0], made.classifier[3], made.classifier[6] = nn.Linear(32 * 49, 24), nn.Linear(24, 24), nn.Linear(24, 10)
        return made

    config = {"widths": [4, 8, 16, 32, 32], "hidden": 24, "classes": 10}
    return Case(name, "vgg", arch, on_meta(full), on_meta(tiny), config, image(96), image(64))


NO_DROPOUT = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
TINY_WORDS = {"vocab": 19, "width": 16, "depth": 2, "heads": 2}
CASES = [
    resnet("resnet18", "ResNet18", models.resnet18, Basic, [1, 2, 1, 1]),
    resnet("resnet34", "ResNet34", models.resnet34, Basic, [1, 1, 2, 1]),
    resnet("resnet50", "ResNet50", models.resnet50, Bottleneck, [1, 2, 1, 1]),
    resnet("resnet152", "ResNet152", models.resnet152, Bottleneck, [1, 1, 2, 1]),
    resnet("resnext50_32x4d", "ResNeXt50", models.resnext50_32x4d, Bottleneck, [1, 1, 1, 1], groups=32, width_per_group=4),
    resnet("wide_resnet50_2", "WideResNet50", models.wide_resnet50_2, Bottleneck, [1, 1, 1, 1], width_per_group=128),
    Case(
        "mobilenet_v2",
        "mobilenet_v2",
        "MobileNetV2",
        on_meta(models.mobilenet_v2),
        on_meta(lambda: models.MobileNetV2(num_classes=10, width_mult=0.35)),
        {"width": 0.35, "classes": 10},
        image(128),
        image(64),
    ),
    vgg("vgg11", "VGG11", models.vgg11, "A", False),
    vgg("vgg16", "VGG16", models.vgg16, "D", False),
    vgg("vgg16_bn", "VGG16BN", models.vgg16_bn, "D", True),
    Case(
        "alexnet",
        "alexnet",
        "AlexNet",
        on_meta(models.alexnet),
        on_meta(lambda: models.AlexNet(num_classes=10)),
        {"classes": 10},
        image(96),
        image(96),
    ),
    Case(
        "vit_b_16",
        "vit",
        "ViTB16",
        on_meta(models.vit_b_16),
        on_meta(lambda: models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=10)),
        {"size": 32, "patch": 8, "width": 16, "depth": 2, "heads": 2, "hidden": 32, "classes": 10},
        image(224),
        image(32),
    ),
    Case(
        "gpt2",
        "gpt2",
        "GPT2",
        gpt2(),
        gpt2(vocab_size=19, n_positions=16, n_embd=16, n_layer=2, n_head=2, **NO_DROPOUT),
        {**TINY_WORDS, "context": 16, "p": 0.0},
        words(40, 50257),
        words(6, 19),
        call=call_gpt2,
    ),
    Case(
        "bert_base",
        "bert",
        "BertBase",
        bert(),
        bert(**TINY_BERT),
        {**TINY_WORDS, "hidden": 24, "positions": 16, "p": 0.0},
        sentences(40, 30522),
        sentences(6, 19),
        given=("segments", "mask"),
        call=call_bert,
    ),
    Case(
        "bert_base_pretraining",
        "bert",
        "BertForPreTraining",
        pretraining(),
        pretraining(**TINY_BERT),
        {**TINY_WORDS, "hidden": 24, "positions": 16, "p": 0.0},
        sentences(40, 30522),
        sentences(6, 19),
        given=("segments", "mask"),
        call=call_pretraining,
    ),
]
