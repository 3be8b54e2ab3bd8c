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
LOOPS = {
    "a cell": "carry h = zeros(B, 3)\n    h = tanh((h -> U: Linear(3)) + a) * sigmoid(b)\n    yield h",
    "two carries": "carry h = zeros(B, 3)\n    carry k = ones(B, 3)\n    h, k = (tanh(k * h + a), h)\n    yield h + sin(k * h)",
    "as it was": "carry h = ones(B, 3)\n    yield h\n    h = tanh(h * h + a)",
    "a matrix": "carry m = zeros(B, 3, 3)\n    m = tanh(m @ m + a[:, :, none] * b[:, none])\n    yield sum(m, axis=1)",
    "whole numbers": """carry h = zeros(B, 3)
    carry n = argmax(zeros(B, 3), axis=1)
    h = tanh(h * h + a + cast(n, float)[:, none])
    n = argmax(h, axis=1)
    yield h + cast(n, float)[:, none]""",
    "without a gradient": """carry h = zeros(B, 3)
    carry k = ones(B, 3)
    h = tanh(h * k + a)
    k = cast(h > b, float)
    yield h + k""",
    "a convolution": "carry h = zeros(B, 3)\n    h = tanh((h[:, none] -> C: Conv1d(1, 3, padding=1))[:, 0] + a)\n    yield h",
    "a norm": "carry h = zeros(B, 3)\n    h = tanh((h + a -> N: LayerNorm) -> U: Linear(3))\n    yield h",
    "a root mean square": "carry h = ones(B, 3)\n    h = tanh((h + a -> N: RMSNorm(eps=1e-3)) -> U: Linear(3))\n    yield h",
    "a kernel": """carry h = zeros(1, B, 3)
    o, h = (a[:, none], h) -> G: GRU(3, states=true)
    h = sin(h)
    yield o[:, 0] * b""",
    "until": "carry h = zeros(B, 3)\n    h = tanh(h * h + a)\n    final h\n    until mean(h) > 0.5",
    "no carry": "yield tanh(a) * (b -> U: Linear(3)) -> Dropout(0.0)",
    "a choice": "carry h = zeros(B, 3)\n    h = h + a -> { if training { tanh(it * it) } else { sin(it) } }\n    yield h * b",
    "a dropout": "carry h = zeros(B, 3)\n    h = tanh((h -> U: Linear(3)) + a) -> Dropout(0.0)\n    yield h * b",
    "a block": "carry h = zeros(B, 3)\n    h = (h * a, b) -> C: Inner\n    yield h * b",
    "a scan of known length": """carry h = zeros(B, 3)
    scan c in A over axis 0 { carry k = h; k = tanh((k -> U: Linear(3)) + a * c[0]) -> Dropout(0.0); yield k }
    h = tanh(mean(it, axis=0) + h)
    yield h * b""",
}
INNER = """block Inner(h: [B, 3], a: [B, 3]) -> [B, 3] {
  tanh((h -> U: Linear(3)) + a) -> Dropout(0.0) -> skip { LayerNorm -> Linear(3) -> tanh -> DropPath(0.0) }
}
"""
HANDED = """block Walk(cell: layer)(x: [B, T, 3]) -> [B, T, 3] {
  scan a in x over axis 1 { carry h = zeros(B, 3); h = (h -> sin) + a -> cell; yield h }
}
block Cell(x: [B, 3]) -> [B, 3] { x -> LayerNorm -> Linear(3) -> Dropout(0.0) }
block Half(cell: layer)(h: [B, 3]) -> [B, 3] { h * 0.5 -> cell -> tanh }
arch A(x: [B, T, 3], z: [B, T, 3]) {
  shared n = LayerNorm
  shared c = Cell
  x -> W1: Walk(n) -> W2: Walk(c)
  scan a in it, b in z over axis 1 { carry h = zeros(B, 3); h = h * b + a -> S: Half(n); yield h }
  it -> n
}"""


def text(form: str, reverse: str = "") -> str:
    extra = "" if "A)" in form else "\n  it + sum(A)"
    before = INNER if "Inner" in form else ""
    return f"{before}{HEAD.replace('axis 1', f'axis 1 {reverse}')}\n    {form}\n  }}{extra}\n}}"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("name", FORMS)
def test_one_graph_for_all_lengths(name: str, backend: str) -> None:
    one_graph(text(FORMS[name]), backend)


@pytest.mark.slow
@pytest.mark.parametrize("name, backend", [*((name, "aot_eager") for name in LOOPS), ("a cell", "inductor")])
def test_one_graph_for_all_lengths_of_a_loop(name: str, backend: str) -> None:
    one_graph(text(LOOPS[name]), backend)


@pytest.mark.slow
def test_one_graph_for_all_lengths_of_a_loop_from_the_last_step() -> None:
    one_graph(text(LOOPS["two carries"], "reverse"), "aot_eager")


@pytest.mark.slow
def test_one_graph_for_all_lengths_of_loops_over_layers_that_are_handed_in() -> None:
    one_graph(HANDED, "aot_eager")


def one_graph(spec: str, backend: str) -> None:
    """Three lengths, no second graph, the numbers and the gradients of the module itself."""
    torch._dynamo.reset()
    module = load(Source("<body>", spec)).build(dtype="f64")
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=backend)
    with torch._dynamo.config.patch(error_on_recompile=True, allow_rnn=True):  # Dynamo touches no `nn.GRU` otherwise
        for length in (5, 9, 150):
            torch.manual_seed(length)
            given = [torch.randn(2, length, 3, dtype=torch.float64).requires_grad_() for _ in range(2)]
            made, wanted = compiled(*given), module(*given)
            torch.testing.assert_close(made, wanted, rtol=1e-9, atol=1e-9)
            weights = [*given, *module.parameters()]
            ours, theirs = (
                torch.autograd.grad(one.square().sum(), weights, allow_unused=True, materialize_grads=True)
                for one in (made, wanted)
            )
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_each_step_of_one_graph_draws_anew_and_its_backward_has_the_same_draw(backend: str) -> None:
    torch._dynamo.reset()
    text = """arch A(x: [B, T, 50]) -> y: [B, T, 50] {
  scan a in x over axis 1 {
    carry h = zeros(B, 50)
    h = tanh(h) + a -> D: Dropout(0.25)
    yield h
  }
}"""
    module = load(Source("<body>", text)).build(dtype="f64")
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=backend)
    for p in (0.25, 0.75) if backend == "aot_eager" else (0.25,):  # another probability is another graph, another length is none
        module.D.p = p
        for length in (5, 9):
            x = torch.randn(20, length, 50, dtype=torch.float64).requires_grad_()
            with torch._dynamo.config.patch(error_on_recompile=length == 9):
                made = compiled(x)
            kept = (made != 0).double()
            h, steps = x.new_zeros(20, 50), []
            for a, m in zip(x.unbind(1), kept.unbind(1), strict=True):
                h = (torch.tanh(h) + a) * m / (1 - p)
                steps.append(h)
            wanted = torch.stack(steps, 1)
            torch.testing.assert_close(made, wanted, rtol=1e-9, atol=1e-9)
            ours, theirs = (torch.autograd.grad(one.square().sum(), x)[0] for one in (made, wanted))
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
            assert abs(kept.mean().item() - (1 - p)) < 6 * (p * (1 - p) / kept.numel()) ** 0.5
            masks = (*kept.unbind(1), *(compiled(x) != 0).double().unbind(1))
            assert len({tuple(one.flatten().tolist()) for one in masks}) == 2 * length
    module.eval()
    torch.testing.assert_close(compiled(x), module(x), rtol=1e-9, atol=1e-9)
