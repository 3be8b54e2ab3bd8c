"""How a check gives up on a statement: the problem travels to the statement, which notes it and goes on."""

from __future__ import annotations

from archdsl.problems.problem import Problem


class Fault(Exception):
    """Carries the problem that ends the statement."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class Absorbed(Exception):
    """An operand is unknown because of an earlier problem: the statement's result is unknown, and nothing more is said."""
