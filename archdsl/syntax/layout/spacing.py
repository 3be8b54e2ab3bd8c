"""Whether a blank stands between two pieces on one line."""

from __future__ import annotations

from archdsl.syntax.kinds import COLON, COMMA, DOT, EQUAL, FIXED, LBRACE, LPAR, LSQB, OPERATORS, RBRACE, RPAR, RSQB
from archdsl.syntax.layout.pieces import Group, Piece, ends_value

_MINUS, _RANGE = FIXED["-"], FIXED[".."]
_TIGHT = frozenset(FIXED[text] for text in ("*", "/", "//", "%", "@", "**"))
_AROUND = frozenset((OPERATORS - _TIGHT - {_RANGE}) | {FIXED["->"], FIXED["|"]})


def unary(pieces: list[Piece], at: int) -> bool:
    """The piece is a minus with nothing before it to take from."""
    return pieces[at].kind == _MINUS and (at == 0 or pieces[at].boundary or not ends_value(pieces[at - 1]))


def blank_before(pieces: list[Piece], groups: dict[int, Group], at: int) -> bool:
    """A blank stands before piece `at`, which does not begin its line."""
    before, piece = pieces[at - 1], pieces[at]
    one, other = before.kind, piece.kind
    if one == LBRACE or other == RBRACE:
        return not (one == LBRACE and other == RBRACE)
    if one in (LPAR, LSQB, DOT, _RANGE) or other in (RPAR, RSQB, COMMA, DOT, _RANGE):
        return False
    if one == COMMA:
        return True
    if other == COLON:
        return False
    if one == COLON:
        group = groups.get(before.group)
        return group is None or pieces[group.opener].kind != LSQB
    if EQUAL in (one, other):
        group = groups.get(before.group if one == EQUAL else piece.group)
        return group is None or pieces[group.opener].kind != LPAR or group.header
    if one == _MINUS and unary(pieces, at - 1):
        return False
    if one in _TIGHT or other in _TIGHT:
        sign = at - 1 if one in _TIGHT else at
        return not tight(pieces, sign)
    if one in _AROUND or other in _AROUND:
        return True
    if other in (LPAR, LSQB):
        return not ends_value(before) or one == RBRACE
    return True


def tight(pieces: list[Piece], sign: int) -> bool:
    """The author wrote this operator without blanks on either side."""
    if sign + 1 >= len(pieces):
        return False
    return pieces[sign].touching and pieces[sign + 1].touching and not pieces[sign].cut and not pieces[sign + 1].cut
