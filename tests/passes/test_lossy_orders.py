"""Passes that trade accuracy, and those for training, in random orders on random programs: valid, they load, run and learn."""

from __future__ import annotations

import random

import pytest
import torch

import archdsl
from archdsl.ir.verify import verify
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.registry import every_pass, read_pass
from archdsl.targets.torch.module import build
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.elaborate.reading import graph
from tests.passes.test_orders import BLOCKS, body

LOSSY = [read_pass(one) for one in ("cast", "cast{to=f16}", "quantize-dynamic", "prune{ratio=0.2}", "low-rank{rank=6}",
                                    "prune-channels{ratio=0.3}", "low-rank{ratio=0.4}")]  # fmt: skip
TRAINING = [read_pass(one) for one in ("checkpoint{blocks=m?}", "autocast{blocks=m?}", "stop-gradient{labels=m?}")]
OTHERS = [kind() for kind in every_pass().values() if ".cleanup." in kind.__module__]


def apply_one(one: Pass, done: Passed) -> Passed:
    """What the pass makes of it; as it was where no label fits."""
    try:
        made = one.apply(done.graph)
    except archdsl.ArchError as fault:
        assert [each.code for each in fault.problems] == ["nothing-selected"]
        return done
    assert not verify(made.graph), one.word
    return Passed(made.graph, (*done.derived, *made.derived))


@pytest.mark.parametrize("seed", range(24))
def test_random_orders(seed: int) -> None:
    choose = random.Random(1000 + seed)
    lines = "\n".join(body(choose, 2, [0]))
    before = graph(f"{BLOCKS}arch Net(x: [B, T, 8]) -> y: [B, T, 8] {{\n{lines}\nhead y\n}}")
    pool = TRAINING if seed % 4 == 0 else [*TRAINING, *LOSSY, *OTHERS]
    done = Passed(before)
    for one in choose.sample(pool, k=choose.randint(2, len(pool))):
        done = apply_one(one, done)
        assert done.graph.output_types == before.output_types
    first, other = build(before).eval(), build(done.graph).eval()
    randomise(first, seed)
    other.load_state_dict(done.carry(first.state_dict()), strict=True)
    inputs = draw_inputs(before, {"B": 2, "T": 3}, seed)
    with torch.no_grad():
        (wanted,), (made,) = apply(first, before, inputs), apply(other, done.graph, inputs)
    assert made.shape == wanted.shape
    assert made.dtype == wanted.dtype
    assert made.isfinite().all()
    if pool is TRAINING:
        assert torch.allclose(made, wanted, rtol=1e-5, atol=1e-5)
    total = apply(other.train(), done.graph, inputs)[0].square().sum()
    if total.requires_grad:
        total.backward()
