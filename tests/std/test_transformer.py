"""`std.transformer` against `torch.nn.Transformer` and the equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.std.building import agree, made, normal, randomised, same

X = "(x: [B, T, 8])"


class Mlp(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 12, bias), nn.Linear(12, 8, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Gated(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = nn.Linear(8, 12, bias), nn.Linear(8, 12, bias), nn.Linear(12, 8, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Attention(nn.Module):
    """Head by head and query by query, with the softmax written out."""

    def __init__(
        self,
        heads: int,
        kv: int,
        wide: int = 8,
        memory: int = 8,
        bias: bool = True,
        causal: bool = False,
        base: float | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.kv, self.size, self.causal, self.base = heads, kv, wide // heads, causal, base
        self.q_proj = nn.Linear(wide, wide, bias)
        self.k_proj = nn.Linear(memory, kv * self.size, bias)
        self.v_proj = nn.Linear(memory, kv * self.size, bias)
        self.out_proj = nn.Linear(wide, wide, bias)

    def turned(self, x: torch.Tensor) -> torch.Tensor:
        """Features i and i + D/2 of position t as a complex number, times e^(i t base^(-2i/D))."""
        if self.base is None:
            return x
        half = x.shape[-1] // 2
        speed = torch.tensor([self.base ** (-2 * i / x.shape[-1]) for i in range(half)], dtype=x.dtype)
        angle = torch.arange(x.shape[0], dtype=x.dtype)[:, None] * speed
        turned = torch.complex(x[:, :half], x[:, half:]) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([turned.real, turned.imag], -1)

    def forward(
        self,
        x: torch.Tensor,
        memory: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        offset: torch.Tensor | None = None,
    ) -> torch.Tensor:
        memory = x if memory is None else memory
        q, k, v = self.q_proj(x), self.k_proj(memory), self.v_proj(memory)
        result = torch.zeros_like(q)
        for b in range(x.shape[0]):
            for h in range(self.heads):
                own = slice(h * self.size, (h + 1) * self.size)
                group = h // (self.heads // self.kv)
                shared = slice(group * self.size, (group + 1) * self.size)
                scores = self.turned(q[b, :, own]) @ self.turned(k[b, :, shared]).T / math.sqrt(self.size)
                if offset is not None:
                    scores = scores + offset[h]
                for t in range(x.shape[1]):
                    seen = [s for s in range(memory.shape[1]) if (mask is None or mask[b, s]) and (not self.causal or s <= t)]
                    weights = torch.exp(scores[t, seen]) / torch.exp(scores[t, seen]).sum()
                    result[b, t, own] = weights @ v[b, seen, shared]
        return self.out_proj(result)


def test_mlp() -> None:
    agree(made("std.transformer { MLP }", X, "_: MLP(12, p=0.1)"), Mlp(True), normal(2, 5, 8))
    agree(made("std.transformer { MLP }", X, "_: MLP(12, bias=false)"), Mlp(False), normal(2, 5, 8))


@pytest.mark.parametrize("bias", [False, True])
def test_gated_mlp(bias: bool) -> None:
    agree(made("std.transformer { GatedMLP }", X, f"_: GatedMLP(12, bias={str(bias).lower()})"), Gated(bias), normal(2, 5, 8))


@pytest.mark.parametrize("more,kv,options", [
    ("", 4, {}), ("kv_heads=2, bias=false", 2, {"bias": False}), ("causal=true", 4, {"causal": True}),
    ("kv_heads=1, causal=true, rotary_base=100.0", 1, {"causal": True, "base": 100.0}), ("p=0.2", 4, {}),
])  # fmt: skip
def test_self_attention(more: str, kv: int, options: dict[str, bool]) -> None:
    module = made("std.transformer { SelfAttention }", "(x: [B, T, 16])", f"_: SelfAttention(4, {more})".replace(", )", ")"))
    agree(module, Attention(4, kv, 16, 16, **options), normal(2, 5, 16))


def test_self_attention_with_mask_and_offset() -> None:
    header = "(x: [B, T, 8], m: bool[B, T], offset: [2, T, T])"
    module = made("std.transformer { SelfAttention }", header, "(x, mask=m, offset=offset) -> _: SelfAttention(2)")
    mask = torch.tensor([[True, True, False, True], [True, False, False, True]])
    reference = Attention(2, 2).double()
    reference.load_state_dict(module.state_dict(), strict=True)
    x, offset = normal(2, 4, 8), normal(2, 4, 4, seed=3)
    same(module(x, mask, offset), reference(x, mask=mask, offset=offset))


def test_cross_attention() -> None:
    header = "(x: [B, T, 8], memory: [B, S, 6], m: bool[B, S])"
    module = made("std.transformer { CrossAttention }", header, "(x, memory, mask=m) -> _: CrossAttention(4, kv_heads=2)")
    mask = torch.tensor([[True, True, False], [False, True, False]])
    agree(module, Attention(4, 2, 8, 6), normal(2, 5, 8), normal(2, 3, 6, seed=3), mask)


class Named(nn.Module):
    """Attention to a memory of another width, head by head."""

    def __init__(self, causal: bool, bias: bool) -> None:
        super().__init__()
        self.causal = causal
        self.q, self.k, self.v, self.o = (nn.Linear(inner, 8, bias) for inner in (8, 6, 6, 8))

    def forward(self, x: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        found = []
        for own in (slice(0, 4), slice(4, 8)):
            scores = self.q(x)[..., own] @ self.k(memory)[..., own].mT / 2
            scores = scores.masked_fill(~mask[:, None, :], -math.inf)
            if self.causal:
                scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf)
            found.append(scores.softmax(-1) @ self.v(memory)[..., own])
        return self.o(torch.cat(found, -1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_attention(causal: bool, bias: bool) -> None:
    header = "(x: [B, T, 8], memory: [B, S, 6], m: bool[B, S])"
    said = f"(x, memory, mask=m) -> _: Attention(2, causal={str(causal).lower()}, bias={str(bias).lower()})"
    module = made("std.transformer { Attention }", header, said)
    mask = torch.tensor([[True, True, False, True, True], [True, False, True, True, False]])
    agree(module, Named(causal, bias), normal(2, 5, 8), normal(2, 5, 6, seed=3), mask)


class Transposed(nn.Module):
    """A linear map whose weight is [in, out]."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(inner, outer)), nn.Parameter(torch.zeros(outer))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.bias


class FusedAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_attn, self.c_proj = Transposed(8, 24), Transposed(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [one.unflatten(-1, (2, 4)).transpose(1, 2) for one in self.c_attn(x).chunk(3, -1)]
        return self.c_proj(F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_fc, self.c_proj = Transposed(8, 32), Transposed(32, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


def test_a_gpts_attention_and_feed_forward() -> None:
    agree(made("std.transformer { GPTAttention }", X, "_: GPTAttention(2)"), FusedAttention(), normal(2, 5, 8))
    agree(made("std.transformer { GPTFeedForward }", X, "_: GPTFeedForward"), FeedForward(), normal(2, 5, 8))


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("word", ["relu", "gelu"])
def test_encoder(first: bool, word: str) -> None:
    said = f"_: Encoder(2, 2, 12, {word}, norm_first={str(first).lower()}, p=0.1)"
    module = made("std.transformer { Encoder }", X, said)
    layer = nn.TransformerEncoderLayer(8, 2, 12, 0.1, word, batch_first=True, norm_first=first)
    agree(module, nn.TransformerEncoder(layer, 2, nn.LayerNorm(8), enable_nested_tensor=False), normal(2, 5, 8))


def test_encoder_with_padding_and_without_a_final_norm() -> None:
    header = "(x: [B, T, 8], mask: bool[B, T])"
    module = made("std.transformer { Encoder }", header, "(x, mask=mask) -> _: Encoder(2, 2, 12, final_norm=false)")
    reference = (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2, enable_nested_tensor=False)
        .double()
        .eval()
    )
    reference.load_state_dict(module.state_dict(), strict=True)
    x, mask = normal(2, 4, 8), torch.tensor([[True, True, False, False], [True, True, True, True]])
    same(module(x, mask)[mask], reference(x, src_key_padding_mask=~mask)[mask])


@pytest.mark.parametrize("first", [False, True])
def test_decoder(first: bool) -> None:
    header = "(x: [B, T, 8], memory: [B, S, 8], mask: bool[B, T], seen: bool[B, S])"
    said = f"(x, memory, mask=mask, memory_mask=seen) -> _: Decoder(2, 2, 12, norm_first={str(first).lower()})"
    module = made("std.transformer { Decoder }", header, said)
    layer = nn.TransformerDecoderLayer(8, 2, 12, batch_first=True, norm_first=first)
    reference = nn.TransformerDecoder(layer, 2, nn.LayerNorm(8)).double().eval()
    reference.load_state_dict(module.state_dict(), strict=True)
    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    seen = torch.tensor([[True, False, True], [True, True, True]])
    x, memory = normal(2, 4, 8), normal(2, 3, 8, seed=3)
    barred = torch.ones(4, 4, dtype=torch.bool).triu(1)
    theirs = reference(x, memory, tgt_mask=barred, tgt_key_padding_mask=~mask, memory_key_padding_mask=~seen)
    same(module(x, mask=mask, memory=memory, seen=seen)[mask], theirs[mask])


def test_a_decoder_that_sees_everything() -> None:
    header = "(x: [B, T, 8], memory: [B, S, 8])"
    module = made("std.transformer { Decoder }", header, "(x, memory) -> _: Decoder(2, 2, 12, causal=false, final_norm=false)")
    reference = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 12, batch_first=True), 2)
    agree(module, reference, normal(2, 4, 8), normal(2, 3, 8, seed=3))


