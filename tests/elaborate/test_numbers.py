"""Numbers of unlabelled steps (section 6), and numbers as values beside tensors (section 4)."""

from __future__ import annotations

import pytest

from tests.elaborate.reading import labels, module, numbers, only, same, types


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("Linear(4)\nrelu\nLinear(3)", ["0", "2"]),
        ("x -> Linear(4) -> relu -> Linear(3)", ["0", "2"]),
        ("Linear(4)\nfc: Linear(8)\nLinear(3)", ["0", "fc", "2"]),
        ("x\nit * 2\nLinear(3)", ["0"]),
        ("x -> it + 1\nLinear(3)", ["0"]),
        ("y = relu\nLinear(3)\nit + y[:, :3]", ["0"]),
        ("shared f = Linear(8)\nf\nLinear(3)", ["f", "0"]),
        ("concat(it, x, axis=1)\nLinear(3)", ["1"]),
        ("repeat 2 { Linear(8); relu }\nLinear(3)", ["0", "2", "4"]),
        ("skip { Linear(8); relu }\nLinear(3)", ["0", "2"]),
        ("{ Linear(8) }\nLinear(3)", ["0", "1"]),
        ("if true { Linear(8) }\nLinear(3)", ["0", "1"]),
        ("if false { Linear(8) }\nLinear(3)", ["0"]),
        ("f: if false { Linear(8) }\nLinear(3)", ["1"]),
        ("f: if true { Linear(8) }\nLinear(3)", ["f.0", "1"]),
        ("f: { Linear(8) }\nLinear(3)", ["f.0", "1"]),
        ("f: repeat 2 { relu }\nLinear(3)", ["1"]),
        ("f: repeat 0 { Linear(3) }\nLinear(3)", ["1"]),
        ("f: skip { Linear(8) }\nLinear(3)", ["f.0", "1"]),
        ("branch(concat, axis=1) { a: Linear(8); relu }\nLinear(3)", None),
    ],
)
def test_every_layer_or_call_of_the_pipeline_takes_one(body: str, wanted: list[str] | None) -> None:
    if wanted is not None:
        assert labels(body) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("l: repeat 2 { Linear(8) }", ["l.0", "l.1"]),
        ("l: repeat 2 { Linear(8); relu }", ["l.0.0", "l.1.0"]),
        ("l: repeat 2 { a: Linear(8) }", ["l.0.a", "l.1.a"]),
        ("l: repeat i in 3..5 { Linear(8) }", ["l.0", "l.1"]),
        ("l: repeat 2 { skip { Linear(8) } }", ["l.0", "l.1"]),
        ("l: repeat 2 { if true { Linear(8) } }", ["l.0", "l.1"]),
        ("l: repeat 2 { { Linear(8) } }", ["l.0", "l.1"]),
        ("l: repeat 2 { b: { Linear(8) } }", ["l.0.b.0", "l.1.b.0"]),
        ("l: repeat 2 { it + 1; Linear(8) }", ["l.0", "l.1"]),
        ("l: repeat 2 { Linear(8); b: Linear(8) }", ["l.0.0", "l.0.b", "l.1.0", "l.1.b"]),
        ("l: repeat i in 0..2 { if i == 0 { pre: Linear(8) }\nLinear(8) }", ["l.0.pre", "l.0.1", "l.1"]),
        ("l: repeat i in 0..2 { repeat 2 { Linear(8) } }", ["l.0.0", "l.0.1", "l.1.0", "l.1.1"]),
    ],
)
def test_an_iteration_of_one_layer_is_that_layer(body: str, wanted: list[str]) -> None:
    assert labels(body) == wanted


def test_an_iteration_of_one_block_is_that_block() -> None:
    program = "block B { a: Linear(8) }\narch Net(x: [N, 8]) { layer1: repeat 3 { B } }"
    assert labels(program) == ["layer1.0.a", "layer1.1.a", "layer1.2.a"]


def test_numbers_take_the_dtype_of_the_tensor_beside_them() -> None:
    assert types("arange(4) + 1") == ["i64[4]"]
    assert types("x * 2") == ["[N, 8]"]
    assert types("arange(N) * 2 + N") == ["i64[N]"]
    assert types("arange(4) / 2") == ["[4]"]
    assert types("arange(4) // 2") == ["i64[4]"]
    assert types("arange(4) > 2") == ["bool[4]"]
    assert types("constant([0, -0.125])") == ["[2]"]
    assert types("constant([1, 2])") == ["i64[2]"]
    assert types("sqrt(arange(4))") == ["[4]"]


def test_a_dimension_beside_a_tensor_is_a_number() -> None:
    made = module("x * N + C", "(x: [N, C])")
    x = numbers(3, 5)
    same(made(x), x * 3 + 5)


@pytest.mark.parametrize("body", ["arange(4) + 0.5", "arange(4) * 0.5", "1.5 - arange(4)"])
def test_a_fraction_beside_integers_is_refused(body: str) -> None:
    assert only(body) == ("dtype-mismatch", body)


def test_dtypes_are_not_promoted() -> None:
    assert only("x + arange(8)")[0] == "dtype-mismatch"
    assert types("x + cast(arange(8), float)") == ["[N, 8]"]
