"""An Elman network's recurrence by PyTorch's fused kernel, on weights that stand anywhere in the module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def rnn_scan(
    x: Tensor, h: Tensor, weights: tuple[Tensor, ...], curve: str = "tanh", batch_first: bool = True, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    """Sequences [B, T, D], or [T, B, D], and states [B, H] to all h [B, T, H] and the last; `curve` is tanh or relu.

    `weights` are the input's [H, D] and the state's [H, H], then both biases [H] or none. They are read as tensors: forward
    hooks of the layers that own them do not run.
    """
    axis = 1 if batch_first else 0
    if x.shape[axis] == 0:
        return x.new_empty(*x.shape[:2], h.shape[1]), h
    kernel: Any = torch.rnn_relu if curve == "relu" else torch.rnn_tanh
    train = torch.is_grad_enabled()
    x = x.flip(axis) if reverse else x
    states, last = kernel(x, h[None], weights, len(weights) == 4, 1, 0.0, train, False, batch_first)
    return states.flip(axis) if reverse else states, last[0]
