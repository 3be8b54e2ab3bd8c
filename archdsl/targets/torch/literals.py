"""Python literals as ruff prints them, and the one place where an author's text becomes Python source."""

from __future__ import annotations

import math
import textwrap

MARK = "\ua66e"
"""A letter that generated text never holds but in the names of locals that are not settled yet."""

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quote(text: str) -> str:
    """The text as a string literal: double quotes unless that needs more escapes; nothing unprintable is left bare."""
    mark = "'" if text.count('"') > text.count("'") else '"'
    return mark + "".join(_escaped(letter, mark) for letter in text) + mark


def docstring(text: str, indent: str = "") -> str:
    """The text as a docstring, quotes included; its lines after the first get `indent`."""
    lines = []
    for line in _paragraphs(text.strip().splitlines(), 96 - len(indent)):
        lines += textwrap.wrap(line, 96 - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
    safe = ["".join(_escaped(letter, "") for letter in line).replace('"""', '\\"\\"\\"') for line in lines]
    body = "\n".join(indent + line if line and index else line for index, line in enumerate(safe))
    if len(safe) > 1:
        return f'"""{body}\n{indent}"""'
    if body.endswith('"'):
        body = body[:-1] + '\\"'
    return f'"""{body}"""'


def _paragraphs(lines: list[str], room: int) -> list[str]:
    """Lines that are to be broken anew: those that follow a line in which their first word had no place are one with it."""
    widest = max(map(len, lines), default=0)
    joined: list[str] = []
    last = ""
    for line in lines:
        word = line.split(" ", 1)[0]
        if widest > room and last and word and len(last) + 1 + len(word) > widest:
            joined[-1] += f" {line}"
        else:
            joined.append(line)
        last = line
    return joined


def comment(text: str) -> str:
    """The text on one line, for a comment: nothing that could end the line or turn its direction."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def number(value: int | float) -> str:
    """The number, exactly: `1e-5`, `0.1`, `math.inf`."""
    if isinstance(value, int):
        return repr(value)
    if math.isnan(value):
        return "math.nan"
    if math.isinf(value):
        return "math.inf" if value > 0 else "-math.inf"
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return text


def _escaped(letter: str, mark: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter == mark:
        return "\\" + letter
    if letter.isprintable() and letter != MARK:
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
