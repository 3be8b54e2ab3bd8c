"""The passes `fuse-qkv`, `fuse-swiglu` and `remove-dropout`."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from archdsl.passes.contract import Pass
from archdsl.passes.deployment.fuse_attention import FuseAttention
from archdsl.passes.deployment.fuse_qkv import FuseQKV
from archdsl.passes.deployment.fuse_swiglu import FuseSwiGLU
from archdsl.passes.deployment.remove_dropout import RemoveDropout
from archdsl.passes.pattern import Refusal
from archdsl.targets.torch.module import build
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words

X = "(x: [B, T, 8])"
HEADS = 'rearrange(it, "b t (h d) -> b h t d", h=2)'


def attention(q: str, k: str, v: str, more: str = "") -> str:
    sides = "".join(f"{name} = {line} -> {{ {HEADS} }}\n" for name, line in (("q", q), ("k", k), ("v", v)))
    return f'{more}{sides}attention(q, k, v) -> rearrange("b h t d -> b t (h d)")'


QKV: dict[str, tuple[str, str, list[str]]] = {
    "three": (X, attention("x -> q_proj: Linear(8)", "x -> k_proj: Linear(8)", "x -> v_proj: Linear(4)"), ["qkv"]),
    "some without a bias": (
        X, attention("x -> a.q: Linear(8, bias=false)", "x -> a.k: Linear(8)", "x -> a.v: Linear(8, bias=false)"), ["a.qkv"],
    ),
    "none with a bias": (
        X, attention(*(f"x -> {one}: Linear(8, bias=false)" for one in "abc")), ["qkv"],
    ),
    "stored the other way": (X, attention(*(f"x -> {one}: Linear(8, transposed=true)" for one in "abc")), ["qkv"]),
    "keys and values": (
        "(x: [B, T, 8], y: [B, S, 6])", attention("x -> q: Linear(8)", "y -> k: Linear(8)", "y -> v: Linear(8)"), ["q", "kv"],
    ),
    "through rotary": (
        X, attention("x -> q: Linear(8) -> sin", "x -> k: Linear(8) -> sin", "x -> v: Linear(8)"), ["qkv"],
    ),
    "the name is taken": (
        X, attention(*(f"x -> {one}: Linear(8)" for one in "abc"), "x = x -> qkv: Linear(8)\n"), ["qkv", "qkv_1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", QKV)
def test_queries_keys_and_values_become_one(case: str) -> None:
    header, text, left = QKV[case]
    before = graph(text, header)
    refusals: list[Refusal] = []
    passed = through(before, [FuseQKV()], refusals)
    assert sorted({".".join(path[:-1]) for path, _ in passed.graph.tensors()}) == sorted(left), refusals
    same(before, passed)


def test_in_every_layer_and_after_attention_was_found() -> None:
    text = attention("x -> q: Linear(8)", "x -> k: Linear(8)", "x -> v: Linear(8)")
    text = text.replace("attention(q, k, v)", "softmax(q @ transpose(k, 2, 3) / 2, axis=-1) @ v")
    before = graph(
        f"block A(x: [B, T, 8]) -> [B, T, 8] {{\n{text}\n}}\narch Net(x: [B, T, 8]) {{ h: repeat 3 {{ skip {{ A }} }} }}"
    )
    passed = through(before, [FuseAttention(), FuseQKV()])
    assert [".".join(path) for path, _ in passed.graph.tensors() if path[-1] == "bias"] == [f"h.{i}.qkv.bias" for i in range(3)]
    same(before, passed)


def test_all_of_one_input() -> None:
    before = graph("(x -> a: Linear(4)) * exp(x -> b: Linear(4)) + (x -> c: Linear(4))", X)
    assert FuseQKV().run(before) is before
    passed = through(before, [FuseQKV(every=True)])
    assert words(passed.graph).count("Linear") == 1
    same(before, passed)


GATED = {
    "SwiGLU": "(silu(x -> w1: Linear(12, bias=false)) * (x -> w3: Linear(12, bias=false))) -> w2: Linear(8)",
    "written out": "a = x -> w1: Linear(12)\n(x -> w3: Linear(12)) * (a * sigmoid(a))",
    "GEGLU": "gelu(x -> w1: Linear(12)) * (x -> w3: Linear(12))",
    "GLU": "a, b = branch { w1: Linear(12); w3: Linear(12) }\nb * sigmoid(a)",
}


@pytest.mark.parametrize("case", GATED)
def test_gates(case: str) -> None:
    before = graph(GATED[case], X)
    passed = through(before, [FuseSwiGLU()])
    assert "gate_up.weight" in [".".join(path) for path, _ in passed.graph.tensors()]
    assert "w1.weight" not in [".".join(path) for path, _ in passed.graph.tensors()]
    same(before, passed)


LEFT: dict[str, tuple[Pass, str, str]] = {
    "a shared layer": (FuseQKV(), attention("x -> f", "x -> f", "x -> v: Linear(8)", "shared f = Linear(8)\n"), "more than once"),
    "layouts": (
        FuseQKV(), attention("x -> a: Linear(8, transposed=true)", "x -> b: Linear(8)", "sin(x)"), "stored as [in, out]",
    ),
    "a tied weight": (
        FuseSwiGLU(), "shared a = Linear(12)\nsilu(x -> a) * (x -> b: Linear(12, weight=a.weight))", "tied",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left_has_a_reason(case: str) -> None:
    one, text, reason = LEFT[case]
    before = graph(text, X)
    refusals: list[Refusal] = []
    assert one.run(before, refusals=refusals) is before
    assert [told for told in refusals if reason in told.reason], refusals


DROPS = {
    "of all kinds": "Dropout(0.5)\nreshape(B, T, 8)\nDropout1d\nDropPath(0.2)\nAlphaDropout(0.1)\nrelu",
    "at the end": "relu\nDropout(0.5)",
    "alone": "Dropout(0.5)",
    "shared": "shared d = Dropout(0.5)\n(x -> d) + (relu(x) -> d)",
    "inside of layers": "(it, it, it) -> m: MultiheadAttention(2, dropout=0.3)\nl: LSTM(8, num_layers=2, dropout=0.5)",
    "inside of functions": "attention(it, it, it, dropout=0.5)",
    "in a body": "scan v in x over axis 1 {\n carry h = zeros(B, 8)\n h = h + v -> e: Dropout(0.5)\n yield h\n}",
    "on one side": "if training { relu -> Dropout(0.5) } else { relu }",
}


@pytest.mark.parametrize("case", DROPS)
def test_nothing_is_dropped_any_more(case: str) -> None:
    text = DROPS[case]
    before = graph(text, X)
    passed = through(before, [RemoveDropout()])
    same(before, passed)
    module: Any = build(passed.graph).train()
    x = torch.randn(2, 3, 8)
    if case != "on one side":
        both = [made if isinstance(made, torch.Tensor) else made[0] for made in (module(x), module(x))]
        assert torch.equal(*both)
    assert not [word for word in words(passed.graph) if word.startswith(("Drop", "Alpha"))]
    assert not [path for path, member in passed.graph.members.items() if "Dropout" in repr(member)]


def test_attention_that_is_found_loses_its_dropout() -> None:
    before = graph("w = softmax(x @ transpose(x, 1, 2), axis=-1) -> Dropout(0.25)\nw @ x", X)
    for order in ([FuseAttention(), RemoveDropout()], [RemoveDropout(), FuseAttention()]):
        passed = through(before, order)
        assert words(passed.graph)[-1] == "attention"
        assert passed.graph.nodes[-1].op.dropout == 0.0  # type: ignore[union-attr]
        same(before, passed)
