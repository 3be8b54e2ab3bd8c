"""Norms before and behind what is added, however the sum is written, against programs written by hand."""

from __future__ import annotations

import pytest
import torch

import archdsl
from archdsl import design
from archdsl.ir.graph import Graph
from archdsl.source import Source

BLOCKS = """block MLP(w: int)(x: [N, T, D]) -> [N, T, D] { fc1: Linear(w); gelu; fc2: Linear(D) }
block Layer(w: int)(x: [N, T, D], mask: bool[N, T] = none) -> [N, T, D] {
"""
NET = "\n}\narch Net(x: [N, T, 8]) -> y: [N, T, 8] { body: repeat 2 { Layer(12) }; head y { fc: Linear(8) } }\n"
FEED = "{ Linear(w); relu; Linear(D) }"
CASES = {
    "named": (
        f"h = x -> mlp: MLP(w)\nx = x + h -> n1: LayerNorm\nh = x -> b: {FEED}\nx + h -> n2: LayerNorm",
        f"h = x -> n1: LayerNorm -> mlp: MLP(w)\nx = x + h\nh = x -> n2: LayerNorm -> b: {FEED}\nx + h",
    ),
    "flow": (
        f"mlp: MLP(w)\nit + x\nn1: LayerNorm as y\nb: {FEED}\nit + y\nn2: LayerNorm",
        f"n1: LayerNorm\nmlp: MLP(w)\nit + x as y\nn2: LayerNorm\nb: {FEED}\nit + y",
    ),
    "expression": (
        "x + (x -> mlp: MLP(w)) -> n: LayerNorm(eps=1e-3)",
        "x + (x -> n: LayerNorm(eps=1e-3) -> mlp: MLP(w))",
    ),
    "tuple": (
        "h = (x, x, x, key_padding_mask=mask) -> at: MultiheadAttention(2)\nx + h -> n: LayerNorm",
        "n = x -> n: LayerNorm\nh = (n, n, n, key_padding_mask=mask) -> at: MultiheadAttention(2)\nx + h",
    ),
    "long labels": (
        f"mlp: MLP(w)\nit + x\nout.norm: LayerNorm as y\nout.mid: {FEED}\nit + y\nout.mid.norm: LayerNorm",
        f"out.norm: LayerNorm\nmlp: MLP(w)\nit + x as y\nout.mid.norm: LayerNorm\nout.mid: {FEED}\nit + y",
    ),
    "cross": (
        "m = x -> fc: Linear(D)\nh = (x, m, m) -> at: MultiheadAttention(2)\nx + h -> n: LayerNorm",
        None,
    ),
    "no labels": (
        "Linear(D)\nit + x\nLayerNorm",
        "1: LayerNorm\n0: Linear(D)\nit + x",
    ),
    "scaled": (
        "h = x -> fc: Linear(D)\nx + 0.5 * h -> n: RMSNorm",
        "h = x -> n: RMSNorm -> fc: Linear(D)\nx + 0.5 * h",
    ),
    "braces": (
        "h = x -> b: { g = it -> g: Linear(D); k = it -> k: Linear(D); g * k }\nx + h -> n: LayerNorm",
        "h = x -> n: LayerNorm -> b: { g = it -> g: Linear(D); k = it -> k: Linear(D); g * k }\nx + h",
    ),
    "repeated": (
        "h = x -> r: repeat 2 { Linear(D); relu }\nx + h -> n: LayerNorm",
        "h = x -> n: LayerNorm -> r: repeat 2 { Linear(D); relu }\nx + h",
    ),
    "skip without labels": (
        "skip { fc: Linear(D) }\nLayerNorm",
        "skip { 1: LayerNorm; fc: Linear(D) }",
    ),
    "several places": (
        "q = x -> q: Linear(D)\nk = x -> k: Linear(D)\nx = x + q * k -> n: LayerNorm\n"
        "q = x -> a.q: Linear(D)\nk = x -> a.k: Linear(D)\nx + q * k -> a.n: LayerNorm",
        "n = x -> n: LayerNorm\nq = n -> q: Linear(D)\nk = n -> k: Linear(D)\nx = x + q * k\n"
        "n = x -> a.n: LayerNorm\nq = n -> a.q: Linear(D)\nk = n -> a.k: Linear(D)\nx + q * k",
    ),
    "several places in braces": ("q = { x -> q: Linear(D) }\nk = x -> k: Linear(D)\nx + q * k -> n: LayerNorm", None),
    "several places without labels": ("q = x -> q: Linear(D)\nx + q * sigmoid(x) -> n: LayerNorm", None),
    "by name in braces": ("h = x -> b: { g = it -> g: Linear(D); g * x }\nx + h -> n: LayerNorm", None),
    "sum used again": ("s = x + (x -> fc: Linear(D))\nz = s -> n: LayerNorm\nz + s", None),
    "norm of a norm": ("skip { fc: Linear(D) }\nz: { n: LayerNorm }", None),
    "no sum": ("fc: Linear(D)\nn: LayerNorm", None),
}
MOVES = {name: case for name, case in CASES.items() if case[1] is not None}


def graph(body: str) -> Graph:
    return archdsl.load(Source("net.arch", BLOCKS + body + NET)).graph("Net")


def same(one: Graph, other: Graph) -> None:
    """The same tensors, and the same function of them."""
    shapes = [{path: tensor.type for path, tensor in each.tensors()} for each in (one, other)]
    assert shapes[0] == shapes[1]
    spec = archdsl.load(Source("net.arch", BLOCKS + "x" + NET))
    made = [spec.build(each, dtype="f64").eval() for each in (one, other)]
    drawn = torch.Generator().manual_seed(0)
    state = {key: torch.randn(value.shape, generator=drawn, dtype=value.dtype) for key, value in made[0].state_dict().items()}
    for each in made:
        each.load_state_dict(state)
    x = torch.randn(2, 3, 8, generator=drawn, dtype=torch.float64)
    torch.testing.assert_close(made[0](x), made[1](x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MOVES)
def test_a_norm_goes_before_what_is_added(name: str) -> None:
    post, pre = MOVES[name]
    assert pre is not None
    same(design.pre_norm(graph(post)), graph(pre))


@pytest.mark.parametrize("name", MOVES)
def test_a_norm_goes_behind_the_sum(name: str) -> None:
    post, pre = MOVES[name]
    assert pre is not None
    same(design.post_norm(graph(pre)), graph(post))
    same(design.post_norm(design.pre_norm(graph(post))), graph(post))


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("several places in braces", "edit-not-possible", "takes the value at 2 places"),
        ("several places without labels", "edit-not-possible", "takes the value at 2 places"),
        ("by name in braces", "edit-not-possible", "takes the value at 2 places"),
        ("cross", "edit-not-possible", "takes the value at 2 places"),
        ("sum used again", "nothing-selected", "a sum `x + f(x)` with a norm behind it"),
        ("norm of a norm", "nothing-selected", "a sum `x + f(x)` with a norm behind it"),
        ("no sum", "nothing-selected", "nothing is called `add`"),
    ],
)
def test_a_norm_that_cannot_go_before_is_told(name: str, code: str, told: str) -> None:
    with pytest.raises(archdsl.ArchError) as wrong:
        design.pre_norm(graph(CASES[name][0]))
    assert [one.code for one in wrong.value.problems] == [code]
    assert told in str(wrong.value)


def test_the_norm_behind_a_repeat_stays() -> None:
    text = "body: repeat 2 { skip { fc: Linear(D) } }\nn: LayerNorm"
    with pytest.raises(archdsl.ArchError, match="with a norm behind it"):
        design.pre_norm(graph(text))
