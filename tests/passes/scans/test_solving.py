"""Which recurrences need no loop, however they are written, and which keep it."""

from __future__ import annotations

import pytest
import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build


def fast(body: str, carries: str = "carry h = zeros(B, 3)", solving: bool = True) -> Graph:
    text = f"""arch A(x: [B, T, 3], z: [B, T, 3], w: [3]) -> y: [B, T, 3] {{
  y = scan a in x, b in z over axis 1 {{
    {carries}
    {body}
    yield h
  }}
  head y {{ y }}
}}"""
    return check(fast_scans(load(Source("<body>", text)).graph(), solving=solving))


def has(graph: Graph, name: str) -> int:
    return sum(node.op is not None and node.op.name == name for node in graph.nodes)


def loops(graph: Graph) -> int:
    return sum(node.scan is not None for node in graph.nodes)


@pytest.mark.parametrize(
    "body",
    [
        "h = sigmoid(a) * h + b",
        "h = b + h * sigmoid(a)",
        "h = h + sigmoid(a) * (b - h)",
        "h = (1 - sigmoid(a)) * h + sigmoid(a) * tanh(b)",
        "h = (h - a) / exp(b)",
        "h = -(a - w * h) + h - b",
        "u = w * h\n    h = u + a",
        "h = h + a",
        "h = a * h",
    ],
)
def test_affine_in_any_spelling(body: str) -> None:
    graph = fast(body)
    assert (loops(graph), has(graph, "affine_scan")) == (0, 1)


@pytest.mark.parametrize("body", ["h = maximum(h - w, a)", "h = maximum(a, h + b)", "h = maximum(h, a) + b"])
def test_max_plus(body: str) -> None:
    graph = fast(body)
    assert (loops(graph), has(graph, "maxplus_scan")) == (0, 1)


@pytest.mark.parametrize(
    "body",
    ["h = tanh(h) + a", "h = h * h + a", "h = a / (h + 2)", "h = maximum(a * h, b)", "h = sum(h, axis=1, keepdim=true) + a"],
)
def test_the_rest_is_the_loop(body: str) -> None:
    graph = fast(body)
    assert (loops(graph), has(graph, "affine_scan") + has(graph, "maxplus_scan")) == (1, 0)


def test_a_carry_that_only_remembers_needs_no_recurrence() -> None:
    graph = fast("h = k + a\n    k = b", "carry h = zeros(B, 3)\n    carry k = ones(B, 3)")
    assert (loops(graph), has(graph, "affine_scan")) == (0, 0)


def test_components_are_solved_in_their_order() -> None:
    graph = fast("k = w * k + a\n    h = tanh(k) * h + b", "carry h = zeros(B, 3)\n    carry k = ones(B, 3)")
    assert (loops(graph), has(graph, "affine_scan")) == (0, 2)


def test_one_solved_and_one_not() -> None:
    graph = fast("k = w * k + a\n    h = tanh(h) + k", "carry h = zeros(B, 3)\n    carry k = ones(B, 3)")
    assert (loops(graph), has(graph, "affine_scan")) == (1, 1)


def test_carries_that_need_each_other_are_solved_together() -> None:
    graph = fast("h = h + k\n    k = w * h + a", "carry h = zeros(B, 3)\n    carry k = ones(B, 3)")
    assert (loops(graph), has(graph, "matrix_scan")) == (0, 1)


def test_targets_without_the_operator_keep_the_loop() -> None:
    graph = fast("h = w * h + a", solving=False)
    assert (loops(graph), has(graph, "affine_scan")) == (1, 0)


@pytest.mark.parametrize("solving", [True, False])
@pytest.mark.parametrize("reverse", ["", "reverse"])
def test_what_only_remembers_needs_no_loop_in_any_target(reverse: str, solving: bool) -> None:
    text = f"""arch A(words: i64[B, T]) -> before: i64[B, T], last: i64[B] {{
  before, last = scan word in words over axis 1 {reverse} {{
    carry past = zeros(B, dtype=i64)
    yield past
    past = word + 1
    final past
  }}
  head before {{ before }}
  head last {{ last }}
}}"""
    plain = load(Source("<body>", text)).graph()
    graph = check(fast_scans(plain, solving=solving))
    assert (loops(plain), loops(graph)) == (1, 0)
    for length in (1, 5):
        words = torch.arange(2 * length).reshape(2, length)
        for mine, theirs in zip(build(graph)(words), build(plain)(words), strict=True):
            assert torch.equal(mine, theirs)
