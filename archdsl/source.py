"""Text, spans, lines and columns: every place in a program is a `Span` of a `Source`."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

MAX_SOURCE_BYTES = 1 << 20


class SourceFault(Exception):
    """Bytes that are no `.arch` text; `offset` is where, in bytes, and `code` the problem's code."""

    def __init__(self, code: str, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset


class Source:
    """One text: a file, an editor's buffer or standard input, decoded once.

    `name` is what problems show. `text` has `\\n` line ends and no byte-order mark, so offsets are the same on every system.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> Source:
        """Decode UTF-8, drop a leading byte-order mark, turn CRLF into LF.

        Raises `SourceFault` with code `source-too-large` or `not-utf8`. Forbidden characters are found by the parser,
        which can point at them.
        """
        if len(data) > MAX_SOURCE_BYTES:
            raise SourceFault("source-too-large", f"the file has {len(data):,} bytes; the limit is {MAX_SOURCE_BYTES:,}")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            start = fault.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)  # the codec counts from after the mark
            raise SourceFault("not-utf8", f"byte {start} is not UTF-8", start) from None
        return cls(name, text.replace("\r\n", "\n"))

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of each line."""
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1, columns in code points."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def position_utf16(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 0, columns in UTF-16 units, as editors count them."""
        line, column = self.position(offset)
        start = self.line_starts[line - 1]
        return line - 1, len(self.text[start : start + column - 1].encode("utf-16-le")) // 2

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]


class Span(NamedTuple):
    """The characters `start` (included) to `end` (excluded) of a source."""

    source: Source
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end))

    def holds(self, other: Span) -> bool:
        """Whether the other stands inside of it, or is it."""
        return self.source is other.source and self.start <= other.start and other.end <= self.end

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The line where it starts, from 1."""
        return self.source.position(self.start)[0]

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"
