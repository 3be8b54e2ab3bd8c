"""Recurrences step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def scan(
    step: Callable[..., tuple[Tensor, ...]],
    carries: tuple[Tensor, ...],
    sequences: tuple[Tensor, ...],
    axes: tuple[int, ...],
    stacked: tuple[int, ...] = (),
    reverse: bool = False,
    layers: tuple[nn.Module, ...] = (),
) -> tuple[Tensor, ...]:
    """`*carries, *yields = step(*carries, *slices)` for the slices of the sequences along their axes, one after the other: the
    last carries, and the yields of all steps, each stacked along its axis. With `reverse` from the last step to the first.

    Under `torch.compile` it is PyTorch's own scan: one graph for any number of steps. `layers` are what `step` calls that has
    numbers of its own, such as a probability.
    """
    if sequences[0].shape[axes[0]] == 0:  # one step on zeros tells the shapes
        like = step(*carries, *(one.new_zeros(one.movedim(axis, 0).shape[1:]) for one, axis in zip(sequences, axes, strict=True)))
        yields = like[len(carries) :]
        return *carries, *(
            one.new_empty(*one.shape[:axis], 0, *one.shape[axis:]) for one, axis in zip(yields, stacked, strict=True)
        )
    if torch.compiler.is_compiling():
        _fix_numbers(layers)
        made = _in_one_graph(step, carries, [one.movedim(axis, 0) for one, axis in zip(sequences, axes, strict=True)], reverse)
        return *made[: len(carries)], *(one.movedim(0, axis) for one, axis in zip(made[len(carries) :], stacked, strict=True))
    walked = list(zip(*(one.unbind(axis) for one, axis in zip(sequences, axes, strict=True)), strict=True))
    lists: list[list[Tensor]] = [[] for _ in stacked]
    for slices in reversed(walked) if reverse else walked:
        done = step(*carries, *slices)
        carries, yields = done[: len(carries)], done[len(carries) :]
        for steps, one in zip(lists, yields, strict=True):
            steps.append(one)
    return *carries, *(torch.stack(one[::-1] if reverse else one, axis) for one, axis in zip(lists, stacked, strict=True))


def _fix_numbers(layers: tuple[nn.Module, ...]) -> None:
    """The numbers of layers as constants: PyTorch's operator takes none that a compiler keeps open, and one in a set has a value.

    Another number is then another graph.
    """
    for layer in (one for top in layers for one in top.modules()):
        for name, number in list(vars(layer).items()):
            if isinstance(number, float):
                (known,) = {number}
                setattr(layer, name, known)


def _in_one_graph(
    step: Callable[..., tuple[Tensor, ...]], carries: tuple[Tensor, ...], sequences: list[Tensor], reverse: bool
) -> list[Tensor]:
    """The same by PyTorch's operator, sequences and yields with the axis of the steps first.

    It wants new memory for each result of a step, and a gradient for each: what has none, such as a number of a word, goes
    through it as a float, exact up to 2**53, and gets that of a zero that is carried too.
    """
    from torch._higher_order_ops import scan as operator

    count = len(carries)
    like = step(*carries, *(one[0] for one in sequences))
    zero: Any = torch.zeros((), device=carries[0].device if carries else sequences[0].device)

    def through(one: Tensor, zero: Tensor) -> Tensor:
        if not one.is_floating_point():
            one = one.to(torch.float64)
        if not one.requires_grad:
            one = one + zero.to(one.dtype)
        return one.clone(memory_format=torch.contiguous_format)

    def combine(before: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        made = step(*(one.to(other.dtype) for one, other in zip(before[:count], carries, strict=True)), *slices)
        made = tuple(through(one, before[count]) for one in made)
        return [*made[:count], before[count].clone()], list(made[count:])

    start = [through(one, zero) for one in carries]
    last, yields = operator(combine, [*start, zero], [one.contiguous() for one in sequences], reverse=reverse)
    return [one.to(other.dtype) for one, other in zip((*last[:count], *yields), like, strict=True)]
