"""Proofs of equivariant: sets and graphs are, what knows its place is not, and nothing proved that a permutation disproves."""

from __future__ import annotations

import random

import pytest
import torch

import archdsl
from archdsl.analyses.symmetry import equivariant
from archdsl.dims.dim import symbol
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph
from archdsl.ops.registry import find
from archdsl.source import Source
from tests.analyses.running import Running

B, T = symbol("B"), symbol("T")


def op(name: str, **args: object):
    found = find(name)
    assert found is not None, name
    return found(**args)


def set_transformer(causally: bool = False, place: str = "") -> Graph:
    """Attention without an order; `place` tells the positions apart."""
    b = Builder("Sets", "arch")
    x = b.input("x", "[B, T, 4]")
    if place == "rotary":
        x = b.op(op("rotary"), x)
    q = b.layer("q", op("Linear", out_features=4), x)
    y = b.op(op("attention", causal=causally), q, x, x)
    total = b.op(op("sum", axis=1, keepdim=True), x)
    y = b.layer("norm", op("LayerNorm"), b.op(op("add"), y, total))
    return b.finish({"y": y})


def test_a_set_transformer_is_equivariant() -> None:
    verdict = equivariant(set_transformer(), "y", "x", 1)
    assert verdict.proved, verdict.reason
    assert equivariant(set_transformer(), "y", "x", 0).proved


def test_an_order_or_a_place_is_refused() -> None:
    assert not equivariant(set_transformer(True), "y", "x", 1).proved
    verdict = equivariant(set_transformer(place="rotary"), "y", "x", 1)
    assert not verdict.proved
    assert "rotary" in verdict.reason


def test_a_learned_place_is_refused() -> None:
    b = Builder("Net", "arch")
    x = b.input("x", "[B, 5, 4]")
    y = b.op(op("add"), x, b.parameter("positions", "[1, 5, 4]"))
    graph = b.finish({"y": y})
    assert not equivariant(graph, "y", "x", 1).proved
    assert equivariant(graph, "y", "x", 0).proved


def test_a_scan_beside_the_axis_keeps_it() -> None:
    inner = Builder("step", "scan")
    xt, h = inner.input("xt", "[B, 4]"), inner.input("h", "[B, 4]")
    new = inner.op(op("tanh"), inner.op(op("add"), xt, h))
    body = inner.finish([new, new])
    b = Builder("Net", "arch")
    x = b.input("x", "[B, T, 4]")
    y = b.scan(body, [x], [b.op(op("zeros", sizes=(B, 4)))], axes=[1], yield_axes=[1])
    graph = b.finish({"y": y})
    assert equivariant(graph, "y", "x", 0).proved
    assert not equivariant(graph, "y", "x", 1).proved


def random_graph(seed: int) -> Graph:
    rng = random.Random(seed)
    b = Builder("Net", "arch")
    x = b.input("x", "[2, 5, 4]")
    pool = [x]
    for index in range(rng.randint(1, 6)):
        one, two = rng.choice(pool), rng.choice(pool)
        kind = rng.randrange(11)
        if kind == 0:
            new = b.op(op("mul"), one, two)
        elif kind == 1:
            new = b.layer(f"fc{index}", op("Linear", out_features=4), one)
        elif kind == 2:
            new = b.op(op("attention", causal=rng.random() < 0.3), one, two, rng.choice([one, two]))
        elif kind == 3:
            new = b.op(op("add"), one, b.op(op("mean", axis=rng.choice([0, 1, 2]), keepdim=True), two))
        elif kind == 4:
            new = b.op(op("add"), one, b.parameter(f"p{index}", rng.choice(["[4]", "[5, 1]", "[2, 1, 1]", "[1, 1, 4]"])))
        elif kind == 5:
            new = b.op(op("softmax", axis=rng.choice([0, 1, 2])), one)
        elif kind == 6:
            turned = b.op(op("transpose", axis0=0, axis1=1), one)
            new = b.op(op("transpose", axis0=0, axis1=1), b.layer(f"rnn{index}", op("GRU", hidden_size=4), turned))
        elif kind == 7:
            new = b.op(op("rotary"), one)
        elif kind == 8:
            new = b.op(op("cumsum", axis=rng.choice([0, 1, 2])), one)
        elif kind == 9:
            turned = b.op(op("transpose", axis0=1, axis1=2), one)
            new = b.op(op("matmul"), b.op(op("matmul"), one, turned), two)
        else:
            new = b.layer(f"bn{index}", op("BatchNorm1d"), one)
        pool.append(new)
    return b.finish({"y": pool[-1]})


@pytest.mark.parametrize("seed", range(80))
def test_no_permutation_disproves_what_is_claimed(seed: int) -> None:
    torch.manual_seed(seed)
    graph = random_graph(seed)
    running = Running()
    x = torch.randn(2, 5, 4, dtype=torch.float64)
    with torch.no_grad():
        (base,) = running.run(graph, [x])
        for module in running.modules.values():
            for one in module.state_dict().values():
                if one.is_floating_point():
                    one.copy_(torch.rand_like(one) + 0.5)
        (base,) = running.run(graph, [x])
        for axis in range(3):
            if equivariant(graph, "y", "x", axis).proved:
                order = torch.randperm(x.shape[axis])
                (moved,) = running.run(graph, [x.index_select(axis, order)])
                torch.testing.assert_close(moved, base.index_select(axis, order), rtol=1e-9, atol=1e-9)


def test_the_random_graphs_reach_both_answers() -> None:
    proved = [equivariant(random_graph(seed), "y", "x", 1).proved for seed in range(80)]
    assert 10 < sum(proved) < 75


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("equivariant(y, x, axis=1)", True),
        ("equivariant(y, x, axis=2)", False),
        ("equivariant(total, x, axis=0)", True),
        ("causal(y, x, axis=1)", False),
        ("independent(y, x, axis=0)", True),
    ],
)
def test_a_program_may_expect_every_property(claim: str, holds: bool) -> None:
    text = f"""arch Sets(x: [B, T, 4]) -> y: [B, T, 3], total: [B, 4] {{
      total = sum(x, axis=1)
      head total {{ total }}
      head y {{ x - total[:, none] -> fc: Linear(3) }}
      expect {{ {claim} }}
    }}"""
    found = archdsl.load(Source("sets.arch", text)).check()
    assert [one.code for one in found] == ([] if holds else ["expectation-failed"])
