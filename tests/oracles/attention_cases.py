"""The zoo's efficient attention and text encoders: which spec each is, its full size, a tiny reference and its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tests.oracles import attention_by_hand as hand
from tests.oracles import torchvision_cpu  # noqa: F401  before CLIP, which asks for torchvision
from tests.oracles.comparing import Call, Inputs, call_plain

import transformers  # isort: skip

Draw = Callable[[int, int], Inputs]


@dataclass(frozen=True)
class Row:
    """One row of the zoo. `inputs` are for a batch and a length; the first of `lengths` is that of the comparison in float64."""

    name: str
    file: str
    arch: str
    sizes: dict[str, int]
    tiny: Callable[[], nn.Module]
    config: dict[str, Any]
    inputs: Draw
    lengths: tuple[int, ...] = (12, 7)
    call: Call = call_plain
    given: tuple[str, ...] = ()
    unseen: int = 0
    """MACs that the table's counter did not see: those of fused attention on the CPU, and of products written elementwise."""


def states(width: int = 8) -> Draw:
    """A float32 sequence, of a seed of its own."""
    return lambda n, length: {"x": torch.randn(n, length, width, generator=torch.Generator().manual_seed(n + length))}


def sparse(kind: str, arch: str) -> Row:
    """A pattern, in the table's tiny size."""
    config = {"width": 8, "heads": 2, "window": 4, "stride": 3}
    return Row(
        f"sparse_attn_{kind}",
        "sparse_attention",
        arch,
        {"B": 1, "T": 64},
        lambda: hand.SparseAttention(kind, 8, 2, 4, 3),
        config,
        states(),
    )


def prompts(n: int, length: int) -> Inputs:
    """Words, an end of text in each row, at different places, and one more behind it."""
    draw = torch.Generator().manual_seed(n + length)
    tokens = torch.randint(18, (n, length), generator=draw)
    for row in range(n):
        tokens[row, 2 + row] = tokens[row, -1] = 18
    return {"tokens": tokens}


def clip() -> nn.Module:
    sizes: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    return transformers.CLIPTextModel(
        transformers.CLIPTextConfig(vocab_size=19, max_position_embeddings=16, eos_token_id=18, **sizes)
    )


