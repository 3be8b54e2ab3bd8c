"""Efficient attention from the papers' equations: dense tables, one query at a time, sets of keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def heads(x: Tensor, count: int) -> list[Tensor]:
    """The features of each head."""
    return list(x.chunk(count, dim=-1))


class Linformer(nn.Module):
    """softmax(Q (E K)^T / sqrt(d)) F V, head by head (equation 7 of the paper), E and F shared by the heads."""

    def __init__(self, width: int, count: int, length: int, reduced: int) -> None:
        super().__init__()
        self.count = count
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.proj_k, self.proj_v = (nn.Parameter(torch.randn(length, reduced)) for _ in range(2))
        self.to_out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        made = []
        for q, k, v in zip(*(heads(one(x), self.count) for one in (self.to_q, self.to_k, self.to_v)), strict=True):
            keys, values = self.proj_k.T @ k, self.proj_v.T @ v
            made.append(torch.softmax(q @ keys.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1) @ values)
        return self.to_out(torch.cat(made, dim=-1))


class Performer(nn.Module):
    """Row by row normalised products of phi(x) = exp(w x - |x|^2 / 2) / sqrt(m), x over the fourth root of d."""

    def __init__(self, width: int, count: int, directions: int, causal: bool = False) -> None:
        super().__init__()
        self.count, self.causal = count, causal
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.to_out = nn.Linear(width, width)
        self.register_buffer("projection_matrix", torch.randn(directions, width // count))

    def phi(self, x: Tensor) -> Tensor:
        x = x / x.shape[-1] ** 0.25
        exponents = [x @ one - (x * x).sum(-1) / 2 for one in self.projection_matrix]
        return torch.exp(torch.stack(exponents, dim=-1)) / len(exponents) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        made = []
        for q, k, v in zip(*(heads(one(x), self.count) for one in (self.to_q, self.to_k, self.to_v)), strict=True):
            table = self.phi(q) @ self.phi(k).transpose(1, 2)
            table = table.tril() if self.causal else table
            made.append(table / table.sum(-1, keepdim=True) @ v)
        return self.to_out(torch.cat(made, dim=-1))


class Attention(nn.Module):
    """The four maps, named q, k, v and o; `weigh` gives the table of weights from one head's queries and keys."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def weigh(self, q: Tensor, k: Tensor) -> Tensor:
        raise AssertionError("each kind of attention has its own weights")

    def forward(self, x: Tensor) -> Tensor:
        made = []
        for q, k, v in zip(*(heads(one(x), self.count) for one in (self.q, self.k, self.v)), strict=True):
            made.append(self.weigh(q, k) @ v)
        return self.o(torch.cat(made, dim=-1))


class LinearAttention(Attention):
    """phi(q) phi(k)^T over its sum, with phi(x) = elu(x) + 1; causal by default."""

    def __init__(self, width: int, count: int, causal: bool = True) -> None:
        super().__init__(width, count)
        self.causal = causal

    def weigh(self, q: Tensor, k: Tensor) -> Tensor:
        q, k = (torch.where(one > 0, one + 1, torch.exp(one)) for one in (q, k))
        table = q @ k.transpose(1, 2)
        table = table.tril() if self.causal else table
        return table / table.sum(-1, keepdim=True)


def keys_seen(kind: str, i: int, length: int, window: int, stride: int) -> list[int]:
    """Which keys query i sees, as the papers list them."""
    half = window // 2
    sets = {
        "window": range(i - half, i + half + 1),
        "window_causal": range(i - window + 1, i + 1),
        "dilated": [i + step * stride for step in range(-half, half + 1)],
        "strided": [*range(i - window + 1, i + 1), *range(i, -1, -stride)],
        "fixed": [*range(i - i % stride, i + 1), *(j for j in range(stride - 1, i + 1, stride))],
        "global_window": range(length) if i == 0 else [0, *range(i - half, i + half + 1)],
    }
    return sorted({j for j in sets[kind] if 0 <= j < length})


class SparseAttention(nn.Module):
    """Each query's softmax goes over the keys that it sees, and no others."""

    class Seen(Attention):
        kind, window, stride = "", 0, 0

        def weigh(self, q: Tensor, k: Tensor) -> Tensor:
            length = q.shape[1]
            rows = []
            for i in range(length):
                seen = keys_seen(self.kind, i, length, self.window, self.stride)
                scores = torch.softmax(q[:, i : i + 1] @ k[:, seen].transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
                row = torch.zeros(q.shape[0], 1, length, dtype=q.dtype)
                rows.append(row.index_copy(2, torch.tensor(seen), scores))
            return torch.cat(rows, dim=1)

    def __init__(self, kind: str, width: int, count: int, window: int, stride: int) -> None:
        super().__init__()
        self.attn = self.Seen(width, count)
        self.attn.kind, self.attn.window, self.attn.stride = kind, window, stride

    def forward(self, x: Tensor) -> Tensor:
        return self.attn(x)
