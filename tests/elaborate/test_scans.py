"""Recurrence (section 5): `scan`, its carries, yields, finals and what it refuses, against loops written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.elaborate.reading import keys, module, numbers, only, same, types

HEADER = "(x: [B, T, 8])"


def run(body: str, header: str = HEADER) -> tuple[torch.nn.Module, torch.Tensor]:
    return module(body, header), numbers(2, 5, 8)


def loop(
    x: torch.Tensor, step: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], reverse: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    h = torch.zeros(2, 8, dtype=x.dtype)
    made = [h] * x.shape[1]
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        made[t] = h = step(h, x[:, t])
    return torch.stack(made, 1), h


@pytest.mark.parametrize("word", ["", "reverse "])
def test_a_carry_is_old_before_it_is_assigned_and_new_after(word: str) -> None:
    made, x = run(
        f"y, s = scan u in x over axis 1 {word}{{\ncarry h = zeros(B, 8)\nh = tanh(h) * 0.5 + u\nyield h\nfinal h\n}}\ny + s[:, none]"
    )
    wanted, last = loop(x, lambda h, u: torch.tanh(h) * 0.5 + u, reverse=bool(word))
    same(made(x), wanted + last[:, None])


def test_several_carries_at_once_are_simultaneous() -> None:
    made, x = run("scan u in x over axis 1 {\ncarry a = zeros(B, 8)\ncarry b = ones(B, 8)\na, b = (b, a * u)\nyield a - b\n}")
    a, b, wanted = torch.zeros(2, 8).double(), torch.ones(2, 8).double(), []
    for t in range(5):
        a, b = b, a * x[:, t]
        wanted.append(a - b)
    same(made(x), torch.stack(wanted, 1))


def test_without_carries_it_is_a_map() -> None:
    made, x = run("scan u in x over axis 1 { yield u * 2 }")
    same(made(x), x * 2)


def test_the_yields_axis_is_the_scanned_one() -> None:
    assert types("scan u in x over axis 0 { yield u }", HEADER) == ["[B, T, 8]"]
    assert types("scan u in x over axis -1 { yield u }", HEADER) == ["[B, T, 8]"]
    assert types("scan u in x over axis 1 { yield concat(u, u, axis=1) }", HEADER) == ["[B, T, 16]"]


def test_several_yields_then_finals() -> None:
    body = "a, b, c = scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nh = h + u\nyield h, u * 2\nfinal h\n}\na + b + c[:, none]"
    made, x = run(body)
    sums = x.cumsum(1)
    same(made(x), sums + x * 2 + sums[:, -1:])


@pytest.mark.parametrize("start", ["zeros", "ones"])
def test_a_carry_of_a_declared_type_starts_as_a_word_says(start: str) -> None:
    body = "scan u in x over axis 1 {\ncarry h: [B, 8] = START\nh = h * 0.5 + u\nyield h\n}"
    made, x = run(body.replace("START", start))
    h, wanted = torch.full((2, 8), float(start == "ones")).double(), []
    for t in range(5):
        h = h * 0.5 + x[:, t]
        wanted.append(h)
    same(made(x), torch.stack(wanted, 1))


def test_a_carry_broadcasts_to_a_declared_type() -> None:
    made, x = run(
        "param h0: [1, 8] = zeros\nscan u in x over axis 1 {\ncarry h: [B, 8] = h0\ncarry n: [B, 8] = 1\nh = h + u * n\nn = n * 2\nyield h\n}"
    )
    h0, h, n, wanted = made.state_dict()["h0"], 0, 1.0, []
    h = h0.expand(2, 8)
    for t in range(5):
        h = h + x[:, t] * n
        n = n * 2
        wanted.append(h)
    same(made(x), torch.stack(wanted, 1))


def test_until_stops_changing_after_the_first_true() -> None:
    made, x = run("scan u in x over axis 1 {\ncarry h: [B, 8] = 0\nh = h + 1\nfinal h\nuntil all(h > 2)\n}")
    same(made(x), torch.full((2, 8), 3.0).double())


def test_scans_nest_and_read_what_is_outside() -> None:
    body = "w = exp(x[:, 0])\nscan u in x over axis 1 {\nz = u * w\nyield scan v in z over axis 1 {\ncarry s = zeros(B)\ns = s + v\nyield s\n}\n}"
    made, x = run(body)
    same(made(x), (x * torch.exp(x[:, :1])).cumsum(2))


def test_a_scan_in_a_repeat_with_weights() -> None:
    made, x = run(
        "layers: repeat 2 { scan u in it over axis 1 {\ncarry h = zeros(B, 8)\nh = tanh((u -> W: Linear(8)) + (h -> U: Linear(8, bias=false)))\nyield h\n} }"
    )
    state, y = made.state_dict(), x
    assert list(state) == [f"layers.{i}.{name}" for i in range(2) for name in ("W.weight", "W.bias", "U.weight")]
    for i in range(2):
        w, b, v = (state[f"layers.{i}.{name}"] for name in ("W.weight", "W.bias", "U.weight"))
        y, _ = loop(y, lambda h, u, w=w, b=b, v=v: torch.tanh(u @ w.T + b + h @ v.T))
    same(made(x), y)


def test_a_labelled_scan_is_a_container() -> None:
    assert keys(
        "cell: scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nh = h + (u -> f: Linear(8, bias=false))\nyield h\n}", HEADER
    ) == ["cell.f.weight"]
    assert keys("scan u in x over axis 1 { yield u -> f: Linear(8, bias=false) }", HEADER) == ["f.weight"]


def test_parameters_and_shared_layers_inside() -> None:
    made, x = run("shared f = Linear(8)\nscan u in x over axis 1 {\nparam p: [8] = zeros\nu -> f\nyield it * p\n}")
    state = made.state_dict()
    assert sorted(state) == ["f.bias", "f.weight", "p"]
    same(made(x), (x @ state["f.weight"].T + state["f.bias"]) * state["p"])


def test_the_length_may_be_a_range_or_proved_equal() -> None:
    made, x = run("scan i in arange(T) over axis 0 {\ncarry h = zeros(B, 8)\nh = h + x[:, 0] * cast(i, float)\nfinal h\n}")
    same(made(x), x[:, 0] * sum(range(5)))
    body = "require S == T\nscan u in x, v in y over axis 1 { yield u + v }"
    assert types(body, "(x: [B, T, 8], y: [B, S, 8])")


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("scan u in x, v in x[:, 1:] over axis 1 { yield u + v }", "slice", None),
        ("scan u in x over axis 3 { yield u }", "axis-out-of-range", None),
        ("scan u in x over axis 1 { relu(u) }", "bad-scan", None),
        (
            "scan u in x over axis 1 {\nb = u\ncarry h = zeros(B, 8)\nh = h + b\nyield h\n}",
            "misplaced-statement",
            "carry h = zeros(B, 8)",
        ),
        ("scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nyield u\n}", "unused-carry", "carry h = zeros(B, 8)"),
        (
            "scan u in x over axis 1 {\ncarry h = zeros(B, 4)\nh = concat(h, u, axis=1)\nyield u\n}",
            "carry-mismatch",
            "concat(h, u, axis=1)",
        ),
        ("scan u in x over axis 1 {\ncarry h = 0\nh = h + u\nyield h\n}", "not-a-tensor", "carry h = 0"),
        ("scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nh = h + u\nyield h\nuntil all(h > 1)\n}", "bad-scan", None),
        ("scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nh = h + u\nfinal h\nuntil h > 1\n}", "bad-scan", "until h > 1"),
        (
            "scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nh = h + u\nuntil all(h > 1)\nfinal h\n}",
            "misplaced-statement",
            "final h",
        ),
        ("scan u in x over axis 1 {\ncarry h = zeros(B, 8)\nh = h + u\nfinal u\n}", "bad-scan", "u"),
        ("scan u in x over axis 1 { yield u -> bn: BatchNorm1d }", "state-in-scan", "BatchNorm1d"),
        ("scan u in x over axis 1 { carry h = u\nh = h + u\nyield h }", None, None),
        ("yield x", "misplaced-statement", "yield x"),
        ("carry h = x", "misplaced-statement", "carry h = x"),
        ("scan u in x over axis 1 { skip { yield u } }", None, None),
        ("scan u in x over axis T { yield u }", "type-mismatch", "T"),
        ("scan u in 3 over axis 1 { yield u }", "not-a-tensor", "3"),
        ("s = [x]\nscan u in x over axis 1 { s = s + [u]\nyield u }", "rebound-in-parallel", "s"),
    ],
)
def test_refusals(body: str, code: str | None, text: str | None) -> None:
    found = only(body, HEADER)
    assert code in (None, "slice") or found[0] == code
    assert text is None or found[1] == text


def test_unequal_lengths_name_both() -> None:
    assert only("scan u in x, v in y over axis 1 { yield u + v }", "(x: [B, T, 8], y: [B, S, 8])") == ("scan-length", "v in y")
