"""A model before and after passes, on the same weights, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from archdsl.ir.graph import Graph
from archdsl.ir.verify import verify
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.targets.torch.module import build
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise, widened

EXACT = 1e-9
"""How far results in float64 may be apart, in units of the largest (at least 1)."""


def through(before: Graph, passes: Sequence[Pass], refusals: list[Refusal] | None = None) -> Passed:
    """The graph after passes in order, valid after each, done after once, with the types and, unless tensors change, the keys."""
    done = Passed(before)
    for one in passes:
        passed = one.apply(done.graph, refusals=refusals)
        assert not verify(passed.graph), one.word
        assert one.run(passed.graph) is passed.graph, f"{one.word} is not done after once"
        assert passed.graph.output_types == before.output_types
        keys = dict.fromkeys(path for path, _ in done.graph.tensors())
        assert passed.derived or dict.fromkeys(path for path, _ in passed.graph.tensors()) == keys
        done = Passed(passed.graph, (*done.derived, *passed.derived))
    return done


def same(before: Graph, passed: Passed, *, seed: int = 0, sizes: int = 2, bind: dict[str, int] | None = None) -> None:
    """The outputs in evaluation are those of before, at several sizes, all parameters and running statistics random."""
    first = build(before, dtype=torch.float64).eval()
    randomise(first, seed)
    other = build(passed.graph, dtype=torch.float64).eval()
    other.load_state_dict(passed.carry(first.state_dict()), strict=True)
    for index, binding in enumerate(choose_bindings(before, bind)[:sizes]):
        inputs = widened(draw_inputs(before, binding, seed + index), before)
        with torch.no_grad():
            wanted, made = apply(first, before, inputs), apply(other, passed.graph, inputs)
        for one, two in zip(wanted, made, strict=True):
            agree(two, one)


def agree(made: torch.Tensor, wanted: torch.Tensor) -> None:
    """Equal up to rounding; NaN and infinities at the same places."""
    assert made.shape == wanted.shape
    assert made.dtype == wanted.dtype
    if not wanted.is_floating_point():
        assert torch.equal(made, wanted)
        return
    there = wanted.isfinite()
    assert torch.equal(there, made.isfinite())
    top = max(1.0, float(wanted[there].abs().max())) if there.any() else 1.0
    worst = float((made - wanted)[there].abs().max()) if there.any() else 0.0
    assert worst <= EXACT * top, f"differs by {worst:.3g}"


def words(graph: Graph) -> list[str]:
    """What the nodes of all graphs are: operators by their word, layers by theirs."""
    found = []
    for one in graph.graphs():
        for node in one.nodes:
            layer: Any = one.members.get(node.member) if node.member is not None else None
            op = node.op if node.op is not None else getattr(layer, "op", None)
            found.append(op.name if op is not None else "block" if node.member is not None else "body")
    return found
