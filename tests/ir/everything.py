"""A program that has one of everything that a graph can have, and every program that there is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import archdsl
from archdsl.ir.graph import Graph
from archdsl.source import Source

ROOT = Path(__file__).resolve().parents[2]

EVERYTHING = """
block Mix(f: layer, width: int)(x: [N, T, D], mask: bool[N, T] = none) -> [N, T, D] {
  skip { inner: Linear(width); gelu; Dropout(0.1); outer: Linear(D) }
  h = it
  if mask != none { h * cast(mask, float)[:, :, none] }
  f
}

block Recur(hidden: int)(x: [N, T, D]) -> [N, T, hidden] {
  all, last = scan xt in x over axis 1 {
    carry h = zeros(N, hidden)
    h = tanh((xt -> W: Linear(hidden)) + (h -> U: Linear(hidden, bias=false)))
    yield h
    final h
  }
  all + last[:, none]
}

arch Everything(width: int = 8)(ids: i64[N, T], mask: bool[N, T] = none) -> logits: [N, T, 20], aux: [N, T, 4] when training {
  require T % 2 == 0, "an even number of tokens"
  init Linear.weight = normal(std=0.02)
  shared wte = Embedding(20, 16)
  shared act = Linear(16)
  param scale: [16] = ones
  buffer signs: [16] = constant([1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1])
  wte
  it * scale + signs
  reshape(N, T // 2, 2, 16) -> reshape(N, T, 16)
  blocks: repeat 3 { Mix(act, width) }
  mask: Mix(act, width)
  again: act
  recur: Recur(16)
  if training { dropped: Dropout(0.5) } else { it }
  head aux { probe: Linear(4) }
  wte.weight[0] + it
  head logits { lm_head: Linear(20, bias=false, weight=wte.weight) }
}
"""


@cache
def everything() -> Graph:
    """The graph of it."""
    return archdsl.load(Source("everything.arch", EVERYTHING)).graph()


@cache
def programs() -> dict[str, Graph]:
    """Every architecture of the specs and the examples that compiles, by file and name."""
    found: dict[str, Graph] = {"everything": everything()}
    for path in sorted([*ROOT.glob("specs/*.arch"), *ROOT.glob("tests/data/examples/*.arch")]):
        spec = archdsl.load(path)
        for name in spec.names:
            try:
                found[f"{path.relative_to(ROOT)}:{name}"] = spec.graph(name)
            except archdsl.ArchError:  # that it compiles is for the tests of the elaborator
                continue
    return found
