"""Says what is wrong with a token that no rule allows, and how it is written here.

Each rule looks at one habit or slip; the first that knows the case speaks. A rule takes the case and gives what is said, and
a help line or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.problems.problem import Problem
from archdsl.source import Source, Span
from archdsl.syntax.expected import in_words
from archdsl.syntax.kinds import (
    COLON,
    COMMA,
    DOT,
    EDIT_WORDS,
    EDITS,
    END,
    EQUAL,
    FIRST_EDIT_WORD,
    FIRST_WORD,
    FIXED,
    INT,
    LBRACE,
    LPAR,
    LSQB,
    NAME,
    NL,
    OPENERS,
    RBRACE,
    SELECTOR,
    STRING,
    VARIANT,
    plain,
)  # fmt: skip
from archdsl.syntax.lexer import Tokens
from archdsl.syntax.problems import UnexpectedToken

Said = tuple[str | None, str | None]

_COMPARISONS = frozenset(FIXED[text] for text in ["==", "!=", "<", "<=", ">", ">=", "in"])
_ITEM_WORDS = frozenset(FIXED[text] for text in ["use", "fn", "block", "arch"])
_HABITS = {
    "def": "a layer is written `block Name(configuration)(tensors) { … }`, a function `fn name(…) = …`",
    "class": "a layer is written `block Name(configuration)(tensors) { … }`",
    "function": "a function is written `fn name(…) = …`",
    "func": "a function is written `fn name(…) = …`",
    "model": "a model is written `arch Name(configuration)(tensors) -> outputs { … }`",
    "module": "a layer is written `block Name(configuration)(tensors) { … }`",
    "network": "a model is written `arch Name(configuration)(tensors) -> outputs { … }`",
    "import": "items of another file are had with `use`",
    "from": "items of another file are had with `use module { Name }`",
    "return": "the result of a body is its last value: write the value alone",
    "lambda": "a layer as a value stands in braces: `{ Linear(64); relu }`",
    "while": "what is repeated has a count: `repeat n { … }`; a recurrence is a `scan`",
    "for": "write `repeat i in 0..n { … }`",
    "elif": "write `else if`",
    "const": "a constant is written `let name = …`",
    "var": "a value is named by `name = …`",
    "is": "write `==`",
    "const_": "a constant is written `let name = …`",
    "with": "write what stands inside alone",
    "assert": "write `require`",
    "input": "tensors stand in the second parentheses of the header",
    "output": "outputs stand after `->` in the header, and `head name { … }` makes them",
}


class Place(NamedTuple):
    """Where it went wrong: the token, the first token of the statement, whether that stands at the top level, whether a body
    follows."""

    token: int
    start: int
    top: bool
    body: bool


@dataclass(frozen=True)
class Case:
    """What the rules look at."""

    tokens: Tokens
    place: Place
    expected: frozenset[int]

    def kind(self, offset: int = 0) -> int:
        """The kind of the token, or of one beside it."""
        at = self.place.token + offset
        return self.tokens.kinds[at] if 0 <= at < len(self.tokens.kinds) else END

    def word(self, offset: int = 0) -> str:
        """The text of the token, or of one beside it."""
        at = self.place.token + offset
        return self.tokens.word(at) if 0 <= at < len(self.tokens.kinds) else ""

    def touches(self, offset: int) -> bool:
        """No blank stands between the token and the one beside it."""
        one, other = sorted((self.place.token, self.place.token + offset))
        return one >= 0 and other < len(self.tokens.kinds) and self.tokens.ends[one] == self.tokens.starts[other]

    @property
    def first(self) -> int:
        """The kind of the statement's first token."""
        return self.tokens.kinds[self.place.start]

    @property
    def opener(self) -> int:
        """The kind of the innermost bracket that the statement has open at the token, or -1."""
        stack: list[int] = []
        for at in range(self.place.start, self.place.token):
            kind = self.tokens.kinds[at]
            if kind in OPENERS:
                stack.append(kind)
            elif kind in OPENERS.values() and stack:
                stack.pop()
        return stack[-1] if stack else -1


def explain(source: Source, tokens: Tokens, place: Place, expected: list[int]) -> Problem:
    """The problem of a token. `expected` are the kinds that could have stood there."""
    token = place.token
    kind = tokens.kinds[token]
    start, end = tokens.starts[token], tokens.ends[token]
    if kind == NL and end < start + 1:
        end = start
    word = tokens.word(token)
    found = plain(kind) if kind in (END, NL) and not word else f"`{word if len(word) <= 40 else word[:40] + '…'}`"
    case = Case(tokens, place, frozenset(expected))
    for rule in _RULES:
        answer = rule(case)
        if answer is not None:
            said, help_ = answer
            return UnexpectedToken(at=Span(source, start, end), found=found, expected=in_words(expected), said=said, help=help_)
    return UnexpectedToken(at=Span(source, start, end), found=found, expected=in_words(expected))