def call_states(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    made = module(input_ids=inputs["tokens"])
    return made.last_hidden_state, made.pooler_output


def documents(n: int, length: int) -> Inputs:
    """Words without padding, and which positions are global: 0 and 3, and in the second row none but 5."""
    draw = torch.Generator().manual_seed(n + length)
    places = torch.tensor([[0, 3], [5, -1], [-1, 2]])[:n]
    return {"tokens": torch.randint(2, 19, (n, length), generator=draw), "global_places": places}


def padded(n: int, length: int) -> Inputs:
    """Documents with segments and a mask; each row ends with more padding than the one before."""
    made = documents(n, length)
    mask = torch.arange(length) < length - torch.arange(n)[:, None]
    tokens = made["tokens"].masked_fill(~mask, 1)
    segments = (torch.arange(length) > 4).long().expand(n, -1).contiguous()
    return {"tokens": tokens, "segments": segments, "mask": mask, "global_places": made["global_places"]}


def call_longformer(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    seen = {"token_type_ids": inputs.get("segments"), "attention_mask": inputs["mask"].long() if "mask" in inputs else None}
    if "global_places" in inputs:
        chosen = torch.zeros_like(inputs["tokens"])
        for row, places in zip(chosen, inputs["global_places"].tolist(), strict=True):
            row[[one for one in places if one >= 0]] = 1
        seen["global_attention_mask"] = chosen
    made = module(inputs["tokens"], **seen)
    return made.last_hidden_state, made.pooler_output


def without_globals(draw: Draw) -> Draw:
    return lambda n, length: {name: one for name, one in draw(n, length).items() if name != "global_places"}


def longformer(**more: Any) -> Callable[[], nn.Module]:
    sizes = {**TINY, "max_position_embeddings": 20, "type_vocab_size": 2, "attention_window": 4, "layer_norm_eps": 1e-5}
    return lambda: transformers.LongformerModel(transformers.LongformerConfig(**{**sizes, **more}))


def bigbird(**more: Any) -> Callable[[], nn.Module]:
    sizes = {**TINY, "max_position_embeddings": 32, **(more or {"attention_type": "original_full"})}
    return lambda: transformers.BigBirdModel(transformers.BigBirdConfig(**sizes))


def call_drawn(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    """With the blocks that the inputs name where the module would draw them itself."""
    for layer, drawn in zip(module.encoder.layer, inputs["drawn"], strict=True):
        layer.attention.self._bigbird_block_rand_mask_with_head = lambda drawn=drawn, **_: [one.numpy() for one in drawn]
    return call_masked(module, inputs)


def drawn(n: int, length: int) -> Inputs:
    """Padded documents and, for two layers of two heads and blocks of 2, one block for each but the first and the last."""
    made = without_globals(padded)(n, length)
    blocks = length // 2
    draw = torch.Generator().manual_seed(length)
    return {**made, "drawn": torch.randint(blocks, (2, 2, blocks - 2, 1), generator=draw)}


def call_masked(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    made = module(inputs["tokens"], attention_mask=inputs["mask"].long(), token_type_ids=inputs["segments"])
    return made.last_hidden_state, made.pooler_output


TINY: dict[str, Any] = {
    "vocab_size": 19,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}
SMALL = {"vocab": 19, "width": 16, "depth": 2, "heads": 2, "hidden": 24}
TINY_LONGFORMER = {**SMALL, "window": 4, "positions": 20, "kinds": 2, "p": 0.0}
CASES = [
    Row(
        "linformer_attn",
        "linformer",
        "Linformer",
        {"B": 1},
        lambda: hand.Linformer(8, 2, 6, 3),
        {"width": 8, "heads": 2, "length": 6, "reduced": 3},
        states(),
        (6,),
        unseen=2 * 512 * 128 * 512,  # the attention: queries by reduced keys by width, and the same with values
    ),
    Row(
        "performer_attn",
        "performer",
        "Performer",
        {"B": 1, "T": 64},
        lambda: hand.Performer(8, 2, 10),
        {"width": 8, "heads": 2, "directions": 10},
        states(),
        (6, 9),
        unseen=4 * 64 * 512 * 256,  # features of queries and keys, keys by values, queries by both
    ),
    Row(
        "linear_attn",
        "linear_attention",
        "LinearAttention",
        {"B": 1, "T": 64},
        lambda: hand.LinearAttention(8, 2),
        {"width": 8, "heads": 2},
        states(),
        (6, 9),
    ),
    sparse("window", "SparseAttention"),
    sparse("window_causal", "WindowCausalAttention"),
    sparse("dilated", "DilatedAttention"),
    sparse("strided", "StridedAttention"),
    sparse("fixed", "FixedAttention"),
    sparse("global_window", "GlobalWindowAttention"),
    Row(
        "longformer_base",
        "longformer",
        "Longformer",
        {"B": 1, "T": 1024},
        longformer(),
        TINY_LONGFORMER,
        documents,
        call=call_longformer,
        given=("global_places",),
    ),
    Row(
        "bigbird_base",
        "bigbird",
        "BigBird",
        {"B": 1, "T": 1024},
        bigbird(),
        {**SMALL, "positions": 32, "p": 0.0},
        without_globals(padded),
        call=call_masked,
        given=("segments", "mask"),
    ),
    Row(
        "clip_text_sd",
        "clip_text",
        "CLIPText",
        {"B": 1, "T": 77},
        clip,
        {**SMALL, "length": 16, "end": 18},
        prompts,
        call=call_states,
    ),
]
OTHERS: list[tuple[str, str, Callable[[], nn.Module], dict[str, Any]]] = [
    (
        "performer",
        "Performer",
        lambda: hand.Performer(8, 2, 10, causal=True),
        {"width": 8, "heads": 2, "directions": 10, "causal": True},
    ),
    (
        "linear_attention",
        "LinearAttention",
        lambda: hand.LinearAttention(8, 2, causal=False),
        {"width": 8, "heads": 2, "causal": False},
    ),
]
