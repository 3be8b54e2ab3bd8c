"""The one place where text of a program becomes text of a picture: cleaned, shortened, escaped for each format."""

from __future__ import annotations

import unicodedata

LONGEST = 200
"""Characters of one piece of text; longer ones end in an ellipsis."""

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode's controls (C0, C1), direction marks, halves of pairs, line separators: none may reach a picture."""


def clean(text: str, longest: int = LONGEST) -> str:
    """One line without control and direction characters, of at most so many characters."""
    spaced = "".join(" " if one in "\n\r\t\u2028\u2029" else one for one in text)
    seen = "".join(one for one in spaced if unicodedata.category(one) not in _UNSEEN)
    return seen if len(seen) <= longest else seen[: longest - 1] + "…"


def xml(text: str) -> str:
    """For text and attributes of XML, and for Graphviz's HTML-like labels."""
    told = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return told.replace('"', "&quot;").replace("'", "&#39;")


def dot(text: str) -> str:
    """A quoted string of DOT. `&` is escaped since Graphviz decodes entities in labels; a backslash never stands alone."""
    told = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return '"' + told.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mermaid(text: str) -> str:
    """Inside a quoted label of Mermaid, where `#…;` are entities and all other marks would be Markdown or HTML."""
    return "".join(one if one.isalnum() or one in " ,.:/+-=()…–×·−÷²³" else f"#{ord(one)};" for one in clean(text))
