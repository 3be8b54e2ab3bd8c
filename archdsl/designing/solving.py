"""Solves for configuration: which values make a count come out as wanted, for fair ablations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from archdsl.analyses import expect
from archdsl.designing.search import Numbers, nearest
from archdsl.elaborate import lookup
from archdsl.elaborate.archs import Expectation
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import BlockWord, describe
from archdsl.problems.collector import Problems
from archdsl.problems.problem import ArchError
from archdsl.problems.suggest import did_you_mean
from archdsl.records import changed
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.syntax.within import placed, shifted

if TYPE_CHECKING:
    from archdsl.compiler import Spec

MOST = 1 << 20
"""The largest value that is tried where no range is given."""
MAX_COMBINATIONS = 10_000
OPERATORS = ("==", "<=", ">=")


@dataclass(frozen=True)
class Free:
    """A configuration parameter to solve for: `low`, `low + step`, … up to `high`. Fractions are stepped through too."""

    name: str
    low: float = 1
    high: float = MOST
    step: float = 1

    @property
    def ranged(self) -> bool:
        """Whether a range was given."""
        return self.high != MOST

    def value(self, index: int) -> int | float:
        """The value of that number, from 0."""
        found = self.low + index * self.step
        whole = isinstance(self.low, int) and isinstance(self.step, int)
        return int(found) if whole else round(found, 12)

    @property
    def count(self) -> int:
        """How many values there are."""
        return int((self.high - self.low) / self.step + 1e-9) + 1


@dataclass(frozen=True)
class Solution:
    """The configuration whose count is nearest. `error` is relative: (count - wanted) / wanted."""

    config: Mapping[str, int | float]
    counted: str
    operator: str
    count: int
    wanted: float
    tried: int = field(compare=False)

    @property
    def error(self) -> float:
        """How far the count is from the one wanted, relative to it."""
        return (self.count - self.wanted) / self.wanted if self.wanted else float(self.count)

    def __str__(self) -> str:
        told = ", ".join(
            f"{name} = {value:,}" if value == int(value) else f"{name} = {value}" for name, value in self.config.items()
        )
        exact = "exactly" if self.count == self.wanted else f"{self.error:+.3%} of {self.wanted:,.0f}"
        return f"{told}: {self.counted} = {self.count:,} ({exact})"


class NoSolution(LookupError):
    """No value of the free configuration meets the condition, or none can be elaborated."""


@dataclass
class Condition:
    """`params <= 25e6`, taken apart."""

    counted: Any
    operator: str
    right: Any

    @property
    def like(self) -> Any:
        """The count of the other architecture that the right side is, None for a number; `like(N=1)` has its own dimensions."""
        called = self.right.function if isinstance(self.right, tree.Call) else self.right
        if not isinstance(called, tree.Name) or called.name != "like":
            return None
        if called is self.right:
            return self.counted
        name = self.counted.function if isinstance(self.counted, tree.Call) else self.counted
        return tree.Call(self.right.span, name, self.right.args)


def solve(
    spec: Spec,
    name: str | None,
    free: Iterable[Free],
    such_that: str,
    *,
    like: Callable[[], Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Solution:
    """The values of `free` whose count meets `such_that` best: nearest for `==`, largest for `<=`, smallest for `>=`.

    `such_that` compares a count of `expect` with a number, or with `like`, the same count of the graph that `like()` gives, which
    may have its own dimensions: `macs(N=1) == like(N=1, H=224, W=224)`. Of several free names, all but the last are tried one by
    one, so they need ranges. A value with which the program has an error (a width that the heads do not divide) is none. Counts
    are taken to grow, or fall, with the last name; where they do not, every value of its range is tried.

    Raises `ArchError` for a wrong condition or program, `ValueError` for wrong names and ranges, `NoSolution`.
    """
    names = list(free)
    condition = read_condition(such_that)
    fixed = dict(config or {})
    wrong: ArchError | None = None
    own: dict[str, Any] = {}
    try:
        own = dict(spec.elaborate(name, **fixed).graph.config)
    except ArchError as fault:  # its own value of what is free may be what does not fit
        wrong = fault
    _check_names(names, _parameters(spec, name), fixed, own)
    wanted = wanted_number(condition, such_that, None if like is None else like())
    best: Solution | None = None
    numbers: list[Numbers] = []
    last = names[-1]
    start = _start(last, own.get(last.name))
    for chosen in product(*(range(one.count) for one in names[:-1])):
        outer = {one.name: one.value(index) for one, index in zip(names, chosen, strict=False)}

        def count(index: int, outer: Mapping[str, Any] = outer) -> int | None:
            return count_with(spec, name, {**fixed, **outer, last.name: last.value(index)}, condition)

        found = Numbers(count, last.count)
        numbers.append(found)
        index = nearest(found, wanted, condition.operator, start)
        if index is None:
            continue
        value = found(index)
        assert value is not None  # noqa: S101
        solution = Solution(
            {**outer, last.name: last.value(index)}, condition.counted.span.text, condition.operator, value, wanted, 0
        )
        if best is None or abs(solution.error) < abs(best.error):
            best = solution
    tried = sum(one.asked for one in numbers)
    if best is None and wrong is not None:
        raise wrong
    if best is None:
        raise NoSolution(_why_none(spec, name, fixed, names, such_that, tried))
    return Solution(best.config, best.counted, best.operator, best.count, wanted, tried)


def read_condition(text: str) -> Condition:
    """The condition. Raises `ArchError` with the place in it."""
    before, problems = "let wanted = ", Problems()
    file = parse(Source("--such-that", f"{before}{text}"), problems)
    here, source = Span(file.source, len(before), len(before) + len(text)), Source("--such-that", text)
    if problems.errors:
        raise ArchError(tuple(placed(one, here, source) for one in problems.sorted()))
    item = file.items[0] if len(file.items) == 1 else None
    value = shifted(item.value, here, source) if isinstance(item, tree.Let) else None
    if not isinstance(value, tree.Binary) or value.operator not in OPERATORS:
        raise ValueError(
            f"the condition compares a count with a number: `params == 25e6`, `macs(N=1, H=224, W=224) <= like`; this is `{text}`"
        )
    return Condition(value.left, value.operator, value.right)


def wanted_number(condition: Condition, text: str, like: Any) -> float:
    """The number on the right side. Raises `ValueError`, or `ArchError` for a count that does not exist."""
    if condition.like is not None:
        if like is None:
            raise ValueError("`like` is the other architecture's count, and no other architecture is given: --like FILE[:ARCH]")
        try:
            return _counted(like, condition.like)
        except ArchError as fault:
            (one,) = fault.problems
            note = f"this is the count of `{like.name}`, which may have dimensions of its own: `like(N=1, …)`"
            raise ArchError((changed(one, notes=(*one.notes, note)),)) from None
    try:
        value = expect.number(Session(Problems()), condition.right, Expectation(condition.counted, None, None))
    except Fault as fault:
        raise ArchError((fault.problem,)) from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f"the right side of `{text}` is no number")
    return value


def _counted(graph: Any, counted: Any) -> int:
    try:
        value = expect.count(Session(Problems()), graph, counted, Expectation(counted, None, None))
    except Fault as fault:
        raise ArchError((fault.problem,)) from None
    if not isinstance(value, int):
        raise ValueError(f"`{counted.span.text}` is {value}, which is no number")
    return value


def count_with(spec: Spec, name: str | None, config: Mapping[str, Any], condition: Condition) -> int | None:
    """The count with this configuration; None where the program has an error with it."""
    try:
        graph = spec.elaborate(name, **config).graph
    except (ArchError, Absorbed):
        return None
    return _counted(graph, condition.counted)


def _parameters(spec: Spec, name: str | None) -> tuple[str, ...]:
    """The names of an arch's configuration. Raises `ArchError`."""
    chosen = name if name is not None else spec.names[0]
    problems = Problems()
    word = lookup.item_value(Session(problems), spec.module, chosen, spec.module.items[chosen].span)
    problems.raise_errors()
    return tuple(one.name for one in spec.module.lists(word.item)[0]) if isinstance(word, BlockWord) else ()


