"""Two sides measured in turn, so that a machine that slows down slows both."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Action = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One comparison in seconds. `target` is the largest ratio of ours to theirs that is allowed, or None."""

    topic: str
    what: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    target: float | None
    beside: str

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbours: what disturbs a round disturbs both its sides."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio_of_least(self) -> float:
        """The ratio of the fastest rounds: what the two sides cost when nothing else runs."""
        return min(self.ours) / min(self.theirs)

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.ratio <= self.target


def interleave(
    ours: Action, theirs: Action, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[list[float], list[float]]:
    """Seconds a call of each side, `rounds` times in turn; which side starts changes every round. Each is called once before."""
    times = [_calls(ours, clock), _calls(theirs, clock)]
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            found[side].append(_seconds((ours, theirs)[side], times[side], clock))
    return found


def _calls(action: Action, clock: Callable[[], float], least: float = 0.02) -> int:
    """How many calls make a round long enough for the clock; the first call, which warms caches, does not count."""
    action()
    return max(1, int(least / max(_seconds(action, 1, clock), 1e-7)))


def _seconds(action: Action, calls: int, clock: Callable[[], float]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = clock()
        for _ in range(calls):
            action()
        return (clock() - start) / calls
    finally:
        gc.enable()


def compare(
    topic: str,
    what: str,
    ours: Action,
    theirs: Action,
    *,
    beside: str,
    target: float | None,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Row:
    """The row of one comparison."""
    mine, others = interleave(ours, theirs, rounds, clock)
    return Row(topic, what, tuple(mine), tuple(others), target, beside)
