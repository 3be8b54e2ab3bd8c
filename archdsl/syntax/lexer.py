"""Text to tokens: one regular expression, and the rules of where a statement ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.syntax.kinds import (
    CLOSERS,
    CONTINUES_AFTER,
    CONTINUES_BEFORE,
    DOT,
    EDIT_WORDS,
    END,
    FIRST_EDIT_WORD,
    FIRST_WORD,
    FIXED,
    FLOAT,
    INT,
    LBRACE,
    NAME,
    NL,
    OPENERS,
    RBRACE,
    STRING,
    VARIANT,
)  # fmt: skip

MAX_NESTING = 100

_TOKEN = re.compile(
    r"""[ \t]*(?:
      ([A-Za-z_][A-Za-z0-9_]*)
    | (\*\*|//|->|==|!=|<=|>=|\.\.\.|\.\.|[-+*/%@=<>(){}\[\],:.|])
    | (\n)
    | ([0-9][0-9A-Za-z_]*(?:\.[0-9][0-9A-Za-z_]*)?(?:(?<=[eE])[+-][0-9_]+)?)
    | ("[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+")
    | (\#[^\n]*)
    | (;)
    | ([^\n])
    | \Z
    )""",
    re.VERBOSE,
)
_NAME, _SIGN, _NEWLINE, _NUMBER, _STRING, _COMMENT, _SEMICOLON, _OTHER = range(1, 9)
_WORD_BEFORE = re.compile(r"[ \t]*(?::|=(?!=)|\.(?!\.))")
_LABEL_BEFORE = re.compile(r"[ \t]*(?::|\.(?!\.))")
_NON_ASCII_RUN = re.compile(r"[^\x00-\x7f][A-Za-z0-9_\x80-\U0010ffff]*")
_ITEM_AT_MARGIN = re.compile(r"(?:use|fn|block|arch)[ \t]+[A-Za-z_\"]|variant[ \t]+[A-Za-z_]\w*[ \t]+of\b")
_WORDS = FIXED | EDIT_WORDS


class Flaw(NamedTuple):
    """What the lexer could not accept: the code of the problem and the place. `more` is what else the problem needs."""

    code: str
    start: int
    end: int
    more: str | int = ""


class Tokens:
    """The tokens of a text, as columns; the last is the end of the text. A token that the lexer put in has no width."""

    __slots__ = ("comments", "ends", "flaws", "kinds", "semicolons", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.comments: list[tuple[int, int, bool]] = []
        self.flaws: list[Flaw] = []
        self.semicolons: set[int] = set()

    def word(self, index: int) -> str:
        """The text of a token."""
        return self.text[self.starts[index] : self.ends[index]]


def tokenize(text: str) -> Tokens:
    """All tokens of a text, its comments, and its flaws. Brackets always match in what comes back."""
    doomed: set[int] = set()
    while True:
        tokens, found = _scan(text, doomed)
        if found is None or len(doomed) >= 20:
            return tokens
        doomed.add(found)


def _scan(text: str, doomed: set[int]) -> tuple[Tokens, int | None]:
    """One walk over the text. The second result is the place of a `(` or `[` that proved to be left open: the caller walks
    again and has it closed where its statement seems to end, so that what follows is read as statements."""
    tokens = Tokens(text)
    kinds, starts, ends, flaws = tokens.kinds, tokens.starts, tokens.ends, tokens.flaws
    stack: list[tuple[int, int]] = []  # the open brackets: kind and place
    newline = -1  # where the line before the next token ended, if it did
    fixed = _WORDS.get
    resume = [0]
    braces = True  # whether new lines count: the innermost bracket is `{`, or there is none
    edits = -1  # the `{` of the variant that is being read; -2 in its header

    def close(to: int, at: int) -> None:
        while len(stack) > to:
            opener, where = stack.pop()
            if kinds and kinds[-1] == NL:
                del kinds[-1], starts[-1], ends[-1]
            kinds.append(OPENERS[opener])
            starts.append(at)
            ends.append(at)
            flaws.append(Flaw("unclosed-bracket", where, where + 1, at))

    for match in _matches(text, resume):
        group = match.lastindex
        if group is None:
            break
        start, end = match.span(group)
        if group == _NEWLINE:
            newline = start
            continue
        if group == _COMMENT:
            tokens.comments.append((start, end, newline >= 0 or not kinds))
            continue
        if newline >= 0 and stack:
            if start == newline + 1 and _ITEM_AT_MARGIN.match(text, start):
                close(0, newline)
                braces = True
            elif doomed and not braces and stack[-1][1] in doomed and text[start] not in ")]":
                where = stack[-1][1]
                if _indent(text, start) <= _indent(text, where):
                    close(len(stack) - 1, newline)
                    braces = not stack or stack[-1][0] == LBRACE
        if group == _NAME:
            kind = fixed(text[start:end], NAME)
            if kind >= FIRST_WORD and ((kinds and kinds[-1] == DOT) or _WORD_BEFORE.match(text, end)):
                kind = NAME
            elif kind >= FIRST_EDIT_WORD:
                from archdsl.syntax import variants  # late: few texts have one

                within = len(stack) == 1 and stack[0][1] == edits
                if not variants.is_word(kind, kinds, newline >= 0, within, not stack, text, end):
                    kind = NAME
                elif kind == VARIANT:
                    edits = -2
            if end - start > 128:
                flaws.append(Flaw("identifier-too-long", start, end))
        elif group == _SIGN:
            kind = FIXED[text[start:end]]
        elif group == _NUMBER:
            kind = _number(text, start, end, flaws)
        elif group == _STRING:
            kind = STRING
        elif group == _SEMICOLON:
            if not braces or (kinds and kinds[-1] != NL and kinds[-1] != LBRACE):
                tokens.semicolons.add(len(kinds))
                kinds.append(NL)
                starts.append(start)
                ends.append(end)
            newline = -1
            continue
        else:
            kind, end = _other(text, start, end, flaws)
            resume[0] = end
            if kind < 0:
                continue
        if newline >= 0:
            if braces and kinds:
                last = kinds[-1]
                if last not in CONTINUES_AFTER and kind not in CONTINUES_BEFORE and last != LBRACE and last != NL:
                    kinds.append(NL)
                    starts.append(newline)
                    ends.append(newline)
                    if not stack and kind not in (VARIANT, LBRACE):
                        edits = -1
            newline = -1
        if kind in OPENERS:
            if len(stack) == MAX_NESTING:
                flaws.append(Flaw("nesting-too-deep", start, end))
                break
            if edits == -2 and kind == LBRACE and not stack:
                edits = start
            stack.append((kind, start))
            braces = kind == LBRACE
        elif kind in CLOSERS:
            depth = next((at for at in range(len(stack) - 1, -1, -1) if stack[at][0] == CLOSERS[kind]), -1)
            if depth >= 0 and kind != RBRACE and any(opener == LBRACE for opener, _ in stack[depth:]):
                depth = -1
            if depth < 0:
                flaws.append(Flaw("unopened-bracket", start, end))
                continue
            if depth < len(stack) - 1:
                left_open = stack[-1][1]
                if stack[-1][0] != LBRACE and left_open not in doomed:
                    return tokens, left_open
                close(depth + 1, start)
            if kind == RBRACE and kinds[-1] == NL:
                del kinds[-1], starts[-1], ends[-1]
            stack.pop()
            braces = not stack or stack[-1][0] == LBRACE
        elif kind == FLOAT and (kinds and kinds[-1] == DOT or _LABEL_BEFORE.match(text, end)):
            point = text.find(".", start, end)
            if point > 0 and "e" not in text[start:end].lower():
                kinds += (INT, DOT)
                starts += (start, point)
                ends += (point, point + 1)
                kind, start = INT, point + 1
        kinds.append(kind)
        starts.append(start)
        ends.append(end)
        if edits >= 0 and len(stack) == 1 and stack[0][1] == edits:
            from archdsl.syntax import variants

            if kind in variants.BEFORE_SELECTOR:
                resume[0] = variants.selector(tokens, end)
    if (
        stack
        and stack[-1][0] != LBRACE
        and stack[-1][1] not in doomed
        and not any(flaw.code == "nesting-too-deep" for flaw in flaws)
    ):
        return tokens, stack[-1][1]
    deep = bool(flaws) and flaws[-1].code == "nesting-too-deep"
    noted = len(flaws)
    close(0, len(text))
    if deep:
        del flaws[noted:]
    if kinds and kinds[-1] == NL:
        del kinds[-1], starts[-1], ends[-1]
    kinds.append(END)
    starts.append(len(text))
    ends.append(len(text))
    return tokens, None


def _matches(text: str, resume: list[int]) -> Iterator[re.Match[str]]:
    """The tokens, one after the other; after one that is none, from where `resume` says."""
    while True:
        for match in _TOKEN.finditer(text, resume[0]):
            yield match
            if resume[0] > match.start():
                break
        else:
            return


def _indent(text: str, at: int) -> int:
    """The blanks before the first character of the line of `at`."""
    start = text.rfind("\n", 0, at) + 1
    return len(text[start:at]) - len(text[start:at].lstrip(" \t")) if text[start:at].strip(" \t") else at - start


def _number(text: str, start: int, end: int, flaws: list[Flaw]) -> int:
    """The kind of a word that begins with a digit; a flaw where it is no number."""
    word = text[start:end]
    if word.isdigit():
        return INT
    try:
        float(word)
    except ValueError:
        flaws.append(Flaw("malformed-number", start, end))
        return INT
    return INT if word.replace("_", "").isdigit() else FLOAT


def _other(text: str, start: int, end: int, flaws: list[Flaw]) -> tuple[int, int]:
    """What is no token: the kind it is taken for (-1 for none) and where it ends; the flaw is noted."""
    first = text[start]
    if first == '"':
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        flaws.append(Flaw("unterminated-string", start, stop))
        return STRING, stop
    if first == "'":
        stop = text.find("'", start + 1)
        if stop >= 0 and "\n" not in text[start:stop]:
            flaws.append(Flaw("single-quotes", start, stop + 1))
            return STRING, stop + 1
    run = _NON_ASCII_RUN.match(text, start)
    end = run.end() if run else end
    flaws.append(Flaw("unexpected-character", start, end))
    return -1, end
