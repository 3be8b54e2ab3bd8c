"""Outputs (section 5): heads, their order, absence, training heads, archs without any; variants (section 3)."""

from __future__ import annotations

import pytest

from tests.elaborate.reading import graph, keys, only, problems, spec


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("relu", ["output: [N, 8]"]),
        ("(x, relu(x))", ["output0: [N, 8]", "output1: [N, 8]"]),
        ("head a { relu }\nhead b { fc: Linear(4) }\nhead c", ["a: [N, 8]", "b: [N, 4]", "c: [N, 8]"]),
        ("arch Net(x: [N, 8]) -> b: [N, 4], a: [N, 8] { head a { relu }\nhead b { fc: Linear(4) } }", ["b: [N, 4]", "a: [N, 8]"]),
        ("arch Net(x: [N, 8]) -> y: [N, K] { Linear(4) }", ["y: [N, 4]"]),
        ("arch Net(x: [N, 8]) -> p: [N, 8], q: [N, 8] { (x, relu(x)) }", ["p: [N, 8]", "q: [N, 8]"]),
        ("arch Net(b: bool = false)(x: [N, 8]) -> y: [N, 8], z: [N, 8] { head y\nif b { head z } }", ["y: [N, 8]"]),
        ("arch Net(b: bool = true)(x: [N, 8]) -> y: [N, 8], z: [N, 8] { head y\nif b { head z } }", ["y: [N, 8]", "z: [N, 8]"]),
        ("{ head y { relu } }", ["y: [N, 8]"]),
    ],
)
def test_outputs(text: str, wanted: list[str]) -> None:
    assert [f"{one.name}: {one.value.type}" for one in graph(text).outputs] == wanted


def test_a_training_heads_layers_always_count_and_it_comes_last() -> None:
    text = "arch Net(x: [N, 8]) -> aux: [N, 2] when training, y: [N, 4] { head aux { a: Linear(2) }\nhead y { b: Linear(4) } }"
    assert [(one.name, one.training) for one in graph(text).outputs] == [("y", False), ("aux", True)]
    assert keys(text) == ["a.weight", "a.bias", "b.weight", "b.bias"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("arch Net(x: [N, 8]) -> y: [N, 4], z: [N, 2] { head y { Linear(4) } }", "missing-output"),
        ("arch Net(x: [N, 8]) -> y: [N, 4] { head z { Linear(4) } }", "unknown-output"),
        ("arch Net(x: [N, 8]) -> y: [N, 4] { head y { Linear(5) } }", "contract-mismatch"),
        ("arch Net(x: [N, 8]) -> y: [N, 4], z: [N, 4] { Linear(4) }", "missing-output"),
        ("head y { relu }\nhead y { tanh }", "misplaced-head"),
        ("skip { head y { relu } }", "misplaced-head"),
        ("block B(x: [N, D]) { head y { relu } }\narch Net(x: [N, 8]) { B }", "misplaced-head"),
        ("head y { (x, x) }", "not-a-tensor"),
    ],
)
def test_refusals(text: str, code: str) -> None:
    assert [one.code for one in problems(text) if one.severity == "error"] == [code]


VARIANTS = "arch Net(n: int = 4, k: int = 2)(x: [N, 8]) { Linear(n * k) }\narch Big = Net(n=8)\narch Bigger = Big(k=3)\n"


def test_variants_keep_what_is_not_given() -> None:
    made = spec(VARIANTS)
    assert [str(made.graph(name).outputs[0].value.type) for name in made.names] == ["[N, 8]", "[N, 16]", "[N, 24]"]
    assert str(made.graph("Big", k=5).outputs[0].value.type) == "[N, 40]"


@pytest.mark.parametrize(
    ("variant", "found"),
    [
        ("arch V = Net(m=3)", ("unknown-argument", "m=3")),
        ("arch V = Linear", ("not-a-layer", "Linear")),
        ("arch V = V", ("unknown-name", "V")),
        ('arch V = Net("a")', ("bad-argument", '"a"')),
    ],
)
def test_variants_that_cannot_be(variant: str, found: tuple[str, str]) -> None:
    assert only(VARIANTS + variant) == found
