"""`std.recurrent` against torch's layers, and against the papers' equations step by step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.std.building import normal
from tests.std.sequences import Block, library

X = "(x: [B, T, 5])"
TORCH = {"Elman": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
Named = dict[str, Tensor]


def sequence(length: int = 6) -> Tensor:
    return normal(2, length, 5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", TORCH)
def test_a_layer_is_torchs(name: str, layers: int, bidirectional: bool) -> None:
    said = f"_: {name}(7, layers={layers}, bidirectional={str(bidirectional).lower()}, states=true)"
    block = Block(f"std.recurrent {{ {name} }}", X, said)
    reference = TORCH[name](5, 7, layers, batch_first=True, bidirectional=bidirectional)
    for length in (1, 6):
        block.computes(library(reference), sequence(length))
    block.runs_in_onnx((1, 6, 5), (3, 1, 5), (2, 9, 5))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", TORCH)
def test_a_layer_starts_from_given_states(name: str, bidirectional: bool) -> None:
    count = 4 if bidirectional else 2
    states = ["h", "c"] if name == "LSTM" else ["h"]
    header = f"(x: [B, T, 5], {', '.join(f'{one}: [{count}, B, 7]' for one in states)})"
    said = f"{name}(7, layers=2, bidirectional={str(bidirectional).lower()}, states=true)"
    block = Block(f"std.recurrent {{ {name} }}", header, f"({', '.join(['x', *states])}) -> _: {said}")
    reference = TORCH[name](5, 7, 2, batch_first=True, bidirectional=bidirectional)
    block.computes(library(reference), sequence(), *(normal(count, 2, 7, seed=3 + index) for index, _ in enumerate(states)))


def test_elman_with_relu() -> None:
    block = Block("std.recurrent { Elman }", X, "_: Elman(7, activation=relu, states=true)")
    block.computes(library(nn.RNN(5, 7, nonlinearity="relu", batch_first=True)), sequence())


def test_a_layer_gives_its_sequence_alone() -> None:
    for name in TORCH:
        block = Block(f"std.recurrent {{ {name} }}", X, f"_: {name}(7)")
        reference = library(TORCH[name](5, 7, batch_first=True))
        block.computes(lambda named, x, call=reference: call(named, x)[0], sequence())


def cho(named: Named, x: Tensor) -> Tensor:
    """Equations 5 to 8 of Cho et al. (2014), sample by sample; biases as in the block."""
    wr, wz, wn = named["weight_ih"].split(4)
    ur, uz = named["weight_hh"].split(4)
    br, bz, bn = named["bias"].split(4)
    rows = []
    for one in x:
        h, steps = torch.zeros(4, dtype=x.dtype), []
        for xt in one:
            r = 1 / (1 + torch.exp(-(wr @ xt + br + ur @ h)))
            z = 1 / (1 + torch.exp(-(wz @ xt + bz + uz @ h)))
            candidate = torch.tanh(wn @ xt + bn + named["weight_nh"] @ (r * h))
            h = z * h + (1 - z) * candidate
            steps.append(h)
        rows.append(torch.stack(steps))
    return torch.stack(rows)


def peephole(named: Named, x: Tensor) -> Tensor:
    """Equations 7 to 11 of Graves (2013), sample by sample."""
    entering, states, biases = (named[one].split(4) for one in ("weight_ih", "weight_hh", "bias"))
    pi, pf, po = named["peephole"]
    rows = []
    for one in x:
        h, c, steps = torch.zeros(4, dtype=x.dtype), torch.zeros(4, dtype=x.dtype), []
        for xt in one:
            i, f, g, o = (w @ xt + u @ h + b for w, u, b in zip(entering, states, biases, strict=True))
            i, f = 1 / (1 + torch.exp(-(i + pi * c))), 1 / (1 + torch.exp(-(f + pf * c)))
            c = f * c + i * torch.tanh(g)
            h = torch.tanh(c) / (1 + torch.exp(-(o + po * c)))
            steps.append(h)
        rows.append(torch.stack(steps))
    return torch.stack(rows)


def minimal(named: Named, x: Tensor, at: str = "") -> Tensor:
    """The plain form of Feng et al. (2024), sample by sample."""
    rows = []
    for one in x:
        h, steps = torch.zeros(4, dtype=x.dtype), []
        for xt in one:
            z = 1 / (1 + torch.exp(-(named[f"{at}linear_z.weight"] @ xt + named[f"{at}linear_z.bias"])))
            h = (1 - z) * h + z * (named[f"{at}linear_h.weight"] @ xt + named[f"{at}linear_h.bias"])
            steps.append(h)
        rows.append(torch.stack(steps))
    return torch.stack(rows)


WRITTEN = {"ChoGRU": cho, "PeepholeLSTM": peephole, "MinGRU": minimal}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_layer_is_its_papers_equations(name: str) -> None:
    block = Block(f"std.recurrent {{ {name} }}", X, f"_: {name}(4)")
    for length in (1, 2, 7):
        block.computes(WRITTEN[name], sequence(length))
    block.runs_in_onnx((1, 6, 5), (3, 1, 5), (2, 9, 5))


def test_chos_reset_is_not_torchs() -> None:
    """With these weights the two would be one function if the reset stood at the same place."""
    block = Block("std.recurrent { ChoGRU }", X, "_: ChoGRU(4)")
    own = block.parameters()
    weights: Named = {
        "weight_ih_l0": own["weight_ih"],
        "bias_ih_l0": own["bias"],
        "weight_hh_l0": torch.cat([own["weight_hh"], own["weight_nh"]]),
        "bias_hh_l0": torch.zeros(12, dtype=torch.float64),
    }
    theirs = library(nn.GRU(5, 4, batch_first=True))(weights, sequence())[0]
    assert (block.module(sequence()) - theirs).abs().max() > 1e-3


def test_both_directions() -> None:
    block = Block("std.recurrent { Bidirectional, MinGRU }", X, "_: Bidirectional(MinGRU(4))")

    def written(named: Named, x: Tensor) -> Any:
        return torch.cat([minimal(named, x, "ahead."), minimal(named, x.flip(1), "back.").flip(1)], -1)

    block.computes(written, sequence())
    block.runs_in_onnx((1, 6, 5), (2, 9, 5))


def test_a_stack() -> None:
    block = Block("std.recurrent { MinGRU, Stacked }", X, "_: Stacked(MinGRU(4), 2, p=0.5)")
    block.computes(lambda named, x: minimal(named, minimal(named, x, "0."), "1."), sequence())
