"""The numbers that SECURITY.md promises are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl.dims.dim import TERM_CAP
from archdsl.elaborate import config, program, session
from archdsl.elaborate.editing import variants
from archdsl.problems.collector import MAX_SHOWN
from archdsl.source import MAX_SOURCE_BYTES
from archdsl.syntax.lexer import MAX_NESTING
from archdsl.syntax.literals import MAX_INT, MAX_STRING_BYTES

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {
    "source": MAX_SOURCE_BYTES,
    "nesting": MAX_NESTING,
    "string": MAX_STRING_BYTES,
    "integers": MAX_INT.bit_length() + 1,
    "expanded nodes": session.MAX_NODES,
    "imports": program.MAX_IMPORTS,
    "imports inside one another": program.MAX_CHAIN,
    "blocks inside one another": session.MAX_DEPTH,
    "edits of a variant": variants.MAX_EDITS,
    "steps of evaluating configuration": session.MAX_STEPS,
    "elements of a list": config.MAX_LIST,
    "terms in a dimension": TERM_CAP,
    "problems shown": MAX_SHOWN,
}
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}


@pytest.mark.parametrize("what", LIMITS)
def test_a_limit_is_what_the_page_says(what: str) -> None:
    row = re.search(rf"^\| {what} \| ([\d,]+)(?: (\w+))?", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    assert row is not None
    assert int(row[1].replace(",", "")) * UNITS.get(row[2] or "", 1) == LIMITS[what]
