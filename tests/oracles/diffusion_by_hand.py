"""Stable Diffusion's UNet (Rombach et al., 2022) over diffusers' state-dict keys, written out from its definition."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.oracles.by_hand import State, below, linear


def group_norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    """32 groups of channels, each with mean 0 and variance 1."""
    n, c, h, w = x.shape
    parts = x.reshape(n, 32, -1)
    centred = parts - parts.mean(-1, keepdim=True)
    y = (centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + eps)).reshape(n, c, h, w)
    return y * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]


def layer_norm(state: State, name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * state[f"{name}.weight"] + state[f"{name}.bias"]


def conv(state: State, name: str, x: Tensor, stride: int = 1) -> Tensor:
    kernel = state[f"{name}.weight"]
    return F.conv2d(x, kernel, state[f"{name}.bias"], stride=stride, padding=kernel.shape[-1] // 2)


def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def resnet(state: State, x: Tensor, time: Tensor) -> Tensor:
    y = conv(state, "conv1", swish(group_norm(state, "norm1", x, 1e-5)))
    y = y + linear(state, "time_emb_proj", swish(time))[:, :, None, None]
    y = conv(state, "conv2", swish(group_norm(state, "norm2", y, 1e-5)))
    return y + (conv(state, "conv_shortcut", x) if "conv_shortcut.weight" in state else x)


def attend(state: State, x: Tensor, context: Tensor, heads: int) -> Tensor:
    """Every head by itself."""
    q, k, v = linear(state, "to_q", x), linear(state, "to_k", context), linear(state, "to_v", context)
    width = q.shape[-1] // heads
    seen = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(width), dim=-1)
        seen.append(weights @ v[..., part])
    return linear(state, "to_out.0", torch.cat(seen, dim=-1))


def transformer(state: State, x: Tensor, context: Tensor, heads: int) -> Tensor:
    n, c, h, w = x.shape
    y = conv(state, "proj_in", group_norm(state, "norm", x, 1e-6)).flatten(2).transpose(1, 2)
    inner = below(state, "transformer_blocks.0")
    z = layer_norm(inner, "norm1", y)
    y = y + attend(below(inner, "attn1"), z, z, heads)
    y = y + attend(below(inner, "attn2"), layer_norm(inner, "norm2", y), context, heads)
    a, gate = linear(inner, "ff.net.0.proj", layer_norm(inner, "norm3", y)).chunk(2, dim=-1)
    gate = gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
    y = y + linear(inner, "ff.net.2", a * gate)
    return x + conv(state, "proj_out", y.transpose(1, 2).reshape(n, c, h, w))


def sd_unet(state: State, sample: Tensor, timestep: Tensor, context: Tensor, depth: int, heads: int) -> Tensor:
    """Which levels attend and how many there are is read off the keys."""
    half = state["conv_in.weight"].shape[0] // 2
    rates = torch.tensor([10000.0 ** (-i / half) for i in range(half)], dtype=sample.dtype)
    angles = timestep[:, None] * rates
    time = torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)
    time = linear(state, "time_embedding.linear_2", swish(linear(state, "time_embedding.linear_1", time)))

    def step(prefix: str, index: int, x: Tensor) -> Tensor:
        x = resnet(below(state, f"{prefix}.resnets.{index}"), x, time)
        inner = below(state, f"{prefix}.attentions.{index}")
        return transformer(inner, x, context, heads) if inner else x

    levels = len({name.split(".")[1] for name in state if name.startswith("down_blocks.")})
    x = conv(state, "conv_in", sample)
    kept = [x]
    for level in range(levels):
        for index in range(depth):
            x = step(f"down_blocks.{level}", index, x)
            kept.append(x)
        if level + 1 < levels:
            x = conv(state, f"down_blocks.{level}.downsamplers.0.conv", x, stride=2)
            kept.append(x)
    x = step("mid_block", 0, x)
    x = resnet(below(state, "mid_block.resnets.1"), x, time)
    for level in range(levels):
        for index in range(depth + 1):
            x = step(f"up_blocks.{level}", index, torch.cat([x, kept.pop()], dim=1))
        if level + 1 < levels:
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            x = conv(state, f"up_blocks.{level}.upsamplers.0.conv", x)
    return conv(state, "conv_out", swish(group_norm(state, "conv_norm_out", x, 1e-5)))
