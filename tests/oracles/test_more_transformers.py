"""Transformers that the zoo has not, against transformers' classes, tiny: what the language says of the unforeseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.oracles.cases import words
from tests.oracles.comparing import Call, InDouble, Inputs, Pair, agree_in_float64, call_plain
from tests.oracles.living import build, quiet, randomise, spec
from tests.oracles.running import agrees, session
from tests.oracles.transformer_cases import call_causal, pairs

import transformers  # isort: skip
from transformers.models.deberta_v2 import modeling_deberta_v2 as deberta_v2  # isort: skip
from transformers.models.gptj.modeling_gptj import create_sinusoidal_positions  # isort: skip

pytestmark = pytest.mark.oracle
TINY: dict[str, Any] = {"vocab_size": 19, "hidden_size": 16, "num_hidden_layers": 2, "attn_implementation": "eager"}
GEMMA = {**TINY, "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6}
MISTRAL = {**TINY, "num_attention_heads": 4, "num_key_value_heads": 2, "rope_theta": 10000.0}


def exact(module: nn.Module) -> nn.Module:
    """The rates of rotary positions in float64: the libraries round them to float32 when they make them."""
    for one in module.modules():
        if hasattr(one, "compute_default_rope_parameters"):
            with InDouble():
                one.inv_freq, _ = one.compute_default_rope_parameters(one.config)
        if hasattr(one, "embed_positions") and isinstance(one.embed_positions, Tensor):
            with InDouble():
                one.embed_positions = create_sinusoidal_positions(*one.embed_positions.shape)
    return module


def made(name: str, **config: Any) -> Callable[[], nn.Module]:
    """A class of the library with its own configuration class."""
    family = name.removesuffix("ForCausalLM").removesuffix("Model")

    def make() -> nn.Module:
        return exact(getattr(transformers, name)(getattr(transformers, f"{family}Config")(**config)))

    return make


class Deberta(nn.Module):
    """The attention by itself."""

    def __init__(self) -> None:
        super().__init__()
        config = transformers.DebertaV2Config(
            hidden_size=16,
            num_attention_heads=2,
            position_buckets=4,
            max_relative_positions=12,
            relative_attention=True,
            pos_att_type="p2c|c2p",
            share_att_key=True,
        )
        self.self = deberta_v2.DisentangledSelfAttention(config)
        self.rel_embeddings = nn.Embedding(8, 16)

    def forward(self, x: Tensor) -> Tensor:
        n, length, _ = x.shape
        places = deberta_v2.build_relative_position(x, x, bucket_size=4, max_position=12)
        seen = torch.ones(n, 1, length, length, dtype=torch.bool)
        found = self.self(x, seen, relative_pos=places, rel_embeddings=self.rel_embeddings.weight)
        return found[0] if isinstance(found, tuple) else found


def call_bart(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    mask = inputs["mask"].long()
    found = module(input_ids=inputs["source"], decoder_input_ids=inputs["target"], attention_mask=mask, use_cache=False)
    return found.last_hidden_state, found.encoder_last_hidden_state


def call_albert(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    return tuple(module(input_ids=inputs["tokens"])[:2])


def vectors(n: int) -> Inputs:
    """Short enough that no distance falls on the edge of a bucket, where float32 may round either way."""
    return {"x": torch.randn(n, 7 + n, 16, generator=torch.Generator().manual_seed(n))}


Row = tuple[str, Callable[[], nn.Module], Call, Callable[[int], Inputs]]
CASES: dict[str, Row] = {
    "NeoX": (
        "decoders",
        made("GPTNeoXForCausalLM", **TINY, intermediate_size=24, num_attention_heads=2, rotary_pct=0.25),
        call_causal,
        words(6, 19),
    ),
    "GPTJ": (
        "decoders",
        made("GPTJForCausalLM", vocab_size=19, n_positions=16, n_embd=16, n_layer=2, n_head=2, rotary_dim=4),
        call_causal,
        words(6, 19),
    ),
    "Gemma": ("decoders", made("GemmaForCausalLM", **GEMMA), call_causal, words(6, 19)),
    "Gemma2": (
        "decoders",
        made("Gemma2ForCausalLM", **GEMMA, sliding_window=3, query_pre_attn_scalar=10),
        call_causal,
        words(6, 19),
    ),
    "Mistral": (
        "decoders",
        made("MistralForCausalLM", **MISTRAL, intermediate_size=24, sliding_window=3),
        call_causal,
        words(6, 19),
    ),
    "Mixtral": (
        "decoders",
        made(
            "MixtralForCausalLM",
            **MISTRAL,
            intermediate_size=12,
            num_local_experts=4,
            num_experts_per_tok=2,
            rms_norm_eps=1e-6,
            experts_implementation="eager",
        ),
        call_causal,
        words(6, 19),
    ),
    "Bloom": (
        "decoders",
        made("BloomForCausalLM", vocab_size=19, hidden_size=18, n_layer=2, n_head=3, hidden_dropout=0, attention_dropout=0),
        call_causal,
        words(6, 19),
    ),
    "Albert": (
        "others",
        made(
            "AlbertModel",
            vocab_size=19,
            embedding_size=8,
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=24,
            max_position_embeddings=16,
        ),
        call_albert,
        words(6, 19),
    ),
    "Bart": (
        "others",
        made(
            "BartModel",
            vocab_size=19,
            d_model=16,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=24,
            decoder_ffn_dim=24,
            max_position_embeddings=16,
            dropout=0.0,
        ),
        call_bart,
        pairs(5, 3, True),
    ),
    "Deberta": ("others", Deberta, call_plain, vectors),
}


@pytest.mark.parametrize("arch", CASES)
def test_it_is_the_librarys_in_float64_and_in_onnx(arch: str) -> None:
    file, make, call, inputs = CASES[arch]
    file = f"transformers/{file}"
    given = ("mask",) if "mask" in inputs(1) else ()
    theirs = quiet(randomise(make()))
    agree_in_float64(Pair(quiet(build(file, arch)), theirs, call), inputs(2))
    running = session(spec(file).onnx(arch, weights=theirs.float().state_dict(), given=given))
    for n in (1, 3):
        agrees(running, theirs, call, inputs(n))
