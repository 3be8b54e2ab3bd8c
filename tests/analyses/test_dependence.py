"""Proofs of causal and independent: what must be proved, what must be refused, and that no disturbance disproves a proof."""

from __future__ import annotations

import random

import pytest
import torch

import archdsl
from archdsl.analyses.dependence import Flow, State, causal, independent
from archdsl.dims.dim import symbol
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph
from archdsl.ir.value import Number
from archdsl.ops.contract import Along
from archdsl.ops.registry import find
from archdsl.source import Source, Span
from tests.analyses.running import Running

B, T = symbol("B"), symbol("T")
ALL = ("slice", None, None, None)


def op(name: str, **args: object):
    found = find(name)
    assert found is not None, name
    return found(**args)


def tril(b: Builder):
    """A mask [T, T] from compared positions."""
    rows = b.op(op("index", parts=(ALL, ("none",))), b.op(op("arange", bounds=(T,))))
    columns = b.op(op("index", parts=(("none",), ALL)), b.op(op("arange", bounds=(T,))))
    return b.op(op("ge"), rows, columns)


def attention_block(causally: bool = False, mask: str = "", bias: bool = False) -> Graph:
    """A transformer's attention with its residual, in a sub-graph."""
    b = Builder("Attention")
    x = b.input("x", "[B, T, 8]")
    qkv = b.layer("qkv", op("Linear", out_features=24), x)
    split = b.op(op("rearrange", pattern="b t (n h d) -> n b h t d", sizes=(("n", 3), ("h", 2))), qkv)
    q, k, v = b.op(op("unbind", axis=0), split)
    made = {"": lambda: None, "lower": lambda: tril(b), "upper": lambda: b.op(op("logical_not"), tril(b))}[mask]()
    table = None
    if bias:
        table = b.op(op("where"), tril(b), *(Number(one, TensorType((), "float")) for one in (0.0, float("-inf"))))
    y = b.op(op("attention", causal=causally), q, k, v, made, table)
    y = b.op(op("rearrange", pattern="b h t d -> b t (h d)", sizes=()), y)
    return b.finish(b.op(op("add"), x, b.layer("out", op("Linear", out_features=8), y)))


def stacked(block: Graph, depth: int = 3) -> Graph:
    b = Builder("Net", "arch")
    x = b.input("tokens", "i64[B, T]")
    x = b.layer("embed", op("Embedding", num_embeddings=10, embedding_dim=8), x)
    for index in range(depth):
        x = b.call(f"h.{index}", block, x, span=None)
    return b.finish({"logits": x})


def test_causal_attention_is_proved_in_any_depth() -> None:
    verdict = causal(stacked(attention_block(True)), "logits", "tokens", 1)
    assert verdict.proved, verdict.reason
    assert independent(stacked(attention_block(True)), "logits", "tokens", 0).proved


def test_attention_without_order_is_refused() -> None:
    verdict = causal(stacked(attention_block()), "logits", "tokens", 1)
    assert not verdict.proved
    assert "attention" in verdict.reason


@pytest.mark.parametrize(("mask", "bias", "proved"), [("lower", False, True), ("upper", False, False), ("", True, True)])
def test_masks_made_of_positions(mask: str, bias: bool, proved: bool) -> None:
    assert causal(stacked(attention_block(mask=mask, bias=bias)), "logits", "tokens", 1).proved is proved


def test_a_shift_by_leading_zeros_and_a_padded_convolution() -> None:
    b = Builder("Shift", "arch")
    x = b.input("x", "[B, T, 4]")
    zeros = b.op(op("zeros_like"), b.op(op("index", parts=(ALL, ("slice", None, 1, None))), x))
    past = b.op(op("concat", axis=1), zeros, b.op(op("index", parts=(ALL, ("slice", None, -1, None))), x))
    turned = b.op(op("transpose", axis0=1, axis1=2), b.op(op("add"), x, past))
    wide = b.layer("conv", op("Conv1d", out_channels=4, kernel_size=4, padding=3, groups=4), turned)
    cut = b.op(op("index", parts=(ALL, ALL, ("slice", None, T, None))), wide)
    ahead = b.op(op("index", parts=(ALL, ALL, ("slice", 1, None, None))), wide)
    graph = b.finish({"y": b.op(op("transpose", axis0=1, axis1=2), cut), "z": b.op(op("transpose", axis0=1, axis1=2), ahead)})
    verdict = causal(graph, "y", "x", 1)
    assert verdict.proved
    assert verdict.reason == "position t depends on positions t - 4 to t"
    assert not causal(graph, "z", "x", 1).proved
    assert not independent(graph, "y", "x", 1).proved


def recurrence(reverse: bool) -> Graph:
    inner = Builder("step", "scan")
    xt, h = inner.input("xt", "[B, 4]"), inner.input("h", "[B, 4]")
    new = inner.op(op("tanh"), inner.op(op("add"), xt, h))
    body = inner.finish([new, new])
    b = Builder("Net", "arch")
    x = b.input("x", "[B, T, 4]")
    start = b.op(op("zeros", sizes=(B, 4)))
    y, last = b.scan(body, [x], [start], axes=[1], yield_axes=[1], finals=[0], reverse=reverse)
    return b.finish({"y": y, "last": last})


def test_scans() -> None:
    forward, backward = recurrence(False), recurrence(True)
    assert causal(forward, "y", "x", 1).proved
    assert not causal(backward, "y", "x", 1).proved
    for graph in (forward, backward):
        assert independent(graph, "y", "x", 0).proved
        assert independent(graph, "last", "x", 0).proved


