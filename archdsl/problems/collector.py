"""Collects problems while a stage goes on, each once, in the order of their places."""

from __future__ import annotations

from archdsl.problems.problem import ArchError, Problem

MAX_SHOWN = 100


class Problems:
    """The problems of one run."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Problem] = {}
        self.noted = 0
        """How often one was noted, the same again too."""

    def add(self, problem: Problem) -> None:
        """Note a problem; the same fault at the same place is noted once."""
        self.noted += 1
        self._found.setdefault(problem.order, problem)

    def sorted(self) -> tuple[Problem, ...]:
        """All of them, by place."""
        return tuple(sorted(self._found.values(), key=lambda problem: problem.order))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Those that are errors."""
        return tuple(problem for problem in self.sorted() if problem.severity == "error") if self._found else ()

    def raise_errors(self) -> None:
        """Raise `ArchError` if there is any error."""
        if self.errors:
            raise ArchError(self.sorted())
