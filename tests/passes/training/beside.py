"""A model before and after a pass, trained for one step on the same draw, in float64."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from archdsl.ir.graph import Graph
from archdsl.passes.carrying import Passed
from archdsl.targets.torch.module import build
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise, widened


def pair(before: Graph, after: Graph, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Modules of both with the same random weights."""
    first, other = build(before, dtype=torch.float64), build(after, dtype=torch.float64)
    randomise(first, seed)
    other.load_state_dict(first.state_dict(), strict=True)
    return first, other


def inputs_of(graph: Graph, seed: int = 0) -> dict[str, Tensor]:
    """Random inputs at one of the sizes at which the graph is verified."""
    return widened(draw_inputs(graph, choose_bindings(graph)[1], seed), graph)


def step(module: nn.Module, graph: Graph, inputs: dict[str, Tensor]) -> tuple[list[Tensor], dict[str, Tensor | None]]:
    """The outputs in training, and the gradients of parameters and inputs and the buffers, by name."""
    module.train()
    module.zero_grad(set_to_none=True)
    leaves = {name: one.clone().requires_grad_(one.is_floating_point()) for name, one in inputs.items()}
    torch.manual_seed(3)
    outputs = apply(module, graph, leaves)
    total: Any = sum(one.square().sum() for one in outputs if one.requires_grad)
    total.backward()
    found = {name: one.grad for name, one in module.named_parameters()}
    found |= {f"input {name}": one.grad for name, one in leaves.items()}
    return [one.detach() for one in outputs], {**found, **{f"buffer {name}": one for name, one in module.named_buffers()}}


def equal(one: Tensor | None, two: Tensor | None) -> bool:
    """Both absent, or equal up to rounding."""
    if one is None or two is None:
        return one is two
    one, two = one.double(), two.double()
    top = max(1.0, float(one.abs().max())) if one.numel() else 1.0
    return torch.allclose(one, two, rtol=1e-9, atol=1e-9 * top)


def evaluate_equally(before: Graph, passed: Passed) -> None:
    """The outputs in evaluation are those of before."""
    first, other = build(before, dtype=torch.float64), build(passed.graph, dtype=torch.float64)
    randomise(first, 0)
    other.load_state_dict(passed.carry(first.state_dict()), strict=True)
    inputs = inputs_of(before)
    with torch.no_grad():
        wanted, made = apply(first.eval(), before, inputs), apply(other.eval(), passed.graph, inputs)
    assert len(wanted) == len(made)
    assert all(equal(*both) for both in zip(wanted, made, strict=True))
