"""An LSTM's recurrence by PyTorch's fused kernel, on weights that stand anywhere in the module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def lstm_scan(
    x: Tensor, h: Tensor, c: Tensor, weights: tuple[Tensor, ...], batch_first: bool = True, reverse: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences [B, T, D], or [T, B, D], and states [B, H] to all h [B, T, H], the last h and the last c.

    `weights` are the input's [4H, D] and the state's [4H, H], then both biases [4H] or none; the gates are input, forget, cell,
    output. They are read as tensors: forward hooks of the layers that own them do not run.
    """
    axis = 1 if batch_first else 0
    if x.shape[axis] == 0:
        return x.new_empty(*x.shape[:2], h.shape[1]), h, c
    kernel: Any = torch.lstm
    train = torch.is_grad_enabled()
    x = x.flip(axis) if reverse else x
    states, last, memory = kernel(x, (h[None], c[None]), weights, len(weights) == 4, 1, 0.0, train, False, batch_first)
    return states.flip(axis) if reverse else states, last[0], memory[0]
