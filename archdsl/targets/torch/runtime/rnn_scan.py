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
    x = x.flip(axis) if reverse else x
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        operator: Any = torch.ops.archdsl.rnn
        states, last = operator(x.movedim(axis, 0), h, weights, curve)
        states = states.movedim(0, axis)
    else:
        states, last = _rnn(x, h, weights, curve, torch.is_grad_enabled(), batch_first)
    return states.flip(axis) if reverse else states, last


def _rnn(
    x: Tensor, h: Tensor, weights: tuple[Tensor, ...], curve: str, train: bool, batch_first: bool
) -> tuple[Tensor, Tensor]:  # fmt: skip
    kernel: Any = torch.rnn_relu if curve == "relu" else torch.rnn_tanh
    states, last = kernel(x, h[None], weights, len(weights) == 4, 1, 0.0, train, False, batch_first)
    return states, last[0]


def _rnn_forward(x: Tensor, h: Tensor, weights: list[Tensor], curve: str) -> tuple[Tensor, ...]:
    """The kernel for compiled graphs, as one operator for any number of steps; x is [T, B, D]."""
    return tuple(one.contiguous().clone() for one in _rnn(x.contiguous(), h, tuple(weights), curve, False, False))


def _rnn_shapes(x: Tensor, h: Tensor, weights: list[Tensor], curve: str) -> tuple[Tensor, ...]:
    return x.new_empty(x.shape[0], *h.shape), h.new_empty(h.shape)


def _rnn_backward(grads: list[Tensor], saved: list[Tensor], curve: str) -> list[Tensor]:
    """The gradients of x, h and the weights; the slope of the curve follows from the states."""
    x, h, states, *weights = saved
    before = torch.cat((h[None], states[:-1]))
    slope = (states > 0).to(x.dtype) if curve == "relu" else 1 - states * states
    whole, dh = torch.empty_like(states), grads[1]
    for t in reversed(range(x.shape[0])):
        torch.mul(dh + grads[0][t], slope[t], out=whole[t])
        dh = whole[t] @ weights[1]
    flat = whole.flatten(0, 1)
    out = [whole @ weights[0], dh, flat.T @ x.flatten(0, 1), flat.T @ before.flatten(0, 1)]
    return out + [flat.sum(0) for _ in weights[2:]]


def _rnn_backward_shapes(grads: list[Tensor], saved: list[Tensor], curve: str) -> list[Tensor]:
    return [one.new_empty(one.shape) for one in (*saved[:2], *saved[3:])]


def _rnn_save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:2], output[0], *inputs[2])
    ctx.curve = inputs[3]


def _rnn_gradients(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    operator: Any = torch.ops.archdsl.rnn_backward
    dx, dh, *weights = operator(grads, ctx.saved_tensors, ctx.curve)
    return dx, dh, weights, None


def _register_rnn() -> None:
    """Once for all files that have it: a graph that is compiled keeps the operator that it was compiled with."""
    if hasattr(torch.ops.archdsl, "rnn"):
        return
    forward = "(Tensor x, Tensor h, Tensor[] weights, str curve) -> (Tensor, Tensor)"
    backward = "(Tensor[] grads, Tensor[] saved, str curve) -> Tensor[]"
    made: Any = torch.library.custom_op("archdsl::rnn", _rnn_forward, mutates_args=(), schema=forward)
    made.register_fake(_rnn_shapes)
    made.register_autograd(_rnn_gradients, setup_context=_rnn_save)
    made = torch.library.custom_op("archdsl::rnn_backward", _rnn_backward, mutates_args=(), schema=backward)
    made.register_fake(_rnn_backward_shapes)


_register_rnn()
