"""Clean-up and deployment passes in random orders on random programs: each a valid graph that computes what the first did."""

from __future__ import annotations

import random

import pytest

from archdsl.ir.verify import verify
from archdsl.passes.carrying import Passed
from archdsl.passes.registry import every_pass
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import same

PASSES = [kind() for kind in every_pass().values() if kind.exact and {"cleanup", "deployment"} & set(kind.__module__.split("."))]
BLOCKS = """block Hand(p: float = 0.0)(x: [B, T, D]) -> [B, T, D] {
  q, k, v = branch { q: Linear(D); k: Linear(D); v: Linear(D, bias=false) }
  q, k, v = (rearrange(q, "b t (h e) -> b h t e", h=2), rearrange(k, "b t (h e) -> b h e t", h=2), rearrange(v, "b t (h e) -> b h t e", h=2))
  softmax(q @ k * 0.5, axis=-1)
  Dropout(p)
  it @ v
  rearrange("b h t e -> b t (h e)")
}
block Causal(x: [B, T, D]) -> [B, T, D] {
  s = einsum("b t d, b s d -> b t s", x -> q: Linear(D), x -> k: Linear(D)) / sqrt(8)
  einsum("b t s, b s d -> b t d", softmax(where(causal_mask(T), s, -1e30), axis=-1), x -> v: Linear(D))
}
block Norm(x: [B, T, D]) -> [B, T, D] {
  param w: [D] = ones
  m = mean(x, axis=-1, keepdim=true)
  (x - m) / sqrt(var(x, axis=-1, keepdim=true, correction=0) + 1e-5) * w
}
block Root(x: [B, T, D]) -> [B, T, D] { param w: [D] = ones; w * (x * rsqrt(mean(x * x, axis=-1, keepdim=true) + 1e-6)) }
block Gated(x: [B, T, D]) -> [B, T, D] { (silu(x -> a: Linear(12)) * (x -> b: Linear(12))) -> c: Linear(D) }
block Curve(x: [B, T, D]) -> [B, T, D] { u: Linear(12); 0.5 * it * (1 + erf(it / sqrt(2))); d: Linear(D) }
block Conv(groups: int)(x: [B, T, D]) -> [B, T, D] {
  transpose(1, 2); c: Conv1d(D, 3, padding=1, groups=groups); n: BatchNorm1d; relu; transpose(1, 2)
}
block Before(x: [B, T, D]) -> [B, T, D] { transpose(1, 2); n: BatchNorm1d; c: Conv1d(D, 1); m: BatchNorm1d; transpose(1, 2) }
block Flat(x: [B, T, D]) -> [B, T, D] { reshape(B * T, D); l: Linear(D); n: BatchNorm1d; reshape(B, T, D) }
block Twice(x: [B, T, D]) -> [B, T, D] { shared f = { l: Linear(D); transpose(1, 2); c: Conv1d(D, 1); n: BatchNorm1d; transpose(1, 2) }; (x -> f) + (it -> f) }
block Tied(x: [B, T, D]) -> [B, T, D] { shared a = Linear(D); x -> a -> b: Linear(D, weight=a.weight) }
block Walk(x: [B, T, D]) -> [B, T, D] {
  scan u in x over axis 1 { carry h = zeros(B, D); h = tanh((u -> W: Linear(D)) + h * 1); yield h + 0 }
}
block Image(x: [B, T, D]) -> [B, T, D] {
  rearrange("b t (h w) -> b h t w", h=2); c: Conv2d(4, 3, padding=1); n: BatchNorm2d; relu; d: Conv2d(2, 1); rearrange("b h t w -> b t (h w)")
}
block Inner(x: [B, D, T]) -> [B, D, T] { c: Conv1d(D, 1, bias=false) }
block Behind(x: [B, D, T]) -> [B, D, T] { n: BatchNorm1d; relu }
block Across(x: [B, T, D]) -> [B, T, D] { transpose(1, 2); a: Inner; n: BatchNorm1d; b: Inner; d: Behind; transpose(1, 2) }
block Mode(x: [B, T, D]) -> [B, T, D] { if training { relu } else { relu(relu(it)) * 1 } }
"""  # noqa: E501
PIECES = (
    "Hand", "Hand(0.2)", "Causal", "Norm", "Root", "Gated", "Curve", "Conv(1)", "Conv(4)", "Before", "Flat", "Twice", "Tied",
    "Walk", "Mode", "Image", "Across", "LayerNorm", "Linear(8)", "Dropout(0.3)", "MultiheadAttention", "relu(it) * 1 + 0",
    "transpose(0, 1) -> transpose(0, 1)",
    "sin(it) + sin(it) * (zeros(8) + 1)", "it * sigmoid(it)", "expand(it, B, T, 8)",
)  # fmt: skip


def body(choose: random.Random, depth: int, label: list[int]) -> list[str]:
    """Random lines from [B, T, 8] to [B, T, 8]."""
    lines = []
    for _ in range(choose.randint(1, 3)):
        label[0] += 1
        name, kind = f"m{label[0]}", choose.random()
        if depth and kind < 0.2:
            lines += ["skip {", *body(choose, depth - 1, label), "}"]
        elif depth and kind < 0.35:
            lines += [f"{name}: {{", *body(choose, depth - 1, label), "}"]
        elif depth and kind < 0.45:
            lines += [f"{name}: repeat 2 {{", *body(choose, 0, label), "}"]
        else:
            piece = choose.choice(PIECES)
            given = "(it, it, it) -> " if piece == "MultiheadAttention" else ""
            piece = f"{piece}(2)" if given else piece
            lines.append(f"{given}{name}: {piece}" if piece[0].isupper() else piece)
    return lines


def one(seed: int) -> None:
    choose = random.Random(seed)
    lines = "\n".join(body(choose, 2, [0]))
    before = graph(f"{BLOCKS}arch Net(x: [B, T, 8]) -> y: [B, T, 8] {{\n{lines}\nhead y\n}}")
    order = choose.sample(PASSES, k=choose.randint(3, len(PASSES)))
    done = Passed(before)
    for single in order:
        made = single.apply(done.graph)
        assert not verify(made.graph), (seed, single.word)
        assert single.run(made.graph) is made.graph, (seed, single.word)
        assert made.graph.output_types == before.output_types
        done = Passed(made.graph, (*done.derived, *made.derived))
    same(before, done, seed=seed, sizes=1, bind={"B": 2, "T": 3})


@pytest.mark.parametrize("start", [0, *(pytest.param(start, marks=pytest.mark.slow) for start in range(20, 200, 20))])
def test_twenty_random_programs(start: int) -> None:
    for seed in range(start, start + 20):
        one(seed)
