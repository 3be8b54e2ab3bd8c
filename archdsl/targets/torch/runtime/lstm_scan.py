"""An LSTM's recurrence by PyTorch's fused kernel, on weights that stand anywhere in the module."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def lstm_scan(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    weights: tuple[Tensor, ...],
    order: tuple[int, ...] = (0, 1, 2, 3),
    batch_first: bool = True,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences [B, T, D], or [T, B, D], and states [B, H] to all h [B, T, H], the last h and the last c.

    `weights` are the input's [4H, D] and the state's [4H, H], then both biases [4H] or none; `order` says where in them the
    input, forget, cell and output gates stand.
    """
    axis = 1 if batch_first else 0
    if order != (0, 1, 2, 3):
        weights = tuple(torch.cat([one.chunk(4)[gate] for gate in order]) for one in weights)
    if reverse:
        x = x.flip(axis)
    if torch.compiler.is_compiling() or x.shape[axis] == 0:
        states, h, c = _lstm_loop(x, h, c, weights, axis)
    else:
        kernel: Any = torch.lstm
        training = torch.is_grad_enabled()
        states, last, memory = kernel(x, (h[None], c[None]), weights, len(weights) == 4, 1, 0.0, training, False, batch_first)
        h, c = last[0], memory[0]
    return states.flip(axis) if reverse else states, h, c


def _lstm_loop(x: Tensor, h: Tensor, c: Tensor, weights: tuple[Tensor, ...], axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same step by step."""
    entering = F.linear(x, weights[0], weights[2] + weights[3] if len(weights) == 4 else None)
    states = []
    for one in entering.unbind(axis):
        i, f, g, o = (one + F.linear(h, weights[1])).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    shape = (h.shape[0], 0, h.shape[1]) if axis else (0, *h.shape)
    return torch.stack(states, axis) if states else h.new_empty(shape), h, c
