"""Sizes are found that the door lets in, different ones for different dimensions; indices stay within what they index."""

from __future__ import annotations

import pytest

from archdsl.analyses.sizes import NoBinding
from archdsl.compiler import load
from archdsl.dims.dim import Size
from archdsl.source import Source
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.indices import limits
from archdsl.verifying.values import draw_inputs


def chosen(inputs: str, *facts: str) -> list[dict[str, int]]:
    lines = "\n".join(f'  require {one}, "why"' for one in facts)
    graph = load(Source("b.arch", f"arch A(x: {inputs}) -> y: {inputs} {{\n{lines}\n  relu\n}}")).graph()
    return choose_bindings(graph)


def test_least_prime_larger() -> None:
    assert chosen("[N, T]") == [{"N": 1, "T": 1}, {"N": 3, "T": 5}, {"N": 4, "T": 10}]


def test_facts_are_kept() -> None:
    for one in chosen("[N, H, W]", "H % 16 == 0 and W % 8 == 0", "W <= H", "N < W"):
        assert one["H"] % 16 == 0
        assert one["W"] % 8 == 0
        assert one["N"] < one["W"] <= one["H"]


def test_fixed_shapes_have_one_binding() -> None:
    assert chosen("[2, 3]") == [{}]


def test_no_sizes() -> None:
    with pytest.raises(NoBinding, match="--bind"):
        chosen("[N]", "N % 1009 == 0")


INDICES = load(Source("i.arch", """
block Look(i: i64[B, T], table: [V, D]) -> [B, T, D] { embedding(i[:, :], table) }
arch A(words: i64[B, T], parts: i64[2, E], classes: i64[B], free: i64[B], nodes: [V, 4])
  -> a: [B, T, 5], b: [V, 4], c: [B, 6], d: [B] {
  param table: [7, 5] = zeros
  a = (cast(words, i64), table) -> look: Look
  b = segment_sum(index_select(nodes, parts[0], axis=0), parts[1], n=V)
  c = cast(one_hot(classes, 6), float)
  (a, b, c, cast(free * 2, float))
}"""))  # fmt: skip


def test_what_integers_are_positions_in() -> None:
    graph = INDICES.graph()
    found: dict[str, list[Size]] = {name: sorted(map(str, sizes)) for name, sizes in limits(graph).items()}  # type: ignore[misc]
    assert {name: found.get(name, []) for name in ("words", "parts", "classes", "free")} == {
        "words": ["7"], "parts": ["V"], "classes": ["6"], "free": []
    }  # fmt: skip


def test_what_is_added_counts() -> None:
    """Several tables in one: `kinds + constant([0, 3])` must stay below 8 rows."""
    text = """arch A(kinds: i64[B, 2], one: i64[B]) -> a: [B, 2, 4], b: [B, 4] {
      rows = kinds + constant([0, 3]) -> rows: Embedding(8, 4)
      (rows, one + 2 -> places: Embedding(12, 4))
    }"""
    spec = load(Source("i.arch", text))
    found = limits(spec.graph())
    assert (found["kinds"], found["one"]) == ([5], [10])
    assert spec.verify().ok


def test_drawn_values_stay_below() -> None:
    drawn = draw_inputs(INDICES.graph(), {"B": 40, "T": 3, "E": 50, "V": 2}, 0)
    assert int(drawn["words"].max()) == 6
    assert int(drawn["parts"].max()) == 1
    assert int(drawn["classes"].max()) == 5
    assert int(drawn["words"].min()) == 0
