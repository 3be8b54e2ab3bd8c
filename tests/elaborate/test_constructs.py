"""Groups, `if`, `repeat`, `skip`, `branch`, `if training` (section 5)."""

from __future__ import annotations

import functools

import pytest
import torch

from tests.elaborate.reading import labels, module, numbers, only, problems, same, types


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("skip { tanh }", lambda x: x + x.tanh()),
        ("skip(mul) { tanh }", lambda x: x * x.tanh()),
        ("skip(concat, axis=1) { tanh }", lambda x: torch.cat([x, x.tanh()], 1)),
        ("skip(when=false) { tanh }", lambda x: x.tanh()),
        ("skip(when=1 < 2) { tanh }", lambda x: x + x.tanh()),
        ("skip { tanh } via exp", lambda x: x.exp() + x.tanh()),
        ("skip { tanh } via { exp; it * 2 }", lambda x: x.exp() * 2 + x.tanh()),
        ("skip { tanh } via if true { exp }", lambda x: x.exp() + x.tanh()),
        ("skip { tanh } via if false { exp }", lambda x: x + x.tanh()),
        ("skip { tanh } via exp as y\nit + y", lambda x: 2 * (x.exp() + x.tanh())),
        ("skip { skip { tanh } }", lambda x: 2 * x + x.tanh()),
        ("branch { tanh; exp } -> concat(axis=1)", lambda x: torch.cat([x.tanh(), x.exp()], 1)),
        ("branch(add) { tanh; exp }", lambda x: x.tanh() + x.exp()),
        ("branch(sub) { tanh; x }", lambda x: x.tanh() - x),
        ("branch(add) { it; tanh; exp }", lambda x: x + x.tanh() + x.exp()),
        ("branch(sub) { tanh; it; exp; 1 + it }", lambda x: x.tanh() - x - x.exp() - (1 + x)),
        ("branch(maximum) k in [3] { it * k }", lambda x: 3 * x),
        ("branch(add) { tanh -> exp; it * 2 }", lambda x: x.tanh().exp() + 2 * x),
        ("branch(concat, axis=1) k in [1, 2] { it * k }", lambda x: torch.cat([x, 2 * x], 1)),
        ("branch(concat, axis=1) (a, b) in [[1, 2], [3, 4]] { it * a + b }", lambda x: torch.cat([x + 2, 3 * x + 4], 1)),
        ("repeat 3 { it * 2 }", lambda x: 8 * x),
        ("repeat 4 { it * x }", lambda x: x**5),
        ("repeat 4 { skip(mul) { it + x } }", lambda x: functools.reduce(lambda y, _: y * (y + x), range(4), x)),
        ("ys = [exp(x), [x]]\nrepeat 4 { it * ys[1][0] }", lambda x: x**5),
        ("y = tanh(x)\ny\nrepeat 4 { it * y }", lambda x: x.tanh() ** 5),
        ("repeat i in 0..3 { it + i }", lambda x: x + 3),
        ("repeat i, (a, b) in [[1, 2], [3, 4]] { it * a + b + i }", lambda x: (x + 2) * 3 + 5),
        ("repeat (a, b) in [[1, 2], [3, 4]] { it * a + b }", lambda x: (x + 2) * 3 + 4),
        ("repeat k in [1, 2] { it * k }", lambda x: 2 * x),
        ("repeat 0 { it * 2 }", lambda x: x),
        ("if 1 > 2 { exp } else if 2 > 1 { tanh } else { relu }", torch.tanh),
        ("if 1 > 2 { exp }", lambda x: x),
        ("{ exp }", torch.exp),
        ("y = x\n{ let k = 3\ny = y * k }\ny", lambda x: 3 * x),
    ],
)
def test_what_they_compute(body: str, wanted: object) -> None:
    x = numbers(3, 8)
    same(module(body)(x), wanted(x))  # type: ignore[operator]


def test_a_block_merges() -> None:
    program = "block Gate(a: [N, D], b: [N, D]) -> [N, D] { sigmoid(a) * b }\narch Net(x: [N, 8]) { skip(Gate) { tanh }\nbranch(Gate) { exp; relu } }"
    x = numbers(3, 8)
    y = x.sigmoid() * x.tanh()
    same(module(program)(x), y.exp().sigmoid() * y.relu())


