"""A line of a graph's text, read from left to right: names, paths, values, types, sizes."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

from archdsl.dims.dim import Size, make_atom, scale, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.read import read_size
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Path

WORDS = frozenset(
    (
        "none",
        "true",
        "false",
        "inf",
        "nan",
        "slice",
        "absent",
        "as",
        "at",
        "axes",
        "lend",
        "lent",
        "run",
        "float",
        "leaf",
        "self",
        "scan",
        "choice",
        "else",
        "init",
        "unsaved",
        "input",
        "keyword",
        "carried",
        "output",
        "training",
        "doc",
        "fact",
        "let",
        "given",
        "container",
        "borrow",
        "block",
        "layer",
        "param",
        "buffer",
        "tie",
        "alias",
        "loop",
        "door",
    )
)
"""Words of the text, which a value's name stands beside in quotes."""

_WORD = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<size>`[^`]*`)|(?P<number>-?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+|\d+|inf\b|nan\b))
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>->|<=|==|\.\.\.|[@.(){}\[\],:=<%;^/-]))""",
    re.ASCII | re.VERBOSE,
)
_SEGMENT = re.compile(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*", re.ASCII)


def read_size_text(text: str, facts: Facts) -> Size:
    """A size in the user's words, in the normal form of the facts; in braces, term by term as it stands."""
    text = text.strip()
    if text.startswith("{"):
        return Line(text[1:-1]).terms()
    return facts.simplify(read_size(text))


class Line:
    """A line being read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> tuple[str, str]:
        found = _WORD.match(self.text, self.at)
        return (found.lastgroup or "", found[found.lastgroup or 0]) if found is not None else ("", "")

    def take(self, wanted: str = "") -> str:
        found = _WORD.match(self.text, self.at)
        word = found[found.lastgroup or 0] if found is not None else ""
        if found is None or (wanted and word != wanted):
            raise ValueError(f"`{wanted or 'more'}` is missing at column {self.at + 1}")
        self.at = found.end()
        return word

    def found(self, wanted: str) -> bool:
        """Take the word if it is the next one."""
        kind, word = self.peek()
        if kind == "string" or word != wanted:
            return False
        self.take()
        return True

    @property
    def ended(self) -> bool:
        return not self.text[self.at :].strip()

    def name(self) -> str:
        kind, _ = self.peek()
        if kind not in ("word", "string"):
            raise ValueError(f"a name is missing at column {self.at + 1}")
        word = self.take()
        return str(json.loads(word)) if kind == "string" else word

    def string(self) -> str:
        return str(json.loads(self.take()))

    def path(self) -> Path:
        segments: list[str] = []
        if self.peek()[1] == ".":
            self.take()
            return ()
        while True:
            place = re.compile(r"\s*").match(self.text, self.at)
            self.at = place.end() if place is not None and not segments else self.at
            found = _SEGMENT.match(self.text, self.at)
            if found is not None:
                self.at = found.end()
                segments.append(found[0])
            else:
                segments.append(self.string())
            if self.text[self.at : self.at + 1] != ".":
                return tuple(segments)
            self.at += 1

    def literal(self, facts: Facts) -> Any:
        kind, word = self.peek()
        if kind == "string":
            return self.string()
        self.take()
        if kind == "size":
            return read_size_text(word[1:-1], facts)
        if kind == "number":
            return int(word) if re.fullmatch(r"-?\d+", word) else float(word)
        if word in ("none", "true", "false"):
            return {"none": None, "true": True, "false": False}[word]
        if word == "...":
            return ...
        if word in ("inf", "nan"):
            return float(word)
        if word == "slice":
            return slice(*self.literal(facts))
        if word in ("(", "["):
            end = ")" if word == "(" else "]"
            values = []
            while not self.found(end):
                values.append(self.literal(facts))
                self.found(",")
            return tuple(values) if word == "(" else values
        raise ValueError(f"`{word}` is no value")

    def type(self, facts: Facts) -> TensorType:
        dtype = "float" if self.peek()[1] == "[" else self.name()
        self.take("[")
        depth, start, sizes = 0, self.at, []
        for at in range(self.at, len(self.text)):
            char = self.text[at]
            if depth == 0 and char in ",]":
                if self.text[start:at].strip():
                    sizes.append(read_size_text(self.text[start:at], facts))
                start = at + 1
                if char == "]":
                    self.at = at + 1
                    return TensorType(tuple(sizes), dtype)
            depth += (char in "({") - (char in ")}")
        raise ValueError("a type without its end")

    def terms(self) -> Size:
        """`1/2 H + 3 floor(W; 2)^2`."""
        total: Size = 0
        while True:
            coefficient = Fraction(int(self.take()))
            if self.found("/"):
                coefficient /= int(self.take())
            product: Size = 1
            while self.peek()[0] == "word":
                name = self.take()
                atom: Size = symbol(name)
                if name in ("floor", "max", "min") and self.found("("):
                    args = [self.terms()]
                    while self.found(";"):
                        args.append(self.terms())
                    self.take(")")
                    atom = make_atom(name, tuple(args))
                power = int(self.take()) if self.found("^") else 1
                product = product * atom**power
            total = total + scale(product, coefficient)
            if not self.plus():
                return total

    def plus(self) -> bool:
        found = re.compile(r"\s*\+\s*").match(self.text, self.at)
        if found is None:
            return False
        self.at = found.end()
        return True
