"""Comments that document: `##` lines at the start of a file, and those directly above an item."""

from __future__ import annotations

import re

from archdsl.syntax.lexer import Tokens

_NEXT_LINE = re.compile(r"\n[ \t]*(?=[^ \t\n])")


def documentation(tokens: Tokens) -> tuple[str | None, dict[int, str]]:
    """The file's own documentation, and the others by the place of what stands directly below them."""
    text = tokens.text
    below: dict[int, list[str]] = {}
    lines: list[str] = []
    due = -1  # where the next line of the same comment would begin
    head: list[str] | None = None
    for start, end, own_line in tokens.comments:
        if not own_line or not text.startswith("##", start):
            due = -1
            continue
        if start != due:
            lines = []
            if head is None and not text[:start].strip():
                head = lines
        lines.append(text[start + 2 : end].removeprefix(" ").rstrip())
        match = _NEXT_LINE.match(text, end)
        due = match.end() if match else -1
        if due >= 0 and lines is not head:
            below[due] = lines
    docs = {at: "\n".join(found) for at, found in below.items() if text[at] != "#"}
    return ("\n".join(head) if head else None), docs
