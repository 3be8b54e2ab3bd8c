"""Problems as JSON: the format of `problems.schema.json`, whose `version` grows when a field changes its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from json import dumps
from typing import Any

from archdsl.problems.collector import MAX_SHOWN
from archdsl.problems.problem import Problem
from archdsl.source import Span

VERSION = 1


def render(problems: Iterable[Problem], color: bool = False) -> str:
    """One JSON object, two spaces deep, with a new line at its end; never coloured."""
    del color
    return dumps(report(problems), indent=2, ensure_ascii=True) + "\n"


def report(problems: Iterable[Problem]) -> dict[str, Any]:
    """The object itself: `problems` holds at most 100 of them, the counts all; `hidden` says how many are not shown."""
    found = tuple(problems)
    return {
        "version": VERSION,
        "errors": sum(one.severity == "error" for one in found),
        "warnings": sum(one.severity == "warning" for one in found),
        "hidden": max(0, len(found) - MAX_SHOWN),
        "problems": [as_json(one) for one in found[:MAX_SHOWN]],
    }


def as_json(problem: Problem) -> dict[str, Any]:
    """One problem."""
    fix = problem.fix
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message(),
        **place(problem.at),
        "label": problem.label,
        "others": [{**place(other.span), "label": other.text} for other in problem.others],
        "notes": list(problem.notes),
        "help": problem.help,
        "fix": None if fix is None else {**place(fix.span), "title": fix.title, "text": fix.text},
        "chain": [{**place(frame.span), "block": frame.block} for frame in problem.chain],
    }


def place(span: Span) -> dict[str, Any]:
    """A place: lines and columns from 1, columns in code points; the end is the first character after it; offsets from 0."""
    start_line, start_column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "start": {"line": start_line, "column": start_column, "offset": span.start},
        "end": {"line": end_line, "column": end_column, "offset": span.end},
    }
