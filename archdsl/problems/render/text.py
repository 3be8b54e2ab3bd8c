"""Problems as a person reads them: the lines of the program, with carets, in the manner of rustc."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from archdsl.problems.collector import MAX_SHOWN
from archdsl.problems.problem import Label, Problem
from archdsl.problems.render.cells import clip, lay_out, visible
from archdsl.source import Source, Span

LINE_CELLS = 120
"""Widest part of a source line that is shown."""
LINE_CHARS = 1_000
"""Longest part of a source line that is laid out: a line of a megabyte costs no more than this."""
FAR = 5
"""Lines further apart than this have `...` between them."""
CHAIN_SHOWN = 8
"""Steps of the chain of block calls that are shown; the middle of a longer one is left out."""

STYLES = {"error": "1;31", "warning": "1;33", "note": "1;32", "frame": "1;34", "second": "34", "bold": "1", "help": "1;36"}


@dataclass(frozen=True)
class Paint:
    """Colours as ANSI codes, or none."""

    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.on and text else text


@dataclass(frozen=True)
class Mark:
    """A label on one line: characters `start` to `end` of it, from 0."""

    line: int
    start: int
    end: int
    text: str
    primary: bool

    @classmethod
    def of(cls, span: Span, text: str, primary: bool) -> Mark:
        """The mark of a span; one that covers several lines is marked on its first."""
        line, column = span.source.position(span.start)
        end = column - 1 + max(span.end - span.start, 1)
        return cls(line, column - 1, max(min(end, len(span.source.line(line))), column), visible(text), primary)


def render(problems: Iterable[Problem], color: bool = False) -> str:
    """Every problem with its places, a blank line between two; ends with a new line unless there are none."""
    found = tuple(problems)
    shown = [render_one(problem, color) for problem in found[:MAX_SHOWN]]
    if len(found) > MAX_SHOWN:
        shown.append(f"... and {len(found) - MAX_SHOWN} more\n")
    return "\n".join(shown)


def render_one(problem: Problem, color: bool = False) -> str:
    """One problem."""
    paint = Paint(color)
    places = _places(problem)
    digits = max(len(str(mark.line)) for _, marks in places for mark in marks)
    pad = " " * digits
    bar = paint("frame", "|")
    head = paint(problem.severity, f"{problem.severity}[{problem.code}]")
    out = [head + paint("bold", f": {visible(problem.message())}")]
    for number, (source, marks) in enumerate(places):
        arrow = "-->" if number == 0 else ":::"
        at = problem.at if number == 0 else next(one.span for one in problem.others if one.span.source is source)
        out.append(f"{pad}{paint('frame', arrow)} {visible(str(at))}")
        out.append(f"{pad} {bar}")
        out += _snippet(source, marks, digits, problem.severity, paint)
    tail = list(_tail(problem, paint))
    if tail:
        out.append(f"{pad} {bar}")
    for line in tail:
        first, *rest = line.split("\n")
        out.append(f"{pad} {paint('frame', '=')} {first}")
        out += [f"{pad}   {more}" for more in rest]
    return "\n".join(line.rstrip() for line in out) + "\n"


def _places(problem: Problem) -> list[tuple[Source, list[Mark]]]:
    """The marks by source: the primary's first, then the others as they come."""
    by_source: dict[int, tuple[Source, list[Mark]]] = {}
    for label, primary in [(Label(problem.at, problem.label), True), *((other, False) for other in problem.others)]:
        marks = by_source.setdefault(id(label.span.source), (label.span.source, []))[1]
        mark = Mark.of(label.span, label.text, primary)
        if mark not in marks:
            marks.append(mark)
    return list(by_source.values())


