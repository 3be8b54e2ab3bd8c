"""A weight map: rules between the names of a reference's tensors and a spec's, which hold in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from archdsl.records import record
from archdsl.source import Source, Span
from archdsl.weights.patterns import Captures, Kind, Matcher, Pattern

if TYPE_CHECKING:
    from archdsl.weights.steps import Step

StepTable = tuple[tuple[str, object], ...]


class Rule:
    """Tensors of the reference (`sources`) and the spec's tensors (`targets`) that are made of them by `steps`."""

    def __init__(
        self, at: Span, sources: tuple[Pattern, ...], targets: tuple[Pattern, ...], kinds: Mapping[str, Kind],
        steps: tuple[StepTable, ...] = (),
    ) -> None:  # fmt: skip
        self.at = at
        self.sources = tuple(Matcher(one, kinds) for one in sources)
        self.targets = tuple(Matcher(one, kinds) for one in targets)
        self.steps = steps
        """As they are written: their sizes may be the architecture's configuration."""

    @cached_property
    def told(self) -> str:
        """The rule's first name."""
        return self.sources[0].pattern.text


@record
class Drop:
    """Tensors of the reference that the spec does not have: by name, with the reason, and with what is true of them."""

    at: Span
    name: Matcher
    because: str
    equals: Matcher | None = None
    value: int | float | str | None = None
    """What it is everywhere; or `causal`, the mask of what each place may see."""
    output: str = ""
    """The result of the reference that only these tensors feed, and that the spec does not have."""


@record
class Fill:
    """Tensors of the spec that the reference does not have: a constant that the reference fixes, or (`value` is None) a buffer as
    the spec makes it."""

    at: Span
    name: Matcher
    because: str
    value: int | float | None = None


@record
class WeightMap:
    """All rules of one layout."""

    source: Source
    reference: str
    spec: str = ""
    rules: tuple[Rule, ...] = ()
    drops: tuple[Drop, ...] = ()
    fills: tuple[Fill, ...] = ()
    configuration: tuple[tuple[str, object, Span], ...] = ()
    """What the spec's configuration must be for the two to be one function: names, values, places."""


@record
class Match:
    """A rule that takes a name, at one of its sides, with these captures."""

    rule: Rule
    index: int
    captures: Captures


def matches(rules: tuple[Rule, ...], name: str, backwards: bool) -> list[Match]:
    """The rules that take this name."""
    found = []
    for rule in rules:
        for index, side in enumerate(rule.targets if backwards else rule.sources):
            captures = side.match(name)
            if captures is not None:
                found.append(Match(rule, index, captures))
    return found


def steps_of(rule: Rule, configuration: Mapping[str, object]) -> list[Step]:
    """The rule's steps with the sizes that they have in this architecture. Raises `StepFault`."""
    from archdsl.weights.reading_steps import read_step

    made = []
    count = len(rule.sources)
    for table in rule.steps:
        made.append(read_step(dict(table), count, len(rule.targets), configuration))
        count = len(rule.targets) if "split" in dict(table) else 1 if {"concatenate", "sum"} & set(dict(table)) else count
    return made