def _check_names(free: list[Free], parameters: tuple[str, ...], fixed: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    if not free:
        raise ValueError("nothing is free: name a configuration parameter to solve for")
    for at, one in enumerate(free):
        if one.name not in parameters:
            hint = did_you_mean(one.name, parameters) or f"it has {', '.join(parameters) or 'none'}"
            raise ValueError(f"the architecture has no configuration `{one.name}`; {hint}")
        value = own.get(one.name)
        if isinstance(value, (bool, str, tuple, list)):
            raise ValueError(f"`{one.name}` is {describe(value)}, and what is free is a number")
        if one.name in fixed:
            raise ValueError(f"`{one.name}` is free and given a value")
        if one.name in [other.name for other in free[:at]]:
            raise ValueError(f"`{one.name}` is free twice")
        if one.step <= 0 or one.high < one.low:
            raise ValueError(f"the range of `{one.name}` is empty")
        if at < len(free) - 1 and not one.ranged:
            raise ValueError(f"of several free names all but the last need a range: `{one.name}=64..1024:64`")
    combinations = 1
    for one in free[:-1]:
        combinations *= one.count
    if combinations > MAX_COMBINATIONS:
        raise ValueError(f"the ranges have {combinations:,} combinations; at most {MAX_COMBINATIONS:,} are tried")


def _start(free: Free, value: Any) -> int:
    """The number of the value that the program has by itself, if it is in the range: the search starts there."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and free.low <= value <= free.high:
        return int((value - free.low) / free.step)
    return 0


def _why_none(spec: Spec, name: str | None, fixed: Mapping[str, Any], free: list[Free], text: str, tried: int) -> str:
    """What keeps the first values from being a solution, for the message."""
    try:
        config: dict[str, Any] = {**fixed, **{one.name: one.value(0) for one in free}}
        spec.elaborate(name, **config)
    except ArchError as fault:
        return f"no value was found for which `{text}` holds ({tried} tried); with the first: {fault.problems[0].message()}"
    return f"no value was found for which `{text}` holds ({tried} tried)"
