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


@dataclass(frozen=True)
class Row:
    """One row of the zoo. `inputs` are for a batch and a length; the first of `lengths` is that of the comparison in float64."""

    name: str
    file: str
    arch: str
    sizes: dict[str, int]
    tiny: Callable[[], nn.Module]
    config: dict[str, Any]
    inputs: Callable[[int, int], Inputs]
    lengths: tuple[int, ...] = (12, 7)
    call: Call = call_plain
    given: tuple[str, ...] = ()
    unseen: int = 0
    """MACs of products that the table's reference writes as sums of elementwise products, which its counter does not see."""


def states(width: int = 8) -> Callable[[int, int], Inputs]:
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


SMALL = {"vocab": 19, "width": 16, "depth": 2, "heads": 2, "hidden": 24}
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
        unseen=2 * 512 * 128 * 512,
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
        unseen=4 * 64 * 512 * 256,
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
