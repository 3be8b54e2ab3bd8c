"""Random attentions, with masks and biases in random order: what is made of them computes the same, fused or left."""

from __future__ import annotations

import random

import pytest

from archdsl.passes.deployment.fuse_attention import FuseAttention
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through

HEADER = (
    "(q: [B, 2, T, 4], k: [B, 2, S, 4], v: [B, 2, S, 6], mask: bool[B, S], full: bool[2, T, S], bias: [2, T, S], "
    "row: [T, 1], col: [S])"
)
QUERIES = ("q", "q * 0.3", "q / 2", "-q", "q * col[0:1][0]")
PRODUCTS = (
    "(Q) @ transpose(k[:, 0:1], 2, 3)", 'einsum("b h t d, b s d -> b h t s", Q, k[:, 0])',
    "(Q) @ transpose(K, 2, 3)", 'einsum("b h t d, b h s d -> b h t s", Q, K)', "transpose((K) @ transpose(Q, -1, -2), 2, 3)",
    'einsum("b h s d, b h t d -> h b t s", K, Q) -> transpose(0, 1)',
)  # fmt: skip
STEPS = (
    "s * 0.5", "s / sqrt(4)", "s + bias", "s - bias", "s + row", "s + col", "bias + s", "s + 1.5", "-s", "s * -2.0", "relu(s)",
    "where(mask[:, none, none, :], s, FILL)", "where(full, s, FILL)", "masked_fill(s, full, FILL)", "where(full, FILL, s)",
    "masked_fill(s, not mask[:, none, none, :], FILL)", "s + (1 - cast(mask, float))[:, none, none, :] * -1e9",
    "s + where(full, 0.0, FILL)", "s + where(full, bias, FILL)", "where(causal_mask(T, S), s, FILL)",
    "where(triu(ones(T, S, dtype=bool), 1), FILL, s)", "s + triu(ones(T, S) * FILL, 1)", "masked_fill(s, full, 3.0)",
    "s * tril(ones(T, S)) + (1 - tril(ones(T, S))) * FILL", "where(full, s, zeros(S) + FILL)",
)  # fmt: skip
WEIGHTS = (
    "exp(log_softmax(s, axis=-1))",
    "{ exp(s - max(s, axis=-1, keepdim=true)); it / sum(it, axis=-1, keepdim=true) }",
    "softmax(s, axis=-1)", "softmax(s, axis=3)", "softmax(s, axis=-1) * 2", "softmax(s, axis=2)",
)  # fmt: skip
ENDS = (
    "w @ v", 'einsum("b h t s, b h s e -> b t h e", w, v)', "transpose(v, 2, 3) @ transpose(w, 2, 3)", "(w @ v) * 0.5",
    "w -> Dropout(0.1)\nit @ v", "(w -> Dropout(0.1) -> transpose(2, 3) -> transpose(2, 3)) @ v", "w @ v[:, 0:1]",
    "e = exp(s - max(s, axis=-1, keepdim=true)); (e @ v) / sum(e, axis=-1, keepdim=true)",
)  # fmt: skip


@pytest.mark.parametrize("start", [0, *(pytest.param(start, marks=pytest.mark.slow) for start in (40, 80, 120, 160))])
def test_forty_random_attentions(start: int) -> None:
    fused = 0
    for seed in range(start, start + 40):
        choose = random.Random(seed)
        fill = choose.choice(("-1e30", "-1e9", "-1e4", "-50.0"))
        product = choose.choice(PRODUCTS).replace("Q", choose.choice(QUERIES)).replace("K", choose.choice(("k", "k * 2")))
        steps = [f"s = {choose.choice(STEPS)}".replace("FILL", fill) for _ in range(choose.randint(0, 4))]
        text = "\n".join([f"s = {product}", *steps, f"w = {choose.choice(WEIGHTS)}", choose.choice(ENDS)])
        before = graph(text, HEADER)
        passed = through(before, [FuseAttention()])
        if passed.graph is not before:
            fused += 1
            same(before, passed, seed=seed, sizes=2)
    assert fused > 10