def test_each_output_of_a_layer_has_its_own_axes() -> None:
    """The states of a recurrent layer have the batch behind the layers; the sequence beside them stays causal."""
    text = """arch A(x: [B, T, 4], y: [B, S, 4]) -> a: [B, T, 6], b: [B, S, 6], c: [B, 6] {
      states, h, c = x -> reader: LSTM(6, states=true)
      (states, (y, h, c) -> writer: LSTM(6), h[0])
    }"""
    graph = archdsl.load(Source("a.arch", text)).graph()
    assert all(independent(graph, one, "x", 0).proved for one in ("a", "b", "c"))
    assert [causal(graph, one, name, 1).proved for one, name in (("a", "x"), ("b", "y"), ("b", "x"))] == [True, True, False]


def test_the_place_of_the_fault_is_told() -> None:
    span = Span(Source("net.arch", "flip(1)"), 0, 4)
    b = Builder("Net", "arch")
    x = b.input("x", "[B, T, 4]")
    y = b.op(op("flip", axis=(1,)), b.op(op("relu"), x), span=span)
    verdict = causal(b.finish({"y": b.op(op("relu"), y)}), "y", "x", 1)
    assert not verdict.proved
    assert verdict.span is span
    assert "`flip`" in verdict.reason


def random_graph(seed: int) -> Graph:
    """Steps that keep [B, T, 4], drawn at random."""
    rng = random.Random(seed)
    b = Builder("Net", "arch", facts=Facts().and_at_most(2, T))
    x = b.input("x", "[B, T, 4]")
    pool = [x]
    for index in range(rng.randint(1, 6)):
        one, two = rng.choice(pool), rng.choice(pool)
        kind = rng.randrange(11)
        if kind == 0:
            new = b.op(op("mul"), one, b.op(op("sigmoid"), two))
        elif kind == 1:
            new = b.layer(f"fc{index}", op("Linear", out_features=4), one)
        elif kind == 2:
            new = b.op(op("attention", causal=rng.random() < 0.7, window=rng.choice([None, 2, (1, 0), (None, 1)])), one, two, two)
        elif kind == 3:
            zeros = b.op(op("zeros_like"), b.op(op("index", parts=(ALL, ("slice", None, 1, None))), two))
            new = b.op(op("concat", axis=1), zeros, b.op(op("index", parts=(ALL, ("slice", None, -1, None))), one))
        elif kind == 4:
            tail = b.op(op("index", parts=(ALL, ("slice", 1, None, None))), one)
            new = b.op(op("concat", axis=1), tail, b.op(op("index", parts=(ALL, ("slice", None, 1, None))), two))
        elif kind == 5:
            new = b.op(op("attention"), one, two, one, tril(b) if rng.random() < 0.5 else b.op(op("logical_not"), tril(b)))
        elif kind == 6:
            new = b.op(op("flip", axis=(rng.choice([0, 1, 2]),)), one)
        elif kind == 7:
            turned = b.op(op("transpose", axis0=1, axis1=2), one)
            pad = rng.choice([0, 1, 2])
            wide = b.layer(f"conv{index}", op("Conv1d", out_channels=4, kernel_size=3, padding=2), turned)
            new = b.op(
                op("transpose", axis0=1, axis1=2), b.op(op("index", parts=(ALL, ALL, ("slice", pad, T + pad, None))), wide)
            )
        elif kind == 8:
            new = b.layer(f"rnn{index}", op("GRU", hidden_size=4), one)
        elif kind == 9:
            inner = Builder("step", "scan")
            xt, h, more = inner.input("xt", "[B, 4]"), inner.input("h", "[B, 4]"), inner.input("more", "[B, 4]")
            h = inner.op(op("tanh"), inner.op(op("add"), inner.op(op("add"), xt, h), more))
            body = inner.finish([h, h])
            start = b.op(op("index", parts=(ALL, ("int", 0))), two) if rng.random() < 0.3 else b.op(op("zeros", sizes=(B, 4)))
            still = b.op(op("zeros", sizes=(B, 4)))
            new = b.scan(body, [one], [start], [still], axes=[1], yield_axes=[1], reverse=rng.random() < 0.3)
        else:
            new = b.layer(f"norm{index}", op("LayerNorm"), one)
        pool.append(new)
    return b.finish({"y": pool[-1]})


@pytest.mark.parametrize("seed", range(60))
def test_no_disturbance_disproves_what_is_claimed(seed: int) -> None:
    torch.manual_seed(seed)
    graph = random_graph(seed)
    sizes = {"B": 2, "T": 6}
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    running = Running(**sizes)
    with torch.no_grad():
        (base,) = running.run(graph, [x])
        for axis in range(3):
            needs = Flow().run(graph, (State(Along(axis)),))[graph.outputs[0].value.name].needs
            for place in range(x.shape[axis]):
                moved = x.clone()
                moved.select(axis, place).normal_()
                (after,) = running.run(graph, [moved])
                changed = (after - base).abs() > 1e-10
                if needs is None:
                    assert not changed.any()
                elif isinstance(needs, Along):
                    for at in range(base.shape[needs.axis]):
                        if changed.select(needs.axis, at).any():
                            assert needs.low is None or place >= at + needs.low
                            assert needs.high is None or place <= at + needs.high


def test_the_random_graphs_reach_both_answers() -> None:
    proved = [causal(random_graph(seed), "y", "x", 1).proved for seed in range(60)]
    assert 10 < sum(proved) < 55
