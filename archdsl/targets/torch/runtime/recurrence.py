"""What solved recurrences have in common: their states in chunks side by side, their gradients, their operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Recurrence(NamedTuple):
    """A kind of recurrence `h[t] = f(a[t], b[t], h[t - 1])` over [T, …]."""

    name: str
    states: Callable[[Tensor, Tensor, Tensor, bool], Tensor]
    """From a, b, the first state and whether it runs from the last step to the first: all states [T + 1, …], that among them."""
    gradients: Callable[[Tensor, Any, Tensor, Tensor, bool], tuple[Tensor, Tensor, Tensor]]
    """From a, b, the states before the steps and the gradients onto those after: those of a, b and the first state."""
    front: int = 0
    """How many axes a has more than b."""
    reads_term: bool = False
    """Whether `gradients` needs b."""


def solved(kind: Recurrence, a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The states before the steps and those after them, both [T, …], and the last. a and b may have 1 in place of any size."""
    a, b, start = promoted(a, b, start)
    rank = start.dim()
    long = [one.shape[0] for one, own in ((a, rank + kind.front), (b, rank)) if one.dim() > own]
    steps = next((size for size in long if size != 1), long[0])
    a, b = a.expand(steps, *start.shape[: kind.front], *start.shape), b.expand(steps, *start.shape)
    _, before, after, last = states_of(kind, a, b, start, reverse)
    return before, after, last


def promoted(*parts: Tensor) -> tuple[Tensor, ...]:
    """All in the widest of their types: under autocast some are in half precision, of which many steps would lose the rest."""
    dtype = parts[0].dtype
    for one in parts:
        dtype = torch.promote_types(dtype, one.dtype)
    return tuple(one.to(dtype) for one in parts)


