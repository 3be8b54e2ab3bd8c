"""A problem whose message is stated where it is found."""

from __future__ import annotations

from archdsl.problems.problem import Problem
from archdsl.records import facts


@facts
class Stated(Problem):
    """The facts are in `what`, one line."""

    what: str

    def message(self) -> str:
        """What is wrong."""
        return self.what
