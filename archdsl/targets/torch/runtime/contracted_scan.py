"""Recurrences with a state too large to keep for all steps, of which only sums come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from archdsl.targets.torch.runtime.affine_scan import affine_scan
from archdsl.targets.torch.runtime.recurrence import promoted


def contracted_scan(
    coefficients: Callable[..., tuple[Tensor, Tensor]],
    given: tuple[Tensor, ...],
    weights: Tensor,
    start: Tensor,
    axes: tuple[int, ...],
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """`h[t] = a[t] * h[t - 1] + b[t]`, element by element, with `a, b = coefficients(*given, (None, None))`, of which only sums
    are kept: `y[t] = (h[t] * weights[t]).sum(axes)`. All y [T, …] and the last h, of the first h, `start` […].

    In the place of the pair `coefficients` may be given where to write a and b. The tensors of `given`, and `weights`, have the
    axis of the steps and all axes of h, where they may be of size 1, or they are the same in each step and broadcast to h. About
    2 * sqrt(T) states are kept at most: the backward pass makes them again, a run of steps at a time.
    """
    rank = start.dim()
    kept = [axis for axis in range(rank) if axis not in axes]
    whole = torch.compiler.is_compiling() or start.is_meta
    if not whole:  # a compiler knows no sizes to sort by, and chooses its own order
        kept.sort(key=lambda axis: start.shape[axis])
    order = (*kept[:-1], *axes, *kept[-1:])  # the longest axis that stays comes last: products and sums run along memory
    summed = tuple(range(len(kept[:-1]), len(kept[:-1]) + len(axes)))
    state, *parts = (_ordered(one, order) for one in promoted(start, weights, *given))
    if reverse:
        parts = [one.flip(0) if one.dim() > rank else one for one in parts]
    if whole:
        y, last = _kept_scan(coefficients, summed, state, *parts)
    else:
        y, last = _ContractedScan.apply(coefficients, summed, state, *parts)  # type: ignore[no-untyped-call]
    y = y.permute(0, *(1 + kept.index(axis) for axis in sorted(kept)))
    return y.flip(0) if reverse else y, last.permute(tuple(order.index(axis) for axis in range(rank)))


def _ordered(one: Tensor, order: tuple[int, ...]) -> Tensor:
    """With the state's axes in this order, in memory too unless it has the axis of the steps before them."""
    if one.dim() > len(order):
        return one.permute(0, *(axis + 1 for axis in order))
    return one[(None,) * (len(order) - one.dim())].permute(order).contiguous()


def _kept_scan(
    coefficients: Callable[..., tuple[Tensor, Tensor]], summed: tuple[int, ...], state: Tensor, weights: Tensor, *given: Tensor
) -> tuple[Tensor, Tensor]:
    """The same with all states kept: for a compiler, which fuses what it can, and for gradients of gradients."""
    steps = _count(state, weights, *given)
    a, b = (one.expand(steps, *state.shape) for one in coefficients(*given, (None, None)))
    _, after, last = affine_scan(a, b, state)
    return (after * weights).sum([axis + 1 for axis in summed]), last


def _count(state: Tensor, *parts: Tensor) -> int:
    """How many steps there are."""
    return next(one.shape[0] for one in parts if one.dim() > state.dim())


def _run(one: Tensor, rank: int, steps: slice) -> Tensor:
    """What belongs to a run of steps; all of it where it has no axis of steps."""
    return one[steps] if one.dim() > rank else one


def _reader(y: Tensor, weights: Tensor, state: Tensor, summed: tuple[int, ...]) -> Callable[[slice, Tensor, Tensor], None]:
    """Writes the sums of a run of steps to their places in y, of a tensor that it may write over and of the states."""
    rank = state.dim()
    if rank < 3 or summed != (rank - 2,) or weights.shape[-1] != 1:

        def sums(steps: slice, free: Tensor, states: Tensor) -> None:
            weighted = torch.mul(states, _run(weights, rank, steps), out=free)
            torch.sum(weighted, [axis + 1 for axis in summed], out=y[steps])

        return sums
    lines = weights.expand(len(y), *state.shape[:-1], 1).mT.flatten(1, -3).contiguous()  # each sum is a row times a matrix

    def products(steps: slice, free: Tensor, states: Tensor) -> None:
        torch.bmm(lines[steps].flatten(0, 1), states.flatten(0, -3), out=y[steps].flatten(0, -2).unsqueeze(1))

    return products


