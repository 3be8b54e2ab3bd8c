"""Attention written out in matrix products: what bars the later positions exactly is proved causal, what comes near it is not."""

from __future__ import annotations

import pytest
import torch

from archdsl.analyses.dependence import causal, independent
from archdsl.compiler import load
from archdsl.source import Source

NET = """
block Attention(heads: int = 2)(x: [B, T, D]) -> [B, T, D] {{
  q, k, v = qkv: Linear(3 * D) -> rearrange("b t (n h d) -> n b h t d", n=3, h=heads) -> unbind(axis=0)
  scores = q @ transpose(k, -2, -1) / sqrt(D // heads)
  {body}
  rearrange("b h t d -> b t (h d)")
  o: Linear(D)
}}

arch Net(x: [B, T, 8]) -> y: [B, T, 8] {{
  repeat 2 {{ skip {{ LayerNorm; Attention }} }}
  head y
}}
"""
BAR = "log(zeros(1))"
EXACT = {
    "where": f"where(causal_mask(T), scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "added log of the mask": "scores + log(cast(causal_mask(T), float)) -> softmax(axis=-1) -> it @ v",
    "compared positions": f"t = arange(T)\n  where(t[:, none] >= t, scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "tril of ones": f"where(tril(ones(T, T)) == 0, {BAR}, scores) -> softmax(axis=-1) -> it @ v",
    "triu of ones": f"where(triu(ones(T, T), 1) > 0, {BAR}, scores) -> softmax(axis=-1) -> it @ v",
    "not a mask": f"where(not causal_mask(T), {BAR}, scores) -> softmax(axis=-1) -> Dropout(0.1) -> it @ v",
    "a window": f"t = arange(T)\n  m = t[:, none] >= t and t[:, none] < t + 3\n  softmax(where(m, scores, {BAR}), axis=-1) @ v",
    "masked, then scaled": f"where(causal_mask(T), scores, {BAR}) * 0.5 -> softmax(axis=-1) -> it @ v",
    "einsum": f'where(causal_mask(T), scores, {BAR}) -> softmax(axis=-1) -> einsum("b h t s, b h s d -> b h t d", it, v)',
    "exp and a sum": "e = exp(scores) * cast(causal_mask(T), float)\n  (e / sum(e, axis=-1, keepdim=true)) @ v",
    "without softmax": "where(causal_mask(T), scores, 0) @ v",
    "tril of scores": "tril(scores) @ v",
}
OTHERS = {
    "no mask": "softmax(scores, axis=-1) @ v",
    "a finite number": "where(causal_mask(T), scores, -1e9) -> softmax(axis=-1) -> it @ v",
    "an added finite number": "scores + (1 - cast(causal_mask(T), float)) * -1e9 -> softmax(axis=-1) -> it @ v",
    "the other triangle": f"where(triu(ones(T, T)) > 0, scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "one ahead": f"t = arange(T)\n  where(t[:, none] + 1 >= t, scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "softmax over queries": f"where(causal_mask(T), scores, {BAR}) -> softmax(axis=-2) -> it @ v",
    "transposed weights": f"where(causal_mask(T), scores, {BAR}) -> softmax(axis=-1) -> transpose(-2, -1) -> it @ v",
    "zero before softmax": "where(causal_mask(T), scores, 0) -> softmax(axis=-1) -> it @ v",
    "a mask of one row": f"where(causal_mask(T)[-1:, :], scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "a mask of one element": f"where(causal_mask(1), scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "either": f"where(causal_mask(T) or triu(ones(T, T)) > 0, scores, {BAR}) -> softmax(axis=-1) -> it @ v",
    "normalised after": "e = exp(scores)\n  (tril(e) / sum(e, axis=-1, keepdim=true)) @ v",
}


def program(body: str):
    spec = load(Source("net.arch", NET.format(body=body)))
    return spec, spec.graph()


def moved(module: torch.nn.Module) -> bool:
    """Whether an output changes with a later input."""
    torch.manual_seed(3)
    x = torch.randn(2, 7, 8, dtype=torch.float64)
    before = module(x)
    found = False
    for at in range(6):
        other = x.clone()
        other[:, at + 1 :] += torch.randn(2, 6 - at, 8, dtype=torch.float64)
        found |= not torch.equal(module(other)[:, : at + 1].nan_to_num(), before[:, : at + 1].nan_to_num())
    return found


@pytest.mark.parametrize("name", EXACT)
def test_what_bars_exactly_is_proved(name: str) -> None:
    spec, graph = program(EXACT[name])
    verdict = causal(graph, "y", "x", 1)
    assert verdict.proved, verdict.reason
    assert independent(graph, "y", "x", 0).proved
    assert not independent(graph, "y", "x", 1).proved
    assert not moved(spec.build(dtype=torch.float64).eval())


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_is_refused(name: str) -> None:
    spec, graph = program(OTHERS[name])
    assert not causal(graph, "y", "x", 1).proved
    assert moved(spec.build(dtype=torch.float64).eval()) or "finite" in name


def test_the_reach_of_a_window_is_told() -> None:
    assert causal(program(EXACT["a window"])[1], "y", "x", 1).reason == "position t depends on positions t - 4 to t"
