"""Reads edits that stand alone, as they stand in the braces of a variant."""

from __future__ import annotations

from archdsl.problems.collector import Problems
from archdsl.source import Source
from archdsl.syntax import tree
from archdsl.syntax.parse import parse


def read_edits(text: str, problems: Problems, name: str = "<edits>") -> tuple[tree.Edit, ...]:
    """The edits of a text: lines, or parted by `;`. What cannot be read is noted in `problems`; places are those of a source in
    which the text stands in the braces of a variant."""
    file = parse(Source(name, f"variant Edited of Given {{\n{text}\n}}\n"), problems)
    return tuple(edit for item in file.items if isinstance(item, tree.Variant) for edit in item.edits)
