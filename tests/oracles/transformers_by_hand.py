"""The transformers of papers and courses in plain PyTorch, written from their equations, with the zoo's names."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Section 3.2 of Vaswani et al., head by head."""

    def __init__(self, width: int, heads: int, bias: bool, names: Sequence[str] = "qkvo") -> None:
        super().__init__()
        self.heads, self.names = heads, names
        for name in names:
            self.add_module(name, nn.Linear(width, width, bias=bias))

    def forward(self, x: Tensor, memory: Tensor, causal: bool = False) -> Tensor:
        q, k, v, o = (self.get_submodule(name) for name in self.names)
        found = []
        for q_head, k_head, v_head in zip(*(one.chunk(self.heads, -1) for one in (q(x), k(memory), v(memory))), strict=True):
            scores = torch.einsum("btd,bsd->bts", q_head, k_head) / math.sqrt(q_head.shape[-1])
            if causal:
                places = torch.arange(scores.shape[-1])
                scores = scores.masked_fill(places[None, :] > places[:, None], -math.inf)
            found.append(scores.softmax(-1) @ v_head)
        return o(torch.cat(found, -1))


class SelfAttention(Attention):
    """The class of courses, applied to one sequence."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads, True, ("W_q", "W_k", "W_v", "W_o"))

    def forward(self, x: Tensor, memory: Tensor | None = None, causal: bool = False) -> Tensor:
        return super().forward(x, x)


class EncoderLayer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int, norm_first: bool = False) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.self_attn = Attention(width, heads, True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def feed(self, x: Tensor) -> Tensor:
        return self.linear2(F.relu(self.linear1(x)))

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            inner = self.norm1(x)
            x = x + self.self_attn(inner, inner)
            return x + self.feed(self.norm2(x))
        x = self.norm1(x + self.self_attn(x, x))
        return self.norm2(x + self.feed(x))


class DecoderLayer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn, self.cross_attn = Attention(width, heads, True), Attention(width, heads, True)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        x = self.norm1(x + self.self_attn(x, x, causal=True))
        x = self.norm2(x + self.cross_attn(x, memory))
        return self.norm3(x + self.linear2(F.relu(self.linear1(x))))


class Vaswani(nn.Module):
    """The paper's model: one matrix for both tables and the output."""

    def __init__(self, vocab: int, width: int, depth: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(vocab, width)
        self.encoder = nn.ModuleList([EncoderLayer(width, heads, hidden) for _ in range(depth)])
        self.decoder = nn.ModuleList([DecoderLayer(width, heads, hidden) for _ in range(depth)])

    def embed(self, words: Tensor) -> Tensor:
        x = self.embedding(words) * math.sqrt(self.width)
        table = torch.tensor(
            [
                [(math.cos if i % 2 else math.sin)(t / 10000 ** ((i - i % 2) / self.width)) for i in range(self.width)]
                for t in range(words.shape[1])
            ],
            dtype=x.dtype,
        )
        return x + table

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory = self.embed(source)
        for layer in self.encoder:
            memory = layer(memory)
        x = self.embed(target)
        for layer in self.decoder:
            x = layer(x, memory)
        return x @ self.embedding.weight.T


class NapkinLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = Attention(width, heads, False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.layer_norm(x, x.shape[-1:])
        x = x + self.attn(inner, inner, causal=True)
        return x + self.down(F.gelu(self.up(F.layer_norm(x, x.shape[-1:]))))


class GPTModelX(nn.Module):
    """Twelve squared widths a layer, and nothing else."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([NapkinLayer(width, heads) for _ in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x
