"""The examples with scans: the fast form is valid, keeps the keys, and computes what the plain loop does, gradients included."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import archdsl
from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.targets.torch.module import build
from tests.passes.scans.small import EXAMPLES, SMALL, inputs


def graphs(name: str) -> tuple[Graph, Graph]:
    plain = archdsl.load(EXAMPLES / f"{name}.arch").graph(**SMALL[name])
    return plain, fast_scans(plain)


def ran(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    """The outputs in evaluation mode, and the gradient of their weighted sum by every parameter."""
    module.zero_grad()
    made: Any = module.eval()(*args)
    outputs = list(made) if isinstance(made, tuple) else [made]
    total = sum((one * torch.linspace(-1, 1, one.numel(), dtype=one.dtype).view(one.shape)).sum() for one in outputs)
    assert isinstance(total, torch.Tensor)
    total.backward()
    return [one.detach() for one in outputs], {key: one.grad for key, one in module.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("name", SMALL)
def test_fast_form_computes_what_the_loop_computes(name: str) -> None:
    plain, fast = graphs(name)
    check(fast)
    assert fast != plain
    assert list(fast.tensors()) == list(plain.tensors())
    one, two = build(plain, dtype=torch.float64), build(fast, dtype=torch.float64)
    two.load_state_dict(one.state_dict())
    for length in (2, 3, 7):
        (outputs, grads), (others, other_grads) = (ran(module, inputs(name, length)) for module in (one, two))
        for a, b in zip(outputs, others, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12)
        assert grads.keys() == other_grads.keys()
        for key, grad in grads.items():
            torch.testing.assert_close(other_grads[key], grad, rtol=1e-11, atol=1e-12, msg=key)


@pytest.mark.parametrize("name", SMALL)
def test_the_pass_is_idempotent(name: str) -> None:
    fast = graphs(name)[1]
    assert fast_scans(fast) == fast


def test_lstm_is_the_fused_kernel() -> None:
    fast = graphs("lstm")[1]
    names = [node.op.name for one in fast.graphs() for node in one.nodes if node.op is not None]
    assert "lstm_scan" in names
    assert not any(one.kind == "scan" for one in fast.graphs())


def test_input_projection_leaves_the_loop() -> None:
    fast = fast_scans(graphs("lstm")[0], fusing=False)
    bodies = [one for one in fast.graphs() if one.kind == "scan"]
    assert bodies
    assert not any(node.member for body in bodies for node in body.nodes)
    assert all(any(node.op is not None and node.op.name == "addmm" for node in body.nodes) for body in bodies)


def test_states_of_mamba_are_not_kept_for_all_steps() -> None:
    fast = graphs("mamba")[1]
    mixers = [one for one in fast.graphs() if any(node.op and node.op.name == "contracted_scan" for node in one.nodes)]
    assert mixers
    for graph in mixers:
        assert not any(node.scan for node in graph.nodes)
        states = [value for node in graph.nodes for value in node.results if value.type.rank == 4]
        assert states
        assert all(1 in value.type.shape for value in states)


def test_what_only_the_yields_need_leaves_the_loop() -> None:
    fast = graphs("ntm")[1]
    (body,) = (one for one in fast.graphs() if one.kind == "scan")
    assert ("fc",) not in {node.member for node in body.nodes}
    assert any(node.member == ("fc",) for node in fast.nodes)
