"""Cells written as their equations beside nn.LSTM, nn.GRU and nn.RNN: values and gradients in float64, and in compiled graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archdsl.compiler import Spec, load
from archdsl.source import Source
from tests.targets.torch.made import check_clean, check_tree

STEPS = {
    "LSTM": """i, f, g, o = (a -> W: Linear(20)) + (h -> U: Linear(20)) -> chunk(4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)""",
    "GRU": """r, z, n = a -> W: Linear(15) -> chunk(3, axis=-1)
    hr, hz, hn = h -> U: Linear(15) -> chunk(3, axis=-1)
    n = tanh(n + sigmoid(r + hr) * hn)
    h = n + sigmoid(z + hz) * (h - n)""",
    "tanh": "h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)))",
    "relu": "h = relu((a -> W: Linear(5)) + (h -> U: Linear(5)))",
}
LENGTHS = (1, 2, 13)


def written(kind: str, reverse: str = "") -> Spec:
    memory = "carry c = c0" if kind == "LSTM" else ""
    c0, last = (", c0: [B, 5]", ", c") if kind == "LSTM" else ("", "")
    names = "y, h, c" if kind == "LSTM" else "y, h"
    heads = "; ".join(f"head {one} {{ {one} }}" for one in names.split(", "))
    text = f"""arch A(x: [B, T, 3], h0: [B, 5]{c0}) {{
  {names} = scan a in x over axis 1 {reverse} {{
    carry h = h0
    {memory}
    {STEPS[kind]}
    yield h
    final h{last}
  }}
  {heads}
}}"""
    return load(Source("<cell>", text))


def ours(kind: str, reverse: str = "") -> nn.Module:
    spec = written(kind, reverse)
    assert "_scan(" in spec.source()
    return spec.build(seed=3)


def theirs(kind: str, net: nn.Module) -> Any:
    more = {} if kind in ("LSTM", "GRU") else {"nonlinearity": kind}
    made = getattr(nn, kind if kind in ("LSTM", "GRU") else "RNN")(3, 5, batch_first=True, **more)
    state = net.state_dict()
    assert list(state) == ["W.weight", "W.bias", "U.weight", "U.bias"]
    names = {"weight_ih_l0": "W.weight", "weight_hh_l0": "U.weight", "bias_ih_l0": "W.bias", "bias_hh_l0": "U.bias"}
    made.load_state_dict({name: state[key] for name, key in names.items()})
    return made.to(state["W.weight"].dtype)


def drawn(kind: str, length: int) -> list[Tensor]:
    torch.manual_seed(length)
    sizes = [(2, length, 3), (2, 5), (2, 5)][: 3 if kind == "LSTM" else 2]
    return [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in sizes]


def gradients(outputs: tuple[Tensor, ...], wanted: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(sum((one * one.detach().cos()).sum() for one in outputs), wanted)


@pytest.mark.parametrize("reverse", ["", "reverse"])
@pytest.mark.parametrize("kind", STEPS)
def test_values_and_gradients_are_pytorchs(kind: str, reverse: str) -> None:
    net = ours(kind, reverse).double()
    reference = theirs(kind, net)
    for length in LENGTHS:
        given = drawn(kind, length)
        made = net(*given)
        x = given[0].flip(1) if reverse else given[0]
        start = (given[1][None], given[2][None]) if kind == "LSTM" else given[1][None]
        states, last = reference(x, start)
        last = [one[0] for one in last] if kind == "LSTM" else [last[0]]
        wanted = (states.flip(1) if reverse else states, *last)
        for a, b in zip(made, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
        keys = ("W.weight", "U.weight", "W.bias", "U.bias")
        own = gradients(made, [*given, *(net.get_parameter(key) for key in keys)])
        other = gradients(wanted, [*given, *reference.parameters()])
        for a, b in zip(own, other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", STEPS)
def test_no_steps_give_no_states(kind: str) -> None:
    given = drawn(kind, 0)
    states, *last = ours(kind).double()(*given)
    assert states.shape == (2, 0, 5)
    assert all(torch.equal(a, b) for a, b in zip(last, given[1:], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("reverse", ["", "reverse"])
@pytest.mark.parametrize("kind", STEPS)
def test_one_compiled_graph_for_several_lengths(kind: str, reverse: str, backend: str) -> None:
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    net = ours(kind, reverse).double()
    counter = CompileCounterWithBackend(backend)
    fast = torch.compile(net, fullgraph=True, backend=counter, dynamic=True)
    for length in (7, 11, 13):  # no other size, which would be taken to be the same
        given = drawn(kind, length)
        for own, other in ((fast(*given), net(*given)),):
            for a, b in zip(own, other, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
            grads = [gradients(one, [*given, *net.parameters()]) for one in (own, other)]
            for a, b in zip(*grads, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    assert counter.frame_count == 1


@pytest.mark.parametrize("kind", STEPS)
def test_an_exported_program(kind: str) -> None:
    net = ours(kind)
    given = tuple(one.detach().float() for one in drawn(kind, 4))
    made = torch.export.export(net, given).module()(*given)
    for a, b in zip(made, net(*given), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow
def test_their_sources_are_clean_for_ruff_and_mypy(tmp_path: Path) -> None:
    files = {kind: written(kind).source() for kind in STEPS}
    for text in files.values():
        check_tree(text)
    check_clean(files, tmp_path)
