"""Attention as people write it: with fewer heads of keys, masks of every kind, softmax by hand, axes in any order."""

from __future__ import annotations

import pytest

from archdsl.passes.deployment.fuse_attention import FuseAttention
from archdsl.passes.pattern import Refusal
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words

FUSED = {
    "(q: [B, 4, T, 8], k: [B, 2, S, 8], v: [B, 2, S, 6])": (
        'q = reshape(q, B, 2, 2, T, 8); s = einsum("b g r t d, b g s d -> b g r t s", q, k) / sqrt(8); '
        'w = softmax(s, axis=-1); einsum("b g r t s, b g s e -> b g r t e", w, v) -> reshape(B, 4, T, 6)',
        'q = rearrange(q, "b (g r) t d -> b g r t d", g=2); s = q @ transpose(k[:, :, none], -1, -2) * 0.35; '
        'softmax(s, axis=-1) @ v[:, :, none] -> rearrange("b g r t e -> b (g r) t e")',
        "k = repeat_interleave(k, 2, axis=1); v = repeat_interleave(v, 2, axis=1); "
        "softmax(q @ transpose(k, -1, -2) / sqrt(8), axis=-1) @ v",
        "k = reshape(expand(k[:, :, none], B, 2, 2, S, 8), B, 4, S, 8); "
        "v = reshape(expand(v[:, :, none], B, 2, 2, S, 6), B, 4, S, 6); softmax(q @ transpose(k, -1, -2) / sqrt(8), axis=-1) @ v",
        'k = rearrange(k, "b h s d -> b h 1 s d"); '
        'k = expand(k, B, 2, 2, S, 8) -> rearrange("b h r s d -> b (h r) s d"); v = repeat_interleave(v, 2, axis=1); '
        'softmax(q @ transpose(k, -1, -2) * 0.3, axis=-1) @ v',
    ),
    "(q: [B, 4, T, 8], k: [B, S, 8], v: [B, S, 6])": (
        's = einsum("b h t d, b s d -> b h t s", q, k) * 0.3; einsum("b h t s, b s e -> b h t e", softmax(s, axis=-1), v)',
    ),
    "(q: [B, 4, T, 8], k: [B, 1, S, 8], v: [B, 1, S, 6])": (
        "softmax(q @ transpose(k, 2, 3) * 0.3, axis=-1) @ v",
    ),
    "(q: [B, T, 4, 8], k: [B, S, 2, 8], v: [B, S, 2, 6])": (
        'q = rearrange(q, "b t (g r) d -> b g r t d", g=2); '
        's = einsum("b g r t d, b s g d -> b g r t s", q, k) / 3; einsum("b g r t s, b s g e -> b t g r e", softmax(s, '
        'axis=-1), v) -> rearrange("b t g r e -> b t (g r) e")',
    ),
    "(q: [B, 4, T, 8], k: [B, 2, T, 8], v: [B, 2, T, 6])": (
        'q = rearrange(q, "b (g r) t d -> b g r t d", g=2); '
        's = einsum("b g r t d, b g s d -> b g r t s", q, k) / 3; s = where(tril(ones(T, T, dtype=bool)), s, -1e9); '
        'einsum("b g r t s, b g s e -> b g r t e", softmax(s, axis=-1), v) -> rearrange("b g r t e -> b (g r) t e")',
    ),
    "(q: [B, 4, T, 8], k: [B, 4, T, 8], v: [B, 4, T, 6])": (
        "i = arange(T); near = (i[:, none] - i[none, :] < 3) and (i[none, :] <= i[:, none]); "
        "softmax(where(near, q @ transpose(k, 2, 3) / sqrt(8), -1e9), axis=-1) @ v",
        "i = arange(T); far = abs(i[:, none] - i[none, :]) > 2; "
        "softmax(masked_fill(q @ transpose(k, 2, 3) / sqrt(8), far, -1e9), axis=-1) @ v",
        "m = where(causal_mask(T), 0.0, -1e9); softmax(q @ transpose(k, 2, 3) / sqrt(8) + m, axis=-1) @ v",
        "m = triu(full([T, T], -1e9), 1); softmax(q @ transpose(k, 2, 3) / sqrt(8) + m, axis=-1) @ v",
        "m = (1 - tril(ones(T, T))) * -10000; softmax(q @ transpose(k, 2, 3) / sqrt(8) + m, axis=-1) @ v",
        "c = tril(ones(T, T)); s = q @ transpose(k, 2, 3) / sqrt(8); s = s * c - 1e10 * (1 - c); softmax(s, axis=-1) @ v",
    ),
    "(q: [B, 4, T, 8], k: [B, 4, S, 8], v: [B, 4, S, 6], mask: bool[B, S], full: bool[T, S], bias: [4, T, S], add: [B, "
    "1, T, S])": (
        "s = q @ transpose(k, 2, 3) / sqrt(8) + add; softmax(s, axis=-1) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); s = where(mask[:, none, none, :], s, zeros(1) - 1e9); softmax(s, axis=-1) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); s = s + (1.0 - cast(mask[:, none, none, :], float)) * -3.4e38; "
        "softmax(s, axis=-1) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); m = where(mask, 0.0, -1e30); softmax(s + m[:, none, none, :], axis=-1) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); s = masked_fill(s, (not full)[none, none], -1e9); softmax(s, axis=-1) @ v",
        "softmax((q * 8 ** -0.5) @ transpose(k, -2, -1), axis=-1) @ v",
        "softmax(q @ (transpose(k, -2, -1) / sqrt(sqrt(8))) / sqrt(sqrt(8)), axis=-1) @ v",
        "softmax(q @ transpose(k, -2, -1) * 0.125 * 2.0 / 0.7, axis=-1) @ v",
        "softmax((q / 2) @ transpose(k * 0.7, 2, 3), axis=-1) @ (v * 2)",
        "s = q @ transpose(k, 2, 3) / sqrt(8); e = exp(s - max(s, axis=-1, keepdim=true)); "
        "(e / sum(e, axis=-1, keepdim=true)) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); s = s - max(s, axis=-1, keepdim=true); e = exp(s); "
        "(e @ v) / sum(e, axis=-1, keepdim=true)",
        "s = q @ transpose(k, 2, 3) / sqrt(8); e = exp(s); (e @ v) / sum(e, axis=-1, keepdim=true)",
        "s = q @ transpose(k, 2, 3) / sqrt(8); exp(s - logsumexp(s, axis=-1, keepdim=true)) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); exp(log_softmax(s, axis=-1)) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); m = max(s, axis=-1, keepdim=true); e = exp(s - m); "
        "d = sum(e, axis=-1, keepdim=true); (e * reciprocal(d)) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); e = exp(s - max(s)); d = sum(e, axis=-1); (e / d[..., none]) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); e = exp(s - stop_gradient(max(s, axis=-1, keepdim=true))); "
        "(e / sum(e, axis=-1, keepdim=true)) @ v",
        "w = softmax(q @ transpose(k, 2, 3) / sqrt(8), axis=-1) -> Dropout(0.1); w @ v",
        "w = softmax(q @ transpose(k, 2, 3) / sqrt(8), axis=-1); "
        "w = transpose(w, 2, 3) -> Dropout(0.1) -> transpose(2, 3); w @ v",
        "w = softmax(q @ transpose(k, 2, 3) / sqrt(8), axis=-1); w = w * 2 -> Dropout(0.1); w @ v",
    ),
    "(q: [B, T, 32], k: [B, S, 32], v: [B, S, 32])": (
        "q = transpose(reshape(q, B, T, 4, 8), 1, 2); k = permute(reshape(k, B, S, 4, 8), 0, 2, 3, 1); "
        "v = transpose(reshape(v, B, S, 4, 8), 1, 2); softmax(q @ k / sqrt(8), axis=-1) @ v -> transpose(1, 2) -> "
        "reshape(B, T, 32)",
        "q = stack(chunk(q, 4, axis=-1), axis=1); k = stack(chunk(k, 4, axis=-1), axis=1); "
        "v = stack(chunk(v, 4, axis=-1), axis=1); softmax(q @ transpose(k, 2, 3) / sqrt(8), axis=-1) @ v",
    ),
    "(q: [T, B, 32], k: [S, B, 32], v: [S, B, 32])": (
        "q = reshape(q, T, B * 4, 8) -> transpose(0, 1); k = reshape(k, S, B * 4, 8) -> transpose(0, 1); "
        "v = reshape(v, S, B * 4, 8) -> transpose(0, 1); softmax(q @ transpose(k, 1, 2) / sqrt(8), axis=-1) @ v -> "
        "transpose(0, 1) -> reshape(T, B, 32)",
    ),
    "(q: [T, 8], k: [S, 8], v: [S, 6])": (
        "softmax(q @ transpose(k, 0, 1) / sqrt(8), axis=-1) @ v",
    ),
    "(q: [B, H, D], k: [B, S, H, D], v: [B, S, H, D])": (
        's = einsum("b h d, b s h d -> b h s", q, k); einsum("b h s, b s h d -> b h d", softmax(s, axis=-1), v)',
    ),
    "(q: [B, T, 8], k: [B, S, 8], v: [B, S, 6])": (
        "softmax(k @ transpose(q, 1, 2) / sqrt(8), axis=1) -> transpose(1, 2) ; it @ v",
    ),
    "(q: [B, 4, T, 8], k: [B, 4, T, 8], v: [B, 4, T, 6], m: [T, T], pad: bool[B, T], x: [B, T, 32])": (
        "softmax(where(causal_mask(T), k @ transpose(q, 2, 3), -1e9), axis=-2) -> transpose(2, 3); it @ v",
        "softmax(where(transpose(causal_mask(T), 0, 1), k @ transpose(q, 2, 3), -1e9), axis=-2) -> transpose(2, 3); it @ v",
        "softmax(q @ transpose(k, 2, 3) / sqrt(8) + m, axis=-1) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); "
        "s = s + where(pad[:, none, none, :], 0.0, -1e9) + where(causal_mask(T), 0.0, -1e9); softmax(s, axis=-1) @ v",
        "s = q @ transpose(k, 2, 3) / sqrt(8); s = where(causal_mask(T) and pad[:, none, none, :], s, -1e9); "
        "softmax(s, axis=-1) @ v",
        "i = arange(T); d = i[:, none] - i[none, :]; b = cast(d, float) * 0.1; "
        "s = q @ transpose(k, 2, 3) / sqrt(8) - b; s = where(d >= 0, s, -1e9); softmax(s, axis=-1) @ v",
        "i = arange(T); s = q @ transpose(k, 2, 3) / sqrt(8); s = where(i[none, :] > i[:, none], -1e9, s); "
        "s = where(i[:, none] - i[none, :] >= 4, -1e9, s); softmax(s, axis=-1) @ v",
        "i = arange(T); s = q @ transpose(k, 2, 3) / sqrt(8); near = tril(triu(ones(T, T), -2)); "
        "softmax(where(near == 0, -1e9, s), axis=-1) @ v",
        "i = arange(T); s = q @ transpose(k, 2, 3) / sqrt(8); near = tril(triu(ones(T, T), -2)); "
        "softmax(s * near - 1e9 * (1 - near), axis=-1) @ v",
        "s = q @ transpose(k, 2, 3); s = s / sqrt(8); s = s + log(tril(ones(T, T))); softmax(s, axis=-1) @ v",
        "w = -(q @ transpose(k, 2, 3)) / sqrt(8); w = softmax(-w, axis=-1); w @ v",
    ),
    "(q: [H, T, 8], k: [T, 8], v: [T, 6])": (
        'softmax(einsum("h t d, s d -> h t s", q, k), axis=-1) @ v',
    ),
    "(q: [T, 8], k: [B, S, 8], v: [B, S, 6])": (
        'softmax(einsum("t d, b s d -> b t s", q, k), axis=-1) @ v',
    ),
    "(q: [4, 3, T, 8], k: [S, 8], v: [S, 6], m: bool[3, T, S])": (
        'softmax(where(m, einsum("g h t d, s d -> g h t s", q, k), -1e9), axis=-1) @ v',
    ),
    "(q: [B, 4, 3, T, 8], k: [B, 4, S, 8], v: [B, 4, S, 6], m: bool[3, 1, S], b: [4, 1, T, S])": (
        's = einsum("n g h t d, n g s d -> n g h t s", q, k) + b; softmax(where(m, s, -1e9), axis=-1) ; '
        'einsum("n g h t s, n g s e -> n t g h e", it, v)',
    ),
    "(q: [B, 4, 3, T, 8], k: [B, 4, S, 8], v: [B, 4, S, 6], m: bool[B, S])": (
        's = einsum("n g h t d, n g s d -> n g h t s", q, k) * 0.3; '
        'w = softmax(masked_fill(s, not m[:, none, none, none, :], -1e9), axis=-1); einsum("n g h t s, n g s e -> '
        'n g h t e", w, v)',
    ),
    "(q: [B, 8], k: [B, S, 8])": (
        'softmax(einsum("b d, b s d -> b s", q, k), axis=-1) ; einsum("b s, b s d -> b d", it, k)',
    ),
    "(q: [B, 8], k: [B, S, 8], m: bool[B, S])": (
        's = where(m, einsum("b d, b s d -> b s", q, k), -1e9); w = softmax(s, axis=-1); einsum("b s, b s d -> b d", w, k)',
    ),
    "(q: [1, 8], k: [B, S, 8])": (
        "w = softmax(q @ transpose(k, 1, 2) / sqrt(8), axis=-1); w @ k",
    ),
    "(q: [B, 4, T, 8], k: [B, 4, T, 8], v: [B, 4, T, 6], pad: bool[B, T])": (
        "s = q @ transpose(k, 2, 3) / sqrt(8); w = softmax(reshape(s, B * 4, T, T), axis=-1); reshape(w, B, 4, T, T) @ v",
        "q = reshape(q, B * 4, T, 8); k = reshape(k, B * 4, T, 8); "
        "s = reshape(q @ transpose(k, 1, 2), B, 4, T, T) / sqrt(8); s = where(pad[:, none, none, :], s, -1e9); "
        "w = reshape(softmax(s, axis=-1), B * 4, T, T); reshape(w @ reshape(v, B * 4, T, 6), B, 4, T, 6)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("header", "text"), [(header, text) for header, texts in FUSED.items() for text in texts])
def test_it_is_found(header: str, text: str) -> None:
    before = graph(text, header)
    passed = through(before, [FuseAttention()])
    found = words(passed.graph)
    assert "attention" in found
    assert not {"softmax", "exp", "log_softmax"} & set(found)
    same(before, passed, sizes=1)


def test_keys_keep_their_few_heads() -> None:
    before = graph(
        'q = rearrange(q, "b (g r) t d -> b g r t d", g=2); w = softmax(einsum("b g r t d, b g s d -> b g r t s", q, '
        "k), axis=-1); "
        'einsum("b g r t s, b g s e -> b g r t e", w, v)',
        "(q: [B, 6, T, 8], k: [B, 2, S, 8], v: [B, 2, S, 4])",
    )
    (node,) = [one for one in through(before, [FuseAttention()]).graph.nodes if one.op and one.op.name == "attention"]
    assert [str(one.type) for one in node.operands[:3] if one] == ["[B, 6, T, 8]", "[B, 2, S, 8]", "[B, 2, S, 4]"]


def test_a_triangle_along_other_axes_is_not_the_causal_one() -> None:
    text = "softmax(where(causal_mask(T), k @ transpose(q, 1, 2), -1e9), axis=-2) -> transpose(1, 2); it @ v"
    before = graph(text, "(q: [B, T, 8], k: [B, T, 8], v: [B, T, 6])")
    passed = through(before, [FuseAttention()])
    (node,) = [one for one in passed.graph.nodes if one.op and one.op.name == "attention"]
    assert node.op is not None
    assert not dict(node.op.items())["causal"]
    same(before, passed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("softmax(tanh(q @ transpose(k, 1, 2)), axis=-1); it @ v", "its scores are made by `tanh`, not by a product"),
        (
            "w = softmax(q @ transpose(k, 1, 2), axis=-1); (w @ v) * sum(w)",
            "its weights are used for more than one product, or for none",
        ),
        ("softmax(q @ transpose(k, 1, 2), axis=1); it @ v", "its weights are no factors of values along the keys"),
    ],
)
def test_what_stays_says_why(text: str, reason: str) -> None:
    before = graph(text, "(q: [B, 5, 8], k: [B, 5, 8], v: [B, 5, 6])")
    refusals: list[Refusal] = []
    assert FuseAttention().run(before, refusals=refusals) is before
    assert [one.reason for one in refusals] == [reason]