def _variant(case: Case) -> Said | None:
    if case.first == VARIANT and case.kind() not in (NL, END):
        if case.kind() == LPAR:
            return "a variant's configuration stands in its braces", "write `{ set width = 128 }`"
        return None if case.kind(-1) == SELECTOR else (None, "a variant is written `variant Name of Base { … }`")
    if SELECTOR in case.expected:
        return None, "a selector says which steps: `relu`, `layer*.*.bn?`, `Conv2d(groups=1)`"
    if case.expected >= EDITS:
        words = "`set`, `replace`, `insert after`, `insert before`, `wrap`, `unwrap`, `remove` and `expect`"
        return f"in the braces of a variant `{case.word()}` cannot stand here", f"there stand {words}"
    if case.first == EDIT_WORDS["wrap"] and (FIXED["skip"] in case.expected or case.expected <= {COLON, DOT}):
        return "a step is wrapped with `skip`, `skip(op, …) via …`, `repeat n` or `label: { }`", None
    if case.first in EDITS and EDIT_WORDS["with"] in case.expected:
        return None, f"write `{case.tokens.word(case.place.start)} {case.word(-1)} with …`"
    return None


def _brace_below(case: Case) -> Said | None:
    if case.kind() == NL and case.kind(1) == LBRACE and (LBRACE in case.expected):
        return "`{` opens on the line of what it belongs to", "move the `{` to the end of the line above"
    return None


def _brace_missing(case: Case) -> Said | None:
    if case.kind() in (NL, END, RBRACE) and LBRACE in case.expected and case.opener < 0 and not case.expected & {NAME}:
        return f"expected `{{`, found {plain(case.kind())}", "a body stands in braces, also one of a single line"
    if case.kind() == COLON and LBRACE in case.expected and (case.first in _BODY_WORDS or case.place.top):
        return "a body stands in braces", "write `{ … }` in place of `:`"
    return None


_BODY_WORDS = frozenset(FIXED[text] for text in ["if", "skip", "branch", "repeat", "scan", "head", "expect"])


def _habit(case: Case) -> Said | None:
    for offset in (0, -1):
        word = case.word(offset)
        if (
            word in _HABITS
            and (offset == 0 or case.place.token + offset >= case.place.start)
            and case.kind(offset) in (NAME, FIXED["for"])
        ):
            if offset == 0 and case.kind(0) == NAME and not case.place.top and word not in ("is", "elif"):
                continue
            return f"there is no `{word}` here", _HABITS[word]
    return None


def _signs(case: Case) -> Said | None:
    word = case.word()
    if word == "+" and FIXED["-"] in case.expected:
        return "there is no unary `+`", None
    if word == "=" and case.kind(-1) in _ARITHMETIC and case.touches(-1):
        return f"there is no `{case.word(-1)}=`", f"write `x = x {case.word(-1)} …`"
    if word == ">" and case.kind(-1) in (EQUAL, FIXED["|"]) and case.touches(-1):
        return f"there is no `{case.word(-1)}>`", "a value is sent on with `->`"
    if word == "|":
        return "there is no `|` between values", "write `or`, or `a -> f` to send a value on"
    if word == "." and case.kind(1) == INT and case.touches(1):
        return "a number begins with a digit", f"write `0.{case.word(1)}`"
    if case.kind(-1) == DOT and case.kind(-2) == INT and case.touches(-1) is not None and FIXED["+"] not in case.expected:
        return "a number ends with a digit", f"write `{case.word(-2)}.0`"
    if word == "->" and case.place.token == case.place.start:
        return "nothing stands before `->`", "the first line takes what flows in by itself: leave the `->` out"
    if word == ";" and case.opener in (LPAR, LSQB):
        return "`;` ends a statement and cannot stand in parentheses", None
    return None


_ARITHMETIC = frozenset(FIXED[text] for text in ["+", "-", "*", "/", "//", "%", "**", "@"])


def _equals(case: Case) -> Said | None:
    if case.kind() == EQUAL and case.first in _CONDITIONS:
        return "a condition compares with `==`", "write `==` in place of `=`"
    if case.kind() == COLON and case.kind(-1) == NAME and case.word(-2) in ("let", "shared"):
        return f"`{case.word(-2)}` takes no type", f"write `{case.word(-2)} {case.word(-1)} = …`"
    if case.kind() == COLON and FIXED["="] in case.expected and case.first == NAME:
        return None
    return None


