"""Builds lists, expressions, chains and paths."""

from __future__ import annotations

from typing import Any

from archdsl.problems.problem import Fix
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.fault import Fault
from archdsl.syntax.kinds import FIXED, STRING
from archdsl.syntax.lexer import Tokens
from archdsl.syntax.literals import float_value, int_value, string_value

MAX_SEGMENTS = 100
_VALUES: dict[str, Any] = {"it": tree.It, "none": tree.Nothing, "training": tree.Training}
_PYTHON = {"True": "true", "False": "false", "None": "none"}
_LITERALS = (tree.Int, tree.Float, tree.Bool, tree.Str, tree.Nothing, tree.List, tree.Unary)
_TERMS = (tree.Skip, tree.Branch, tree.Repeat, tree.Scan, tree.If, tree.Body)

Value = tree.Expr | tree.Chain
Targets = tuple[tuple[str, ...], bool]


class Expressions:
    """Methods are called with the first and the last token of the rule, then a value for each symbol of it: for a token its
    index, for a rule what its method gave.

    `broken` tells of bodies that are read only for the sake of their own faults: the token where the parser took up again, and
    the first token of the broken statement or item they belong to.
    """

    def __init__(self, source: Source, tokens: Tokens) -> None:
        self.source = source
        self.tokens = tokens
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.word = tokens.word
        self.broken: dict[int, int] = {}

    def span(self, first: int, last: int) -> Span:
        """From the first token to the last."""
        return Span(self.source, self.starts[first], self.ends[last])

    def value_name(self, token: int) -> str:
        """The name that a value gets: no reserved word."""
        name = self.word(token)
        if name in FIXED:
            raise Fault("ReservedName", at=self.span(token, token), name=name)
        return name

    # ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def empty(self, first: int, last: int) -> list[Any]:
        """Nothing yet."""
        return []

    def one(self, first: int, last: int, item: Any) -> list[Any]:
        """The first of a list."""
        return [item]

    def more(self, first: int, last: int, items: list[Any], separator: int, item: Any) -> list[Any]:
        """One more, after a separator."""
        items.append(item)
        return items

    def append(self, first: int, last: int, items: list[Any], item: Any) -> list[Any]:
        """One more."""
        items.append(item)
        return items

    def nothing(self, first: int, last: int) -> None:
        """What was left out."""

    def second(self, first: int, last: int, mark: int, value: Any) -> Any:
        """What follows a mark."""
        return value

    def brackets_empty(self, first: int, last: int, opener: int, closer: int) -> list[Any]:
        """`()`, `[]`"""
        return []

    def brackets(self, first: int, last: int, opener: int, items: list[Any], *rest: int) -> list[Any]:
        """`(a, b)`, `(a, b,)`"""
        return items

    # ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _segment(self, token: int) -> tree.Segment:
        return tree.Segment(self.span(token, token), self.word(token), False)

    def segment_word(self, first: int, last: int, token: int) -> list[int]:
        """`conv1`; segments are kept as tokens until it is known what the path is."""
        return [token]

    segment_number = segment_quoted = segment_word

    def segments_word(self, first: int, last: int, tokens: list[int], dot: int, token: int) -> list[int]:
        """`conv1.weight`, `layer.0`"""
        if len(tokens) >= MAX_SEGMENTS:
            raise Fault("NestingTooDeep", at=self.span(first, last), limit=MAX_SEGMENTS, what="dots in one name")
        tokens.append(token)
        return tokens

    segments_number = segments_word

    def path(self, first: int, last: int, tokens: list[int]) -> list[int]:
        """A label, or the start of an expression."""
        return tokens

    def label(self, tokens: list[int]) -> tree.Path:
        """The path as a label."""
        segments = []
        for token in tokens:
            quoted = self.tokens.kinds[token] == STRING
            span = self.span(token, token)
            segments.append(tree.Segment(span, string_value(span) if quoted else span.text, quoted))
        return tree.Path(self.span(tokens[0], tokens[-1]), tuple(segments))

    def path_value(self, first: int, last: int, tokens: list[int]) -> tree.Expr:
        """The path as a value: a name, a number, a string, and attributes of it."""
        token = tokens[0]
        span = self.span(token, token)
        word = span.text
        value: tree.Expr
        if word[0] == '"' or word[0] == "'":
            value = tree.Str(span, string_value(span))
        elif word[0].isdigit():
            value = tree.Int(span, int_value(span))
        elif len(tokens) == 1 and word in FIXED:
            value = self._reserved(span, word)
        else:
            if word in _PYTHON:
                fix = Fix(span, _PYTHON[word], f"write `{_PYTHON[word]}`")
                raise Fault("UnexpectedToken", at=span, found=f"`{word}`", said=f"`{word}` is written `{_PYTHON[word]}`", fix=fix)
            value = tree.Name(span, word)
        for token in tokens[1:]:
            value = tree.Attribute(self.span(first, token), value, self.word(token))
        return value

    def _reserved(self, span: Span, word: str) -> tree.Expr:
        if word in _VALUES:
            node: tree.Expr = _VALUES[word](span)
            return node
        if word in ("true", "false"):
            return tree.Bool(span, word == "true")
        raise Fault("ReservedName", at=span, name=word)

    # ── atoms ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def float_(self, first: int, last: int, token: int) -> tree.Expr:
        """`1e-5`"""
        span = self.span(token, token)
        return tree.Float(span, float_value(span))

    def true(self, first: int, last: int, token: int) -> tree.Expr:
        """`true`"""
        return tree.Bool(self.span(token, token), True)

    def false(self, first: int, last: int, token: int) -> tree.Expr:
        """`false`"""
        return tree.Bool(self.span(token, token), False)

    def none(self, first: int, last: int, token: int) -> tree.Expr:
        """`none`"""
        return tree.Nothing(self.span(token, token))

    def it(self, first: int, last: int, token: int) -> tree.Expr:
        """`it`"""
        return tree.It(self.span(token, token))

    def training(self, first: int, last: int, token: int) -> tree.Expr:
        """`training`"""
        return tree.Training(self.span(token, token))

    def paren(self, first: int, last: int, opener: int, args: list[tree.Arg], closer: int) -> tree.Expr:
        """`(x -> f)` or, with a comma or a name in it, a tuple."""
        if len(args) == 1 and args[0].name is None:
            return tree.Paren(self.span(first, last), args[0].value)
        return tree.Tuple(self.span(first, last), tuple(args))

    def tuple_(self, first: int, last: int, opener: int, args: list[tree.Arg], *rest: int) -> tree.Expr:
        """`(a, b,)`"""
        return tree.Tuple(self.span(first, last), tuple(args))

    def list_empty(self, first: int, last: int, opener: int, closer: int) -> tree.Expr:
        """`[]`"""
        return tree.List(self.span(first, last), ())

    def list_(self, first: int, last: int, opener: int, items: list[tree.Expr], *rest: int) -> tree.Expr:
        """`[3, 4, 6, 3]`"""
        return tree.List(self.span(first, last), tuple(items))

    def comprehension(
        self,
        first: int,
        last: int,
        opener: int,
        body: tree.Expr,
        for_: int,
        targets: Targets,
        in_: int,
        items: tree.Expr,
        *rest: int,
    ) -> tree.Expr:
        """`[f(x) for x in xs]`"""
        return tree.Comprehension(self.span(first, last), body, targets[0], targets[1], items)

    # ── operators ────────────────────────────────────────────────────────────────────────────────────────────────────

    def if_expr(
        self, first: int, last: int, then: tree.Expr, if_: int, condition: tree.Expr, else_: int, otherwise: tree.Expr
    ) -> tree.Expr:
        """`a if c else b`"""
        return tree.IfExpr(self.span(first, last), then, condition, otherwise)

    def binary(self, first: int, last: int, left: tree.Expr, operator: int, right: tree.Expr) -> tree.Expr:
        """`a + b`"""
        return tree.Binary(self.span(first, last), self.word(operator), left, right)

    def unary(self, first: int, last: int, operator: int, value: tree.Expr) -> tree.Expr:
        """`-x`, `not c`"""
        return tree.Unary(self.span(first, last), self.word(operator), value)

    def call(self, first: int, last: int, function: tree.Expr, args: list[tree.Arg]) -> tree.Expr:
        """`Conv2d(64, 7)`"""
        return tree.Call(self.span(first, last), function, tuple(args))

    def attribute(self, first: int, last: int, value: tree.Expr, dot: int, name: int) -> tree.Expr:
        """`f(x).weight`"""
        return tree.Attribute(self.span(first, last), value, self.word(name))

    def index(self, first: int, last: int, value: tree.Expr, opener: int, items: list[Any], *rest: int) -> tree.Expr:
        """`x[:, 0]`"""
        return tree.Index(self.span(first, last), value, tuple(items))

    def ellipsis(self, first: int, last: int, token: int) -> tree.Ellipsis_:
        """`...`"""
        return tree.Ellipsis_(self.span(token, token))

    def slice_all(self, first: int, last: int, *colons: int) -> tree.Slice:
        """`:`"""
        return tree.Slice(self.span(first, last), None, None, None)

    def slice_from(self, first: int, last: int, start: tree.Expr, *colons: int) -> tree.Slice:
        """`a:`"""
        return tree.Slice(self.span(first, last), start, None, None)

    def slice_to(self, first: int, last: int, colon: int, stop: tree.Expr, *colons: int) -> tree.Slice:
        """`:b`"""
        return tree.Slice(self.span(first, last), None, stop, None)

    def slice_both(self, first: int, last: int, start: tree.Expr, colon: int, stop: tree.Expr, *colons: int) -> tree.Slice:
        """`a:b`"""
        return tree.Slice(self.span(first, last), start, stop, None)

    def slice_step(self, first: int, last: int, one: int, two: int, step: tree.Expr) -> tree.Slice:
        """`::s`"""
        return tree.Slice(self.span(first, last), None, None, step)

    def slice_from_step(self, first: int, last: int, start: tree.Expr, one: int, two: int, step: tree.Expr) -> tree.Slice:
        """`a::s`"""
        return tree.Slice(self.span(first, last), start, None, step)

    def slice_to_step(self, first: int, last: int, one: int, stop: tree.Expr, two: int, step: tree.Expr) -> tree.Slice:
        """`:b:s`"""
        return tree.Slice(self.span(first, last), None, stop, step)

    def slice_full(
        self, first: int, last: int, start: tree.Expr, one: int, stop: tree.Expr, two: int, step: tree.Expr
    ) -> tree.Slice:
        """`a:b:s`"""
        return tree.Slice(self.span(first, last), start, stop, step)

    # ── chains ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def arg(self, first: int, last: int, value: Value) -> tree.Arg:
        """`64`"""
        if isinstance(value, tree.Chain) and len(value.links) == 1:
            step = value.links[0].step
            if step.label is not None and isinstance(step.term, _LITERALS) and len(step.label.segments) == 1:
                said, colon = step.label.span.text, Span(self.source, step.label.span.end, step.term.span.start)
                fix = Fix(colon, "=", "give the argument with `=`")
                raise Fault(
                    "UnexpectedToken", at=value.span, found="`:`", said="an argument is given with `=`, not with `:`",
                                    help=f"write `{said}={step.term.span.text}`" if len(value.span.text) < 60 else None, fix=fix
                )  # fmt: skip
        return tree.Arg(value.span, None, None, value)

    def arg_named(self, first: int, last: int, name: int, equal: int, value: Value) -> tree.Arg:
        """`stride=2`"""
        return tree.Arg(self.span(first, last), self.word(name), self.span(name, name), value)

    def step_labelled(self, first: int, last: int, path: list[int], colon: int, term: Any) -> tree.Step:
        """`conv1: Conv2d(64, 7)`"""
        return tree.Step(self.span(first, last), self.label(path), term)

    def as_step(self, value: Any) -> tree.Step:
        """A step that may have come as a bare term."""
        return value if isinstance(value, tree.Step) else tree.Step(value.span, None, value)

    def link_as(self, first: int, last: int, step: Any, as_: int, targets: Targets) -> tree.Link:
        """`f as y`"""
        return tree.Link(self.span(first, last), self.as_step(step), targets[0], targets[1])

    def _as_link(self, value: Any) -> tree.Link:
        return value if isinstance(value, tree.Link) else tree.Link(value.span, self.as_step(value), None, False)

    def chain(self, first: int, last: int, links: list[Any]) -> Value:
        """`x -> f -> g`; an expression alone stays one."""
        if len(links) == 1 and not isinstance(links[0], (tree.Step, tree.Link, *_TERMS)):
            expression: tree.Expr = links[0]
            return expression
        return tree.Chain(self.span(first, last), tuple(self._as_link(link) for link in links))

    def as_chain(self, value: Value) -> tree.Chain:
        """A chain, also of an expression alone."""
        return value if isinstance(value, tree.Chain) else tree.Chain(value.span, (self._as_link(value),))

    def target_name(self, first: int, last: int, name: int) -> Targets:
        """`as y`"""
        return (self.value_name(name),), False

    def target_tuple(self, first: int, last: int, opener: int, names: list[int], *rest: int) -> Targets:
        """`as (a, b)`"""
        return tuple(self.value_name(name) for name in names), True
