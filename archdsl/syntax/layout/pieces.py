"""What the layout is made of: tokens with what the author put before each, and the brackets they stand in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from archdsl.syntax.kinds import (
    CLOSERS,
    COMMA,
    EQUAL,
    FIRST_EDIT_WORD,
    FIXED,
    LBRACE,
    LPAR,
    NAME,
    NL,
    OPENERS,
    RBRACE,
    RPAR,
    SELECTOR,
)
from archdsl.syntax.lexer import Tokens

_USE, _ARROW = FIXED["use"], FIXED["->"]
_BLANKS = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t]+')
"""In a selector what is in quotes, and blanks that are not."""
_HEADED = frozenset(FIXED[text] for text in ("fn", "block", "arch"))


@dataclass(slots=True)
class Remark:
    """A comment in the gap before a piece: whether it stands on its own line, and whether a blank line is above it."""

    text: str
    own_line: bool
    blank: bool


@dataclass(slots=True)
class Group:
    """A pair of brackets. `listing` tells that it holds what commas part, not statements. `broken`: its content stands on lines
    of its own; `rows`: also each of its parts."""

    opener: int
    closer: int = -1
    listing: bool = True
    header: bool = False
    called: bool = False
    broken: bool = False
    rows: bool = False
    parent: int = -1


@dataclass(slots=True)
class Piece:
    """A token. `group` is the opener of the innermost brackets around it, -1 for none; for brackets themselves, their own."""

    kind: int
    text: str
    group: int
    remarks: list[Remark] = field(default_factory=list)
    new_line: bool = False
    blank: bool = False
    boundary: bool = False
    """A statement ends before it."""
    touching: bool = False
    """No blank stood before it."""
    header: bool = False
    """It belongs to the header of an item."""
    cut: bool = False
    """A new line is put before it, inside a statement."""


def pieces_of(tokens: Tokens) -> tuple[list[Piece], dict[int, Group], list[Remark]]:
    """The pieces, their brackets by the opener's number, and the comments after the last piece."""
    text, comments = tokens.text, tokens.comments
    pieces: list[Piece] = []
    groups: dict[int, Group] = {}
    stack: list[int] = []
    next_comment, end_before = 0, 0
    boundary, first_kind, header = False, 0, False
    remarks: list[Remark] = []
    gap_new_line = gap_blank = False
    for at, kind in enumerate(tokens.kinds):
        start = tokens.starts[at]
        while next_comment < len(comments) and comments[next_comment][0] < start:
            place, stop, own_line = comments[next_comment]
            between = text[end_before:place].count("\n")
            remarks.append(Remark(text[place:stop].rstrip(), own_line, between > 1))
            gap_new_line, end_before = True, stop
            next_comment += 1
        newlines = text.count("\n", end_before, max(start, end_before))
        gap_new_line = gap_new_line or newlines > 0
        gap_blank = newlines > 1
        if kind == NL:
            boundary = True
            if tokens.ends[at] > start:  # a semicolon
                end_before = tokens.ends[at]
            continue
        if at == len(tokens.kinds) - 1:
            break
        if not stack and (boundary or not pieces):
            first_kind, header = kind, kind in _HEADED
        number = len(pieces)
        if kind in CLOSERS:
            group = groups[stack.pop()]
            group.closer = number
            _drop_comma(pieces, group, remarks)
            group.closer = number = len(pieces)
            piece = Piece(kind, tokens.word(at), group.opener)
        else:
            word = tokens.word(at)
            piece = Piece(
                kind, word if kind != SELECTOR else _BLANKS.sub(lambda found: found[1] or " ", word), stack[-1] if stack else -1
            )
        if kind in OPENERS:
            listing = kind != LBRACE or (not stack and first_kind == _USE)
            called = kind == LPAR and bool(pieces) and ends_value(pieces[-1]) and not gap_new_line
            group = Group(number, listing=listing, header=header and not stack and kind == LPAR, called=called)
            group.parent = stack[-1] if stack else -1
            groups[number] = group
            stack.append(number)
            piece.group = number
            if kind == LBRACE and not stack[1:]:
                header = False
        if not stack and kind == EQUAL:
            header = False
        piece.header = header
        piece.remarks, remarks = remarks, []
        piece.new_line, piece.blank, piece.boundary = gap_new_line, gap_blank, boundary
        piece.touching = bool(pieces) and start == end_before
        gap_new_line = boundary = False
        end_before = tokens.ends[at]
        pieces.append(piece)
    return pieces, groups, remarks


def _drop_comma(pieces: list[Piece], group: Group, remarks: list[Remark]) -> None:
    """Remove a comma before the closing bracket, but for that of a tuple of one."""
    if not pieces or pieces[-1].kind != COMMA or pieces[-1].group != group.opener:
        return
    commas = sum(piece.kind == COMMA and piece.group == group.opener for piece in pieces[group.opener :])
    if pieces[group.opener].kind == LPAR and commas == 1 and not group.called and not group.header:
        return
    remarks[:0] = pieces.pop().remarks


_WORDS_AFTER_WHICH_NO_VALUE = frozenset(
    FIXED[text]
    for text in (
        "use", "let", "fn", "block", "arch", "if", "else", "repeat", "via", "over", "axis", "until", "yield", "final", "head",
        "when", "require", "expect", "in", "for", "as", "and", "or", "not", "carry", "param", "shared", "init", "scan",
    )
)  # fmt: skip


def ends_value(piece: Piece) -> bool:
    """A value, or what takes arguments without a blank (`skip(`, `branch(`, `buffer(`), can end with this piece."""
    if piece.kind >= FIXED["use"]:
        if piece.kind >= FIRST_EDIT_WORD:
            return False
        return piece.kind not in _WORDS_AFTER_WHICH_NO_VALUE
    return piece.kind in (RPAR, FIXED["]"], RBRACE) or NAME <= piece.kind <= 4


__all__ = ["Group", "Piece", "Remark", "ends_value", "pieces_of"]