def states_of(kind: Recurrence, a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Any:
    """All states [T + 1, …], those before the steps, those after them, and the last."""
    if torch.compiler.is_compiling() or b.is_meta:
        states = getattr(torch.ops.archdsl, kind.name)(a, b, start, reverse)
        return states, *before_after_last(states, reverse)
    return _Solved.apply(kind, a, b, start, reverse)  # type: ignore[no-untyped-call]


def before_after_last(states: Tensor, reverse: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Of all states [T + 1, …], those before the steps and those after them, both [T, …], and the last."""
    return (states[1:], states[:-1], states[0]) if reverse else (states[:-1], states[1:], states[-1])


class _Solved(torch.autograd.Function):
    """Slices of the states beside them: their gradients then need no copies."""

    @staticmethod
    def forward(ctx: Any, kind: Recurrence, a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> tuple[Tensor, ...]:
        states = kind.states(a, b, start, reverse)
        before, after, last = before_after_last(states, reverse)
        ctx.save_for_backward(a, b if kind.reads_term else None, before)
        ctx.kind, ctx.reverse = kind, reverse
        ctx.set_materialize_grads(False)
        return states, before, after, last

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        a, b, before = ctx.saved_tensors
        onto = onto_states(before, grads, ctx.reverse)
        found = ctx.kind.gradients(a, b, before, onto, ctx.reverse)
        return None, found[0], found[1], onto_start(found[2], len(before), grads, ctx.reverse), None


def register(kind: Recurrence) -> None:
    """The operator that `torch.compile` sees, for any number of steps: once for all files that have it."""
    if hasattr(torch.ops.archdsl, kind.name):
        return

    def shape(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
        return b.new_empty(b.shape[0] + 1, *start.shape)

    def save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], inputs[1] if kind.reads_term else None, output)
        ctx.reverse = inputs[3]

    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        a, b, states = ctx.saved_tensors
        before, _, _ = before_after_last(states, ctx.reverse)
        _, onto, _ = before_after_last(grad, ctx.reverse)
        found = kind.gradients(a, b, before, onto, ctx.reverse)
        return found[0], found[1], found[2] + (grad[-1] if ctx.reverse else grad[0]), None

    schema = "(Tensor a, Tensor b, Tensor start, bool reverse) -> Tensor"
    made: Any = torch.library.custom_op(f"archdsl::{kind.name}", kind.states, mutates_args=(), schema=schema)
    made.register_fake(shape)
    made.register_autograd(backward, setup_context=save)


def chunked_states(
    a: Tensor,
    b: Tensor,
    start: Tensor,
    reverse: bool,
    step: Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor],
    join: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """All states [T + 1, …] of a recurrence with `step(a[t], b[t], state, out)`, among them the first one, `start`.

    `join(later, whole)` is the coefficient of steps in one, and a later one; it may overwrite `whole`. With `reverse` it runs
    from the last step to the first.
    """
    steps = b.shape[0]
    states = b.new_empty(steps + 1, *start.shape)
    states[-1 if reverse else 0] = start
    turn, places, state = (-1, states[:-1], states[-1]) if reverse else (1, states[1:], states[0])
    most = max(2**17 // max(start.numel(), 1), 1) ** 2  # of more steps, what is walked side by side would not fit the cache
    pieces = -(-steps // most)
    size = -(-steps // max(pieces, 1))
    for first in range(0, steps, max(size, 1))[::turn]:
        piece = slice(first, first + size)
        state = _chunked_piece(a[piece], b[piece], places[piece], state, turn, step, join)
    return states


def _chunked_piece(
    a: Tensor,
    b: Tensor,
    places: Tensor,
    state: Tensor,
    turn: int,
    step: Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor],
    join: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Fill the places of the states after the steps, and give the last of them.

    Chunks of about the root of T steps are first walked side by side for where each ends, then again, each from the end of the
    one before.
    """
    steps = b.shape[0]
    length = int(steps**0.5) if steps >= 128 else 1  # a loop over fewer steps is as fast
    main = steps // length * length if length > 1 else 0
    if main:
        walked = slice(steps - main, None) if turn < 0 else slice(main)
        sides = [one[walked].unflatten(0, (-1, length)).unbind(1)[::turn] for one in (a, b, places)]
        end, whole = sides[1][0].clone(), sides[0][0].clone()
        for factor, term in zip(sides[0][1:], sides[1][1:], strict=True):
            end = step(factor, term, end, end)
            whole = join(factor, whole)
        if torch.isfinite(whole).all():  # one beyond all numbers would spoil a state of zero
            begins = [state]
            for factor, term in zip(whole.unbind(0)[::turn], end.unbind(0)[::turn], strict=True):
                begins.append(step(factor, term, begins[-1], None))
            now = torch.stack(begins[:-1][::turn])
            for factor, term, place in zip(*sides, strict=True):
                now = step(factor, term, now, place)
            state = begins[-1]
        else:
            main = 0
    rest = slice(steps - main) if turn < 0 else slice(main, None)
    for factor, term, place in zip(*(one[rest].unbind(0)[::turn] for one in (a, b, places)), strict=True):
        state = step(factor, term, state, place)
    return state


def onto_states(like: Tensor, grads: tuple[Tensor | None, ...], reverse: bool) -> Tensor:
    """The gradient onto the states after the steps, `like` [T, …], from those onto all states, before, after, and the last."""
    grad_states, grad_before, onto, grad_last = grads
    if grad_states is not None:
        more = grad_states[:-1] if reverse else grad_states[1:]
        onto = more if onto is None else onto + more
    if grad_before is not None:  # the state before a step is that after the one before
        none = torch.zeros_like(grad_before[:1])
        more = torch.cat([none, grad_before[:-1]] if reverse else [grad_before[1:], none])
        onto = more if onto is None else onto + more
    if onto is None:
        onto = torch.zeros_like(like)
    if grad_last is not None:
        first = torch.zeros_like(onto[1:])
        onto = onto + torch.cat([grad_last[None], first] if reverse else [first, grad_last[None]])
    return onto


def onto_start(found: Tensor, steps: int, grads: tuple[Tensor | None, ...], reverse: bool) -> Tensor:
    """The gradient of the first state: what the steps found and what comes onto itself, which without steps is the last too."""
    grad_states, grad_before, _, grad_last = grads
    for one in (grad_states, grad_before if steps else None):
        if one is not None:
            found = found + one[-1 if reverse else 0]
    return found if steps or grad_last is None else found + grad_last