_CONDITIONS = frozenset(FIXED[text] for text in ["if", "require", "expect", "until"])


def _comparison(case: Case) -> Said | None:
    if case.kind() in _COMPARISONS and FIXED["and"] in case.expected:
        return "comparisons are not chained", "write `a < b and b < c`"
    if case.word() == "not" and case.kind(1) == FIXED["in"]:
        return "there is no `not in`", "write `not (a in b)`"
    return None


def _list(case: Case) -> Said | None:
    if case.opener != LSQB:
        return None
    if case.word() == "->":
        return "a chain in a list stands in parentheses", "write `[(x -> f)]`"
    loops = FIXED["for"] in case.tokens.kinds[case.place.start : case.place.token]
    if case.word() == "]" and FIXED["else"] in case.expected and loops:
        return "a comprehension takes every element, and has no condition", "choose within it: `[a if c else b for x in xs]`"
    return None


def _two_labels(case: Case) -> Said | None:
    at = case.place.token - 1
    if case.kind() != COLON or case.kind(-1) not in (NAME, INT, STRING):
        return None
    while at > case.place.start and case.tokens.kinds[at] in (NAME, INT, STRING, DOT):
        at -= 1
    if case.tokens.kinds[at] == COLON:
        return (
            "a step has one label",
            "for a label inside a label write a body: `outer: { inner: Linear(64) }`, or `outer.inner: …`",
        )
    return None


def _tuple(case: Case) -> Said | None:
    if case.opener >= 0 or case.place.top:
        return None
    names_alone = all(kind in (NAME, COMMA) for kind in case.tokens.kinds[case.place.start : case.place.token])
    if case.kind() == COMMA or (names_alone and case.kind(-2) == COMMA and EQUAL in case.expected):
        return "a tuple stands in parentheses", "write `(a, b)`"
    return None


def _place(case: Case) -> Said | None:
    if case.kind() in _ITEM_WORDS and not case.place.top and case.place.token == case.place.start:
        return f"`{case.word()}` stands at the top level of a file, not in a body", None
    if case.place.top and case.place.token == case.place.start:
        return (
            "at the top level stand `use`, `let`, `fn`, `block`, `arch` and `variant`",
            "steps stand in the body of a block or an arch",
        )
    return None


def _reserved(case: Case) -> Said | None:
    if FIRST_WORD <= case.kind() < FIRST_EDIT_WORD and NAME in case.expected:
        return (
            f"`{case.word()}` is a reserved word and cannot name a value",
            "as a label (before `:`), as the name of an argument (before `=`) and beside a dot it is an ordinary word",
        )
    return None


def _quoted_whole(case: Case) -> Said | None:
    if case.kind() != STRING or case.kind(-1) != DOT:
        return None
    start = case.place.token - 1
    while start > case.place.start and case.tokens.kinds[start - 1] in (NAME, INT, DOT):
        start -= 1
    label = "".join(case.tokens.word(at) for at in range(start, case.place.token)) + case.word()[1:-1]
    return "a label is quoted as a whole", f'write `"{label}": …`'


def _several_types(case: Case) -> Said | None:
    if case.kind() == LPAR and case.word(-1) == "->" and case.place.top:
        return "types are not put in parentheses", "several stand side by side: `-> [N, 4], [N]`"
    return None


def _side_by_side(case: Case) -> Said | None:
    starts_value = (
        case.kind() in (NAME, INT, STRING, FIXED["it"], FIXED["none"], FIXED["true"], FIXED["false"]) or case.kind() == 3
    )
    if not starts_value or case.kind(-1) in (NL, END) or FIXED["+"] not in case.expected:
        return None
    line = case.tokens.text.rfind("\n", 0, case.tokens.starts[case.place.token])
    before = (at for at in range(case.place.token) if case.tokens.starts[at] > line)
    if any(case.tokens.kinds[at] == FIXED["//"] for at in before):
        return f"`{case.word()}` cannot stand here", "a comment starts with `#`"
    if case.opener in (LPAR, LSQB):
        return f"expected `,` before `{case.word()}`", None
    return f"`{case.word()}` cannot stand here", "a statement ends with its line or with `;`; a value is sent on with `->`"


_RULES: tuple[Callable[[Case], Said | None], ...] = (
    _variant, _brace_below, _habit, _signs, _equals, _comparison, _list, _two_labels, _tuple, _place, _brace_missing, _reserved,
    _quoted_whole, _several_types, _side_by_side,
)  # fmt: skip
