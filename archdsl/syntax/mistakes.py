"""Says what is wrong with a token that no rule allows, and how it is written here."""

from __future__ import annotations

from archdsl.problems.problem import Problem
from archdsl.source import Source, Span
from archdsl.syntax.kinds import END, NL, plain
from archdsl.syntax.lexer import Tokens
from archdsl.syntax.problems import UnexpectedToken


def explain(source: Source, tokens: Tokens, at: int, expected: list[int], context: list[tuple[str, int]]) -> Problem:
    """The problem of token `at`. `expected` are the kinds that could have stood there."""
    kind = tokens.kinds[at]
    span = Span(source, tokens.starts[at], tokens.ends[at])
    found = plain(kind) if kind in (END, NL) else f"`{tokens.word(at)}`"
    return UnexpectedToken(at=span, found=found, expected=tuple(sorted(plain(one) for one in expected)))
