"""The words of variants are words only there, and a selector is one token: what says which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archdsl.syntax.kinds import EDIT_WORDS, EDITS, FIXED, LBRACE, NL, SELECTOR, VARIANT

if TYPE_CHECKING:
    from archdsl.syntax.lexer import Tokens

_NAME_NEXT = re.compile(r"[ \t]+[A-Za-z_]")
_SELECTOR = re.compile(r'[ \t]*((?:"(?:[^"\\\n]|\\[^\n])*"|(?!(?<![\w.*?])with(?![\w.*?]))[^\n;{}#"])+)')
_OF, _WITH, _AFTER, _BEFORE, _INSERT = (EDIT_WORDS[word] for word in ("of", "with", "after", "before", "insert"))
BEFORE_SELECTOR = (EDITS - {EDIT_WORDS["set"], _INSERT}) | {_AFTER, _BEFORE, FIXED["for"]}
"""In the braces of a variant a selector follows these."""


def is_word(kind: int, kinds: list[int], new_line: bool, within: bool, outside: bool, text: str, end: int) -> bool:
    """Whether a word that ends at `end` is the variants' one of this kind: `within` the braces of a variant themselves, or
    `outside` all brackets; `kinds` are the tokens before."""
    last = kinds[-1] if kinds else NL
    if kind == VARIANT:
        return outside and (new_line or last == NL) and _NAME_NEXT.match(text, end) is not None
    if kind == _OF:
        return outside and len(kinds) > 1 and kinds[-2] == VARIANT
    if not within:
        return False
    if kind in EDITS:
        return new_line or last in (NL, LBRACE)
    return last == (SELECTOR if kind == _WITH else _INSERT)


def selector(tokens: Tokens, at: int) -> int:
    """Take what stands at a place as a selector: all up to `with`, a brace, or the end of the statement. Where it ends."""
    match = _SELECTOR.match(tokens.text, at)
    words = match.group(1).rstrip() if match else ""
    if match is None or not words:
        return at
    start = match.start(1)
    tokens.kinds.append(SELECTOR)
    tokens.starts.append(start)
    tokens.ends.append(start + len(words))
    return start + len(words)