def test_the_paper_of_2017() -> None:
    """Encoder and decoder together are `torch.nn.Transformer`, key by key."""
    header = "(source: [B, S, 8], target: [B, T, 8])"
    said = "memory = source -> encoder: Encoder(2, 2, 12); (target, memory) -> decoder: Decoder(2, 2, 12)"
    module = made("std.transformer { Encoder, Decoder }", header, said)
    reference = nn.Transformer(8, 2, 2, 2, 12, batch_first=True).double().eval()
    reference.load_state_dict(module.state_dict(), strict=True)
    x, y = normal(2, 5, 8), normal(2, 4, 8, seed=3)
    same(module(x, y), reference(x, y, tgt_mask=torch.ones(4, 4, dtype=torch.bool).triu(1)))


def test_sinusoidal_positions() -> None:
    module = made("std.transformer { SinusoidalPositions }", "(x: [B, T, 6])", "_: SinusoidalPositions")
    table = [
        [math.sin(t / 10000 ** (i / 6)) if i % 2 == 0 else math.cos(t / 10000 ** ((i - 1) / 6)) for i in range(6)]
        for t in range(5)
    ]
    x = normal(2, 5, 6)
    torch.testing.assert_close(module(x), x + torch.tensor(table, dtype=x.dtype), rtol=1e-6, atol=1e-6)


def test_learned_positions() -> None:
    module = made("std.transformer { LearnedPositions }", "(x: [B, T, 6])", "require T <= 7; _: LearnedPositions(7)")
    x = normal(2, 5, 6)
    same(module(x), x + module.get_parameter("weight")[:5])


def published_slopes(n: int) -> list[float]:
    """The function of the paper's repository: for a power of two, else that of the next lower and every other of twice it."""
    if math.log2(n).is_integer():
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start * start**i for i in range(n)]
    near = 2 ** math.floor(math.log2(n))
    return published_slopes(near) + published_slopes(2 * near)[0::2][: n - near]


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12])
def test_alibi(heads: int) -> None:
    module = made("std.transformer { alibi }", f"(x: [B, T, 4]) -> y: [{heads}, T, T]", f"alibi(x, heads={heads})")
    distance = torch.tensor([[abs(t - s) for s in range(5)] for t in range(5)], dtype=torch.float64)
    expected = torch.stack([-slope * distance for slope in published_slopes(heads)])
    torch.testing.assert_close(module(normal(2, 5, 4)).double(), expected, rtol=1e-6, atol=1e-7)


def test_relative_bias() -> None:
    module = randomised(made("std.transformer { RelativeBias }", "(x: [B, T, 4]) -> y: [3, T, T]", "_: RelativeBias(3, 2)"))
    weight = module.get_parameter("weight")
    expected = torch.stack(
        [
            torch.stack([torch.stack([weight[max(-2, min(2, s - t)) + 2, h] for s in range(6)]) for t in range(6)])
            for h in range(3)
        ]
    )
    same(module(normal(2, 6, 4)), expected)
