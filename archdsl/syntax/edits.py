"""Reads edits that stand alone, as they stand in the braces of a variant."""

from __future__ import annotations

from archdsl.problems.collector import Problems
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.syntax.within import placed, shifted


def read_edits(text: str, problems: Problems, name: str = "<edits>") -> tuple[tree.Edit, ...]:
    """The edits of a text: lines, or parted by `;`. What cannot be read is noted in `problems`; places are those in the text."""
    before, after = "variant Edited of Given {\n", "\n}\n"
    found = Problems()
    file = parse(Source(name, f"{before}{text}{after}"), found)
    here, source = Span(file.source, len(before), len(before) + len(text)), Source(name, text)
    for one in found.sorted():
        problems.add(placed(one, here, source))
    edits = tuple(edit for item in file.items if isinstance(item, tree.Variant) for edit in item.edits)
    return tuple(shifted(edit, here, source) for edit in edits)
