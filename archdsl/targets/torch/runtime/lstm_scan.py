"""An LSTM's recurrence by PyTorch's fused kernel, on weights that stand anywhere in the module."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
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
    x = x.flip(axis) if reverse else x
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        operator: Any = torch.ops.archdsl.lstm
        states, last, memory = operator(x.movedim(axis, 0), h, c, weights)
        states = states.movedim(0, axis)
    else:
        states, last, memory = _lstm(x, h, c, weights, torch.is_grad_enabled(), batch_first)
    return states.flip(axis) if reverse else states, last, memory


def _lstm(
    x: Tensor, h: Tensor, c: Tensor, weights: tuple[Tensor, ...], train: bool, batch_first: bool
) -> tuple[Tensor, Tensor, Tensor]:
    kernel: Any = torch.lstm
    states, last, memory = kernel(x, (h[None], c[None]), weights, len(weights) == 4, 1, 0.0, train, False, batch_first)
    return states, last[0], memory[0]


def _lstm_forward(x: Tensor, h: Tensor, c: Tensor, weights: list[Tensor]) -> tuple[Tensor, ...]:
    """The kernel for compiled graphs, as one operator for any number of steps; x is [T, B, D]."""
    return tuple(one.contiguous().clone() for one in _lstm(x.contiguous(), h, c, tuple(weights), False, False))


def _lstm_shapes(x: Tensor, h: Tensor, c: Tensor, weights: list[Tensor]) -> tuple[Tensor, ...]:
    return x.new_empty(x.shape[0], *h.shape), h.new_empty(h.shape), c.new_empty(c.shape)


def _lstm_backward(grads: list[Tensor], saved: list[Tensor]) -> list[Tensor]:
    """The gradients of x, h, c and the weights. The gates are computed anew, for all steps at once."""
    x, h, c, states, *weights = saved
    before = torch.cat((h[None], states[:-1]))
    biases = weights[2] + weights[3] if len(weights) == 4 else None
    gates = F.linear(x, weights[0], biases) + F.linear(before, weights[1])
    i, f, g, o = (one.contiguous() for one in gates.chunk(4, -1))
    for one in (i, f, o):
        one.sigmoid_()
    g.tanh_()
    kept, memory = torch.empty_like(states), c
    fresh = i * g
    for t in range(x.shape[0]):
        kept[t] = memory
        memory = torch.addcmul(fresh[t], f[t], memory)
    bent = torch.addcmul(fresh, f, kept).tanh_()
    to_gates = torch.stack((g * i * (1 - i), kept * f * (1 - f), i * (1 - g * g)), 2)
    to_output, to_memory = bent * o * (1 - o), o * (1 - bent * bent)
    whole = torch.empty_like(gates).view(*before.shape[:2], 4, -1)
    dh, dc = grads[1], grads[2]
    for t in reversed(range(x.shape[0])):
        dh = dh + grads[0][t]
        dc = torch.addcmul(dc, dh, to_memory[t])
        torch.mul(to_gates[t], dc[:, None], out=whole[t, :, :3])
        torch.mul(dh, to_output[t], out=whole[t, :, 3])
        dh, dc = whole[t].flatten(1) @ weights[1], dc * f[t]
    made = whole.flatten(2)
    flat = made.flatten(0, 1)
    out = [made @ weights[0], dh, dc, flat.T @ x.flatten(0, 1), flat.T @ before.flatten(0, 1)]
    return out + [flat.sum(0) for _ in weights[2:]]


def _lstm_backward_shapes(grads: list[Tensor], saved: list[Tensor]) -> list[Tensor]:
    return [one.new_empty(one.shape) for one in (*saved[:3], *saved[4:])]


def _lstm_save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:3], output[0], *inputs[3])


def _lstm_gradients(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    operator: Any = torch.ops.archdsl.lstm_backward
    dx, dh, dc, *weights = operator(grads, ctx.saved_tensors)
    return dx, dh, dc, weights


def _register_lstm() -> None:
    """Once for all files that have it: a graph that is compiled keeps the operator that it was compiled with."""
    if hasattr(torch.ops.archdsl, "lstm"):
        return
    forward = "(Tensor x, Tensor h, Tensor c, Tensor[] weights) -> (Tensor, Tensor, Tensor)"
    backward = "(Tensor[] grads, Tensor[] saved) -> Tensor[]"
    made: Any = torch.library.custom_op("archdsl::lstm", _lstm_forward, mutates_args=(), schema=forward)
    made.register_fake(_lstm_shapes)
    made.register_autograd(_lstm_gradients, setup_context=_lstm_save)
    made = torch.library.custom_op("archdsl::lstm_backward", _lstm_backward, mutates_args=(), schema=backward)
    made.register_fake(_lstm_backward_shapes)


_register_lstm()
