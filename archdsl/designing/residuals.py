"""Residual sums, `x + f(x)`: what is added to what, and where the way through `f` starts, told by the flow of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.elaborate.editing.sites import Occurrence
from archdsl.elaborate.editing.trie import Way
from archdsl.elaborate.values import Several
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.records import record
from archdsl.source import Span


@record
class Residual:
    """A step that adds to a value what was made of it; `entries` are the steps of that branch that take the value."""

    by_identity = True

    sum: Occurrence
    shortcut: Value
    entries: tuple[Node, ...]
    branch: tuple[Node, ...]


class Flow:
    """The steps of an arch by what they became: who takes what a step gives."""

    def __init__(self, steps: Iterable[Occurrence]) -> None:
        self.steps = tuple(steps)
        self.by_node: dict[tuple[Way, int], Occurrence] = {}
        for one in self.steps:
            if one.site.made is not None:
                self.by_node.setdefault((one.home, id(one.site.made)), one)

    def step(self, node: Node, beside: Occurrence) -> Occurrence | None:
        """The step that became a node, where it is of the same instance of a block as another one, and as often repeated."""
        found = self.by_node.get((beside.home, id(node)))
        return found if found is not None and beside_it(found, beside) else None

    def takers(self, one: Occurrence) -> tuple[Node, ...]:
        """The nodes that take what a step gives."""
        results = () if one.site.made is None else one.site.made.results
        names = {value.name for value in results}
        return tuple(node for node in one.site.around if names & set(_taken(node)))

    def entry(self, sum: Residual, braces: Path) -> Occurrence | None:
        """The one step in these braces, those of a sum, through which its branch takes the value; None for several."""
        taken = [one.span for one in sum.entries]
        for one in self.steps:
            if not beside_it(one, sum.sum) or one.braces != braces or one.span.holds(sum.sum.span):
                continue
            sent = one.site.sent
            values = [value for _, value in sent.items] if isinstance(sent, Several) else [sent]
            if sum.shortcut in values and all(span is not None and one.span.holds(span) for span in taken):
                return one
        alone = self.step(sum.entries[0], sum.sum) if len(sum.entries) == 1 else None
        return alone if alone is not None and alone.braces == braces else None

    def residual(self, one: Occurrence) -> Residual | None:
        """The sum that a step is, if one of its two operands was made of the other."""
        node = one.site.made
        if one.kind != "function" or node is None or node.op is None or node.op.name != "add":
            return None
        values = [value for value in node.operands if isinstance(value, Value)]
        if len(values) != 2 or values[0].type != values[1].type:
            return None
        for shortcut, end in (values, values[::-1]):
            branch = tuple(_between(one.site.around, shortcut, end))
            if branch:
                entries = tuple(each for each in branch if shortcut.name in _taken(each))
                return Residual(one, shortcut, entries, branch)
        return None


def beside_it(one: Occurrence, other: Occurrence) -> bool:
    """Whether two steps are of one instance of a block, and of the same turn of each `repeat` in it."""
    turns, others = ([key for key in each.way[len(each.home) :] if not isinstance(key, Span)] for each in (one, other))
    return one.home == other.home and turns == others


def _between(nodes: list[Node], start: Value, end: Value) -> Iterator[Node]:
    """The nodes on the ways from one value to another, the last first."""
    reached = {start.name}
    ahead = []
    for node in nodes:
        if reached & set(_taken(node)):
            reached.update(value.name for value in node.results)
            ahead.append(node)
    wanted = {end.name}
    for node in reversed(ahead):
        if wanted & {value.name for value in node.results}:
            wanted.update(_taken(node))
            yield node


def _taken(node: Node) -> Iterator[str]:
    """The names of the values that a node takes, in its bodies too."""
    yield from (value.name for value in node.operands if isinstance(value, Value))
    bodies: tuple[Any, ...] = node.bodies
    for body in bodies:
        for inner in body.nodes:
            yield from _taken(inner)
