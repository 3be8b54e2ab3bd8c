"""The zoo's transformers of text: which spec each is, at which sizes its MACs are, how a tiny one of the reference is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tests.oracles import transformers_by_hand as hand
from tests.oracles.cases import NO_DROPOUT, TINY_BERT, TINY_WORDS, call_bert, call_gpt2, call_pretraining, gpt2, sentences, words
from tests.oracles.comparing import Call, InDouble, Inputs, call_plain

import transformers  # isort: skip

Draw = Callable[[int], Inputs]
"""Inputs for a batch of n, whose lengths follow n."""


@dataclass(frozen=True)
class Text:
    """One row of the zoo, or a case beside it (`row` false). `tiny` makes the reference that `config` makes ours equal to."""

    name: str
    file: str
    arch: str
    sizes: dict[str, int]
    tiny: Callable[[], nn.Module] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    inputs: Draw | None = None
    call: Call = call_plain
    given: tuple[str, ...] = ()
    row: bool = True


def vectors(width: int, **lengths: int) -> Draw:
    """Sequences of vectors, each of its length and n more."""

    def draw(n: int) -> Inputs:
        drawn = torch.Generator().manual_seed(n)
        return {name: torch.randn(n, length + n, width, generator=drawn) for name, length in lengths.items()}

    return draw


def pairs(source: int, target: int, masked: bool = False) -> Draw:
    """Sentences with their translations, with a mask whose rows end at different places."""

    def draw(n: int) -> Inputs:
        drawn = torch.Generator().manual_seed(n)
        made = {
            name: torch.randint(17, (n, length + n), generator=drawn) for name, length in (("source", source), ("target", target))
        }
        if masked:
            ends = torch.arange(source + n, source, -1)[:, None]
            made["mask"] = torch.arange(source + n)[None] < ends
        return made

    return draw


def masked_words(length: int, vocab: int) -> Draw:
    """Words with a mask whose rows end at different places."""
    return lambda n: {name: one for name, one in sentences(length, vocab)(n).items() if name != "segments"}


def call_causal(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    mask = inputs["mask"].long() if "mask" in inputs else None
    return (module(input_ids=inputs["tokens"], attention_mask=mask, use_cache=False).logits,)


def call_gpt1(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    return (module(input_ids=inputs["tokens"]).logits,)


def call_t5(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    mask = inputs["mask"].long() if "mask" in inputs else None
    made = module(
        input_ids=inputs["source"], attention_mask=mask, decoder_input_ids=inputs["target"], use_cache=False, return_dict=True
    )
    return made.logits, made.encoder_last_hidden_state


def call_torch_causal(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    """torch.nn.Transformer with a causal mask, in which true = may not attend."""
    length = inputs["target"].shape[1]
    mask = torch.ones(length, length, dtype=torch.bool).triu(1)
    return (module(inputs["source"], inputs["target"], tgt_mask=mask),)


def t5() -> nn.Module:
    config = transformers.T5Config(vocab_size=19, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=2, dropout_rate=0.0)
    config._attn_implementation = "eager"
    return transformers.T5ForConditionalGeneration(config)


def llama(**more: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        config = transformers.LlamaConfig(
            vocab_size=19, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, **more
        )
        config._attn_implementation = "eager"
        made = transformers.LlamaForCausalLM(config)
        rotary = made.model.rotary_emb
        with InDouble():  # else the angles' rates are rounded to float32 when they are made
            rotary.inv_freq, _ = rotary.compute_default_rope_parameters(config)
        return made

    return make


def torch_transformer(norm_first: bool) -> Callable[[], nn.Module]:
    return lambda: nn.Transformer(8, 2, 2, 2, 12, 0.0, batch_first=True, norm_first=norm_first)


def torch_layer(norm_first: bool) -> Callable[[], nn.Module]:
    return lambda: nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True, norm_first=norm_first)


class ToItself(nn.MultiheadAttention):
    """Attention of a sequence to itself, only the result."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


def gpt1() -> nn.Module:
    return transformers.OpenAIGPTLMHeadModel(
        transformers.OpenAIGPTConfig(vocab_size=19, n_positions=16, n_embd=16, n_layer=2, n_head=2, **NO_DROPOUT)
    )


