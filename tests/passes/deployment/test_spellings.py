"""Norms, curves, gated units and projections as people write them."""

from __future__ import annotations

import pytest

from archdsl.passes.deployment.fuse_attention import FuseAttention
from archdsl.passes.deployment.fuse_gelu import FuseGelu
from archdsl.passes.deployment.fuse_layer_norm import FuseLayerNorm
from archdsl.passes.deployment.fuse_qkv import FuseQKV
from archdsl.passes.deployment.fuse_rms_norm import FuseRMSNorm
from archdsl.passes.deployment.fuse_swiglu import FuseSwiGLU
from archdsl.passes.pattern import Refusal
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words

TENSORS = "param w = w: [6] = ones; param b = b: [6] = zeros; "
NORMS = (
    ("(x: [B, T, 6])", "x * rsqrt(mean(x * x, axis=-1, keepdim=true) + 1e-6) * w"),
    ("(x: [B, T, 6])", "x / sqrt(mean(pow(x, 2), axis=-1, keepdim=true) + 1e-6) * w"),
    ("(x: [B, T, 6])", "x / sqrt(norm(x, axis=-1, keepdim=true) ** 2 / 6 + 1e-6) * w"),
    ("(x: [B, T, 6])", "v = mean(square(x), axis=-1, keepdim=true); x * (v + 1e-6) ** -0.5 * (1 + w)"),
    ("(x: [B, T, 6])", "v = mean(x ** 2, axis=-1); x * rsqrt(v + 1e-6)[..., none] * w"),
    ("(x: [B, T, 6])", "v = sum(x * x, axis=-1, keepdim=true) / 6; (w + 1) * (x / sqrt(v + 1e-6))"),
    ("(x: [B, T, 6])", 'v = einsum("b t d, b t d -> b t", x, x) / 6; x * rsqrt(v[..., none] + 1e-6) * w'),
    ("(x: [B, T, 6])", "v = mean(x * x, axis=-1, keepdim=true); w * x * reciprocal(sqrt(v + 1e-6))"),
    ("(x: [B, T, 6])", "v = mean(x * x, axis=-1, keepdim=true); x * exp(-0.5 * log(v + 1e-6)) * w"),
    ("(x: [B, T, 6])", "m = mean(x, axis=-1, keepdim=true); c = x - m; "
     "c * rsqrt(mean(c * c, axis=-1, keepdim=true) + 1e-5) * w + b"),
    ("(x: [B, T, 6])", "m = mean(x, axis=-1, keepdim=true); v = var(x, axis=-1, keepdim=true, correction=0); "
     "(x - m) / (v + 1e-5) ** 0.5 * w + b"),
    ("(x: [B, T, 6])", "v = var(x, axis=-1, keepdim=true, correction=0); m = mean(x, axis=-1, keepdim=true); "
     "x * (w / sqrt(v + 1e-5)) + (b - m * (w / sqrt(v + 1e-5)))"),
    ("(x: [B, T, 6])", "m = mean(x, axis=-1); v = mean((x - m[..., none]) ** 2, axis=-1); "
     "(x - m[..., none]) * rsqrt(v + 1e-5)[..., none] * (1 + w) + b"),
    ("(x: [B, T, 6])", "x = x - mean(x, axis=-1, keepdim=true); "
     "x / sqrt(mean(x ** 2, axis=-1, keepdim=true) + 1e-5) * w + b"),
    ("(x: [B, T, 6])", "x = x - mean(x, axis=-1, keepdim=true); n = norm(x, axis=-1, keepdim=true); "
     "x / sqrt(n * n / 6 + 1e-5) * w + b"),
    ("(x: [B, T, 6])", "s = sum(x, axis=-1, keepdim=true); q = sum(x * x, axis=-1, keepdim=true); m = s / 6; "
     "v = q / 6 - m * m; (x - m) * rsqrt(v + 1e-5) * w + b"),
    ("(x: [B, T, 6])", "s = std(x, axis=-1, keepdim=true, correction=0); m = mean(x, axis=-1, keepdim=true); "
     "(x - m) / sqrt(s ** 2 + 1e-5) * w + b"),
    ("(x: [B, T, 6])", "x = x - mean(x, axis=-1, keepdim=true); v = var(x, axis=-1, keepdim=true) * 5 / 6; "
     "x / sqrt(v + 1e-5) * w"),
    ("(x: [N, 6, H, W])", "m = mean(x, axis=1, keepdim=true); v = mean((x - m) ** 2, axis=1, keepdim=true); "
     "(x - m) / sqrt(v + 1e-6) * w[:, none, none] + b[:, none, none]"),
    ("(x: [N, 6, H, W])", "x * rsqrt(mean(x ** 2, axis=1, keepdim=true) + 1e-6) * reshape(w, 1, 6, 1, 1)"),
    ("(x: [N, 6, L])", "x * rsqrt(mean(x ** 2, axis=1, keepdim=true) + 1e-6) * w[none, :, none]"),
    ("(x: [N, 6, L])", "param g: [1, 6, 1] = ones; x * rsqrt(mean(x ** 2, axis=1, keepdim=true) + 1e-6) * g"),
    ("(x: [N, 6, L])", "param g: [6, 1] = ones; param c: [6, 1] = ones; m = mean(x, axis=1, keepdim=true); "
     "(x - m) * rsqrt(var(x, axis=1, keepdim=true, correction=0) + 1e-6) * g + c"),
    ("(x: [B, T, 6])", "param g: [1, 1, 6] = ones; x * rsqrt(mean(x ** 2, axis=-1, keepdim=true) + 1e-6) * g"),
    ("(x: [B, T, 6])", "x * rsqrt(mean(x * x, axis=-1, keepdim=true) + 1e-6) * w + b"),
    ("(x: [B, T, 6])", "g = exp(w); x * rsqrt(mean(x * x, axis=-1, keepdim=true) + 1e-6) * g"),
)  # fmt: skip

