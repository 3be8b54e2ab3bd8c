"""Text as terminal cells: tabs, wide and combining characters, control characters made visible, long lines clipped."""

from __future__ import annotations

from dataclasses import dataclass

TAB = 4
MAX_TEXT = 2_000
"""Longest message, label or note that is shown, in characters."""

_INVISIBLE = {0x00AD, 0x061C, 0x180E, 0x2028, 0x2029, 0xFEFF}


def visible(text: str, limit: int = MAX_TEXT) -> str:
    """`text` on one line, with what could move the cursor, colour or reorder the terminal written as escapes."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) or char for char in text)


def _escape(char: str) -> str | None:
    """How a character that must not reach a terminal is written, or None for one that may."""
    code = ord(char)
    if code < 0x20 or 0x7F <= code < 0xA0:
        named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
        return named.get(char, f"\\x{code:02x}")
    if code in _INVISIBLE or 0x200B <= code <= 0x200F or 0x202A <= code <= 0x202E or 0x2060 <= code <= 0x206F:
        return f"\\u{{{code:x}}}"
    if 0xD800 <= code <= 0xDFFF or 0xE0000 <= code <= 0xE0FFF:
        return f"\\u{{{code:x}}}"
    return None


def width(char: str) -> int:
    """How many cells a character takes: 0 combining, 2 wide, else 1."""
    if char.isascii():
        return 1
    import unicodedata

    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@dataclass(frozen=True)
class Row:
    """A line of source as cells: `text` is what is printed, `starts[i]` the cell where character i begins (and the end)."""

    text: str
    starts: tuple[int, ...]
    pieces: tuple[str, ...]

    def cell(self, column: int) -> int:
        """The cell of the character at `column` (from 0); one past the end for any later column."""
        return self.starts[min(column, len(self.starts) - 1)]


def lay_out(line: str) -> Row:
    """Lay a source line out from cell 0."""
    if line.isascii() and line.isprintable():
        return Row(line, tuple(range(len(line) + 1)), tuple(line))
    pieces: list[str] = []
    starts = [0]
    for char in line:
        if char == "\t":
            piece = " " * (TAB - starts[-1] % TAB)
            cells = len(piece)
        else:
            escaped = _escape(char)
            piece, cells = (escaped, len(escaped)) if escaped else (char, width(char))
        pieces.append(piece)
        starts.append(starts[-1] + cells)
    return Row("".join(pieces), tuple(starts), tuple(pieces))


@dataclass(frozen=True)
class Window:
    """The part of a row that is shown: `text` with `…` where it was cut; a row's cell less `shift` is the window's."""

    text: str
    shift: int
    first: int
    last: int


def clip(row: Row, column: int, cells: int, before: bool = False, after: bool = False) -> Window:
    """The part of `row`, at most `cells` wide, around the character at `column`; `before` and `after`: is there more text?"""
    if row.starts[-1] <= cells and not before and not after:
        return Window(row.text, 0, 0, row.starts[-1])
    middle = row.cell(column)
    low = max(0, min(middle - cells // 3, row.starts[-1] - cells))
    first = next(i for i, start in enumerate(row.starts) if start >= low)
    last = first
    while last < len(row.pieces) and row.starts[last + 1] - row.starts[first] <= cells:
        last += 1
    left = "…" if before or first else ""
    right = "…" if after or last < len(row.pieces) else ""
    text = left + "".join(row.pieces[first:last]) + right
    return Window(text, row.starts[first] - len(left), row.starts[first], row.starts[last])
