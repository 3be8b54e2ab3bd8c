"""The rewrite engine: a rule reads as the equation that it means, and is applied until nothing changes.

A pattern is made of `op` (an operator on patterns), `value` (any operand, captured under a name) and `number`. A rule has a
pattern, or several that are matched together; a check, which may refuse with a reason; and what stands for it, built with the
same operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.records import fresh, record

Producers = Mapping[str, tuple[Node, int]]
"""By the name of a value the node that makes it, and which of its results it is."""


@record
class Match:
    """What a pattern was found to be: operands and operators under the names that it gives them, and its nodes, roots first."""

    values: dict[str, Operand] = fresh(default_factory=dict)
    ops: dict[str, Op] = fresh(default_factory=dict)
    nodes: tuple[Node, ...] = ()

    def __getitem__(self, name: str) -> Operand:
        return self.values[name]


class Pattern:
    """Something that an operand may be."""

    def match(self, operand: Operand, producers: Producers, found: Match) -> Match | None:
        """What was found with this too, None where it is something else."""
        raise TypeError("a pattern of no kind")


@record
class Anything(Pattern):
    """`value`."""

    name: str
    dtype: str | None
    rank: int | None
    when: Callable[[Operand], bool] | None

    def match(self, operand: Operand, producers: Producers, found: Match) -> Match | None:
        if self.name in found.values:
            return found if found.values[self.name] == operand else None
        if operand is None or (self.dtype is not None and operand.type.dtype != self.dtype):
            return None
        if (self.rank is not None and operand.type.rank != self.rank) or (self.when is not None and not self.when(operand)):
            return None
        return Match({**found.values, self.name: operand}, found.ops, found.nodes)


@record
class Literal(Pattern):
    """`number`."""

    number: Any
    name: str

    def match(self, operand: Operand, producers: Producers, found: Match) -> Match | None:
        if not isinstance(operand, Number) or (self.number is not None and operand.number != self.number):
            return None
        return Match({**found.values, self.name: operand}, found.ops, found.nodes) if self.name else found


@record
class Applied(Pattern):
    """`op`."""

    word: str
    operands: tuple[Pattern, ...]
    name: str
    result: int
    any_order: bool
    when: Callable[[Op], bool] | None
    arguments: dict[str, Any]

    def match(self, operand: Operand, producers: Producers, found: Match) -> Match | None:
        made = producers.get(operand.name) if isinstance(operand, Value) else None
        return None if made is None or made[1] != self.result else self.at(made[0], producers, found)

    def at(self, node: Node, producers: Producers, found: Match) -> Match | None:
        """The same for a node."""
        op = node.op
        if op is None or op.name != self.word or op.random or (self.when is not None and not self.when(op)):
            return None
        if any(getattr(op, name) != value for name, value in self.arguments.items()):
            return None
        if self.name in found.ops and found.ops[self.name] != op:
            return None
        given = tuple(one for one in node.operands if one is not None)
        if len(given) != len(self.operands):
            return None
        for order in permutations(self.operands) if self.any_order else (self.operands,):
            step: Match | None = Match(
                found.values, {**found.ops, **({self.name: op} if self.name else {})}, (*found.nodes, node)
            )
            for pattern, one in zip(order, given, strict=True):
                step = pattern.match(one, producers, step) if step is not None else None
            if step is not None:
                return step
        return None


def value(
    name: str, *, dtype: str | None = None, rank: int | None = None, when: Callable[[Operand], bool] | None = None
) -> Pattern:
    """Any operand; the same name stands for the same operand. `when` decides what it may be."""
    return Anything(name, dtype, rank, when)


def number(equal: Any = None, *, name: str = "") -> Pattern:
    """A number: any, or this one."""
    return Literal(equal, name)


def op(
    word: str, *operands: Pattern, name: str = "", result: int = 0, any_order: bool = False,
    when: Callable[[Op], bool] | None = None, **arguments: Any,
) -> Applied:  # fmt: skip
    """A result of an operator on these operands with these arguments. The operator itself is captured under `name`; `when`
    decides of it; with `any_order` its operands may stand in any."""
    return Applied(word, operands, name, result, any_order, when, arguments)


@record
class Rule:
    """`pattern` (or several, whose captures are shared) becomes what `replace` builds: an operand for each pattern.

    `equation` is what it means, in words; `check` gives the reason why a match is left as it is, or nothing.
    """

    equation: str
    pattern: Applied | tuple[Applied, ...]
    replace: Callable[[Match, Any], Any]
    check: Callable[[Match], str] | None = None

    @property
    def roots(self) -> tuple[Applied, ...]:
        """Its patterns; the nodes of the first are looked for first."""
        return self.pattern if isinstance(self.pattern, tuple) else (self.pattern,)


@record
class Refusal:
    """A match that was left as it is, and why."""

    equation: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.equation}: {self.reason}"
