"""Text that is read inside of other text: its tree and its problems, with places in the text alone."""

from __future__ import annotations

from typing import Any

from archdsl.problems.problem import Fix, Label, Problem
from archdsl.records import changed, parts
from archdsl.source import Source, Span
from archdsl.syntax import tree


def shifted(one: Any, here: Span, source: Source) -> Any:
    """The tree with its places counted from the start of `here`, in another source; places outside of `here` are its ends."""
    if isinstance(one, Span):
        low, high = (min(max(at - here.start, 0), here.end - here.start) for at in (one.start, one.end))
        return Span(source, low, high)
    if isinstance(one, tuple):
        return tuple([shifted(part, here, source) for part in one])
    if isinstance(one, tree.Tree):
        return changed(one, **{name: shifted(part, here, source) for name, part in parts(one)})
    return one


def placed(problem: Problem, here: Span, source: Source) -> Problem:
    """The problem, with its places counted so."""
    others = tuple(Label(shifted(one.span, here, source), one.text) for one in problem.others)
    fix = problem.fix
    if fix is not None:
        fix = Fix(shifted(fix.span, here, source), fix.text, fix.title)
    return changed(problem, at=shifted(problem.at, here, source), others=others, fix=fix)