class _ContractedScan(torch.autograd.Function):
    """Saves the state before each run of about sqrt(T) steps."""

    @staticmethod
    def forward(
        ctx: Any, coefficients: Any, summed: tuple[int, ...], state: Tensor, weights: Tensor, *given: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, rank, saving = _count(state, weights, *given), state.dim(), any(ctx.needs_input_grad)
        length = max(int(steps**0.5), 1)
        most = max(min(length // 2, 2**18 // max(state.numel(), 1)), 1)  # of more steps, the coefficients would not fit the cache
        factors, terms = state.new_empty(2, most, *state.shape)
        rows = list(zip(factors.unbind(0), terms.unbind(0), strict=True))
        y = state.new_empty(steps, *(size for axis, size in enumerate(state.shape) if axis not in summed))
        read = _reader(y, weights, state, summed)
        now, starts = state.clone(), []
        for begin in range(0, steps, length):
            if saving:
                starts.append(now.clone())
            end = min(begin + length, steps)
            for first in range(begin, end, most):
                piece = slice(first, min(first + most, end))
                count = piece.stop - first
                places = factors[:count], terms[:count]
                for place, made in zip(places, coefficients(*(_run(one, rank, piece) for one in given), places), strict=True):
                    if made is not place:
                        place.copy_(made)
                before = now
                for factor, term in rows[:count]:  # each state takes the place of its term
                    before = torch.addcmul(term, factor, before, out=term)
                now.copy_(before)
                read(piece, *places)
        ctx.coefficients, ctx.summed, ctx.steps, ctx.length = coefficients, summed, steps, length
        ctx.save_for_backward(state, weights, *given, *starts)
        return y, now

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor, grad_last: Tensor) -> Any:
        saved, rank, steps, length = ctx.saved_tensors, grad_last.dim(), ctx.steps, ctx.length
        count = -(-steps // length)
        inputs, starts = saved[: len(saved) - count], saved[len(saved) - count :]
        if torch.is_grad_enabled():
            made = _kept_scan(ctx.coefficients, ctx.summed, *inputs)
            wanted = [one for one in inputs if one.requires_grad]
            again = iter(torch.autograd.grad(made, wanted, (grad_y, grad_last), create_graph=True, materialize_grads=True))
            return None, None, *(next(again) if one.requires_grad else None for one in inputs)
        _, weights, *given = inputs
        grads = [torch.zeros_like(one) for one in (weights, *given)]
        later = grad_last.clone()
        states, grad_states, free = (later.new_empty(length + 1, *later.shape) for _ in range(3))
        for axis in ctx.summed:
            grad_y = grad_y.unsqueeze(axis + 1)
        for index in reversed(range(count)):
            run = slice(index * length, min((index + 1) * length, steps))
            with torch.enable_grad():
                parts = [_run(one, rank, run).detach().requires_grad_() for one in given]
                coefficients = ctx.coefficients(*parts, (None, None))
            weight, outer, size = _run(weights, rank, run), grad_y[run], run.stop - run.start
            factors, terms = (one.detach().expand(size, *later.shape).unbind(0) for one in coefficients)
            states[0] = starts[index]
            walked = states.unbind(0)
            for factor, term, before, after in zip(factors, terms, walked[:size], walked[1 : size + 1], strict=True):
                torch.addcmul(term, factor, before, out=after)
            torch.mul(weight.expand(size, *later.shape), outer, out=grad_states[:size])
            walked = grad_states[:size].unbind(0)
            walked[-1].add_(later)
            for factor, before, after in zip(factors[:0:-1], walked[-2::-1], walked[:0:-1], strict=True):
                torch.addcmul(before, factor, after, out=before)
            torch.mul(factors[0], walked[0], out=later)
            outside = (torch.mul(grad_states[:size], states[:size], out=free[:size]), grad_states[:size])
            onto = [one.sum_to_size(other.shape) for one, other in zip(outside, coefficients, strict=True)]
            shares = torch.autograd.grad(coefficients, parts, onto, materialize_grads=True)
            for total, share in zip(grads[1:], shares, strict=True):  # which may be `free` itself
                _run(total, rank, run).add_(share)
            share = torch.mul(states[1 : size + 1], outer, out=free[:size])
            _run(grads[0], rank, run).add_(share.sum_to_size(weight.shape))
        return None, None, later, *grads
