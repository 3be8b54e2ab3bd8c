"""`jvp(f, k)` in programs: what is built equals `torch.func.jvp` of the instance's own module, in float64 to 1e-12."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import archdsl
from archdsl.source import Source
from tests.oracles.living import randomise

NEAR = 1e-12
BLOCKS = {
    "residual": """
block F(x: [B, D]) -> [B, D] {
  layers: repeat 3 { skip { LayerNorm; Linear(8); gelu; Linear(D) } }
  last: Linear(D)
}
""",
    "convolution": """
block F(x: [B, D]) -> [B, 6] {
  reshape(B, 1, D, 1)
  c: Conv2d(6, 3, padding=1)
  n: BatchNorm2d
  relu
  max_pool2d(2, padding=1)
  global_avg_pool
}
""",
    "attention": """
block F(x: [B, D]) -> [B, 4, 6] {
  reshape(B, D, 1) -> expand(B, D, 4) -> transpose(1, 2) -> up: Linear(6)
  (it, it, it) -> self_attn: MultiheadAttention(2)
  attention(it, it, it, causal=true)
}
""",
    "recurrence": """
block F(x: [B, D]) -> [B, 5], [B, D, 5] {
  shared w = Linear(5)
  shared u = Linear(5, bias=false)
  scan xt in x[:, :, none] over axis 1 reverse {
    carry h: [B, 5] = zeros(B, 5)
    carry count = zeros(B)
    count = count + 1
    h = tanh((xt -> w) + (h -> u))
    yield h / count[:, none]
    final h
  } as (ys, last)
  (last, ys)
}
""",
    "a nested scan": """
block F(x: [B, D]) -> [B, D] {
  scan a in x over axis 1 {
    carry s: [B] = zeros(B)
    scan b in x over axis 1 {
      carry t: [B] = s
      t = t * 0.5 + sin(a * b)
      final t
    } as t
    s = s + t
    yield s
  }
}
""",
    "until": """
block F(x: [B, D]) -> [B, D] {
  scan i in arange(9) over axis 0 {
    carry y = x
    y = y * 1.5
    final y
    until any(y > 4)
  }
}
""",
    "layers of recurrence": """
block F(x: [B, D]) -> [B, D, 10], [2, B, 5], [2, B, 5] {
  x[:, :, none] -> rnn: LSTM(5, bidirectional=true, states=true)
}
""",
    "blocks in blocks": """
block Scale(x: [...]) -> [...] { param s: [] = ones; x * s }
block Twice(f: layer)(x: [B, D]) -> [B, D] { shared g = f; x -> g -> g }
block F(x: [B, D]) -> [B, D] {
  shared m = { Linear(D); tanh }
  Twice(m)
  _: Scale
  if training { relu } else { silu }
  Identity
}
""",
    "a product with itself": 'block F(x: [B, D]) -> [B, D, D] { einsum("b i, b j -> b i j", x, x) -> softmax(axis=-1) }',
    "whole numbers": "block F(x: [B, D]) -> [B, D], i64[B, D] { y, i = sort(x, axis=-1, descending=true); (floor(y) + y, i) }",
    "nothing": "block F(x: [B, D]) -> [B, D] { stop_gradient }",
}


def built(text: str, scan: str = "auto") -> nn.Module:
    spec = archdsl.load(Source("case.arch", text))

    return randomise(spec.build(spec.names[-1], scan=scan)).double().eval()


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape) + shape[-1]), dtype=torch.float64)


def near(left: Tensor, right: Tensor) -> None:
    assert left.shape == right.shape
    assert torch.allclose(left, right, rtol=NEAR, atol=NEAR), (left - right).abs().max()


def floats(results: Any) -> tuple[Tensor, ...]:
    several = results if isinstance(results, tuple) else (results,)
    return tuple(one for one in several if one.is_floating_point())


def tangents_of(f: nn.Module, x: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    """PyTorch's own."""

    def function(x: Tensor) -> tuple[Tensor, ...]:
        state = {name: one.clone() for name, one in f.state_dict().items()}
        return floats(torch.func.functional_call(f, state, (x,)))

    torch.backends.mha.set_fastpath_enabled(False)  # which has no forward rule
    try:
        with sdpa_kernel(SDPBackend.MATH):
            return tuple(torch.func.jvp(function, (x,), (v,))[1])
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_the_tangents_of_a_block_are_pytorchs(block: str, training: bool) -> None:
    results = block.partition("block F(x: [B, D]) -> ")[2].partition("{")[0].strip()
    count = results.count("[")
    text = f"{block}\narch A(x: [B, 7], v: [B, 7]) {{ shared f = F; (x, v) -> jvp(f, 0) }}"
    module = built(text).train(training)
    x, v = drawn(3, 7), drawn(7, 3).T
    made = module(x, v)
    plainly = built(text, scan="loop").train(training)  # the fast forms of scans have no forward rule in PyTorch
    plainly.load_state_dict(module.state_dict())
    f = plainly.f
    plain = f(x)
    several = plain if isinstance(plain, tuple) else (plain,)
    assert len(made) == 2 * count
    for one, other in zip(made[:count], several, strict=True):
        near(one, other)
    rest = iter(tangents_of(f, x, v))
    for one, tangent in zip(several, made[count:], strict=True):
        near(tangent, next(rest) if one.is_floating_point() else torch.zeros_like(one))