CURVES = (
    ("(x: [B, T, 6])", "0.5 * x * (1 + erf(x / sqrt(2)))"),
    ("(x: [B, T, 6])", "x * 0.5 * (1.0 + erf(x * 0.7071067811865476))"),
    ("(x: [B, T, 6])", "x * (erf(x / 2 ** 0.5) + 1) / 2"),
    ("(x: [B, T, 6])", "x * 0.5 * erfc(-x / sqrt(2))"),
    ("(x: [B, T, 6])", "x - 0.5 * x * erfc(x / sqrt(2))"),
    ("(x: [B, T, 6])", "0.5 * x * (1 + tanh(sqrt(2 / 3.141592653589793) * (x + 0.044715 * x ** 3)))"),
    ("(x: [B, T, 6])", "0.5 * x * (1 + tanh(0.7978845608028654 * x * (1 + 0.044715 * x * x)))"),
    ("(x: [B, T, 6])", "0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)))"),
    ("(x: [B, T, 6])", "x * sigmoid(2 * 0.7978845608028654 * (x + 0.044715 * x ** 3))"),
    ("(x: [B, T, 6])", "x / (1 + exp(-x))"),
    ("(x: [B, T, 6])", "x * reciprocal(1 + exp(-x))"),
    ("(x: [B, T, 6])", "x * (0.5 + 0.5 * tanh(0.5 * x))"),
    ("(x: [B, T, 6])", "x * 0.5 * (1 + tanh(x / 2))"),
    ("(x: [B, T, 6])", "sigmoid(x) * x"),
    ("(x: [B, T, 6])", "x * (1 - sigmoid(-x))"),
    ("(x: [B, T, 6])", "x * exp(logsigmoid(x))"),
    ("(x: [B, T, 6])", "x * exp(-softplus(-x))"),
)  # fmt: skip

GATES = (
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12, bias=false); u = x -> up: Linear(12, bias=false); "
     "(g * sigmoid(g) * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "u = x -> up: Linear(12); g = x -> gate: Linear(12); (u * silu(g)) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (g / (1 + exp(-g)) * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (u * g * sigmoid(g)) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (u * g) * sigmoid(g) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); "
     "(0.5 * g * (1 + erf(g / sqrt(2))) * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); "
     "t = 0.5 * g * (1 + tanh(0.7978845608028654 * (g + 0.044715 * g ** 3))); (t * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (sigmoid(g) * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (relu(g) * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); h = silu(g) -> Dropout(0.1); "
     "(h * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (silu(g) * (u + 1)) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); (0.5 * silu(g) * u) -> down: Linear(6)"),
    ("(x: [B, T, 6])", "g = x -> gate: Linear(12); u = x -> up: Linear(12); "
     "(u * (g * sigmoid(1.702 * g))) -> down: Linear(6)"),
)  # fmt: skip

