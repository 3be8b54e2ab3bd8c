"""Problems as GitHub workflow commands, which become annotations of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.problems.collector import MAX_SHOWN
from archdsl.problems.problem import Problem
from archdsl.problems.render.cells import visible


def render(problems: Iterable[Problem], color: bool = False) -> str:
    """One `::error …::message` line a problem; never coloured."""
    del color
    return "".join(f"{_command(one)}\n" for one in tuple(problems)[:MAX_SHOWN])


def _command(problem: Problem) -> str:
    span = problem.at
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    properties = {"title": f"archdsl ({problem.code})", "file": span.source.name, "line": str(line), "endLine": str(end_line)}
    if line == end_line:  # GitHub takes columns only within one line
        properties |= {"col": str(column), "endColumn": str(max(end_column, column + 1))}
    words = [problem.message(), *(f"{other.span}: {other.text}" for other in problem.others if other.text), *problem.notes]
    words += [f"in block {frame.block} called at {frame.span}" for frame in problem.chain]
    if problem.help is not None:
        words.append(f"help: {problem.help}")
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{problem.severity} {told}::" + "%0A".join(_data(line) for word in words for line in word.split("\n"))


def _data(text: str) -> str:
    """Text after the `::`, in which `%` would start an escape."""
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    """A property's value, which also ends at `,` and `:`."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
