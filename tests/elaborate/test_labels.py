"""Labels are paths (section 6): containers, templates, splices, reaching in, duplicates, reserved names."""

from __future__ import annotations

import pytest

from archdsl.compiler import load
from archdsl.source import Source
from tests.elaborate.reading import keys, labels, only

B = "block B { fc: Linear(4); relu; Linear(3) }\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("fc: Linear(4)", ["fc"]),
        ("block: Linear(4)", ["block"]),
        ("0: Linear(4)", ["0"]),
        ("0.1: Linear(4)", ["0.1"]),
        ("0.1.2: Linear(4)", ["0.1.2"]),
        ("a.b.c: Linear(4)\na.b.d: Linear(4)", ["a.b.c", "a.b.d"]),
        ("a.head: Linear(4)\nb: Linear(4)\na.if: Linear(4)", ["a.head", "a.if", "b"]),
        ('"l{1 + 1}.x": Linear(4)', ["l2.x"]),
        ('repeat i in 0..2 { "d{i + 1}": Linear(8) }', ["d1", "d2"]),
        (
            'repeat i in 1..3 { repeat j in 0..2 { "t.b{i}.b{i}-{j}": Linear(8) } }',
            ["t.b1.b1-0", "t.b1.b1-1", "t.b2.b2-0", "t.b2.b2-1"],
        ),
        ('"x y": Linear(3)', ["x y"]),
        ("a: { b: { Linear(4) } }", ["a.b.0"]),
        ("a: if true { Linear(4) }", ["a.0"]),
        ("a: repeat 2 { fc: Linear(8) }", ["a.0.fc", "a.1.fc"]),
        ("x -> a: Linear(4) -> b: Linear(5)", ["a", "b"]),
        ("y = a: Linear(4)\ny", ["a"]),
    ],
)
def test_a_key_is_the_chain_of_labels(body: str, wanted: list[str]) -> None:
    assert labels(body) == wanted


def test_a_splice_goes_on_with_the_numbers_of_the_container() -> None:
    program = "block B { Linear(4); relu; Linear(3) }\narch Net(x: [N, 8]) { Linear(8)\n_: B\nLinear(7) }"
    assert labels(program) == ["0", "1", "3", "4"]


def test_a_label_reaches_into_an_instance() -> None:
    for body in ("m: B\nm.extra: Linear(2)", "m.extra: Linear(2)\nm: B"):
        assert set(labels(B + f"arch Net(x: [N, 8]) {{\n{body}\n}}")) == {"m.fc", "m.2", "m.extra"}


@pytest.mark.parametrize("body", ["m: B\nm.fc: Linear(2)", "m.fc: Linear(2)\nm: B", "m: B\nm.2: Linear(2)"])
def test_what_an_instance_has_cannot_be_added(body: str) -> None:
    assert only(B + f"arch Net(x: [N, 8]) {{\n{body}\n}}") == ("duplicate-label", "Linear(2)")


@pytest.mark.parametrize("name", ["bias", "weight", "in_features"])
def test_what_a_layer_could_have_cannot_be_added(name: str) -> None:
    """PyTorch's Linear(bias=False) would add a bias that it is given under this name."""
    assert only(f"param b = fc.{name}: [3] = ones\nfc: Linear(3, bias=false)\nit + b")[0] == "duplicate-label"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("b: Linear(4)\nb: Linear(5)", "Linear(5)"),
        ("b: Linear(4)\n0: Linear(3)\nLinear(5)\n0: Linear(6)", "Linear(6)"),
        ('repeat i in 0..2 { "a{i // 2}": Linear(8) }', "Linear(8)"),
        ("repeat 2 { a: Linear(8) }", "Linear(8)"),
        ("l.1: Linear(8)\nl: repeat 3 { Linear(8) }", "l: repeat 3 { Linear(8) }"),
        ("l: repeat 3 { Linear(8) }\nl.1: Linear(9)", "Linear(9)"),
        ("shared f = Linear(8)\nx -> f\nf: Linear(4)", "Linear(4)"),
        ("shared f = Linear(8)\nb: Linear(8)\nb: f", "f"),
        ("param w: [8] = zeros\nw: Linear(4)", "Linear(4)"),
        ("x -> Linear(4)\n0: Linear(4)", "Linear(4)"),
    ],
)
def test_equal_paths_are_refused(body: str, text: str) -> None:
    assert only(body) == ("duplicate-label", text)


