"""Random norms and curves, right and almost right: what is made of them computes the same, fused or left."""

from __future__ import annotations

import random

import pytest

from archdsl.passes.contract import Pass
from archdsl.passes.deployment.fuse_gelu import FuseGelu
from archdsl.passes.deployment.fuse_layer_norm import FuseLayerNorm
from archdsl.passes.deployment.fuse_rms_norm import FuseRMSNorm
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same, through, words

VARIANCES = (
    "var(X, axis=AXIS, keepdim=true, correction=0)", "var(X, axis=AXIS, keepdim=true)",
    "mean((X - m) ** 2, axis=AXIS, keepdim=true)",
    "mean(X * X, axis=AXIS, keepdim=true) - m ** 2", "mean((X - m) * X, axis=AXIS, keepdim=true)",
    "std(X, axis=AXIS, keepdim=true, correction=0) ** 2", "mean(X ** 2, axis=AXIS, keepdim=true)",
)  # fmt: skip
ROOTS = (
    "1 / sqrt(v + 1e-5)", "rsqrt(v + 1e-3)", "(v + 0.1) ** -0.5", "rsqrt(v) + 1e-5", "1 / (sqrt(v) + 1e-5)",
    "reciprocal(sqrt(1e-5 + v))",
)  # fmt: skip
NORMS = (
    "(X - m) * r",
    "X * r - m * r",
    "r * (X - m)",
    "-(m - X) * r",
    "X * r",
    "(X + m) * r",
    "(X - m) * r * r",
    "2 * (X - m) * r",
)
TENSORS = ("y", "y * w", "y * w + b", "b + y * w", "w * y - b", "y + b", "(y + 1) * w", "y * w * w", "y * w + 1", "y * w + b + x")
CURVES = (
    "y", "0.5 * y * (1 + erf(y / sqrt(2)))", "y * sigmoid(y)", "y * sigmoid(x)", "y / (1 + exp(-y))",
    "0.5 * y + 0.5 * y * tanh(0.7978845608028654 * (y + 0.044715 * y ** 3))", "y * (0.5 + 0.5 * erf(y * 0.7071067811865475))",
    "0.5 * y * (1 + erf(x / sqrt(2)))",
)  # fmt: skip


@pytest.mark.parametrize("start", [0, *(pytest.param(start, marks=pytest.mark.slow) for start in (60, 120, 180, 240))])
def test_sixty_random_formulas(start: int) -> None:
    found = 0
    for seed in range(start, start + 60):
        choose = random.Random(seed)
        axis = choose.choice(("-1", "-1", "-1", "1", "[1, 2]"))
        mean = choose.choice(("mean(X, axis=AXIS, keepdim=true)", "sum(X, axis=AXIS, keepdim=true) / 6"))
        lines = [
            "param w = w: [6] = ones", "param b = b: [6] = zeros",
            f"X = {choose.choice(('x', 'x + sin(x)', 'x * 2'))}", f"m = {mean}",
            f"v = {choose.choice(VARIANCES)}", f"r = {choose.choice(ROOTS)}", f"y = {choose.choice(NORMS)}",
            f"y = {choose.choice(TENSORS)}", choose.choice(CURVES),
        ]  # fmt: skip
        before = graph("\n".join(lines).replace("AXIS", axis), "(x: [B, 4, 6])")
        passes: list[Pass] = [FuseLayerNorm(), FuseRMSNorm(), FuseGelu()]
        choose.shuffle(passes)
        passed = through(before, passes)
        if passed.graph is not before:
            found += bool({"layer_norm", "rms_norm"} & set(words(passed.graph)))
            same(before, passed, seed=seed, sizes=1)
    assert found > 3
