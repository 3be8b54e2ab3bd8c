"""`std.ssm` against transformers' equations and the papers', step by step and in their other forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.std.building import normal, same
from tests.std.sequences import Block

X = "(x: [B, T, 6])"
LENGTHS = (1, 2, 7, 150)
"""The last is long enough for the chunked form."""
SHAPES = (1, 6, 6), (3, 1, 6), (2, 40, 6)
Named = dict[str, Tensor]


def sequence(length: int = 7, width: int = 6) -> Tensor:
    return normal(2, length, width)


@pytest.mark.parametrize("zoh", [True, False])
def test_s4d_is_its_convolution(zoh: bool) -> None:
    """The recurrence against the kernel K(t) = 2 Re(C Ā^t B̄), with complex numbers."""

    def written(named: Named, x: Tensor) -> Tensor:
        A = torch.complex(-torch.exp(named["log_A_real"]), named["A_imag"])
        C = torch.view_as_complex(named["C"])
        step = torch.exp(named["log_dt"])[:, None]
        if zoh:
            a = torch.exp(step * A)
            b = (a - 1) / A
        else:
            a = (1 + step * A / 2) / (1 - step * A / 2)
            b = step / (1 - step * A / 2)
        length = x.shape[1]
        kernel = torch.stack([2 * (C * b * a**t).sum(-1).real for t in range(length)])  # [T, D]
        y = [sum(kernel[t - s] * x[:, s] for s in range(t + 1)) for t in range(length)]
        return torch.stack(y, 1) + named["D"] * x  # type: ignore[arg-type]

    block = Block("std.ssm { S4D }", X, f"_: S4D(8, zoh={str(zoh).lower()})")
    for length in LENGTHS[:3]:
        block.computes(written, sequence(length))
    block.runs_in_onnx(*SHAPES)


def test_s4d_starts_as_s4d_lin() -> None:
    module = Block("std.ssm { S4D }", X, "_: S4D(8)").spec.build("Under")
    same(module.get_parameter("log_A_real").double(), torch.full((6, 4), math.log(0.5)).double())
    same(module.get_parameter("A_imag").double(), (math.pi * torch.arange(4)).expand(6, 4).double())
    assert math.log(0.001) <= module.get_parameter("log_dt").min() <= module.get_parameter("log_dt").max() <= math.log(0.1)


@pytest.mark.parametrize("expand,rank", [(2, 1), (3, 4)])
def test_mamba(expand: int, rank: int) -> None:
    """Algorithm 2 of Gu & Dao (2023), channel by channel and step by step, with the code's rule for B."""
    inner, state, kernel = 6 * expand, 3, 4

    def written(named: Named, x: Tensor) -> Tensor:
        rows = []
        for one in x:
            u, gate = (one @ named["in_proj.weight"].T).split(inner, -1)
            padded = torch.cat([torch.zeros(kernel - 1, inner, dtype=x.dtype), u])
            u = sum(padded[k : k + len(one)] * named["conv1d.weight"][:, 0, k] for k in range(kernel)) + named["conv1d.bias"]
            u = u / (1 + torch.exp(-u))
            low, b, c = (u @ named["x_proj.weight"].T).split([rank, state, state], -1)
            step = torch.log1p(torch.exp(low @ named["dt_proj.weight"].T + named["dt_proj.bias"]))
            A = -torch.exp(named["A_log"])
            h, steps = torch.zeros(inner, state, dtype=x.dtype), []
            for t in range(len(one)):
                h = torch.exp(torch.outer(step[t], torch.ones(state, dtype=x.dtype)) * A) * h + torch.outer(step[t] * u[t], b[t])
                steps.append(h @ c[t] + named["D"] * u[t])
            rows.append(torch.stack(steps) * gate / (1 + torch.exp(-gate)) @ named["out_proj.weight"].T)
        return torch.stack(rows)

    said = "" if (expand, rank) == (2, 1) else f", expand={expand}, rank={rank}"
    block = Block("std.ssm { MambaMixer }", X, f"_: MambaMixer(state=3{said})")
    for length in LENGTHS:
        block.computes(written, sequence(length))
    block.runs_in_onnx(*SHAPES)


def test_mambas_steps_start_between_a_thousandth_and_a_tenth() -> None:
    module = Block("std.ssm { MambaMixer }", X, "_: MambaMixer").spec.build("Under").double()
    steps = F.softplus(module.get_parameter("dt_proj.bias"))
    torch.testing.assert_close(steps, torch.logspace(-3, -1, 12, dtype=torch.float64), rtol=1e-5, atol=0)
    torch.testing.assert_close(module.get_parameter("A_log"), torch.arange(1, 17).log().expand(12, 16).double())


