"""The passes `fuse-layer-norm`, `fuse-rms-norm` and `fuse-gelu`: every way in which people write them, and what is none."""

from __future__ import annotations

import pytest

from archdsl.ir.graph import Graph
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.fuse_gelu import FuseGelu
from archdsl.passes.deployment.fuse_layer_norm import FuseLayerNorm
from archdsl.passes.deployment.fuse_rms_norm import FuseRMSNorm
from archdsl.passes.pattern import Refusal
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words


def read(text: str, header: str) -> Graph:
    """The program, in which `LAST` and `ALL` are short for arguments."""
    return graph(text.replace("LAST", "axis=-1, keepdim=true").replace("ALL", "correction=0"), header)


LAYER = {
    "of the library": "(x - mean(x, LAST)) / sqrt(var(x, LAST, ALL) + 1e-5)",
    "one mean": "m = mean(x, LAST)\nd = x - m\nd * rsqrt(mean(d * d, LAST) + 1e-6)",
    "square": "m = mean(x, axis=2, keepdim=true)\n(x - m) * (mean(square(x - m), axis=2, keepdim=true) + 0.1) ** -0.5",
    "squares less a square": "m = mean(x, LAST)\nv = mean(x ** 2, LAST) - m ** 2\n(x - m) / sqrt(v + 1e-3)",
    "sums": "m = sum(x, LAST) / 6\nv = sum((x - m) ** 2, LAST) / 6\n(x - m) / (v + 0.01) ** 0.5",
    "scaled up": "d = 6 * x - sum(x, LAST)\nd / 6 / sqrt(sum(d * d, LAST) / 216 + 1e-5)",
    "without an axis": "m = mean(x, axis=-1)\nv = var(x, axis=-1, ALL)\n(x - m[:, :, none]) / sqrt(unsqueeze(v, -1) + 1e-5)",
    "reciprocal": "m = mean(x, LAST)\n(x - m) * reciprocal(sqrt(mean((m - x) ** 2, LAST) + 1e-5))",
    "one over": "m = mean(x, LAST)\n(x - m) * (1 / sqrt(var(x, LAST, ALL) + 1e-5))",
    "the deviation squared": "m = mean(x, LAST)\n(x - m) / sqrt(std(x, LAST, ALL) ** 2 + 1e-5)",
    "the other variance": "m = mean(x, LAST)\n(x - m) / sqrt(var(x, LAST) * 5 / 6 + 1e-5)",
    "two axes": "m = mean(x, axis=[1, 2], keepdim=true)\n(x - m) / sqrt(var(x, axis=[1, 2], keepdim=true, ALL) + 1e-5)",
    "of a sum": "y = x + exp(x)\nm = mean(y, LAST)\n(y - m) / sqrt(var(y, LAST, ALL) + 1e-5)",
    "with a weight": "param w = w: [6] = ones\nm = mean(x, LAST)\nr = rsqrt(var(x, LAST, ALL) + 1e-5)\nw * (x - m) * r",
    "with both": "param w = w: [6] = ones\nparam b = b: [6] = zeros\nm = mean(x, LAST)\n"
    "r = rsqrt(var(x, LAST, ALL) + 1e-5)\n(x - m) * (r * w) + b",
    "turned round": "param w = w: [6] = ones\nparam b = b: [6] = zeros\nm = mean(x, LAST)\n"
    "r = rsqrt(var(x, LAST, ALL) + 1e-5) * w\nx * r + (b - m * r)",
}
RMS = {
    "rsqrt": "x * rsqrt(mean(x * x, LAST) + 1e-6)",
    "divided": "x / sqrt(mean(x ** 2, LAST) + 1e-6)",
    "a sum": "x / sqrt(sum(square(x), LAST) / 6 + 1e-6)",
    "with a weight": "param w = w: [6] = ones\nw * (x * rsqrt(mean(square(x), LAST) + 1e-6))",
    "a power": "x * (mean(x * x, LAST) + 1e-6) ** -0.5",
}
GELU = {
    "erf": "0.5 * x * (1 + erf(x / sqrt(2)))",
    "erf, last": "x * (erf(x * 0.7071067811865476) + 1) * 0.5",
    "erf, apart": "h = x / 2\nh + h * erf(x * 2 ** -0.5)",
    "tanh": "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x ** 3)))",
    "tanh, factored": "0.5 * x * (1 + tanh(x * 0.7978845608028654 * (1 + 0.044715 * x * x)))",
    "tanh of a root": "0.5 * x * (1 + tanh(sqrt(2 / 3.141592653589793) * (x + 0.044715 * x * x * x)))",
    "sigmoid": "x * sigmoid(1.5957691216057308 * (x + 0.044715 * x ** 3))",
    "silu": "x * sigmoid(x)",
    "silu by exp": "x / (1 + exp(-x))",
    "of a sum": "y = x + sin(x)\n0.5 * y * (1 + erf(y / sqrt(2)))",
}
CASES: list[tuple[Pass, str, str]] = [
    *((FuseLayerNorm(), "layer_norm", text) for text in LAYER.values()),
    *((FuseRMSNorm(), "rms_norm", text) for text in RMS.values()),
    *((FuseGelu(), "silu" if "silu" in case else "gelu", text) for case, text in GELU.items()),
]
NAMES = [*LAYER, *(f"rms {one}" for one in RMS), *GELU]