@pytest.mark.parametrize("label", ["forward", "to", "type", "training", "parameters", "a.cuda", "__init__", "__dict__"])
def test_the_names_of_modules_are_reserved(label: str) -> None:
    assert only(f"{label}: Linear(4)")[0] == "reserved-label"


def test_the_reserved_names_are_those_of_torch() -> None:
    import torch

    from archdsl.elaborate.reserved import RESERVED

    public = {name for name in dir(torch.nn.Module) if not name.startswith("__")}
    assert public - RESERVED == set()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('"a..b": Linear(4)', "bad-label"),
        ('"{": Linear(4)', "bad-label"),
        ('"{1.5}": Linear(4)', "bad-label"),
        ('"{zz}": Linear(4)', "unknown-name"),
        ("a: x", None),
        ("a: 3", "bad-label"),
    ],
)
def test_labels_that_are_none(body: str, code: str | None) -> None:
    if code is not None:
        assert only(body)[0] == code


@pytest.mark.parametrize(
    "body",
    [
        "x + (x -> Linear(8))",
        "y = Linear(8)\ny",
        "branch(add) { Linear(8); relu }",
        "scan u in x over axis 0 { yield u -> Linear(4) }",
    ],
)
def test_a_layer_with_tensors_outside_the_numbers_needs_a_label(body: str) -> None:
    code, text = only(body)
    assert code == "needs-label"
    assert text.startswith("Linear(")


def test_layers_without_tensors_need_none() -> None:
    assert keys("y = Dropout(0.1)\ny + (x -> Dropout(0.5))\nbranch(add) { Dropout(0.2); relu }") == []


def test_order_is_parameters_buffers_children() -> None:
    body = (
        "fc: Linear(8)\nbuffer b: [8] = zeros\nparam p: [8] = zeros\nin.q: Linear(8)\nparam w = in.w: [8] = ones\nit + b + p + w"
    )
    assert keys(body) == ["p", "b", "fc.weight", "fc.bias", "in.w", "in.q.weight", "in.q.bias"]


def test_what_reaches_into_an_instance_comes_after_what_its_class_makes() -> None:
    text = """
    block Inner(words: layer)(x: [N, D]) {
      a: Linear(D, bias=false)
      words
    }
    arch Net(x: [N, 8]) {
      shared table = inner.table: Linear(8, bias=false)
      inner: Inner(table)
      last: Linear(8, bias=false)
    }
    """
    made = load(Source("net.arch", text)).build()
    assert list(made.state_dict()) == ["inner.a.weight", "inner.table.weight", "last.weight"]


def test_several_tensors_have_the_names_of_torch() -> None:
    assert keys("l: LSTM(4, bidirectional=true, bias=false)", "(x: [B, T, 8])") == [
        "l.weight_ih_l0", "l.weight_hh_l0", "l.weight_ih_l0_reverse", "l.weight_hh_l0_reverse",
    ]  # fmt: skip
    assert keys("bn: BatchNorm1d") == ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"]


def test_a_labelled_layer_that_is_declared_and_not_used_stays() -> None:
    assert keys("shared spare = lm.spare: Linear(4, in_features=8)\nx") == ["lm.spare.weight", "lm.spare.bias"]


def test_a_layer_that_is_never_applied_must_say_its_sizes() -> None:
    assert only("shared spare = Linear(4)\nx")[1] == "Linear(4)"


@pytest.mark.parametrize(
    ("program", "code", "text"),
    [
        ('arch Net(x: [N, 8]) { repeat i in 0..3 { "l{j}": Linear(8) } }', "unknown-name", '"l{j}"'),
        ('arch Net(x: [N, 8]) { "l{1 // 0}": Linear(8) }', "bad-arithmetic", '"l{1 // 0}"'),
        ('fn f(a) = a // 0\narch Net(x: [N, 8]) { "l{f(1)}": Linear(8) }', "bad-arithmetic", "a // 0"),
        ('arch Net(x: [N, 8]) { param p = "a{k}": [8] = zeros\nx + p }', "unknown-name", '"a{k}"'),
    ],
)
def test_what_is_wrong_in_a_template_is_told_where_it_stands(program: str, code: str, text: str) -> None:
    assert only(program) == (code, text)
