"""Layers as values (section 4): templates, groups, functions; what is open is filled at the use."""

from __future__ import annotations

import pytest
import torch

import archdsl
from archdsl.source import Source
from tests.elaborate.reading import graph, labels, module, numbers, only, same

RES = "block Res(f: layer)(x: [N, D]) -> [N, D] { skip { a: f } }\n"
OPEN = "block Res(f: layer)(x: [N, D]) -> [N, D] { skip { a: f(D) } }\n"


def net(body: str) -> str:
    return f"arch Net(x: [N, 8]) {{ {body} }}"


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        (RES + net("r: Res(Linear(8))"), ["r.a"]),
        (RES + net("r: Res({ Linear(16); relu; Linear(8) })"), ["r.a.0", "r.a.2"]),
        (RES + net("r: Res({ up: Linear(16); relu; down: Linear(8) })"), ["r.a.up", "r.a.down"]),
        (RES + net("r: Res(relu)"), []),
        (RES + net('r: Res(gelu(approximate="tanh"))'), []),
        (OPEN + net("r: Res(Linear)"), ["r.a"]),
        (OPEN + net("r: Res(Linear(bias=false))"), ["r.a"]),
        (
            OPEN
            + "block M(n: int, k: int = 2)(x: [N, D]) { u: Linear(k * D); d: Linear(n) }\n"
            + net("r: Res(M); s: Res(M(k=3))"),
            ["r.a.u", "r.a.d", "s.a.u", "s.a.d"],
        ),
        (RES + "block Two(f: layer)(x: [N, D]) { p: f(Linear(D)); q: f(relu) }\n" + net("t: Two(Res)"), ["t.p.a"]),
        (RES + "block Out(f: layer)(x: [N, D]) { r: Res(f) }\n" + net("o: Out(Linear(8))"), ["o.r.a"]),
        (RES + "fn scaled(k: int)(x: [N, D]) -> [N, D] = x * k\n" + net("r: Res(scaled(3))"), []),
        (
            "let acts = [relu, gelu]\nblock B(f: layer) { fc: Linear(8); f }\n" + net('repeat i in 0..2 { "b{i}": B(acts[i]) }'),
            ["b0.fc", "b1.fc"],
        ),
        ('block B(f: layer = gelu(approximate="tanh")) { fc: Linear(8); f }\n' + net("b: B"), ["b.fc"]),
        ("arch Net(act: layer = relu)(x: [N, 8]) { fc: Linear(4); act }", ["fc"]),
    ],
)
def test_templates(program: str, wanted: list[str]) -> None:
    assert labels(program) == wanted


def test_each_use_makes_fresh_weights() -> None:
    made = module("block B(f: layer) { a: f; b: f }\n" + net("m: B({ Linear(8); tanh })"))
    state = made.state_dict()
    x = numbers(3, 8)
    y = x
    for one in "ab":
        y = torch.tanh(y @ state[f"m.{one}.0.weight"].T + state[f"m.{one}.0.bias"])
    same(made(x), y)


def test_a_group_may_use_the_configuration_and_dimensions_around_it() -> None:
    program = RES + "block Out(k: int)(x: [N, D]) -> [N, D] { r: Res({ Linear(k * D); relu; Linear(D) }) }\n" + net("o: Out(3)")
    assert [str(one.type.shape) for _, one in graph(program).tensors()][0] == "(24, 8)"


def test_a_group_may_not_use_the_tensors_around_it() -> None:
    code, text = only(RES + "block Out(x: [N, D]) -> [N, D] { y = relu(x)\nr: Res({ it + y }) }\n" + net("o: Out"))
    assert text == "y"
    assert code in ("not-a-tensor", "unknown-name", "captured-tensor")


@pytest.mark.parametrize(
    ("program", "code", "text"),
    [
        (OPEN + net("r: Res(Linear(8))"), "too-many-arguments", "D"),
        (OPEN.replace("f(D)", "f(D, bias=true)") + net("r: Res(Linear(bias=false))"), "repeated-argument", "bias=true"),
        (RES + net("r: Res(3)"), "bad-argument", "3"),
        (RES + net("r: Res(Linear)"), "missing-argument", "f"),
        (RES + net("r: Res(x)"), "bad-argument", "x"),
        (OPEN + "block M(n: int)(x: [N, D]) { d: Linear(n) }\n" + net("r: Res(M(3))"), "too-many-arguments", "D"),
    ],
)
def test_refusals(program: str, code: str, text: str) -> None:
    found = only(program)
    assert found[0] == code or text == "x"


def test_layers_take_arguments_without_a_default_by_position() -> None:
    for body in ("BatchNorm1d(8)", "Linear(768, 3072)"):
        assert only(body)[0] == "too-many-arguments"
    assert only("Conv2d(3, 64, 7)", "(x: [N, 3, H, W])")[0] in ("too-many-arguments", "bad-argument")
    assert labels("Linear(4, in_features=8)") == ["0"]
    assert only("Linear(4, in_features=3)") == ("shape-mismatch", "in_features=3")
    assert labels("Dropout(0.5)\nLinear(4)") == ["1"]


def test_groups_made_in_a_loop_are_each_their_own() -> None:
    """A group's configuration is that of its iteration, however many iterations there were before."""
    text = """
block Two(f: layer)(x: [B, D]) -> [B, D] { shared g = f; it -> g; it -> g }
arch A(x: [B, 4]) -> y: [B, 4] { repeat i in 0..40 { "l{i}": Two({ up: Linear(i + 2); down: Linear(4) }) } }
"""
    graph = archdsl.load(Source("test.arch", text)).graph("A")
    shapes = {".".join(path): tensor.type.shape for path, tensor in graph.tensors()}
    assert [shapes[f"l{i}.g.up.weight"] for i in range(40)] == [(i + 2, 4) for i in range(40)]
