"""Reads selectors and the pieces of edits from text."""

from __future__ import annotations

import re
from typing import Any

from archdsl.elaborate.editing.selectors import At, Both, Either, Has, Inside, Not, Selector
from archdsl.elaborate.faults import edit_problems as problems
from archdsl.problems.collector import Problems
from archdsl.problems.problem import ArchError
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.syntax.within import placed, shifted

_PART = r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<compare>[<>=!]=|[=<>])|(?P<mark>[()&|~,])|(?P<list>\[[^][]*\](?![\w*?.\[-]))
    |(?P<word>[^\s"()&|~,=<>!]+))"""
MAX_NESTING = 100
MAX_PARTS = 200
"""How many patterns and conditions a selector may have."""


def read_selector(span: Span) -> Selector:
    """The selector that stands at a span. Raises `ArchError` with a `bad-selector`."""
    return _Reader(span).whole()


def selector_of(text: str) -> tuple[Selector, Span]:
    """A selector given as a text of its own."""
    source = Source("<select>", text)
    span = Span(source, 0, len(text))
    return read_selector(span), span


class _Reader:
    """`or := and {"|" and}`, `and := within {"&" within}`, `within := one {["not"] "in" one}`; `and or not` are `& | ~` too;
    `one := "[" kind "]" | "~" one | "(" or ")" | NAME compare value | PATTERN ["(" args ")"]`."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.tokens: list[tuple[str, str, Span]] = []
        token = re.compile(_PART, re.VERBOSE)
        text, at = span.text, 0
        while text[at:].strip():
            match = token.match(text, at)
            if match is None:
                raise self.wrong(Span(span.source, span.start + at, span.end), "this is no part of a selector")
            kind = str(match.lastgroup)
            self.tokens.append(
                (kind, match[kind], Span(span.source, span.start + match.start(kind), span.start + match.end(kind)))
            )
            at = match.end()
        self.at = self.parts = 0

    def wrong(self, at: Span, what: str) -> ArchError:
        help = "a selector is a label path (`layer1.*.conv?`), a word (`relu`), `name=value`, and these with `&`, `|`, `~`, `( )`"
        return ArchError((problems.BadSelector(at=at, what=what, help=help),))

    def peek(self) -> tuple[str, str, Span]:
        end = Span(self.span.source, self.span.end, self.span.end)
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", end)

    def take(self, text: str) -> bool:
        """Whether the next token is this mark; then it is passed."""
        kind, found, _ = self.peek()
        if found == text and kind in ("mark", "word"):
            self.at += 1
            return True
        return False

    def whole(self) -> Selector:
        found = self.either(0)
        kind, text, span = self.peek()
        if kind != "end":
            raise self.wrong(span, f"`{text}` is left over: parts of a selector are joined by `&` or `|`")
        return found

    def either(self, depth: int) -> Selector:
        left = self.both(depth)
        while self.take("|") or self.take("or"):
            left = Either(left, self.both(depth))
        return left

    def both(self, depth: int) -> Selector:
        left = self.inside(depth)
        while self.take("&") or self.take("and"):
            left = Both(left, self.inside(depth))
        return left

    def inside(self, depth: int) -> Selector:
        left = self.one(depth)
        while True:
            outside = self.tokens[self.at : self.at + 2]
            if [text for _, text, _ in outside] == ["not", "in"]:
                self.at += 2
                left = Both(left, Not(Inside(self.one(depth + 1))))
            elif self.take("in"):
                left = Both(left, Inside(self.one(depth + 1)))
            else:
                return left

    def one(self, depth: int) -> Selector:
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise self.wrong(self.peek()[2], f"a selector has more than {MAX_PARTS} parts")
        if depth > MAX_NESTING:
            raise self.wrong(self.peek()[2], f"a selector is nested more than {MAX_NESTING} deep")
        if self.take("~") or self.take("not"):
            return Not(self.one(depth + 1))
        if self.take("("):
            inner = self.either(depth + 1)
            if not self.take(")"):
                raise self.wrong(self.peek()[2], "`)` is missing")
            return inner
        kind, text, span = self.peek()
        if kind == "list":
            self.at += 1
            if text[1:-1].strip().isidentifier():
                return Has("kind", "=", text[1:-1].strip())
            return _Reader(Span(span.source, span.start + 1, span.end - 1)).whole()
        if kind not in ("word", "string"):
            raise self.wrong(span, f"`{text}` starts no selector" if text else "a selector is missing here")
        self.at += 1
        if kind == "string":
            return At(text[1:-1], True)
        if self.peek()[0] == "compare":
            return self.has(text)
        found: Selector = At(text)
        if self.take("("):
            while not self.take(")"):
                kind, name, span = self.peek()
                if kind != "word":
                    raise self.wrong(span, "the attributes of a word are `name=value`, with commas between")
                self.at += 1
                found = Both(found, self.has(name))
                if not self.take(",") and self.peek()[1] != ")":
                    raise self.wrong(self.peek()[2], "`)` is missing")
        return found

    def has(self, name: str) -> Selector:
        kind, compare, span = self.peek()
        if kind != "compare":
            raise self.wrong(span, f"`{name}` is compared with a value: `{name}=…`")
        self.at += 1
        kind, text, span = self.peek()
        if kind not in ("word", "string", "list"):
            raise self.wrong(span, f"`{name}{compare}` has no value")
        self.at += 1
        return has(name, "=" if compare == "==" else compare, _value(kind, text))


def has(name: str, compare: str, value: Any) -> Selector:
    """A condition on an attribute; `layer`, `function` and `construct` are other words for `word` and `kind`."""
    if name in ("layer", "function"):
        return Has("word", compare, value)
    if name == "construct":
        return Has("kind", compare, value)
    return Has(name, compare, value)


def _value(kind: str, text: str) -> Any:
    if kind == "string":
        return text[1:-1]
    if kind == "list":
        return tuple(_value("word", part.strip()) for part in text[1:-1].split(",") if part.strip())
    if text in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text]
    for number in (int, float):
        try:
            return number(text.replace("_", ""))
        except ValueError:
            continue
    return text


def read_chain(text: str, name: str) -> tree.Chain:
    """A chain of steps. Raises `ArchError` with what is wrong in the text."""
    return _chain(text, name, "", "")


def _chain(text: str, name: str, before: str, after: str) -> tree.Chain:
    body = _body(text, name, before, after)
    if len(body.statements) != 1 or not isinstance(body.statements[0], tree.Flow):
        raise _bad(body.span, "one step or chain stands here: `gelu`, `a: Linear(8) -> relu`, `{ … }`")
    return body.statements[0].chain


def read_around(text: str, name: str) -> tree.Step:
    """A construct, whose braces are empty or left out: `skip`, `skip(mul)`, `repeat 2 { }`, `skip { } via Conv2d(8, 1)`."""
    what = "one construct stands here: `skip`, `repeat 2`, `skip { } via Conv2d(8, 1)`"
    try:
        found = read_chain(text if "{" in text else text + " { }", name)
    except ArchError:
        raise _bad(read_chain(text, name).span, what) from None
    if len(found.links) != 1 or found.links[0].names is not None or isinstance(found.links[0].step.term, (tree.Call, tree.Name)):
        raise _bad(found.span, what)
    return found.links[0].step


def read_args(text: str, name: str) -> tuple[tree.Arg, ...]:
    """Arguments by name: `groups=32, bias=false`."""
    found = _chain(text, name, "f(", ")")
    term = found.links[0].step.term
    if len(found.links) != 1 or not isinstance(term, tree.Call) or any(one.name is None for one in term.args):
        raise _bad(found.span, "arguments by name stand here: `groups=32, bias=false`")
    return term.args


def _bad(at: Span, what: str) -> ArchError:
    return ArchError((problems.BadPiece(at=at, what=what),))


def _body(text: str, name: str, start: str, end: str) -> tree.Body:
    """The statements of a text between `start` and `end`; places are those in the text itself."""
    before = f"block _edit {{\n{start}"
    found = Problems()
    file = parse(Source(name, f"{before}{text}{end}\n}}"), found)
    span = Span(Source(name, text), 0, len(text))
    here = Span(file.source, len(before), len(before) + len(text))
    if found.errors:
        raise ArchError(tuple(placed(one, here, span.source) for one in found.sorted()))
    item = file.items[0] if len(file.items) == 1 else None
    if not isinstance(item, tree.Block) or item.lists:
        raise _bad(span, "one step or chain stands here")
    body: tree.Body = shifted(item.body, here, span.source)
    return body
