"""What came after the zoo was drawn up: shared layers, experts, speech, state spaces by heads; each against transformers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tests.oracles.cases import TINY_WORDS, words
from tests.oracles.comparing import InDouble, Inputs
from tests.oracles.transformer_cases import Text, call_causal, call_words, masked_words

import transformers  # isort: skip


@dataclass(frozen=True)
class Later(Text):
    """One architecture; `full` makes the library's of that size, and `frozen` are the parameters that it does not train."""

    full: Callable[[], nn.Module] | None = None
    feed: Callable[[], dict[str, torch.Tensor]] | None = None
    """What the library's is fed where its multiplications can be counted on the meta device."""
    frozen: frozenset[str] = field(default_factory=frozenset)


def eager(config: Any) -> Any:
    """With the plain forms of what has faster ones."""
    config._attn_implementation = config._experts_implementation = "eager"
    return config


def albert(**more: Any) -> Callable[[], nn.Module]:
    sizes = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072, **more}
    return lambda: transformers.AlbertModel(eager(transformers.AlbertConfig(**sizes)))


def mixtral(**more: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        config = eager(transformers.MixtralConfig(**more))
        made = transformers.MixtralForCausalLM(config)
        rotary = made.model.rotary_emb
        with InDouble():  # else the angles' rates are rounded to float32 when they are made
            rotary.inv_freq, _ = rotary.compute_default_rope_parameters(config)
        return made

    return make


def whisper(width: int, depth: int, heads: int, **more: Any) -> Callable[[], nn.Module]:
    config = {"d_model": width, "max_target_positions": 448, **more}
    for side in ("encoder", "decoder"):
        config.update({f"{side}_layers": depth, f"{side}_attention_heads": heads, f"{side}_ffn_dim": 4 * width})
    return lambda: transformers.WhisperForConditionalGeneration(eager(transformers.WhisperConfig(**config)))


def mamba2(**more: Any) -> Callable[[], nn.Module]:
    sizes = {"vocab_size": 50288, "head_dim": 64, "state_size": 128, "n_groups": 1, "tie_word_embeddings": True, **more}
    return lambda: transformers.Mamba2ForCausalLM(transformers.Mamba2Config(**sizes))


def sound(n: int) -> Inputs:
    """Spectra with their texts."""
    drawn = torch.Generator().manual_seed(n)
    return {"spectrum": torch.randn(n, 6, 20, generator=drawn), "tokens": torch.randint(19, (n, 4 + n), generator=drawn)}


def call_whisper(module: nn.Module, inputs: Inputs) -> tuple[torch.Tensor, ...]:
    return (module(input_features=inputs["spectrum"], decoder_input_ids=inputs["tokens"], use_cache=False).logits,)


def text(length: int) -> Callable[[], dict[str, torch.Tensor]]:
    """Words and a mask of the form that the library passes on as it is."""
    return lambda: {
        "input_ids": torch.zeros(1, length, dtype=torch.long),
        "attention_mask": torch.zeros(1, 1, length, length),
    }


def half_a_minute(bands: int) -> Callable[[], dict[str, torch.Tensor]]:
    return lambda: {
        "input_features": torch.zeros(1, bands, 3000),
        "decoder_input_ids": torch.zeros(1, 448, dtype=torch.long),
    }


TINY = {"vocab_size": 19, "hidden_size": 16, "num_hidden_layers": 2}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
LONG = {"B": 1, "T": 512}
TEXT = {"B": 1, "T": 448}

CASES = [
    Later(
        "albert_base",
        "albert",
        "Albert",
        LONG,
        albert(
            **{**TINY, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24},
            embedding_size=6,
            max_position_embeddings=16,
        ),
        {**TINY_WORDS, "depth": 3, "embedding": 6, "hidden": 24, "positions": 16},
        words(6, 19),
        call_words,
        full=albert(),
        feed=text(512),
    ),
    Later(
        "albert_large",
        "albert",
        "AlbertLarge",
        LONG,
        full=albert(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096),
        feed=text(512),
    ),
    Later(
        "albert_xlarge",
        "albert",
        "AlbertXLarge",
        LONG,
        full=albert(hidden_size=2048, num_hidden_layers=24, num_attention_heads=16, intermediate_size=8192),
        feed=text(512),
    ),
    Later(
        "albert_xxlarge",
        "albert",
        "AlbertXXLarge",
        LONG,
        full=albert(hidden_size=4096, num_attention_heads=64, intermediate_size=16384),
        feed=text(512),
    ),
    Later(
        "mixtral_8x7b",
        "mixtral",
        "Mixtral",
        LONG,
        mixtral(
            **TINY,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=12,
            num_local_experts=5,
            num_experts_per_tok=2,
            sliding_window=3,
        ),
        {**TINY_WORDS, "heads": 4, "kv_heads": 2, "hidden": 12, "experts": 5, "window": 3},
        masked_words(6, 19),
        call_causal,
        ("mask",),
        full=mixtral(),
    ),
    Later(
        "mixtral_8x22b",
        "mixtral",
        "Mixtral8x22B",
        LONG,
        full=mixtral(vocab_size=32768, hidden_size=6144, num_hidden_layers=56, num_attention_heads=48, intermediate_size=16384),
    ),
    Later(
        "whisper_base",
        "whisper",
        "Whisper",
        TEXT,
        whisper(16, 2, 2, vocab_size=19, num_mel_bins=6, max_source_positions=10, decoder_start_token_id=3, **ENDS),
        {**TINY_WORDS, "bands": 6, "frames": 10, "padding": 0},
        sound,
        call_whisper,
        full=whisper(512, 6, 8),
        feed=half_a_minute(80),
        frozen=frozenset({"model.encoder.embed_positions.weight"}),
    ),
    Later("whisper_tiny", "whisper", "WhisperTiny", TEXT, full=whisper(384, 4, 6), feed=half_a_minute(80)),
    Later("whisper_small", "whisper", "WhisperSmall", TEXT, full=whisper(768, 12, 12), feed=half_a_minute(80)),
    Later("whisper_medium", "whisper", "WhisperMedium", TEXT, full=whisper(1024, 24, 16), feed=half_a_minute(80)),
    Later("whisper_large", "whisper", "WhisperLarge", TEXT, full=whisper(1280, 32, 20), feed=half_a_minute(80)),
    Later(
        "whisper_large_v3",
        "whisper",
        "WhisperLargeV3",
        TEXT,
        full=whisper(1280, 32, 20, vocab_size=51866, num_mel_bins=128),
        feed=half_a_minute(128),
    ),
    Later(
        "mamba2_130m",
        "mamba2",
        "Mamba2",
        {"B": 1, "T": 64},
        mamba2(**TINY, num_heads=4, head_dim=8, state_size=6, n_groups=2, chunk_size=4, **ENDS),
        {**TINY_WORDS, "heads": 4, "state": 6, "groups": 2},
        words(6, 19),
        lambda module, inputs: (module(inputs["tokens"], use_cache=False).logits,),
        full=mamba2(hidden_size=768, num_hidden_layers=24, num_heads=24),
    ),
    Later("mamba2_370m", "mamba2", "Mamba2_370M", {}, full=mamba2(hidden_size=1024, num_hidden_layers=48, num_heads=32)),
    Later("mamba2_780m", "mamba2", "Mamba2_780M", {}, full=mamba2(hidden_size=1536, num_hidden_layers=48, num_heads=48)),
    Later("mamba2_1_3b", "mamba2", "Mamba2_1B3", {}, full=mamba2(hidden_size=2048, num_hidden_layers=48, num_heads=64)),
    Later("mamba2_2_7b", "mamba2", "Mamba2_2B7", {}, full=mamba2(hidden_size=2560, num_hidden_layers=64, num_heads=80)),
]
