"""Everything that only a text with faults needs; `parse.py` loads it when it meets the first."""

from __future__ import annotations

from typing import Any

from archdsl.problems.problem import Problem
from archdsl.source import Source
from archdsl.syntax import problems
from archdsl.syntax.expected import accepted
from archdsl.syntax.fault import Fault
from archdsl.syntax.flaws import flaw_problems
from archdsl.syntax.lexer import Tokens
from archdsl.syntax.mistakes import Place, explain
from archdsl.syntax.tables import Tables


def made(fault: Fault) -> Problem:
    """The problem that a builder had in mind."""
    kind: Any = getattr(problems, fault.kind)
    problem: Problem = kind(at=fault.at, **fault.facts)
    return problem


def unexpected(source: Source, tokens: Tokens, place: Place, tables: Tables, states: list[int]) -> Problem:
    """The problem of a token that no rule allows in these states."""
    return explain(source, tokens, place, accepted(tables, states))


__all__ = ["Place", "flaw_problems", "made", "unexpected"]
