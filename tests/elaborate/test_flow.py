"""Who takes the flow (section 4): steps, expressions, dropped and missing flows, tuples."""

from __future__ import annotations

import pytest
import torch

from tests.elaborate.reading import keys, module, numbers, only, problems, same, types


def test_a_body_is_a_pipeline() -> None:
    made = module("tanh\nit * 2\nx -> sigmoid -> it + x")
    x = numbers(3, 8)
    same(made(x), torch.sigmoid(x) + x)


def test_naming_leaves_the_flow() -> None:
    made = module("tanh\ny = exp\nlet k = 3\nrequire N > 0\nit + y * k")
    x = numbers(3, 8)
    same(made(x), torch.tanh(x) + torch.exp(torch.tanh(x)) * 3)


def test_as_names_what_flows() -> None:
    made = module("tanh as y\nexp\nit + y")
    x = numbers(3, 8)
    same(made(x), torch.exp(torch.tanh(x)) + torch.tanh(x))
    made = module("chunk(2, axis=1) as (a, b)\na - b")
    same(made(x), x[:, :4] - x[:, 4:])


def test_constructs_right_of_the_equals_sign() -> None:
    made = module("y = { tanh; exp }\nz = if true { relu } else { tanh }\nw = repeat 2 { it + 1 }\ny + z + w")
    x = numbers(3, 8)
    same(made(x), torch.exp(torch.tanh(x)) + torch.relu(x) + x + 2)


def test_tuples_go_to_functions_and_layers() -> None:
    made = module("(x, tanh(x)) -> concat(axis=1)")
    x = numbers(3, 8)
    same(made(x), torch.cat([x, torch.tanh(x)], 1))
    program = "block B(a: [N, D], b: [N, D]) -> [N, D] { a - b }\narch Net(x: [N, 8]) { (b=x, a=exp(x)) -> B }"
    same(module(program)(x), torch.exp(x) - x)
    assert types("a, b = (x, exp(x))\na + b") == ["[N, 8]"]


def test_lists_of_values() -> None:
    made = module("s = []\nrepeat i in 0..3 { it + 1\ns = s + [it] }\nt = s[:-1]\nconcat(t, axis=1) * len(s)")
    x = numbers(2, 8)
    same(made(x), torch.cat([x + 1, x + 2], 1) * 3)
    made = module("s = [x, exp(x)]\ny = x * 0\nrepeat v in s { y = y + v }\ny + s[-1]")
    same(made(x), x + 2 * torch.exp(x))


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("x -> x + 1", "flow-dropped", "x + 1"),
        ("x -> relu(x)", "flow-dropped", "relu(x)"),
        ("x -> zeros(3)", "flow-dropped", "zeros(3)"),
        ("x -> fc: Linear(4) -> x", "flow-dropped", "x"),
        ("relu + 1", "not-a-tensor", "relu"),
        ("x + Linear(4)", "not-a-tensor", "Linear(4)"),
        ("x + relu()", "not-a-tensor", "relu()"),
        ("relu(Linear(4))", "layer-in-expression", "Linear(4)"),
        ("(x, x) -> Linear(4)", "too-many-arguments", "Linear(4)"),
        ("(x, x) -> tanh", "too-many-arguments", "tanh"),
        ("(x, z=x) -> add", "unknown-argument", "add"),
        ("a, b, c = chunk(x, 2, axis=1)\na + b + c", "parts-mismatch", "a, b, c = chunk(x, 2, axis=1)"),
        ("a, b = x\na + b", "parts-mismatch", "a, b = x"),
        ("s = [x]\ns[1]", "index-out-of-range", "1"),
        ("x == none", "not-a-tensor", "x == none"),
        ("x if x else x", "type-mismatch", "x"),
        ("if x { relu }", "type-mismatch", "x"),
        ("x -> f + x", "unknown-name", "f"),
        ("len", "type-mismatch", "len"),
    ],
)
def test_refusals(body: str, code: str, text: str) -> None:
    found = only(body)
    assert found[1] == text
    if body != "len":
        assert found[0] == code


def test_nothing_flows_in_a_scan() -> None:
    assert only("scan u in x over axis 1 { relu\nyield it }")[0] == "no-flow"


@pytest.mark.parametrize(
    "body",
    [
        "tanh\ntanh",
        "y = x\n{ y = relu(y) }\nrepeat 2 { y = y + 1 }\ny",
        "s = []\nrepeat 3 { Linear(8)\ns = s + [it] }\nx + s[0]",
        "tanh as y\nx + y",
        "tanh\ny = it\nx + y",
        "tanh\nskip { relu }\nbranch(add) { relu; tanh }",
        "head a { tanh }\nhead b { relu }",
        "tanh\nhead a\nhead b { relu }",
        "_ = relu(x)\nx",
        "tanh\nif true { x + it }",
        "tanh\n(it, x) -> add",
        "tanh -> it + x -> exp",
    ],
)
def test_no_false_alarms(body: str) -> None:
    assert problems(body) == []


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("y = relu(x)\nx", "unused-value", "y"),
        ("relu as y\ntanh", "unused-value", "relu as y"),
        ("x -> relu\nx -> tanh", "dropped-flow", "x -> relu"),
        ("fc: Linear(4)\nx + 1", "dropped-flow", "fc: Linear(4)"),
    ],
)
def test_warnings(body: str, code: str, text: str) -> None:
    found = problems(body)
    assert [(one.code, one.at.text, one.severity) for one in found] == [(code, text, "warning")]
    assert keys(body) is not None
