"""The pass `open-attention`: the layer's function, and passes that reach its projections."""

from __future__ import annotations

import pytest

from archdsl.passes.deployment.fuse_qkv import FuseQKV
from archdsl.passes.deployment.low_rank import LowRank
from archdsl.passes.deployment.open_attention import OpenAttention
from archdsl.passes.deployment.prune import Prune
from archdsl.passes.deployment.quantize_dynamic import QuantizeDynamic
from archdsl.passes.pattern import Refusal
from tests.elaborate.reading import graph, keys
from tests.passes.deployment.passing import same, through, words

SELF = "(x: [B, T, 8])"
CASES = {
    "to itself": (SELF, "(it, it, it) -> a: MultiheadAttention(2)"),
    "without biases": (SELF, "(it, it, it) -> a: MultiheadAttention(4, bias=false, dropout=0.1)"),
    "of another": ("(x: [B, T, 8], y: [B, S, 8])", "(x, y, y) -> a: MultiheadAttention(2)"),
    "other widths": ("(x: [B, T, 8], y: [B, S, 6], z: [B, S, 4])", "(x, y, z) -> a: MultiheadAttention(2)"),
    "padded": ("(x: [B, T, 8], m: bool[B, T])", "(x, x, x, key_padding_mask=m) -> a: MultiheadAttention(2)"),
    "masked": ("(x: [B, T, 8], m: bool[T, T])", "(x, x, x, attn_mask=m) -> a: MultiheadAttention(2)"),
    "masked by heads": ("(x: [B, T, 8], m: bool[2 * B, T, T])", "(x, x, x, attn_mask=m) -> a: MultiheadAttention(2)"),
    "a bias": ("(x: [B, T, 8], m: [T, T])", "(x, x, x, attn_mask=m) -> a: MultiheadAttention(2)"),
    "both masks": (
        "(x: [B, T, 8], m: bool[B, T], n: bool[T, T])",
        "(x, x, x, key_padding_mask=m, attn_mask=n) -> a: MultiheadAttention(2)",
    ),
    "a padding and a bias": (
        "(x: [B, T, 8], m: bool[B, T], n: [2 * B, T, T])",
        "(x, x, x, key_padding_mask=m, attn_mask=n) -> a: MultiheadAttention(2)",
    ),
    "in copies of a block": (SELF, "h: repeat 3 { skip { LayerNorm; (it, it, it) -> a: MultiheadAttention(2) } }"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_function_stays(case: str) -> None:
    header, text = CASES[case]
    before = graph(text, header)
    refusals: list[Refusal] = []
    passed = through(before, [OpenAttention()], refusals)
    assert not refusals
    assert "MultiheadAttention" not in words(passed.graph)
    same(before, passed)


def test_its_projections_have_labels() -> None:
    passed = OpenAttention().apply(graph(CASES["to itself"][1], SELF))
    made = [".".join(path) for path, _ in passed.graph.tensors()]
    assert made == [f"a.{one}.{leaf}" for one in ("q", "k", "v", "out") for leaf in ("weight", "bias")]
    assert keys(CASES["to itself"][1], SELF)[0] == "a.in_proj_weight"


def test_they_become_one() -> None:
    before = graph(CASES["to itself"][1], SELF)
    passed = through(before, [OpenAttention(), FuseQKV()])
    assert words(passed.graph).count("Linear") == 2
    same(before, passed)


def test_other_passes_reach_them() -> None:
    opened = OpenAttention().run(graph(CASES["to itself"][1], SELF))
    assert words(QuantizeDynamic(labels="a.q a.out").run(opened)).count("QuantizedLinear") == 2
    assert words(LowRank(rank=2, labels="a.v").run(opened)).count("Linear") == 5
    assert [one.made for one in Prune(labels="a.k").apply(opened).derived] == [("a.k.weight",)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(it, it, it) -> a: MultiheadAttention(2, need_weights=true) -> (it[0])", "its weights are given out"),
        ("(it, it, it) -> MultiheadAttention(2, add_zero_attn=true)", "keys and values are added"),
        ("shared a = MultiheadAttention(2); (x, x, x) -> a; (it, it, it) -> a", "called more than once"),
    ],
)
def test_what_stays_says_why(text: str, reason: str) -> None:
    before = graph(text.replace(" -> (it[0])", "; y, w = it; y") if "need" in text else text, SELF)
    refusals: list[Refusal] = []
    assert OpenAttention().run(before, refusals=refusals) is before
    assert len(refusals) == 1
    assert reason in refusals[0].reason