@pytest.mark.parametrize(("one", "word", "text"), CASES, ids=NAMES)
@pytest.mark.parametrize("header", ["(x: [B, T, 6])", "(x: [B, 4, 6])"])
def test_the_function_stays(one: Pass, word: str, text: str, header: str) -> None:
    before = read(text, header)
    refusals: list[Refusal] = []
    passed = through(before, [one], refusals)
    left = [name for name in words(passed.graph) if name not in ("add", "exp", "sin")]
    assert left == [word], (left, refusals)
    same(before, passed)


def test_a_size_may_be_symbolic() -> None:
    for one, text in ((FuseLayerNorm(), LAYER["squares less a square"]), (FuseRMSNorm(), RMS["divided"])):
        before = read(text, "(x: [B, T, D])")
        passed = through(before, [one])
        assert len(words(passed.graph)) == 1
        same(before, passed)


LEFT = {
    "the deviation": (FuseLayerNorm(), "m = mean(x, LAST)\n(x - m) / (std(x, LAST, ALL) + 1e-5)",
                      "to the deviation"),
    "the other variance": (FuseLayerNorm(), "m = mean(x, LAST)\n(x - m) / sqrt(var(x, LAST) + 1e-5)",
                           "another number"),
    "no eps": (FuseLayerNorm(), "m = mean(x, LAST)\n(x - m) / std(x, LAST, ALL)", "no eps"),
    "means of two axes": (FuseLayerNorm(),
                          "m = mean(x, axis=1, keepdim=true)\n(x - m) / sqrt(var(x, axis=2, keepdim=true, ALL) + 1e-5)", ""),
    "another mean": (FuseLayerNorm(),
                     "m = mean(exp(x), axis=2, keepdim=true)\n(x - m) / sqrt(var(x, axis=2, keepdim=true, ALL) + 1e-5)", ""),
    "a norm": (FuseRMSNorm(), "x / sqrt(sum(x * x, LAST) + 1e-6)", "another number"),
    "few digits": (FuseGelu(), "0.5 * x * (1 + tanh(0.79788 * (x + 0.044715 * x ** 3)))", "nine digits"),
    "quick gelu": (FuseGelu(), "x * sigmoid(1.702 * x)", ""),
    "another share": (FuseGelu(), "0.5 * x * (1 + erf(x))", "sqrt(2)"),
    "a share of another": (FuseGelu(), "sin(x) * sigmoid(x)", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left(case: str) -> None:
    one, text, reason = LEFT[case]
    before = read(text, "(x: [B, 4, 6])")
    refusals: list[Refusal] = []
    assert one.run(before, refusals=refusals) is before
    assert [told for told in refusals if reason and reason in told.reason] or not reason, refusals


def test_what_stands_around_stays() -> None:
    before = read(f"y = ({LAYER['of the library']}) * 3 + 1\nsin(y)", "(x: [B, 4, 6])")
    passed = through(before, [FuseLayerNorm()])
    assert words(passed.graph) == ["layer_norm", "mul", "add", "sin"]
    same(before, passed)
