"""What a problem is: a frozen record of a fault, with its places; renderers make the picture."""

from __future__ import annotations

from typing import ClassVar

from archdsl.records import facts, record
from archdsl.source import Span


@record
class Label:
    """A place and what is to be said about it."""

    span: Span
    text: str = ""


@record
class Frame:
    """One step of the chain of block calls that led to a problem: the block's name and where it was called."""

    block: str
    span: Span


@record
class Fix:
    """An edit that mends the problem: replace `span` by `text`."""

    span: Span
    text: str
    title: str


@facts
class Problem:
    """A fault in a program.

    A subclass sets `code` (kebab-case, names the fault), adds the facts as fields, and says them in `message()`. Its docstring
    is its page: what it means, an example in an ```arch fence that raises it, how to mend it.
    """

    code: ClassVar[str] = ""
    severity: ClassVar[str] = "error"

    at: Span
    label: str = ""
    others: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: Fix | None = None
    chain: tuple[Frame, ...] = ()

    def message(self) -> str:
        """One line that says what is wrong, in the facts of this case."""
        raise TypeError(f"{type(self).__name__} does not say its message")

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Problems are shown in the order of their places."""
        return (self.at.source.name, self.at.start, self.at.end, self.code, self.message())


class ArchError(Exception):
    """A program that has errors; `problems` are all of them, and `str()` shows them as `archdsl check` does."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        from archdsl.problems.render.text import render

        return render(self.problems)