SIDES = (
    ("(x: [B, T, 6])", 'q, k, v = branch { q: Linear(8); k: Linear(8); v: Linear(8) }; '
     'q, k, v = (rearrange(q, "b t (h d) -> b h t d", h=2), rearrange(k, "b t (h d) -> b h d t", h=2), rearrange(v, '
     '"b t (h d) -> b h t d", h=2)); softmax(q @ k / 2, axis=-1) @ v'),
    ("(x: [B, T, 6])", 'q = x -> q: Linear(8) -> reshape(B, T, 4, 2); k = x -> k: Linear(4) -> reshape(B, T, 2, 2); '
     'v = x -> v: Linear(4) -> reshape(B, T, 2, 2); q = rearrange(q, "b t (g r) d -> b g r t d", g=2); '
     's = einsum("b g r t d, b s g d -> b g r t s", q, k); '
     'einsum("b g r t s, b s g d -> b t g r d", softmax(s, axis=-1), v) -> reshape(B, T, 8)'),
    ("(x: [B, T, 6])", "q = (x -> q: Linear(8)) * 0.3; k = (x -> k: Linear(8)); v = x -> v: Linear(8); "
     "softmax(q @ transpose(k, 1, 2), axis=-1) @ v"),
    ("(x: [B, T, 6])", 'q = x -> q: Linear(8) -> reshape(B, T, 2, 4) -> qn: RMSNorm; '
     'k = x -> k: Linear(8) -> reshape(B, T, 2, 4) -> kn: RMSNorm; v = x -> v: Linear(8) -> reshape(B, T, 2, 4); '
     's = einsum("b t h d, b s h d -> b h t s", q, k); einsum("b h t s, b s h d -> b t h d", softmax(s, axis=-1), v)'),
    ("(x: [B, T, 6])", "q = x -> q: Linear(8); k = x -> k: Linear(8); v = x -> v: Linear(8); "
     "p = constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]); "
     "q = q * cos(p) + concat(-q[..., 4:], q[..., :4], axis=-1) * sin(p); "
     "k = k * cos(p) + concat(-k[..., 4:], k[..., :4], axis=-1) * sin(p); softmax(q @ transpose(k, 1, 2), axis=-1) @ v"),
    ("(x: [B, T, 6])", "q = x -> q: Linear(8); k = x -> k: Linear(8); v = x -> v: Linear(8); c = ones(T, 8); "
     "q = cos(c) * q; k = k * cos(c); softmax(q @ transpose(k, 1, 2), axis=-1) @ v"),
    ("(x: [B, T, 6])", "q = x -> q: Linear(8) -> Dropout(0.1); k = x -> k: Linear(8); v = x -> v: Linear(8); "
     "softmax(q @ transpose(k, 1, 2), axis=-1) @ v"),
    ("(x: [B, T, 6])", "k = x -> k: Linear(8); v = x -> v: Linear(8); q = x -> q: Linear(8); "
     "attention(unsqueeze(q, 1), k[:, none], stack([v], axis=1))"),
)  # fmt: skip


@pytest.mark.parametrize(("header", "text"), NORMS)
def test_norms(header: str, text: str) -> None:
    before = graph(text if "param" in text else TENSORS + text, header)
    passed = through(before, [FuseLayerNorm(), FuseRMSNorm()])
    found = words(passed.graph)
    assert {"layer_norm", "rms_norm"} & set(found)
    assert not {"mean", "sum", "var", "std", "norm", "einsum", "sqrt", "rsqrt"} & set(found)
    same(before, passed)


@pytest.mark.parametrize(("header", "text"), CURVES)
def test_curves(header: str, text: str) -> None:
    before = graph(text, header)
    passed = through(before, [FuseGelu()])
    assert words(passed.graph) in (["gelu"], ["silu"])
    same(before, passed)


@pytest.mark.parametrize(("header", "text"), GATES)
def test_gates(header: str, text: str) -> None:
    before = graph(text, header)
    passed = through(before, [FuseSwiGLU()])
    assert words(passed.graph).count("Linear") == 2
    same(before, passed)


@pytest.mark.parametrize(("header", "text"), SIDES)
def test_projections_behind_an_attention(header: str, text: str) -> None:
    before = graph(text, header)
    passed = through(before, [FuseAttention(), FuseQKV()])
    assert words(passed.graph).count("Linear") == 1
    same(before, passed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x / (norm(x, axis=-1, keepdim=true) / sqrt(6))", "no eps is added under the root"),
        ("x / (norm(x, axis=-1, keepdim=true) + 1e-6)", "eps is added to the deviation, not to the variance"),
        ("x * rsqrt(sum(x * x, axis=-1, keepdim=true) / 5 + 1e-6)",
         "what is under the root is divided by another number than how many there are"),
    ],
)  # fmt: skip
def test_what_stays_says_why(text: str, reason: str) -> None:
    before = graph(text, "(x: [B, T, 6])")
    refusals: list[Refusal] = []
    assert FuseRMSNorm().run(before, refusals=refusals) is before
    assert [one.reason for one in refusals] == [reason]