def shifted(x: Tensor, t: int) -> Tensor:
    return x[:, t - 1] if t else torch.zeros_like(x[:, 0])


def mixed(named: Named, x: Tensor, t: int, name: str) -> Tensor:
    """The map `name` of the mix of a step and the one before."""
    m = named[f"time_mix_{name}"][0, 0]
    return (m * x[:, t] + (1 - m) * shifted(x, t)) @ named[f"{name}.weight"].T


def time_mix(named: Named, x: Tensor) -> Tensor:
    """Peng et al. (2023): each step's weighted mean from all of its past, without a running maximum."""
    w, u = torch.exp(named["time_decay"]), named["time_first"]
    keys = [mixed(named, x, t, "key") for t in range(x.shape[1])]
    values = [mixed(named, x, t, "value") for t in range(x.shape[1])]
    result = []
    for t in range(x.shape[1]):
        weights = [torch.exp(-(t - 1 - i) * w + keys[i]) for i in range(t)] + [torch.exp(u + keys[t])]
        mean = sum(one * value for one, value in zip(weights, values, strict=False)) / sum(weights)
        result.append((torch.sigmoid(mixed(named, x, t, "receptance")) * mean) @ named["output.weight"].T)
    return torch.stack(result, 1)


def test_rwkv_time_mix() -> None:
    block = Block("std.ssm { RWKVTimeMix }", X, "_: RWKVTimeMix")
    for length in LENGTHS:
        block.computes(time_mix, sequence(length))
    block.runs_in_onnx(*SHAPES)


def test_rwkv_time_mix_of_large_keys_stays_finite() -> None:
    """Where the equations as they stand overflow, the stable form does not: the largest key takes all."""
    block = Block("std.ssm { RWKVTimeMix }", X, "_: RWKVTimeMix")
    with torch.no_grad():
        block.parameters()["key.weight"].mul_(1e4)
    x = sequence(140).requires_grad_()
    y = block.module(x)
    assert not torch.isfinite(time_mix(block.parameters(), x)).all()
    assert torch.isfinite(y).all()
    assert torch.isfinite(torch.autograd.grad(y.sum(), x)[0]).all()


def test_rwkv_channel_mix() -> None:
    def written(named: Named, x: Tensor) -> Tensor:
        steps = []
        for t in range(x.shape[1]):
            inside = torch.relu(mixed(named, x, t, "key")) ** 2
            steps.append(torch.sigmoid(mixed(named, x, t, "receptance")) * (inside @ named["value.weight"].T))
        return torch.stack(steps, 1)

    for said, hidden in (("RWKVChannelMix", 24), ("RWKVChannelMix(9)", 9)):
        block = Block("std.ssm { RWKVChannelMix }", X, f"_: {said}")
        assert block.parameters()["key.weight"].shape == (hidden, 6)
        for length in LENGTHS[:3]:
            block.computes(written, sequence(length))
        block.runs_in_onnx(*SHAPES)


def test_token_shift() -> None:
    block = Block("std.ssm { token_shift }", X, "token_shift")
    for length in (1, 2, 5):
        x = sequence(length)
        same(block.module(x), torch.stack([shifted(x, t) for t in range(length)], 1))


@pytest.mark.parametrize("bias", [True, False])
def test_linear_attention(bias: bool) -> None:
    """The causal form of Katharopoulos et al. (2020), each query to each key of its past."""

    def written(named: Named, x: Tensor) -> Tensor:
        q, k, v = (F.linear(x, named[f"{n}_proj.weight"], named.get(f"{n}_proj.bias")).split(3, -1) for n in "qkv")
        heads = []
        for query, key, value in zip(q, k, v, strict=True):
            query, key = (torch.where(one > 0, one + 1, torch.exp(one)) for one in (query, key))
            steps = []
            for t in range(x.shape[1]):
                weights = torch.stack([(query[:, t] * key[:, s]).sum(-1) for s in range(t + 1)], 1)
                total = weights.sum(1, keepdim=True) + 1e-6
                steps.append((weights[..., None] * value[:, : t + 1]).sum(1) / total)
            heads.append(torch.stack(steps, 1))
        return F.linear(torch.cat(heads, -1), named["out_proj.weight"], named.get("out_proj.bias"))

    block = Block("std.ssm { LinearAttention }", X, f"_: LinearAttention(2, bias={str(bias).lower()})")
    for length in LENGTHS[:3]:
        block.computes(written, sequence(length))
    block.runs_in_onnx(*SHAPES)
