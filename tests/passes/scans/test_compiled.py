"""Each form under `torch.compile(fullgraph=True)`, forward and backward: one graph for all lengths."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.source import Source

HEAD = "arch A(x: [B, T, 3], z: [B, T, 3]) {\n  param A: [3, 2] = normal\n  scan a in x, b in z over axis 1 {"
TURN = "h, k = (h * cos(a) - k * sin(a), h * sin(a) + k * cos(b))"
STATE = "h = exp(-exp(a)[:, :, none] * exp(A)) * h + b[:, :, none]"
FORMS = {
    "affine": "carry h = zeros(B, 3)\n    h = sigmoid(a) * h + b\n    yield h",
    "max-plus": "carry h = zeros(B, 3)\n    h = maximum(h - a, b)\n    yield h * a",
    "together": f"carry h = zeros(B, 3)\n    carry k = ones(B, 3)\n    {TURN}\n    yield h",
    "a sum alone": f"carry h = zeros(B, 3, 2)\n    {STATE}\n    yield sum(h, axis=2)",
}


def text(form: str) -> str:
    extra = "" if "A)" in form else "\n  it + sum(A)"
    return f"{HEAD}\n    {form}\n  }}{extra}\n}}"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("name", FORMS)
def test_one_graph_for_all_lengths(name: str, backend: str) -> None:
    torch._dynamo.reset()
    module = load(Source("<body>", text(FORMS[name]))).build()
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=backend)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for length in (5, 9, 150):
            torch.manual_seed(length)
            given = [torch.randn(2, length, 3).requires_grad_() for _ in range(2)]
            made, wanted = compiled(*given), module(*given)
            torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
            weights = [*given, *module.parameters()]
            ours, theirs = (torch.autograd.grad(one.square().sum(), weights) for one in (made, wanted))
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
