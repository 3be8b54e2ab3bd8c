"""Problems one a line, as compilers have always told editors: `file:line:column: error[code]: message`."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.problems.collector import MAX_SHOWN
from archdsl.problems.problem import Problem
from archdsl.problems.render.cells import visible
from archdsl.problems.render.text import Paint


def render(problems: Iterable[Problem], color: bool = False) -> str:
    """One line a problem; what a label or a help says is left to the other formats."""
    found = tuple(problems)
    paint = Paint(color)
    lines = [
        f"{visible(str(one.at))}: {paint(one.severity, f'{one.severity}[{one.code}]')}: {visible(one.message())}\n"
        for one in found[:MAX_SHOWN]
    ]
    if len(found) > MAX_SHOWN:
        lines.append(f"... and {len(found) - MAX_SHOWN} more\n")
    return "".join(lines)
