"""Recurrences with a state too large to keep for all steps, of which only sums come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from archdsl.targets.torch.runtime.affine_scan import affine_scan


def contracted_scan(
    coefficients: Callable[..., tuple[Tensor, Tensor]],
    given: tuple[Tensor, ...],
    weights: Tensor,
    start: Tensor,
    axes: tuple[int, ...],
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """`h[t] = a[t] * h[t - 1] + b[t]` with `a, b = coefficients(*given)`, element by element, of which only sums are kept:
    `y[t] = (h[t] * weights[t]).sum(axes)`. All y [T, …] and the last h, of the first h, `start` […].

    The tensors of `given`, and `weights`, have the axis of the steps and all axes of h, where they may be of size 1, or they are
    the same in each step and broadcast to h. About 2 * sqrt(T) states are kept at most: the backward pass makes them again, a
    run of steps at a time.
    """
    rank = start.dim()
    kept = [axis for axis in range(rank) if axis not in axes]
    whole = torch.compiler.is_compiling() or start.is_meta
    if not whole:  # a compiler knows no sizes to sort by, and chooses its own order
        kept.sort(key=lambda axis: start.shape[axis])
    order = (*kept[:-1], *axes, *kept[-1:])  # the longest axis that stays comes last: products and sums run along memory
    summed = tuple(range(len(kept[:-1]), len(kept[:-1]) + len(axes)))
    state, *parts = (_ordered(one, order) for one in (start, weights, *given))
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
    a, b = (one.expand(steps, *state.shape) for one in coefficients(*given))
    _, after, last = affine_scan(a, b, state)
    return (after * weights).sum([axis + 1 for axis in summed]), last


def _count(state: Tensor, *parts: Tensor) -> int:
    """How many steps there are."""
    return next(one.shape[0] for one in parts if one.dim() > state.dim())


def _run(one: Tensor, rank: int, steps: slice) -> Tensor:
    """What belongs to a run of steps; all of it where it has no axis of steps."""
    return one[steps] if one.dim() > rank else one


def _each(one: Tensor, rank: int, steps: int) -> tuple[Tensor, ...]:
    return one.unbind(0) if one.dim() > rank else (one,) * steps


class _ContractedScan(torch.autograd.Function):
    """Saves the state before each run of about sqrt(T) steps."""

    @staticmethod
    def forward(
        ctx: Any, coefficients: Any, summed: tuple[int, ...], state: Tensor, weights: Tensor, *given: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, rank, saving = _count(state, weights, *given), state.dim(), any(ctx.needs_input_grad)
        length = max(int(steps**0.5), 1)
        y = state.new_empty(steps, *(size for axis, size in enumerate(state.shape) if axis not in summed))
        now, starts = state.clone(), []
        matrix, row, places, weight_rank = now, weights, y, rank
        product = rank > 2 and summed == (rank - 2,) and weights.shape[-1] == 1  # the sum is a row times a matrix
        if product:
            row = weights.expand(*weights.shape[:-rank], *state.shape[:-1], 1).mT.flatten(-rank, -3)
            matrix, places, weight_rank = now.flatten(0, -3), y.unsqueeze(-2).flatten(1, -3), 3
        slices = (_each(one, rank, steps) for one in given)
        walked = zip(places.unbind(0), _each(row, weight_rank, steps), *slices, strict=True)
        for step, (place, weight, *parts) in enumerate(walked):
            if saving and step % length == 0:
                starts.append(now.clone())
            a, b = coefficients(*parts)
            torch.addcmul(b, a, now, out=now)
            if product:
                torch.bmm(weight, matrix, out=place)
            else:
                torch.sum(now * weight, summed, out=place)
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
        for axis in ctx.summed:
            grad_y = grad_y.unsqueeze(axis + 1)
        for index in reversed(range(count)):
            run = slice(index * length, min((index + 1) * length, steps))
            with torch.enable_grad():
                parts = [_run(one, rank, run).detach().requires_grad_() for one in given]
                coefficients = ctx.coefficients(*parts)
            size = (run.stop - run.start, *later.shape)
            a, b = (one.detach().expand(size) for one in coefficients)
            states = later.new_empty(size[0] + 1, *later.shape)
            states[0] = starts[index]
            for step in range(size[0]):
                torch.addcmul(b[step], a[step], states[step], out=states[step + 1])
            weight, outer = _run(weights, rank, run), grad_y[run]
            grad_states = (weight * outer).expand(size).contiguous()
            for step in reversed(range(size[0])):
                grad_states[step] += later
                torch.mul(grad_states[step], a[step], out=later)
            outside = (grad_states * states[:-1], grad_states)
            onto = [one.sum_to_size(other.shape) for one, other in zip(outside, coefficients, strict=True)]
            found = torch.autograd.grad(coefficients, parts, onto, materialize_grads=True)
            shares = ((states[1:] * outer).sum_to_size(weight.shape), *found)
            for total, share in zip(grads, shares, strict=True):
                _run(total, rank, run).add_(share)
        return None, None, later, *grads
