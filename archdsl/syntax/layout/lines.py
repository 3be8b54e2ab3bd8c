"""Puts pieces on lines: keeps the author's, and breaks those that are too long."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.syntax.kinds import CLOSERS, COMMA, CONTINUES_BEFORE, FIXED, LBRACE, OPENERS
from archdsl.syntax.layout.pieces import Group, Remark, pieces_of
from archdsl.syntax.layout.spacing import blank_before
from archdsl.syntax.lexer import Tokens

WIDTH = 130
STEP = 2
_ARROW = FIXED["->"]
_JOINED = frozenset({FIXED["via"], FIXED["else"], LBRACE})


@dataclass(slots=True)
class Line:
    """A line that is done: the numbers of its first piece and of the one after its last, or a comment or a blank line."""

    first: int
    last: int
    indent: int
    text: str
    remark: str = ""


class Layout:
    """The layout of one text."""

    def __init__(self, tokens: Tokens) -> None:
        self.pieces, self.groups, self.tail = pieces_of(tokens)
        self.lines: list[Line] = []
        self._mark()

    def text(self) -> str:
        """The laid-out text, ending in one new line unless it is empty."""
        self._emit()
        while True:
            long = [line for line in self.lines if line.indent + len(line.text) > WIDTH and line.last > line.first]
            broken = [self._break(line) for line in long]
            if not any(broken):
                break
            self._emit()
        lines = [(" " * line.indent + line.text + _gap(line)).rstrip() for line in self.lines]
        return "\n".join(lines) + "\n" if lines else ""

    # ── what the author's lines say ──────────────────────────────────────────────────────────────────────────────────

    def _mark(self) -> None:
        pieces = self.pieces
        for at, piece in enumerate(pieces):
            before = pieces[at - 1] if at else None
            group = self.groups.get(piece.group)
            inside = group is not None and at != group.opener
            if before is not None and before.kind in OPENERS and piece.new_line:
                self.groups[before.group].broken = True
            if inside and group is not None and piece.new_line and (not group.listing or piece.remarks):
                group.broken = True
            outer = self.groups.get(group.parent) if group is not None and at == group.opener else None
            if outer is not None and piece.remarks:
                outer.broken = True
        for at, piece in enumerate(pieces):
            if at == 0 or piece.boundary or not piece.new_line:
                continue
            around = self._around(at)
            if piece.remarks:
                piece.cut = True
            elif around is None or not around.listing:
                piece.cut = piece.kind not in _JOINED
            else:
                piece.cut = around.broken and pieces[at - 1].kind == COMMA

    def _around(self, at: int) -> Group | None:
        """The brackets that piece `at` stands in: for brackets themselves, those around them."""
        piece = self.pieces[at]
        group = self.groups.get(piece.group)
        if group is not None and at in (group.opener, group.closer):
            return self.groups.get(group.parent)
        return group

    # ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _emit(self) -> None:
        self.lines = []
        pieces, groups = self.pieces, self.groups
        levels: list[tuple[int, int]] = []  # for each open bracket: the indent of its line, and of what it holds
        indent = first = 0
        text: list[str] = []

        def close(last: int) -> None:
            if text:
                self.lines.append(Line(first, last, indent, "".join(text)))
                text.clear()

        for at, piece in enumerate(pieces):
            around = self._around(at)
            group = groups.get(piece.group)
            before = pieces[at - 1] if at else None
            opens = before is not None and before.kind in OPENERS and groups[before.group].broken
            closes = piece.kind in CLOSERS and group is not None and group.broken
            multiline = around is None or (around.broken and not around.listing)
            if at == 0 or opens or closes or (piece.boundary and multiline) or piece.cut or self._row(at, around):
                if piece.boundary and piece.kind in CONTINUES_BEFORE and text:
                    text.append(";")  # else the line would go on with the one above
                close(at)
                base = levels[-1][1] if levels else 0
                statement = at == 0 or opens or (piece.boundary and multiline)
                if closes:
                    indent = levels[-1][0]
                elif statement or (around is not None and around.listing and before is not None and before.kind == COMMA):
                    indent = base
                else:
                    indent = base + (2 * STEP if piece.header and piece.kind == _ARROW else STEP)
                self._remarks(piece.remarks, base if closes else indent, statement or closes)
                if piece.blank and self.lines and statement and not opens:
                    self.lines.append(Line(0, 0, 0, ""))
                first = at
            elif before is not None:
                if piece.boundary:
                    text.append("; ")
                elif blank_before(pieces, groups, at):
                    text.append(" ")
            text.append(piece.text)
            if piece.kind in OPENERS and group is not None:
                levels.append((0 if piece.header and not group.listing else indent, 0))
                if piece.kind == LBRACE and not group.listing and self._header_of(at):
                    levels[-1] = (0, STEP)
                else:
                    levels[-1] = (indent, indent + STEP if group.broken else (levels[-2][1] if len(levels) > 1 else 0))
            elif piece.kind in CLOSERS:
                levels.pop()
        close(len(pieces))
        self._remarks(self.tail, 0, True)

    def _header_of(self, at: int) -> bool:
        """The brace opens the body of an item."""
        return self.pieces[at].group == at and self.groups[at].parent < 0 and at > 0 and self.pieces[at - 1].header

    def _row(self, at: int, around: Group | None) -> bool:
        """The piece begins a part of brackets whose parts have a line each."""
        return (
            around is not None
            and around.rows
            and self.pieces[at - 1].kind == COMMA
            and self.pieces[at - 1].group == around.opener
        )

    def _remarks(self, remarks: list[Remark], indent: int, blanks: bool) -> None:
        for remark in remarks:
            last = self.lines[-1] if self.lines else None
            if not remark.own_line and last is not None and last.last > last.first and not last.remark:
                last.remark = remark.text
                continue
            if remark.blank and blanks and last is not None and not self._opened(last):
                self.lines.append(Line(0, 0, 0, ""))
            self.lines.append(Line(0, 0, indent, remark.text))

    def _opened(self, line: Line) -> bool:
        return line.last > line.first and self.pieces[line.last - 1].kind in OPENERS

    # ── long lines ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _break(self, line: Line) -> bool:
        """Break a line that is too long, at the first of: a body on one line, an arrow, commas, the longest brackets."""
        inside = [
            group for group in self.groups.values()
            if line.first <= group.opener and group.closer < line.last and group.closer > group.opener + 1
        ]  # fmt: skip
        outermost = [group for group in inside if not any(other.opener < group.opener < other.closer for other in inside)]
        bodies = [group for group in outermost if not group.listing]
        if bodies:
            bodies[-1].broken = True
            return True
        if self._break_arrow(line):
            return True
        around = self._around(line.first)
        commas = [
            at for at in range(line.first, line.last)
            if around is not None and around.broken and self.pieces[at].kind == COMMA and self.pieces[at].group == around.opener
        ]  # fmt: skip
        if around is not None and around.listing and not around.rows and [at for at in commas if at + 1 < line.last]:
            around.rows = True
            return True
        if outermost:
            max(outermost, key=lambda group: self._width(group)).broken = True
            return True
        return False

    def _break_arrow(self, line: Line) -> bool:
        """Put what follows the last arrow that fits on a line of its own."""
        width, best = line.indent, -1
        around = self._around(line.first)
        place = around.opener if around is not None else -1
        for at in range(line.first, line.last):
            if at > line.first:
                width += blank_before(self.pieces, self.groups, at)
            piece = self.pieces[at]
            if piece.kind == _ARROW and at > line.first and width <= WIDTH:
                here = self._around(at)
                if (here.opener if here is not None else -1) == place and (here is None or not here.listing):
                    best = at
            width += len(piece.text)
        if best < 0:
            return False
        self.pieces[best].cut = True
        return True

    def _width(self, group: Group) -> int:
        return sum(len(piece.text) + 1 for piece in self.pieces[group.opener : group.closer])


def _gap(line: Line) -> str:
    return f"  {line.remark}" if line.remark else ""
