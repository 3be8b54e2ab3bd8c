"""Recurrences that are affine in several states together, for all steps at once."""

from __future__ import annotations

import torch
from torch import Tensor

from archdsl.targets.torch.runtime.recurrence import Recurrence, chunked_states, register, solved, states_of


def matrix_scan(
    matrix: tuple[tuple[Tensor | float, ...], ...],
    terms: tuple[Tensor | float, ...],
    starts: tuple[Tensor, ...],
    reverse: bool = False,
) -> tuple[Tensor, ...]:
    """Of n states together, element by element, `h[t] = matrix[t] @ h[t - 1] + terms[t]`, from the first ones, `starts` […].

    The n * n coefficients and the n terms broadcast to [T, …]. The n sequences of states before the steps, the n of those after
    them, and the n last states. With `reverse` it runs from the last step to the first.
    """
    if starts[0].device.type == "cpu" and not torch.compiler.is_compiling() and starts[0].numel() > 2048:
        return _walked(matrix, terms, starts, reverse)
    start = torch.stack(starts)
    a = _stacked(tuple(one for row in matrix for one in row), starts[0]).unflatten(1, (len(starts), len(starts)))
    b = _stacked(terms, starts[0])
    before, after, last = solved(_MATRIX, a, b, start, reverse)
    return *before.unbind(1), *after.unbind(1), *last.unbind(0)


def _walked(
    matrix: tuple[tuple[Tensor | float, ...], ...], terms: tuple[Tensor | float, ...], starts: tuple[Tensor, ...], reverse: bool
) -> tuple[Tensor, ...]:
    """The same step by step: of large states an operator takes longer than to call it, and chunks have more to compute."""
    rank = starts[0].dim()
    long = [one for one in (*terms, *(one for row in matrix for one in row)) if isinstance(one, Tensor) and one.dim() > rank]
    steps = max(one.shape[0] for one in long) if all(one.shape[0] for one in long) else 0

    def each(one: Tensor | float) -> tuple[Tensor | float, ...]:
        if not isinstance(one, Tensor) or one.dim() <= rank:
            return (one,) * steps
        return one.unbind(0)[:steps] if one.shape[0] != 1 else (one[0],) * steps

    sequences = [[each(one) for one in (term, *row)] for term, row in zip(terms, matrix, strict=True)]
    now, states = list(starts), [starts]
    for t in range(steps)[:: -1 if reverse else 1]:
        after = []
        for term, *row in sequences:
            made = term[t]
            for factor, one in zip(row, now, strict=True):
                if not isinstance(factor[t], float | int) or factor[t] != 0:
                    made = made + factor[t] * one
            after.append(made.expand_as(now[0]) if isinstance(made, Tensor) else torch.full_like(now[0], made))
        now = after
        states.append(tuple(now))
    whole = [torch.stack(one[:: -1 if reverse else 1]) for one in zip(*states, strict=True)]
    parts = [(one[1:], one[:-1], one[0]) if reverse else (one[:-1], one[1:], one[-1]) for one in whole]
    return tuple(one for kind in zip(*parts, strict=True) for one in kind)


def _stacked(parts: tuple[Tensor | float, ...], like: Tensor) -> Tensor:
    """The parts beside each other, [T, parts, …], with 1 for T where they are the same in each step."""
    tensors = torch.broadcast_tensors(*(one if isinstance(one, Tensor) else like.new_tensor(one) for one in parts))
    rank = like.dim() + 1
    return torch.stack([one[(None,) * (rank - one.dim())] for one in tensors], 1)


def _matrix_states(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    axis = -start.dim()  # of a vector's elements; a matrix has its rows before it and its columns there

    def step(factor: Tensor, term: Tensor, state: Tensor, out: Tensor | None) -> Tensor:
        for column, one in zip(factor.unbind(axis), state.unbind(axis), strict=True):
            term = torch.addcmul(term, column, one.unsqueeze(axis))
        return term if out is None else out.copy_(term)

    def product(later: Tensor, whole: Tensor) -> Tensor:
        columns, rows = later.unbind(axis), whole.unbind(axis - 1)
        made = columns[0].unsqueeze(axis) * rows[0].unsqueeze(axis - 1)
        for column, row in zip(columns[1:], rows[1:], strict=True):
            made.addcmul_(column.unsqueeze(axis), row.unsqueeze(axis - 1))
        return made

    return chunked_states(a, b, start, reverse, step, product)


def _matrix_gradients(a: Tensor, b: None, before: Tensor, onto: Tensor, reverse: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The transposed recurrence the other way round."""
    if not before.shape[0]:
        return torch.zeros_like(a), before, before.new_zeros(before.shape[1:])
    turned = a.transpose(1, 2)
    rest, inner, end = (turned[:-1], onto[1:], onto[0]) if reverse else (turned[1:], onto[:-1], onto[-1])
    whole = states_of(_MATRIX, rest, inner, end, not reverse)[0]
    first = turned[-1] * whole[-1] if reverse else turned[0] * whole[0]
    return whole.unsqueeze(2) * before.unsqueeze(1), whole, first.sum(1)


_MATRIX = Recurrence("matrix", _matrix_states, _matrix_gradients, front=1)
register(_MATRIX)
