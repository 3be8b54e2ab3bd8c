"""Recurrences that are affine, or max-plus, in their state, for all steps at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def affine_scan(a: Tensor, b: Tensor, start: Tensor, reverse: bool = False) -> Tensor:
    """`h[t] = a[t] * h[t - 1] + b[t]` of [T, …] and the first state […]: all states, the first included, [T + 1, …].

    a and b may have 1 in place of any size. With `reverse` it runs from the last step to the first, and the first state comes
    last. Without logarithms and without division, so zeros and signs are exact.
    """
    a, b = _stretched(a, b, start)
    if torch.compiler.is_compiling() or b.is_meta:
        return _affine_loop(a, b, start, reverse)
    states: Tensor = _AffineScan.apply(a, b, start, reverse)  # type: ignore[no-untyped-call]
    return states


def maxplus_scan(a: Tensor, b: Tensor, start: Tensor, reverse: bool = False) -> Tensor:
    """`h[t] = maximum(h[t - 1] + a[t], b[t])` of [T, …] and the first state […]: all states, the first included, [T + 1, …]."""
    a, b = _stretched(a, b, start)
    if reverse:
        return maxplus_scan(a.flip(0), b.flip(0), start).flip(0)
    if torch.compiler.is_compiling() or b.is_meta:
        return _maxplus_loop(a, b, start)
    states: Tensor = _MaxPlusScan.apply(a, b, start)  # type: ignore[no-untyped-call]
    return states


def _stretched(a: Tensor, b: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Both with all their axes and sizes."""
    steps = b.shape[0] if b.dim() > start.dim() and b.shape[0] != 1 else a.shape[0] if a.dim() > start.dim() else b.shape[0]
    return a.expand(steps, *start.shape), b.expand(steps, *start.shape)


def _affine_loop(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    states, turn = [start], -1 if reverse else 1
    for one, other in zip(a.unbind(0)[::turn], b.unbind(0)[::turn], strict=True):
        states.append(torch.addcmul(other, one, states[-1]))
    return torch.stack(states[::turn])


def _maxplus_loop(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    states = [start]
    for one, other in zip(a.unbind(0), b.unbind(0), strict=True):
        states.append(torch.maximum(states[-1] + one, other))
    return torch.stack(states)


def _chunks(steps: int) -> tuple[int, int]:
    """How many chunks, and how long: about the root of the number of steps; none where a loop is as fast."""
    length = int(steps**0.5)
    return (steps // length, length) if steps >= 128 else (0, 1)


def _affine(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    """All states. Chunks are first walked side by side for where each ends, then again, each from the end of the one before."""
    steps = b.shape[0]
    states = b.new_empty(steps + 1, *start.shape)
    turn, places = (-1, states[:-1]) if reverse else (1, states[1:])
    states[-1 if reverse else 0] = state = start
    count, length = _chunks(steps)
    main = count * length
    if main:
        walked = slice(steps - main, None) if reverse else slice(main)
        sides = [one[walked].unflatten(0, (count, length)).unbind(1)[::turn] for one in (a, b, places)]
        end, product = sides[1][0].clone(), sides[0][0].clone()
        for factor, term in zip(sides[0][1:], sides[1][1:], strict=True):
            torch.addcmul(term, factor, end, out=end)
            product *= factor
        if torch.isfinite(product).all():  # a product beyond all numbers would spoil a state of zero
            begins = [start]
            for one, other in zip(end.unbind(0)[::turn], product.unbind(0)[::turn], strict=True):
                begins.append(torch.addcmul(one, other, begins[-1]))
            now = torch.stack(begins[:-1][::turn])
            for factor, term, place in zip(*sides, strict=True):
                now = torch.addcmul(term, factor, now, out=place)
            state = begins[-1]
        else:
            main = 0
    rest = slice(steps - main) if reverse else slice(main, None)
    for factor, term, place in zip(*(one[rest].unbind(0)[::turn] for one in (a, b, places)), strict=True):
        state = torch.addcmul(term, factor, state, out=place)
    return states


def _maxplus(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """All states, in the same two passes: sums in place of products, the larger in place of sums."""
    steps = b.shape[0]
    states = b.new_empty(steps + 1, *start.shape)
    states[0] = start
    count, length = _chunks(steps)
    main = count * length
    if main:
        terms, bounds = (one[:main].unflatten(0, (count, length)).unbind(1) for one in (a, b))
        end, total = bounds[0].clone(), terms[0].clone()
        for term, bound in zip(terms[1:], bounds[1:], strict=True):
            end += term
            torch.maximum(end, bound, out=end)
            total += term
        begins = [start]
        for chunk in range(count - 1):
            begins.append(torch.maximum(begins[-1] + total[chunk], end[chunk]))
        if torch.isfinite(total).all():
            state = torch.stack(begins)
            for term, bound, place in zip(
                terms, bounds, states[1 : main + 1].unflatten(0, (count, length)).unbind(1), strict=True
            ):
                state = torch.maximum(state + term, bound, out=place)
        else:
            main = 0
    for t in range(main, steps):
        torch.maximum(states[t] + a[t], b[t], out=states[t + 1])
    return states


class _AffineScan(torch.autograd.Function):
    """The backward pass is the same recurrence the other way round."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
        states = _affine(a, b, start, reverse)
        ctx.save_for_backward(a, states)
        ctx.reverse = reverse
        return states

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        a, states = ctx.saved_tensors
        if ctx.reverse:
            whole = affine_scan(a, grad[1:], grad[0])
            return whole[:-1] * states[1:], whole[:-1], whole[-1], None
        whole = affine_scan(a, grad[:-1], grad[-1], reverse=True)
        return whole[1:] * states[:-1], whole[1:], whole[0], None


class _MaxPlusScan(torch.autograd.Function):
    """The gradient goes to the larger side, and to both by halves where they are equal."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, start: Tensor) -> Tensor:
        states = _maxplus(a, b, start)
        ctx.save_for_backward(a, b, states)
        return states

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, b, states = ctx.saved_tensors
        kept = states[:-1] + a
        share = (kept > b).to(grad.dtype) + (kept == b).to(grad.dtype) * 0.5
        whole = affine_scan(share, grad[:-1], grad[-1], reverse=True)
        return whole[1:] * share, whole[1:] * (1 - share), whole[0]
