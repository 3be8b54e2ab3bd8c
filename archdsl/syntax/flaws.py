"""Turns what the lexer could not accept into problems."""

from __future__ import annotations

import re
import unicodedata

from archdsl.problems.collector import MAX_SHOWN, Problems
from archdsl.problems.problem import Fix, Label, Problem
from archdsl.source import Source, Span
from archdsl.syntax.lexer import MAX_NESTING, Flaw, Tokens
from archdsl.syntax.problems import (
    ForbiddenCharacter,
    IdentifierTooLong,
    MalformedNumber,
    NestingTooDeep,
    SingleQuotes,
    UnclosedBracket,
    UnexpectedCharacter,
    UnopenedBracket,
    UnterminatedString,
)  # fmt: skip

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_HINTS = {
    "!": "write `not`, or `!=` for unequal",
    "&": "write `and`",
    "~": "write `not`",
    "^": "a power is written `**`",
    "'": "strings stand in double quotes",
    "?": "a choice is written `a if c else b`",
    "\\": "a line goes on where it starts with `->` or an operator, or inside brackets",
    "`": "names stand without quotes",
    "\u2192": "write `->`",
    "\u00d7": "write `*`",
    "\u2264": "write `<=`",
    "\u2265": "write `>=`",
    "\u2260": "write `!=`",
    "\u2212": "write `-`",
    "\u201c": 'write `"`',
    "\u201d": 'write `"`',
}


def flaw_problems(source: Source, tokens: Tokens, problems: Problems) -> list[int]:
    """Note the lexer's problems; the result is where they are, since what the parser finds around them is no news."""
    places: list[int] = []
    for count, match in enumerate(_FORBIDDEN.finditer(source.text)):
        if count == MAX_SHOWN:
            break
        span = Span(source, match.start(), match.end())
        problems.add(ForbiddenCharacter(at=span, name=_character(match.group())))
        places.append(span.start)
    for count, flaw in enumerate(tokens.flaws):
        span = Span(source, flaw.start, flaw.end)
        places.append(flaw.start)
        if flaw.code == "unclosed-bracket":
            places.append(int(flaw.more))
        if count < MAX_SHOWN and not (flaw.code == "unexpected-character" and _FORBIDDEN.match(span.text)):
            problems.add(_problem(flaw, span))
    return places


def _problem(flaw: Flaw, span: Span) -> Problem:
    text = span.text
    match flaw.code:
        case "unclosed-bracket":
            end = Span(span.source, int(flaw.more), int(flaw.more))
            return UnclosedBracket(at=span, bracket=text, label="opened here", others=(Label(end, "it is still open here"),))
        case "unopened-bracket":
            return UnopenedBracket(at=span, bracket=text)
        case "unterminated-string":
            return UnterminatedString(at=span, help='close it with `"` on the same line')
        case "single-quotes":
            inner = text[1:-1]
            fix = (
                None
                if '"' in inner
                else Fix(span, f'"{inner}"', f'write `"{inner}"`' if inner.isprintable() else "use double quotes")
            )
            return SingleQuotes(at=span, fix=fix)
        case "malformed-number":
            return MalformedNumber(at=span, word=text if len(text) <= 40 else text[:40] + "…")
        case "identifier-too-long":
            return IdentifierTooLong(at=span, length=len(text))
        case "nesting-too-deep":
            return NestingTooDeep(at=span, limit=MAX_NESTING, what="brackets inside each other")
        case _:
            help_ = _HINTS.get(text[0])
            if help_ is None and not text.isascii():
                help_ = "names, numbers and signs are written in ASCII"
            return UnexpectedCharacter(at=span, characters=text[:40], help=help_)


def _character(char: str) -> str:
    """A character that cannot be shown, in words."""
    number = f"U+{ord(char):04X}"
    if char == "\r":
        return f"a carriage return without a new line ({number})"
    if char == "\ufeff":
        return f"a byte-order mark inside the text ({number})"
    name = unicodedata.name(char, "")
    return f"the character {name} ({number})" if name else f"the control character {number}"
