"""A kind of problem that belongs to no stage, and a short way to place it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archdsl.problems.problem import Label, Problem
from archdsl.records import facts
from archdsl.source import Source, Span


@facts
class Sample(Problem):
    """Two sizes differ.

    The page of a problem that only tests have.
    """

    code = "sample-mismatch"
    said: str = "cannot add [N, 256] and [N, 64]"

    def message(self) -> str:
        return self.said


@facts
class Caution(Sample):
    """It may be wrong."""

    code = "sample-caution"
    severity = "warning"


@pytest.fixture
def spot() -> Callable[..., Span]:
    """`spot(source, "text")`: the span where that text stands first, or of the nth time."""

    def find(source: Source, text: str, nth: int = 0) -> Span:
        start = -1
        for _ in range(nth + 1):
            start = source.text.index(text, start + 1)
        return Span(source, start, start + len(text))

    return find


@pytest.fixture
def sample(spot: Callable[..., Span]) -> Callable[..., Sample]:
    """`sample(text, "at", label, ("other", label), …)`: a problem in a file `net.arch` of that text."""

    def make(text: str, at: str, label: str = "", *others: tuple[str, str], warning: bool = False, **facts: Any) -> Sample:
        source = Source("net.arch", text)
        kind = Caution if warning else Sample
        labels = tuple(Label(spot(source, one), said) for one, said in others)
        return kind(at=spot(source, at), label=label, others=labels, **facts)

    return make
