"""Edits: what stands in a step's place is elaborated as if the author had written it there, at the chosen occurrences alone."""

from __future__ import annotations

import pytest

import archdsl
from archdsl.ir.graph import Graph
from archdsl.source import Source

BLOCKS = """
block Res(width: int, act: layer = relu)(x: [N, D]) -> [N, D] {
  skip {
    fc1: Linear(width)
    act
    fc2: Linear(D)
  }
}
fn swish(x: [...]) = x * sigmoid(x)
"""
NET = "arch Net(x: [N, 8]) { stem: Linear(6); relu; layers: repeat 3 { Res(4) }; swish; drop: Dropout(0.5); 0.head: Linear(2) }"


def spec(program: str) -> archdsl.Spec:
    return archdsl.load(Source("net.arch", BLOCKS + program))


def elaborated(program: str) -> Graph:
    return spec(program).graph("Net")


def keys(graph: Graph) -> list[str]:
    return [".".join(path) for path, _ in graph.tensors()]


def edited(program: str, selector: str, edit: str) -> Graph:
    """`replace gelu`, `remove`, `set p=0.1`: done to what the selector means."""
    selection = elaborated(program).select(selector)
    method, _, given = edit.partition(" ")
    if method == "set":
        return selection.set(**dict(one.split("=", 1) for one in given.split(", ")))
    return getattr(selection, method)(*([given] if given else []))


def of(body: str) -> str:
    return f"arch Net(x: [N, 8]) {{ {body} }}"


@pytest.mark.parametrize(
    ("before", "selector", "edit", "after"),
    [
        (of("relu; fc: Linear(4)"), "relu", "replace gelu", of("gelu; fc: Linear(4)")),
        (of("x -> fc: Linear(4) -> relu"), "Linear", "replace Linear(3, bias=false)", of("fc: Linear(3, bias=false) -> relu")),
        (of("Linear(4); relu; Linear(2)"), "0", "replace Linear(5)", of("Linear(5); relu; Linear(2)")),
        (of("Linear(4); relu; Linear(2)"), "relu", "replace { tanh; sigmoid }", of("Linear(4); 1: { tanh; sigmoid }; Linear(2)")),
        (of("Linear(4); relu; Linear(2)"), "relu", "replace gelu -> tanh", of("Linear(4); gelu; (it -> tanh); Linear(2)")),
        (of("fc: Linear(4)"), "fc", "replace Linear(3) -> Linear(4)", of("fc: { Linear(3); Linear(4) }")),
        (of("fc: Linear(4)"), "fc", "replace up: Linear(4)", of("up: Linear(4)")),
        (of("y = gelu(fc1(it)); y").replace("arch", "fn fc1(x: [...]) = x * 2\narch"), "gelu", "replace tanh",
         of("y = tanh(fc1(it)); y").replace("arch", "fn fc1(x: [...]) = x * 2\narch")),
        (of("y = tanh(x + 1); x + relu(y)"), "relu", "remove", of("y = tanh(x + 1); x + y")),
        (of("y = tanh(x + 1); x + relu(y)"), "relu", "insert_before sigmoid", of("y = tanh(x + 1); x + relu(sigmoid(y))")),
        (of("y = tanh(x + 1); x + relu(y)"), "relu", "insert_after sigmoid", of("y = tanh(x + 1); x + sigmoid(relu(y))")),
        (of("y = tanh; x + y"), "tanh", "replace relu", of("y = relu; x + y")),
        (of("y = tanh; x + y"), "add", "replace mul", of("y = tanh; x * y")),
        (of("y = tanh; concat(x, y, axis=1)"), "concat", "set axis=0", of("y = tanh; concat(x, y, axis=0)")),
        (of("y = tanh; concat(x, y, axis=1)"), "concat", "replace add", of("y = tanh; add(x, y)")),
        (of("y = tanh; concat(x, y, axis=1)"), "concat", "insert_after relu", of("y = tanh; concat(x, y, axis=1); (it -> relu)")),
        (of("skip { Linear(8) }"), "skip", "unwrap", of("Linear(8)")),
        (of("skip { Linear(8) }"), "[skip]", "remove", "arch Net(x: [N, 8]) { x }"),
        (of("skip { Linear(8) }"), "skip", "set when=false", of("Linear(8)")),
        (of("Linear(8); relu; Linear(8)"), "Linear", "wrap skip", of("skip { Linear(8) }; relu; skip { Linear(8) }")),
        (of("Linear(8); relu"), "0", "wrap r: repeat 2", of("r: repeat 2 { Linear(8) }; relu")),
        (of("Linear(4)"), "0", "wrap skip(mul) { } via down: Linear(4)", of("skip(mul) { Linear(4) } via down: Linear(4)")),
        (of("branch(add) { a: Linear(4); b: Linear(4) }"), "b", "set bias=false",
         of("branch(add) { a: Linear(4); b: Linear(4, bias=false) }")),
        (of("branch(add) k in [3, 5] { a: Linear(k); Linear(2) }").replace("a: Linear(k); Linear(2)", "a: Linear(k) -> b: Linear(2)"),
         "a.1", "set bias=false",
         of("branch(add) { a.0: Linear(3) -> b.0: Linear(2); a.1: Linear(5, bias=false) -> b.1: Linear(2) }")),
        (of("if true { Linear(4) } else { Linear(5) }"), "if", "replace Linear(6)", of("Linear(6)")),
        (of("shared f = Linear(8); f; relu; f"), "f", "set bias=false", of("shared f = Linear(8, bias=false); f; relu; f")),
        (of("a, b = chunk(x, 2, axis=1); concat(a, tanh(b), axis=1)"), "tanh", "wrap skip",
         of("a, b = chunk(x, 2, axis=1); concat(a, (b -> skip { tanh }), axis=1)")),
        (of("scan t in x over axis 1 { carry h = zeros(N); h = tanh(h + t); yield h }"), "tanh", "replace relu",
         of("scan t in x over axis 1 { carry h = zeros(N); h = relu(h + t); yield h }")),
        (of("head y { fc: Linear(4); relu }"), "relu", "replace gelu", of("head y { fc: Linear(4); gelu }")),
        (of("Res(4, act={ tanh; relu })"), "relu", "replace gelu", of("Res(4, act={ tanh; gelu })")),
        (of("Res(4); Res(4, act=tanh)"), "relu", "replace gelu(approximate=\"tanh\")",
         of("Res(4, act=gelu(approximate=\"tanh\")); Res(4, act=tanh)")),
        (NET, "Res(width=4)", "set act=tanh", NET.replace("Res(4)", "Res(4, act=tanh)")),
        (NET, "Dropout", "set p=0.1", NET.replace("0.5", "0.1")),
        (NET, "layers", "unwrap", NET.replace("repeat 3 ", "")),
    ],
)  # fmt: skip
def test_an_edited_arch_is_the_arch_written_so(before: str, selector: str, edit: str, after: str) -> None:
    made = edited(before, selector, edit)
    wanted = elaborated(after)
    assert str(made) == str(wanted)
    assert made == wanted