def _tail(problem: Problem, paint: Paint) -> Iterable[str]:
    """The lines after the program's: notes, the chain of calls, help."""
    for note in problem.notes:
        yield _paragraph(note)
    chain = [f"in block {visible(frame.block)} called at {visible(str(frame.span))}" for frame in problem.chain]
    if len(chain) > CHAIN_SHOWN:
        half = CHAIN_SHOWN // 2
        chain[half:-half] = [f"... {len(chain) - CHAIN_SHOWN} more"]
    yield from chain
    if problem.help is not None:
        yield paint("help", "help") + ": " + _paragraph(problem.help)
    if problem.fix is not None and problem.fix.title != problem.help:
        yield paint("help", "help") + ": " + _paragraph(problem.fix.title)


def _paragraph(text: str) -> str:
    """A text that may have several lines, each made safe."""
    return "\n".join(visible(line) for line in text.split("\n"))


def _snippet(source: Source, marks: Sequence[Mark], digits: int, severity: str, paint: Paint) -> list[str]:
    """The marked lines of one source, in their order."""
    out: list[str] = []
    bar = paint("frame", "|")
    before: int | None = None
    for number, group in groupby(sorted(marks, key=lambda mark: (mark.line, mark.start)), key=lambda mark: mark.line):
        if before is not None and number - before > FAR:
            out.append(paint("frame", "..."))
        before = number
        gutter = paint("frame", f"{number:>{digits}}") + f" {bar} "
        blank = " " * digits + f" {bar} "
        waiting = list(group)
        while waiting:
            anchor = next((mark for mark in waiting if mark.primary), waiting[0])
            line = source.line(number)
            skipped = max(0, anchor.start - LINE_CHARS // 2) if len(line) > LINE_CHARS else 0
            row = lay_out(line[skipped : skipped + LINE_CHARS])
            window = clip(row, anchor.start - skipped, LINE_CELLS, skipped > 0, skipped + LINE_CHARS < len(line))
            here = [
                mark
                for mark in waiting
                if mark is anchor or (mark.start >= skipped and window.first <= row.cell(mark.start - skipped) < window.last)
            ]
            waiting = [mark for mark in waiting if mark not in here]
            out.append(gutter + window.text)
            placed = []
            for mark in here:
                start = row.cell(mark.start - skipped)
                end = min(row.cell(mark.end - skipped), window.last)
                placed.append((start - window.shift, max(end, start + 1) - window.shift, mark))
            out += [blank + line for line in _underlines(placed, severity, paint)]
    return out


def _underlines(placed: list[tuple[int, int, Mark]], severity: str, paint: Paint) -> list[str]:
    """Carets and labels below one line: marks that do not touch share a row, the rightmost says its label there."""
    out: list[str] = []
    while placed:
        row: list[tuple[int, int, Mark]] = []
        for one in sorted(placed, key=lambda item: (not item[2].primary, item[0])):
            if all(one[1] < other[0] or other[1] < one[0] for other in row):
                row.append(one)
        placed = [one for one in placed if one not in row]
        row.sort(key=lambda item: item[0])
        out += _row(row, severity, paint)
    return out


def _row(row: list[tuple[int, int, Mark]], severity: str, paint: Paint) -> list[str]:
    """One row of marks from left to right: the last one's label beside it, the others' hung below, right to left."""

    def style(mark: Mark) -> str:
        return severity if mark.primary else "second"

    line, at = "", 0
    for start, end, mark in row:
        line += " " * (start - at) + paint(style(mark), ("^" if mark.primary else "-") * (end - start))
        at = end
    out = [line + (" " + paint(style(row[-1][2]), row[-1][2].text) if row[-1][2].text else "")]
    hung = [one for one in row[:-1] if one[2].text]
    while hung:
        stems, at = "", 0
        for start, _, mark in hung[:-1]:
            stems += " " * (start - at) + paint(style(mark), "|")
            at = start + 1
        start, _, mark = hung.pop()
        out.append(stems + " " * (start - at) + paint(style(mark), mark.text))
    return out


def closing_line(problems: Iterable[Problem]) -> str:
    """How many of each, as in `2 errors, 1 warning`; empty where there are none."""
    counts = {"error": 0, "warning": 0}
    for problem in problems:
        counts[problem.severity] = counts.get(problem.severity, 0) + 1
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items() if count)