@pytest.mark.parametrize(
    "layer", ["Dropout(0.4)", "AlphaDropout(0.4)", "FeatureAlphaDropout(0.4)", "DropPath(0.4)", "RReLU", "attention(dropout=0.4)"]
)
def test_the_tangent_of_what_draws_shares_its_draw(layer: str) -> None:
    inner = "(it, it, it) -> " if layer.startswith("attention") else ""
    text = f"block F(x: [B, T, D]) -> [B, T, D] {{ {inner}{layer} }}"
    module = built(f"{text}\narch A(x: [B, T, D], v: [B, T, D]) {{ shared f = F; (x, v) -> jvp(f, 0) }}").train()
    x, v = drawn(8, 5, 6), drawn(5, 6, 8).permute(2, 0, 1)
    small = 1e-6
    results = []
    for at in (x, x + small * v, x - small * v):
        torch.manual_seed(7)
        results.append(module(at, v))
    y, tangent = results[0]
    assert torch.allclose(tangent, (results[1][0] - results[2][0]) / (2 * small), rtol=1e-6, atol=1e-6)
    off = module.eval()(x, v)
    assert not torch.allclose(off[0], y)


def test_a_derivative_of_a_derivative() -> None:
    text = """
block F(x: [B, D]) -> [B, D] { a: Linear(8); tanh; LayerNorm; b: Linear(D) }
block G(f: layer)(x: [B, D], v: [B, D]) -> [B, D] { shared g = f; _, d = (x, v) -> jvp(g, 0); d }
arch A(x: [B, 4], v: [B, 4], w: [B, 4]) -> d: [B, 4], dd: [B, 4] {
  shared f = F
  shared g = G(f)
  (x, v, w) -> jvp(g, 0)
}
"""
    module = built(text)
    x, v, w = drawn(3, 4), drawn(4, 3).T, drawn(2, 3, 4)[1]
    d, dd = module(x, v, w)
    near(d, torch.func.jvp(module.f, (x,), (v,))[1])
    # Forward over reverse: PyTorch 2.13's forward rule of layer norm has a wrong derivative itself.
    rates = torch.stack([torch.func.hessian(lambda row: module.f(row[None])[0])(row) for row in x])
    near(dd, torch.einsum("bkij,bi,bj->bk", rates, v, w))


def test_an_input_by_its_number_and_by_its_name() -> None:
    text = """
block F(x: [B, D], y: [B, D], z: [B, D] = none) -> [B, D] { if z != none { x * y * z } else { x * y ** 2 } }
arch A(x: [B, 4], v: [B, 4]) -> a: [B, 4], b: [B, 4], c: [B, 4] {
  shared f = F
  _, a = (x, x, v) -> jvp(f, 1)
  _, b = (x, y=sin(x), v) -> jvp(f, 1)
  _, c = (x, x, z=x, v) -> jvp(f, 2)
  head a { a }
  head b { b }
  head c { c }
}
"""
    x, v = drawn(3, 4), drawn(4, 3).T
    a, b, c = built(text)(x, v)
    near(a, x * 2 * x * v)
    near(b, x * 2 * x.sin() * v)
    near(c, x * x * v)


@pytest.mark.parametrize("name", ["residual", "convolution", "recurrence", "layers of recurrence", "attention"])
def test_module_source_and_onnx_agree(name: str) -> None:
    text = f"{BLOCKS[name]}\narch A(x: [B, 7], v: [B, 7]) {{ shared f = F; (x, v) -> jvp(f, 0) }}"
    report = archdsl.load(Source("case.arch", text)).verify("A")
    assert report.ok, str(report)


DRAWING = {
    "stacked LSTM": "rnn: LSTM(6, num_layers=3, dropout=0.4)",
    "both ways, with states": "y, h = rnn: GRU(3, num_layers=2, dropout=0.4, bidirectional=true, states=true)\n  y + sum(h)",
    "weights of attention": "y, w = (it, it, it) -> attn: MultiheadAttention(2, dropout=0.4, need_weights=true)\n  w @ y",
    "weights of each head": """
  default MultiheadAttention(dropout=0.4, need_weights=true, average_attn_weights=false)
  y, w = (it, it, it) -> attn: MultiheadAttention(2)
  sum(w, axis=1) @ y""",
}


@pytest.mark.parametrize("name", DRAWING)
def test_the_tangent_of_a_layer_shares_the_draw_inside_it(name: str) -> None:
    text = f"block F(x: [B, T, 6]) -> [B, T, 6] {{\n  {DRAWING[name]}\n}}"
    module = built(f"{text}\narch A(x: [B, T, 6], v: [B, T, 6]) {{ shared f = F; (x, v) -> jvp(f, 0) }}").train()
    x, v = drawn(4, 5, 6), drawn(5, 6, 4).permute(2, 0, 1)
    small = 1e-6
    results = []
    for at in (x, x + small * v, x - small * v):
        torch.manual_seed(7)
        results.append(module(at, v))
    y, tangent = results[0]
    assert torch.allclose(tangent, (results[1][0] - results[2][0]) / (2 * small), rtol=1e-6, atol=1e-6)
    plain = built(f"{text}\narch A(x: [B, T, 6]) {{ f: F }}")
    plain.load_state_dict(module.state_dict())
    wanted = torch.func.jvp(plain.eval(), (x,), (v,))
    off = module.eval()(x, v)
    assert not torch.allclose(off[0], y)
    near(off[0], wanted[0])
    near(off[1], wanted[1])
