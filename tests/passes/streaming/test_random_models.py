"""Random stacks of causal pieces, in blocks, skips and repeats, run step by step as they run whole."""

from __future__ import annotations

import random

import pytest
import torch

from tests.passes.streaming.running import agree, spec

BLOCKS = """block Cell(x: [B, T, D]) -> [B, T, D] {
  scan u in x over axis 1 { carry h = zeros(B, D); h = tanh((u -> W: Linear(D)) + (h -> U: Linear(D, bias=false))); yield h }
}
block Fast(x: [B, T, D]) -> [B, T, D] {
  gate = x -> g: Linear(D) -> sigmoid
  scan u in x, a in gate over axis 1 { carry h = ones(B, D); h = a * h + u; yield h }
}
block Shift(x: [B, T, D]) -> [B, T, D] { param m: [D] = normal; x * m + concat(zeros(B, 1, D), x[:, :-1], axis=1) * (1 - m) }
block Causal(k: int)(x: [B, T, D]) -> [B, T, D] {
  transpose(1, 2) -> conv: Conv1d(D, k, padding=k - 1, groups=D) -> it[:, :, :T] -> silu -> transpose(1, 2)
}
block Heads(x: [B, T, D]) -> [B, T, D] {
  q, k = x -> qk: Linear(2*D) -> chunk(2, axis=-1)
  q = rearrange(q, "b t (h e) -> b h t e", h=2)
  k = rearrange(k, "b t (h e) -> b h t e", h=2)
  y = scan a in q, b in k over axis 2 { carry s = zeros(B, 2, D // 2); s = 0.5 * s + a * b; yield s * a }
  rearrange(y, "b h t e -> b t (h e)")
}
"""
PIECES = (
    "Cell", "Fast", "Shift", "Causal(2)", "Causal(4)", "Heads", "LayerNorm", "Linear(4)", "GRU(4)", "gelu", "softmax(-1)",
    "{ transpose(1, 2); pad([3, 0]); Conv1d(4, 2, dilation=3); transpose(1, 2) }", "Dropout(0.2)",
)  # fmt: skip


def body(choose: random.Random, depth: int, label: list[int]) -> list[str]:
    """Random lines from [B, T, 4] to [B, T, 4]."""
    lines = []
    for _ in range(choose.randint(1, 3)):
        label[0] += 1
        name = f"m{label[0]}"
        kind = choose.random()
        if depth and kind < 0.2:
            lines += ["skip {", *body(choose, depth - 1, label), "}"]
        elif depth and kind < 0.35:
            lines += [f"{name}: {{", *body(choose, depth - 1, label), "}"]
        elif depth and kind < 0.45:
            lines += [f"{name}: repeat 2 {{", *body(choose, 0, label), "}"]
        else:
            piece = choose.choice(PIECES)
            lines.append(piece if piece[0].islower() else f"{name}: {piece}")
    return lines


@pytest.mark.parametrize("seed", range(24))
def test_a_random_model(seed: int) -> None:
    choose = random.Random(seed)
    lines = ["first: Cell", *body(choose, 3, [0])]
    text = f"{BLOCKS}arch A(x: [B, T, 4]) -> y: [B, T, 4] {{\n" + "\n".join(f"  {one}" for one in lines) + "\n  head y\n}"
    torch.manual_seed(seed)
    agree(spec(text), (torch.randn(2, 7, 4, dtype=torch.float64),), (1,), (1,))
