"""Where an operator writes its tangent rule: tensors that carry a tangent, and the tape that they are on.

A tensor `x` of a rule stands for a value of the graph. `x.d` is its tangent, a tensor without one, or None where it is zero;
`x.plain` is the tensor without its tangent; `x.type` its type. `+ - * / ** -x` and comparisons are the language's, and every
function of one or more tensors is a method by its word, with its arguments by name: `x.sum(axis=-1, keepdim=True)`,
`a.matmul(b)`. What is made of tensors with tangents has one, by the rules of those operators, so that a rule may be the
operator's formula: `return (x * x.sigmoid()).d`. What of the formula the tangent does not need leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from archdsl.dims.facts import Facts

Traced = Any
"""A tensor of a rule."""


class TangentTape(Protocol):
    """Where a rule writes. `outputs` are the operator's results, without tangents, so that `exp` is `outputs[0] * x.d`."""

    outputs: tuple[Traced, ...]

    @property
    def facts(self) -> Facts:
        """The facts in force."""

    def op(self, word: str, *operands: Traced | float | None, **arguments: Any) -> Traced:
        """An operator of that word on these; a tuple where it gives several."""

    def param(self, leaf: str) -> Traced:
        """A tensor this layer owns; it has no tangent."""

    def again(self, *operands: Traced) -> Traced:
        """The layer itself on other tensors, without tangents."""

    def instead(self, *outputs: Traced) -> None:
        """Tensors that replace the operator's own results: for what draws, whose draw the tangent must share."""

    def scan(
        self, body: Callable[..., tuple[tuple[Traced, ...], tuple[Traced, ...]]], xs: list[Traced], carries: list[Traced],
        captured: list[Traced], *, axis: int, reverse: bool = False,
    ) -> tuple[Traced, ...]:  # fmt: skip
        """A scan over an axis: `body` makes of the slices, the carries and the captured tensors the next carries and the
        yields. The stacked yields, then the last carries."""

    def training(self, on: Callable[..., Traced], off: Callable[..., Traced], *operands: Traced) -> Traced:
        """`on` of the operands in training mode, `off` of them in evaluation; both give one tensor, without a tangent."""