TINY_GPT2 = gpt2(vocab_size=19, n_positions=16, n_embd=16, n_layer=2, n_head=2, **NO_DROPOUT)
FULL = {"B": 1, "T": 1024}
BLOCK = {"B": 1, "T": 16}
BOTH = {"B": 1, "S": 16, "T": 16}
LONG = {"B": 1, "S": 512, "T": 512}
GPT = {**TINY_WORDS, "context": 16, "p": 0.0}
BERT = {**TINY_WORDS, "hidden": 24, "positions": 16, "p": 0.0}
T5 = {**TINY_WORDS, "head_width": 6, "hidden": 24, "p": 0.0}
TORCH = {"width": 8, "heads": 2, "encoder_depth": 2, "decoder_depth": 2, "hidden": 12, "p": 0.0}
LAYER = {"D": 8, "heads": 2, "hidden": 12, "p": 0.0}
LLAMA = {"vocab": 19, "width": 16, "depth": 2, "heads": 4, "hidden": 24}
X = vectors(8, x=4)

CASES = [
    Text("mha_seed", "transformer", "SelfAttention", BLOCK, lambda: hand.SelfAttention(8, 2), {"D": 8, "heads": 2}, X),
    Text("mha", "transformer", "TorchAttention", BLOCK, lambda: ToItself(8, 2, batch_first=True), {"D": 8, "heads": 2}, X),
    Text("transformer_block", "transformer", "TransformerBlock", BLOCK, lambda: hand.EncoderLayer(8, 2, 12), LAYER, X),
    Text(
        "transformer_block_pre",
        "transformer",
        "TransformerBlock",
        BLOCK,
        lambda: hand.EncoderLayer(8, 2, 12, True),
        {**LAYER, "norm_first": True},
        X,
        row=False,
    ),
    Text("encoder_layer_post", "transformer", "TorchEncoderLayer", BLOCK, torch_layer(False), LAYER, X),
    Text("encoder_layer_pre", "transformer", "TorchEncoderLayerPre", BLOCK, torch_layer(True), LAYER, X),
    Text(
        "transformer_vaswani",
        "transformer",
        "Vaswani",
        BOTH,
        lambda: hand.Vaswani(17, 8, 2, 2, 12),
        {"vocab": 17, "width": 8, "depth": 2, "heads": 2, "hidden": 12, "p": 0.0},
        pairs(4, 3),
    ),
    Text(
        "torch_transformer_base",
        "transformer",
        "TorchTransformer",
        BOTH,
        torch_transformer(False),
        TORCH,
        vectors(8, source=4, target=3),
    ),
    Text(
        "torch_transformer_pre",
        "transformer",
        "TorchTransformer",
        BOTH,
        torch_transformer(True),
        {**TORCH, "norm_first": True},
        vectors(8, source=4, target=3),
        row=False,
    ),
    Text(
        "torch_transformer_causal",
        "transformer",
        "TorchTransformerCausal",
        BOTH,
        torch_transformer(False),
        TORCH,
        vectors(8, source=4, target=3),
        call_torch_causal,
        row=False,
    ),
    Text("gpt1", "gpt1", "GPT1", {"B": 1, "T": 512}, gpt1, GPT, words(6, 19), call_gpt1),
    Text("gpt2", "gpt2", "GPT2", FULL, TINY_GPT2, GPT, words(6, 19), call_gpt2),
    Text("gpt2_medium", "gpt2", "GPT2Medium", FULL),
    Text("gpt2_large", "gpt2", "GPT2Large", FULL),
    Text("gpt2_xl", "gpt2", "GPT2XL", FULL),
    Text("gpt3_175b", "gpt3", "GPT3_175B", {"B": 1, "T": 2048}, TINY_GPT2, GPT, words(6, 19), call_gpt2),
    Text(
        "gpt_model_x",
        "gpt_model_x",
        "GPTModelX",
        {"B": 1, "T": 1},
        lambda: hand.GPTModelX(16, 2, 2),
        {"width": 16, "depth": 2, "heads": 2},
        vectors(16, x=4),
    ),
    Text(
        "bert_base",
        "bert",
        "BertBase",
        {"B": 1, "T": 512},
        lambda: transformers.BertModel(transformers.BertConfig(**TINY_BERT)),
        BERT,
        sentences(6, 19),
        call_bert,
        ("segments", "mask"),
    ),
    Text(
        "bert_base_pretraining",
        "bert",
        "BertForPreTraining",
        {"B": 1, "T": 512},
        lambda: transformers.BertForPreTraining(transformers.BertConfig(**TINY_BERT)),
        BERT,
        sentences(6, 19),
        call_pretraining,
        ("segments", "mask"),
    ),
    Text("bert_large", "bert", "BertLarge", {"B": 1, "T": 512}),
    Text("t5_small", "t5", "T5Small", LONG, t5, T5, pairs(70, 40, True), call_t5, ("mask",)),
    Text("t5_base", "t5", "T5Base", LONG, t5, T5, pairs(5, 3), call_t5),
    Text(
        "llama",
        "llama",
        "Llama",
        {"B": 1, "T": 512},
        llama(num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=500000.0),
        {**LLAMA, "kv_heads": 2, "eps": 1e-5, "base": 500000.0},
        masked_words(6, 19),
        call_causal,
        ("mask",),
        row=False,
    ),
    Text(
        "llama_tied",
        "llama",
        "Llama",
        {"B": 1, "T": 512},
        llama(num_key_value_heads=1, tie_word_embeddings=True),
        {**LLAMA, "kv_heads": 1, "tied": True},
        words(6, 19),
        call_causal,
        row=False,
    ),
]