def test_branches_are_labelled_like_repeats() -> None:
    assert labels("branch(concat, axis=1) r in [1, 2] { aspp: Linear(r) }") == ["aspp.0", "aspp.1"]
    assert labels("aspp: branch(concat, axis=1) r in [1, 2] { Linear(r) }") == ["aspp.0", "aspp.1"]
    assert labels('branch(concat, axis=1) r in [1, 2] { "a{r}": Linear(r) }') == ["a1", "a2"]
    assert labels("branch(add) { a: Linear(4); b: Linear(4) }") == ["a", "b"]


def test_when_false_has_the_same_labels() -> None:
    assert labels("skip(when=false) { a: Linear(8); Linear(8) }") == labels("skip { a: Linear(8); Linear(8) }") == ["a", "1"]


SKIP = """error[shape-mismatch]: cannot add [N, 256, H, W] and [N, 64, H, W]
 --> net.arch:2:1
  |
2 | skip {
  | ^^^^ the two sides differ in axis 1: 256 and 64
3 |   a: Conv2d(64, 1)
4 |   b: Conv2d(256, 1)
  |      -------------- the body ends as [N, 256, H, W]
  |
  = the shortcut is the identity: [N, 64, H, W]
  = help: project it: } via downsample: Conv2d(256, 1)
"""


def test_a_wrong_skip_shows_both_sides_and_the_shortcut_that_mends_it() -> None:
    from archdsl.problems.render.text import render

    found = problems("skip {\n  a: Conv2d(64, 1)\n  b: Conv2d(256, 1)\n}", "(x: [N, 64, H, W])")
    picture = render(tuple(found))
    for line in SKIP.splitlines():
        if not line.startswith("3 |"):
            assert line in picture


@pytest.mark.parametrize(
    ("body", "mend"),
    [
        ("skip { a: Conv2d(8, 3, padding=1) }", "via downsample: Conv2d(8, 1)"),
        ("skip { a: Conv2d(8, 3, stride=2, padding=1) }", "via downsample: Conv2d(8, 1, stride=2)"),
    ],
)
def test_the_shortcut_does_mend_it(body: str, mend: str) -> None:
    header = "(x: [N, 4, H, W])"
    assert mend in (problems(body, header)[0].help or "")
    assert types(f"{body} {mend}", header)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("skip { a: Linear(4) }", "shape-mismatch", "skip"),
        ("skip { a: Linear(4) } via b: Linear(5)", "shape-mismatch", "skip"),
        ("skip { sum(axis=1) }", None, None),
        ("skip(3) { relu }", "not-a-layer", "3"),
        ("skip(axis=1) { relu }", "unknown-argument", "axis=1"),
        ("branch { }", "no-flow", None),
        ("repeat x { relu }", "type-mismatch", "x"),
        ("repeat N { relu }", "type-mismatch", "N"),
        ("repeat -1 { relu }", "bad-argument", None),
        ("repeat i in 3 { relu }", "type-mismatch", "3"),
        ("repeat (a, b) in [1, 2] { it * a }", "parts-mismatch", None),
        ("if 3 { relu }", "type-mismatch", "3"),
        ("if N > 2 { relu }", "undecided-condition", "N > 2"),
        ("y = training\ny", "misplaced-statement", "training"),
        ("if training and true { relu }", "misplaced-statement", "training"),
        ("if training { relu } else { concat(it, it, axis=1) }", "training-mismatch", None),
        ("if training { a: Linear(8) } else { a: Linear(8, bias=false) }", "training-mismatch", "Linear(8)"),
        ("if training { a: Linear(8) }", "training-mismatch", "Linear(8)"),
    ],
)
def test_refusals(body: str, code: str | None, text: str | None) -> None:
    found = only(body)
    assert code is None or found[0] == code
    assert text is None or found[1] == text


def test_if_training_is_chosen_at_run_time() -> None:
    made = module("if training { fc: Linear(8); tanh } else { fc: Linear(8) }")
    x, state = numbers(3, 8), made.state_dict()
    assert list(state) == ["fc.weight", "fc.bias"]
    line = x @ state["fc.weight"].T + state["fc.bias"]
    same(made(x), line)
    same(made.train()(x), line.tanh())
    made = module("if not training { exp }")
    same(made(x), x.exp())
    same(made.train()(x), x)
