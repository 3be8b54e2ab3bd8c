"""Equal calls in a row are a loop of the generated module: over one value or several, with what stays beside them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from archdsl.compiler import load
from archdsl.source import Source

ONE = "block F(x: [N, D], y: [N, D]) -> [N, D] { fc: Linear(D); tanh; it + y }\n"
TWO = "block G(x: [N, D], y: [N, D]) -> [N, D], [N, D] { fc: Linear(D); tanh; (it + y, it * y) }\n"
Fc = list[tuple[Tensor, Tensor]]


def one(fcs: Fc, x: Tensor) -> Tensor:
    y = x
    for weight, bias in fcs:
        y = torch.tanh(y @ weight.T + bias) + x
    return y


def two(fcs: Fc, x: Tensor, y: Tensor, kept: Tensor | None = None, crossed: bool = False) -> tuple[Tensor, Tensor]:
    for weight, bias in fcs:
        out = torch.tanh(x @ weight.T + bias)
        z = y if kept is None else kept
        x, y = (out * z, out + z) if crossed else (out + z, out * z)
    return x, y


CASES = {
    "one value": (ONE, "layers: repeat 3 { (it, x) -> F }", "(it, x)", lambda fcs, x: (one(fcs, x), x)),
    "what it starts with is read later": (
        ONE,
        "layers: repeat 3 { (it, x) -> F }",
        "(it + x, x)",
        lambda fcs, x: (one(fcs, x) + x, x),
    ),
    "two": (
        TWO,
        'y = 2 * x\nlayers: { repeat i in 0..4 { x, y = (x, y) -> "{i}": G } }',
        "(x, y)",
        lambda fcs, x: two(fcs, x, 2 * x),
    ),
    "two that start as one": (
        TWO,
        'y = x\nlayers: { repeat i in 0..4 { x, y = (x, y) -> "{i}": G } }',
        "(x, y)",
        lambda fcs, x: two(fcs, x, x),
    ),
    "crossed": (
        TWO,
        'y = 2 * x\nlayers: { repeat i in 0..4 { y, x = (x, y) -> "{i}": G } }',
        "(x, y)",
        lambda fcs, x: two(fcs, x, 2 * x, crossed=True),
    ),
    "one of two, the other at the end": (
        TWO,
        'z = 2 * x\ny = z\nlayers: { repeat i in 0..4 { x, y = (x, z) -> "{i}": G } }',
        "(x, y)",
        lambda fcs, x: two(fcs, x, 2 * x, kept=2 * x),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_loop_computes_what_its_calls_do(name: str) -> None:
    blocks, body, end, wanted = CASES[name]
    module = load(Source("loops.arch", f"{blocks}arch A(x: [N, 8]) -> a: [N, 8], b: [N, 8] {{ {body}\n{end} }}")).build(
        dtype="f64"
    )
    state = module.state_dict()
    fcs = [(state[f"layers.{i}.fc.weight"], state[f"layers.{i}.fc.bias"]) for i in range(len(state) // 2)]
    x = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for got, want in zip(module(x), wanted(fcs, x), strict=True):
        torch.testing.assert_close(got, want)


def test_calls_that_differ_in_the_names_of_what_they_are_given_have_one_class() -> None:
    text = """arch A(x: [N, C, H, W]) -> a: [N, 4, H, W], b: [N] {
      require C == 4
      total = zeros(N)
      x -> tanh
      flows: repeat 3 {
        y = it -> one: Conv2d(4, 1) -> two: BatchNorm2d
        y = y -> three: Conv2d(4, 1)
        total = total + mean(y, axis=[1, 2, 3])
        y
      }
      (it, total)
    }"""
    printed = load(Source("loops.arch", text)).source()
    assert printed.count("class AFlows") == 1


def test_what_a_group_reads_of_an_optional_input_may_be_absent() -> None:
    text = """block Unit(x: [N, D], m: bool[N] = none) -> [N, D] {
      fc: Linear(D)
      if m != none { masked_fill(it, m[:, none], 0) }
    }
    arch A(x: [N, 8], m: bool[N] = none) -> y: [N, 8] {
      body: { (it, m=m) -> one: Unit; tanh; (it, m=m) -> two: Unit }
    }"""
    printed = load(Source("loops.arch", text)).source()
    assert printed.count("m: Tensor | None") == 3


def test_a_comment_is_broken_anew_where_its_lines_were_full() -> None:
    """And only there: what begins a line of its own stays so."""
    long = "word " * 24 + "end"
    block = f"## {long}\n## of a sentence.\n## Keys: a, b.\nblock F(x: [N, 8]) -> [N, 8] {{ fc: Linear(8); relu }}"
    doc = load(Source("loops.arch", f"let k = 1\n\n{block}\narch A(x: [N, 8]) -> y: [N, 8] {{ a: F; b: F }}")).build().a.__doc__
    assert doc is not None
    lines = doc.strip().splitlines()
    assert lines[-1].strip() == "Keys: a, b."
    assert lines[-2].strip().endswith("end of a sentence.")