WIDE = {"vocab": 300, "width": 64, "depth": 3, "heads": 4}
WIDE_GPT = {"vocab_size": 300, "n_positions": 64, "n_embd": 64, "n_layer": 3, "n_head": 4}
WIDE_ENCODER = {
    "vocab_size": 300,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 128,
}
WIDE_T5 = {"vocab_size": 300, "d_model": 64, "d_kv": 20, "d_ff": 128, "num_layers": 3, "num_heads": 4}
# What starts from drawn weights: file, arch, configuration, the library's, wide enough for the draws to tell.
STARTS: dict[str, tuple[str, str, dict[str, Any], Callable[[], nn.Module]]] = {
    "gpt1": (
        "gpt1",
        "GPT1",
        {**WIDE, "context": 64},
        lambda: transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(**WIDE_GPT)),
    ),
    "gpt2": ("gpt2", "GPT2", {**WIDE, "context": 64}, gpt2(**WIDE_GPT)),
    "bert_pretraining": (
        "bert",
        "BertForPreTraining",
        {**WIDE, "hidden": 128},
        lambda: transformers.BertForPreTraining(transformers.BertConfig(**WIDE_ENCODER)),
    ),
    "t5": (
        "t5",
        "T5",
        {**WIDE, "head_width": 20, "hidden": 128},
        lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(**WIDE_T5)),
    ),
    "llama": (
        "llama",
        "Llama",
        {**WIDE, "kv_heads": 2, "hidden": 128},
        lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(num_key_value_heads=2, **WIDE_ENCODER)),
    ),
    "mha": ("transformer", "TorchAttention", {"D": 64}, lambda: nn.MultiheadAttention(64, 8)),
    "encoder_layer": ("transformer", "TorchEncoderLayer", {"D": 64, "hidden": 99}, lambda: nn.TransformerEncoderLayer(64, 8, 99)),
}

P = 0.3
DROPS = {"attn_pdrop": P, "embd_pdrop": P, "resid_pdrop": P}
TINY_GPT = {"vocab_size": 19, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2}
TINY_T5 = {"vocab_size": 19, "d_model": 16, "d_kv": 6, "d_ff": 24, "num_layers": 2, "num_heads": 2, "dropout_rate": P}
TINY_LLAMA = {
    "vocab_size": 19,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "num_key_value_heads": 2,
    "attention_dropout": P,
}


def bert_with_dropout() -> nn.Module:
    config = {**TINY_BERT, "attention_probs_dropout_prob": P, "hidden_dropout_prob": P}
    return transformers.BertModel(transformers.BertConfig(**config))


def call_words(module: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    made = module(inputs["tokens"])
    return made.last_hidden_state, made.pooler_output


# The same as the library's while dropout draws: in distribution.
DROPPING = [
    Text(
        "gpt1",
        "gpt1",
        "GPT1",
        {},
        lambda: transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(**TINY_GPT, **DROPS)),
        {**GPT, "p": P},
        words(4, 19),
        call_gpt1,
    ),
    Text("gpt2", "gpt2", "GPT2", {}, gpt2(**TINY_GPT, **DROPS), {**GPT, "p": P}, words(4, 19), call_gpt2),
    Text("bert", "bert", "Bert", {}, bert_with_dropout, {**BERT, "p": P}, words(4, 19), call_words),
    Text(
        "t5",
        "t5",
        "T5",
        {},
        lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(**TINY_T5)),
        {**T5, "p": P},
        pairs(4, 3),
        call_t5,
    ),
    Text(
        "llama",
        "llama",
        "Llama",
        {},
        lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**TINY_LLAMA)),
        {**LLAMA, "kv_heads": 2, "p": P},
        words(4, 19),
        call_causal,
    ),
    Text(
        "torch_transformer",
        "transformer",
        "TorchTransformer",
        {},
        lambda: nn.Transformer(8, 2, 2, 2, 12, P, batch_first=True),
        {**TORCH, "p": P},
        vectors(8, source=4, target=3),
    ),
]
