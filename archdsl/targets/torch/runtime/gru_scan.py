"""A GRU's recurrence by PyTorch's fused kernel, on weights that stand anywhere in the module."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def gru_scan(
    x: Tensor, h: Tensor, weights: tuple[Tensor, ...], batch_first: bool = True, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    """Sequences [B, T, D], or [T, B, D], and states [B, H] to all h [B, T, H] and the last.

    `weights` are the input's [3H, D] and the state's [3H, H], then both biases [3H] or none; the gates are reset, update, new.
    They are read as tensors: forward hooks of the layers that own them do not run.
    """
    axis = 1 if batch_first else 0
    if x.shape[axis] == 0:
        return x.new_empty(*x.shape[:2], h.shape[1]), h
    x = x.flip(axis) if reverse else x
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        operator: Any = torch.ops.archdsl.gru
        states, last = operator(x.movedim(axis, 0), h, weights)
        states = states.movedim(0, axis)
    else:
        states, last = _gru(x, h, weights, torch.is_grad_enabled(), batch_first)
    return states.flip(axis) if reverse else states, last


def _gru(x: Tensor, h: Tensor, weights: tuple[Tensor, ...], train: bool, batch_first: bool) -> tuple[Tensor, Tensor]:
    kernel: Any = torch.gru
    states, last = kernel(x, h[None], weights, len(weights) == 4, 1, 0.0, train, False, batch_first)
    return states, last[0]


def _gru_forward(x: Tensor, h: Tensor, weights: list[Tensor]) -> tuple[Tensor, ...]:
    """The kernel for compiled graphs, as one operator for any number of steps; x is [T, B, D]."""
    return tuple(one.contiguous().clone() for one in _gru(x.contiguous(), h, tuple(weights), False, False))


def _gru_shapes(x: Tensor, h: Tensor, weights: list[Tensor]) -> tuple[Tensor, ...]:
    return x.new_empty(x.shape[0], *h.shape), h.new_empty(h.shape)


def _gru_backward(grads: list[Tensor], saved: list[Tensor]) -> list[Tensor]:
    """The gradients of x, h and the weights. The gates are computed anew, for all steps at once."""
    x, h, states, *weights = saved
    before = torch.cat((h[None], states[:-1]))
    entering = F.linear(x, weights[0], weights[2] if len(weights) == 4 else None).chunk(3, -1)
    own = F.linear(before, weights[1], weights[3] if len(weights) == 4 else None).chunk(3, -1)
    r, z = (torch.sigmoid(one + other) for one, other in zip(entering[:2], own[:2], strict=True))
    n = torch.tanh(torch.addcmul(entering[2], r, own[2]))
    to_new, to_update = (1 - z) * (1 - n * n), (before - n) * z * (1 - z)
    to_reset = to_new * own[2] * r * (1 - r)
    shares = torch.stack((to_reset, to_update, to_new * r), 2)
    whole = torch.empty_like(shares)
    dh, sums = grads[1], torch.empty_like(states)
    for t in reversed(range(x.shape[0])):
        torch.add(dh, grads[0][t], out=sums[t])
        torch.mul(shares[t], sums[t][:, None], out=whole[t])
        dh = torch.addcmul(whole[t].flatten(1) @ weights[1], sums[t], z[t])
    inner = whole.flatten(2)
    outer = torch.cat((inner[..., : 2 * h.shape[1]], sums * to_new), 2)
    sides = outer.flatten(0, 1), inner.flatten(0, 1)
    out = [outer @ weights[0], dh, sides[0].T @ x.flatten(0, 1), sides[1].T @ before.flatten(0, 1)]
    return out + [one.sum(0) for one in sides[: len(weights) - 2]]


def _gru_backward_shapes(grads: list[Tensor], saved: list[Tensor]) -> list[Tensor]:
    return [one.new_empty(one.shape) for one in (*saved[:2], *saved[3:])]


def _gru_save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:2], output[0], *inputs[2])


def _gru_gradients(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    operator: Any = torch.ops.archdsl.gru_backward
    dx, dh, *weights = operator(grads, ctx.saved_tensors)
    return dx, dh, weights


def _register_gru() -> None:
    """Once for all files that have it: a graph that is compiled keeps the operator that it was compiled with."""
    if hasattr(torch.ops.archdsl, "gru"):
        return
    forward = "(Tensor x, Tensor h, Tensor[] weights) -> (Tensor, Tensor)"
    backward = "(Tensor[] grads, Tensor[] saved) -> Tensor[]"
    made: Any = torch.library.custom_op("archdsl::gru", _gru_forward, mutates_args=(), schema=forward)
    made.register_fake(_gru_shapes)
    made.register_autograd(_gru_gradients, setup_context=_gru_save)
    made = torch.library.custom_op("archdsl::gru_backward", _gru_backward, mutates_args=(), schema=backward)
    made.register_fake(_gru_backward_shapes)


_register_gru()
