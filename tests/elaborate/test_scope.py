"""Names (section 3) and what may be rebound where (section 4)."""

from __future__ import annotations

import pytest
import torch

from tests.elaborate.reading import module, numbers, only, problems, same, spec, types


def test_a_value_bound_outside_is_rebound_through_groups_ifs_and_repeats() -> None:
    made = module("y = x\n{ y = exp(y) }\nif true { y = y * 2 }\nrepeat 3 { y = y + 1 }\ny")
    x = numbers(2, 8)
    same(made(x), torch.exp(x) * 2 + 3)


def test_a_rebound_value_may_change_its_type() -> None:
    assert types("y = x\nrepeat 2 { y = concat(y, y, axis=1) }\ny") == ["[N, 32]"]


def test_an_input_may_be_rebound() -> None:
    x = numbers(2, 8)
    same(module("x = x * 2\nx + 1")(x), x * 2 + 1)


@pytest.mark.parametrize(
    "construct",
    ["skip { y = it\ny }", "branch(add) { y = it\ny }", "head h { y = it\ny }", "scan u in x over axis 1 { y = u\nyield y }"],
)
def test_beside_the_flow_nothing_outside_is_rebound(construct: str) -> None:
    assert only(f"y = x\nx + y\n{construct}") == ("rebound-in-parallel", "y")


def test_in_via_nothing_outside_is_rebound() -> None:
    assert only("y = x\nskip { relu } via { y = exp\nx + y }")[0] == "rebound-in-parallel"


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("{ z = relu(x)\nz }\nz", "unknown-name", "z"),
        ("let k = 3\nlet k = 4\nx * k", "already-bound", "let k = 4"),
        ("let k = 3\nk = 4\nx * k", "already-bound", "k"),
        ("N = 3\nx * N", "already-bound", "N"),
        ("param p: [8] = zeros\nparam p = q: [8] = zeros\nx + p", "already-bound", "param p = q: [8] = zeros"),
        ("repeat i in 0..2 { i = 3\nx * i }", "already-bound", "i"),
        ("scan u in x over axis 1 { u = u + 1\nyield u }", "bad-scan", "u"),
        ("let y = x\ny", "type-mismatch", "x"),
        ("y = x + q\ny", "unknown-name", "q"),
        ("x -> Liner(4)", "unknown-layer", "Liner"),
    ],
)
def test_refusals(body: str, code: str, text: str) -> None:
    assert only(body) == (code, text)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("repeat 2 { v = relu(x)\nv }\nv", "v = relu(x)"),
        ("skip { fc: Linear(8) as v }\nv + x", "fc: Linear(8) as v"),
        ("scan u in x over axis 1 { a, v = (u, u * 2)\nyield a + v }\nv", "a, v = (u, u * 2)"),
    ],
)
def test_a_name_that_has_ended_is_shown_where_it_was_bound(body: str, where: str) -> None:
    (found,) = [one for one in spec(body).check() if one.severity == "error"]
    assert (found.code, found.at.text, [one.span.text for one in found.others]) == ("unknown-name", "v", [where])


def test_one_mistake_is_one_message() -> None:
    assert only("y = x + q\nz = y * 2\nz -> fc: Linear(4) -> relu\nhead out { it + z }") == ("unknown-name", "q")


def test_a_blocks_own_name_may_cover_the_files_and_the_built_in_ones() -> None:
    x = numbers(2, 8)
    same(module("let k = 2\narch Net(x: [N, 8]) { let k = 3\nrelu = x * k\nrelu }")(x), x * 3)
    same(module("block LSTM { it + 1 }\narch Net(x: [N, 8]) { LSTM }")(x), x + 1)


def test_labels_and_argument_names_clash_with_nothing() -> None:
    assert types("x: Linear(4)\nN: Linear(5)\nconcat(it, it, axis=1)") == ["[N, 10]"]


def test_items_may_stand_in_any_order() -> None:
    program = "arch Net(x: [N, 8]) { B(k) }\nlet k = twice(2)\nblock B(n: int) { Linear(n) }\nfn twice(v) = 2 * v"
    assert types(program) == ["[N, 4]"]


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ("let a = b\nlet b = a\n", "unknown-name"),
        ("let a = 1\nlet a = 2\n", "already-bound"),
        ("block B { relu }\nfn B(x) = x\n", "already-bound"),
    ],
)
def test_items_that_clash(items: str, code: str) -> None:
    from tests.elaborate.reading import problems

    assert code in {one.code for one in problems(items + "arch Net(x: [N, 8]) { x * a }")}


def test_a_let_of_several_names() -> None:
    x = numbers(2, 8)
    same(module("let a, b = [2, 3]\nx * a + b")(x), x * 2 + 3)


@pytest.mark.parametrize(
    ("written", "meant"), [("Conv2D", "Conv2d"), ("Relu", "relu"), ("BatchNorm", "BatchNorm2d"), ("layer_norm2", "layer_norm")]
)
def test_a_misspelt_name_has_a_suggestion(written: str, meant: str) -> None:
    from tests.elaborate.reading import problems

    assert meant in (problems(f"x -> {written}")[0].help or "")


def test_a_value_that_the_next_iteration_uses_is_used() -> None:
    assert problems("total = []\nrepeat 3 { x, s = (x * 2, x + 1); total = total + [s] }\nconcat(total, axis=1)") == []
    (found,) = problems("y = relu(x)\nz = y * 2\ny = tanh(x)\nz + x")
    assert (found.code, found.at.text, found.at.line) == ("unused-value", "y", 4)


def test_what_could_not_be_read_is_told_once() -> None:
    found = problems("y = x => relu\nz = y * 2\nz + y")
    assert [one.code for one in found] == ["unexpected-token"]
    whole = "block B(x: [N, 8]) -> ([N, 8]) { relu }\narch Net(x: [N, 8]) { B; B(3) -> fc: Linear(4) }"
    assert [one.code for one in problems(whole)] == ["unexpected-token"]
    called = "block B(width: int)(x: [N, C]) { Linear(width) }\narch Net(x: [N, 8]) { y = fc..x: B(3)\nx }"
    assert [one.code for one in problems(called)] == ["unexpected-token"]
