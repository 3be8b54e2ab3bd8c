"""What a builder raises: a problem in the making, so that texts without faults load no problem classes."""

from __future__ import annotations

from archdsl.source import Span


class Fault(Exception):
    """Something is wrong with what a rule is made of; the statement becomes `Broken`. `kind` is a class of `problems.py`, `facts`
    are its fields."""

    def __init__(self, kind: str, at: Span, **facts: object) -> None:
        super().__init__(kind)
        self.kind = kind
        self.at = at
        self.facts = facts
