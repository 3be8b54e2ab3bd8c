"""LSTM bodies in several spellings become the fused kernel and compute what the loop computes; what is none does not."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

GATES = "(a -> W: Linear(20)) + (h -> U: Linear(20, bias=false)) -> chunk(4, axis=-1)"
STEP = "c = sigmoid(f) * c + sigmoid(i) * tanh(g)\n    h = sigmoid(o) * tanh(c)"
FUSED = {
    "plain": f"i, f, g, o = {GATES}\n    {STEP}",
    "another order": f"f, o, i, g = {GATES}\n    {STEP}",
    "turned round": f"i, f, g, o = {GATES}\n    c = tanh(g) * sigmoid(i) + c * sigmoid(f)\n    h = tanh(c) * sigmoid(o)",
    "split": "i, f, g, o = (h -> U: Linear(20)) + (a -> W: Linear(20, bias=false)) -> split([5, 5, 5, 5], axis=1)\n    " + STEP,
    "no bias": f"i, f, g, o = {GATES.replace('20)', '20, bias=false)')}\n    {STEP}",
    "two biases": "i, f, g, o = (h -> U: Linear(20)) + (a -> W: Linear(20)) -> chunk(4, axis=1)\n    " + STEP,
}
LOOPS = {
    "one less": f"i, f, g, o = {GATES}\n    c = (1 - sigmoid(f)) * c + sigmoid(i) * tanh(g)\n    h = sigmoid(o) * tanh(c)",
    "no last tanh": f"i, f, g, o = {GATES}\n    c = sigmoid(f) * c + sigmoid(i) * tanh(g)\n    h = sigmoid(o) * c",
    "a gate twice": f"i, f, g, o = {GATES}\n    c = sigmoid(f) * c + sigmoid(f) * tanh(g)\n    h = sigmoid(o + i) * tanh(c)",
    "a peephole": f"i, f, g, o = {GATES}\n    c = sigmoid(f + c) * c + sigmoid(i) * tanh(g)\n    h = sigmoid(o) * tanh(c)",
}  # fmt: skip


def both(body: str, given: str = "h", axis: int = 1, reverse: str = "", final: str = "h, c") -> tuple[Graph, Graph]:
    shape = "[B, T, 3]" if axis == 1 else "[T, B, 3]"
    names = [f"y{index}" for index in range(1 + len(final.split(",")))]
    heads = "\n".join(f"  head {one} {{ {one} }}" for one in names)
    text = f"""arch A(x: {shape}, s: [B, 5]) {{
  {", ".join(names)} = scan a in x over axis {axis} {reverse} {{
    carry h = s
    carry c = tanh(s)
    {body}
    yield {given}
    final {final}
  }}
{heads}
}}"""
    plain = load(Source("<body>", text)).graph()
    return plain, check(fast_scans(plain))


def fused(graph: Graph) -> bool:
    return any(node.op is not None and node.op.name == "lstm_scan" for node in graph.nodes)


def agree(plain: Graph, fast: Graph, axis: int = 1) -> None:
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    two.load_state_dict(one.state_dict())
    torch.manual_seed(0)
    for length in (1, 2, 6):
        x = torch.randn(*((2, length, 3) if axis else (length, 2, 3)), dtype=torch.float64)
        s = torch.randn(2, 5, dtype=torch.float64)
        outputs = [module(x, s) for module in (one, two)]
        for a, b in zip(*outputs, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12)
        grads = []
        for module, made in zip((one, two), outputs, strict=True):
            grads.append(torch.autograd.grad(sum((y * y.detach().cos()).sum() for y in made), list(module.parameters())))
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reverse", ["", "reverse"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", FUSED)
def test_an_lstm_however_written(name: str, axis: int, reverse: str) -> None:
    plain, fast = both(FUSED[name], axis=axis, reverse=reverse)
    assert fused(fast)
    assert not any(node.scan for node in fast.nodes)
    agree(plain, fast, axis)


@pytest.mark.parametrize("name", LOOPS)
def test_another_cell_is_none(name: str) -> None:
    plain, fast = both(LOOPS[name])
    assert not fused(fast)
    agree(plain, fast)


def test_what_yields_make_of_h_is_made_behind() -> None:
    plain, fast = both(FUSED["plain"], given="tanh(h) + a[:, :1]")
    assert fused(fast)
    assert not any(node.scan for node in fast.nodes)
    agree(plain, fast)


def test_a_yield_of_the_memory_keeps_the_loop() -> None:
    plain, fast = both(FUSED["plain"], given="h + c")
    assert not fused(fast)
    agree(plain, fast)
