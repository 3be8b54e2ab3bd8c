"""`std.attention` against dense tables."""

from __future__ import annotations

import pytest
import torch

from tests.std.building import made, normal, same

HEADS = "(q: [B, 2, T, 4], k: [B, 2, T, 4], v: [B, 2, T, 3]"
LENGTHS = [1, 3, 6, 8, 13]


def seen(length: int, window: int) -> torch.Tensor:
    places = torch.arange(length)
    return (places[:, None] - places).abs() <= window


def dense(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Rows that see nothing are 0."""
    scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, -1).nan_to_num() @ v


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("window", [1, 3, 20])
def test_local_attention_is_attention_within_a_window(length: int, window: int) -> None:
    module = made("std.attention { local_attention }", f"{HEADS})", f"local_attention(q, k, v, window={window})")
    q, k, v = normal(2, 2, length, 4), normal(2, 2, length, 4, seed=2), normal(2, 2, length, 3, seed=3)
    same(module(q, k, v), dense(q, k, v, seen(length, window)))


@pytest.mark.parametrize("length", LENGTHS)
def test_local_attention_with_padding_and_keys_that_all_see(length: int) -> None:
    header = f"{HEADS}, mask: bool[B, T], far_k: [B, 2, G, 4], far_v: [B, 2, G, 3], far_mask: bool[B, G])"
    body = "local_attention(q, k, v, mask, far_k, far_v, far_mask, window=2)"
    module = made("std.attention { local_attention }", header, body)
    q, k, v = normal(2, 2, length, 4), normal(2, 2, length, 4, seed=2), normal(2, 2, length, 3, seed=3)
    far_k, far_v = normal(2, 2, 3, 4, seed=4), normal(2, 2, 3, 3, seed=5)
    mask = torch.arange(length) < torch.tensor([[length], [length // 2]])
    far_mask = torch.tensor([[True, False, True], [False, False, False]])
    both = torch.cat([far_mask[:, None].expand(2, length, 3), mask[:, None] & seen(length, 2)], dim=-1)
    wanted = dense(q, torch.cat([far_k, k], 2), torch.cat([far_v, v], 2), both[:, None])
    same(module(q, k, v, mask, far_k, far_v, far_mask), wanted)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_linear_attention_is_a_table_of_products(length: int, causal: bool) -> None:
    body = f"linear_attention(q, k, v, causal={'true' if causal else 'false'})"
    module = made("std.attention { linear_attention }", f"{HEADS})", body)
    q, k, v = normal(2, 2, length, 4).exp(), normal(2, 2, length, 4, seed=2).exp(), normal(2, 2, length, 3, seed=3)
    table = q @ k.transpose(-1, -2)
    table = table.tril() if causal else table
    same(module(q, k, v), table / table.sum(-1, keepdim=True) @ v)
