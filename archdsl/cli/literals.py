"""Values on the command line: `-D width=64`, written as in the language."""

from __future__ import annotations

import re

import click

_VALUE_PART = r"""\s*(?:(?P<float>[+-]?[0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))
    |(?P<int>[+-]?[0-9](?:_?[0-9])*)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<string>"(?:[^"\\\n]|\\["\\nt])*")|(?P<mark>[\[\],]))"""
_WORDS = {"true": True, "false": False, "none": None}
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}
INT64 = 1 << 63
MAX_NESTING = 100


def parse_value(text: str) -> object:
    """An int, float, bool, None, str or list of these; a bare word (`relu`, `f32`) is a name, given as a str.

    Raises `ValueError` with what is wrong.
    """
    tokens = _tokens(text)
    value, rest = _value(tokens, 0, 0)
    if rest != len(tokens):
        raise ValueError(f"`{tokens[rest][1]}` is left over after the value")
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    token = re.compile(_VALUE_PART, re.VERBOSE)  # here, so that commands without -D do not pay for it
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = token.match(text, at)
        if match is None:
            raise ValueError(f"`{text[at:][:20]}` starts no value; a text stands in double quotes")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


def _value(tokens: list[tuple[str, str]], at: int, depth: int) -> tuple[object, int]:
    if at >= len(tokens):
        raise ValueError("a value is missing")
    if depth > MAX_NESTING:
        raise ValueError(f"lists are nested deeper than {MAX_NESTING}")
    kind, text = tokens[at]
    if kind == "int":
        if len(text) > 30 or not -INT64 <= int(text) < INT64:
            raise ValueError("the integer does not fit into 64 bits")
        return int(text), at + 1
    if kind == "float":
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError("the number is too large")
        return value, at + 1
    if kind == "word":
        return _WORDS.get(text, text), at + 1
    if kind == "string":
        return re.sub(r"\\.", lambda found: _ESCAPES[found[0]], text[1:-1]), at + 1
    if text != "[":
        raise ValueError(f"`{text}` starts no value")
    items: list[object] = []
    at += 1
    while True:
        if at < len(tokens) and tokens[at][1] == "]" and tokens[at][0] == "mark":
            return items, at + 1
        item, at = _value(tokens, at, depth + 1)
        items.append(item)
        if at >= len(tokens):
            raise ValueError("`[` is not closed")
        if tokens[at] == ("mark", ","):
            at += 1
        elif tokens[at] != ("mark", "]"):
            raise ValueError(f"`,` or `]` is missing before `{tokens[at][1]}`")


def _named(text: str, option: str) -> tuple[str, str]:
    """`name=value` in its two halves. Raises `click.BadParameter`."""
    name, equals, value = text.partition("=")
    if not equals or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()) is None:
        raise click.BadParameter(f"`{text}` is not name=value", param_hint=option)
    return name.strip(), value


def configuration(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, object]:
    """What the `-D` options say (or others that configure), as a callback of click."""
    option = parameter.opts[0]
    found: dict[str, object] = {}
    for one in given:
        name, value = _named(one, option)
        if name in found:
            raise click.BadParameter(f"`{name}` is given twice", param_hint=option)
        try:
            found[name] = parse_value(value)
        except ValueError as fault:
            raise click.BadParameter(f"{name}: {fault}", param_hint=option) from None
    return found


def bindings(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, int]:
    """What the `--bind` options say: sizes of dimensions, from 1. Several may stand in one, with commas."""
    found: dict[str, int] = {}
    for one in (part for text in given for part in text.split(",")):
        name, value = _named(one, "--bind")
        if name in found:
            raise click.BadParameter(f"`{name}` is given twice", param_hint="--bind")
        digits = value.strip().replace("_", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19 and int(digits) >= 1):
            raise click.BadParameter(f"{name}: a dimension is a whole number from 1, not `{value}`", param_hint="--bind")
        found[name] = int(digits)
    return found
