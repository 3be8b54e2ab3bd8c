"""Trees that edits put together, as text: what the author wrote stays as it stands, what is new is written around it."""

from __future__ import annotations

from typing import Any

from archdsl.source import Span
from archdsl.syntax import tree

Region = tuple[int, int, str]
"""From, to, and what stands there instead."""


class Wording:
    """Writes trees of one edit. `plain` leaves out the parentheses that keep what is inserted from taking numbers."""

    def __init__(self, old: tree.Tree, pieces: tuple[tree.Tree, ...], inner: list[Region], plain: bool, indent: str) -> None:
        self.source = old.span.source
        self.indent = indent
        self.inner = inner
        """What else is edited inside."""
        self.plain = plain
        self.known: set[int] = set()
        self.twins: dict[tuple[type, Span], Any] = {}
        for one in (old, *pieces):
            for below in one.walk():
                self.known.add(id(below))
                self.twins.setdefault((type(below), below.span), below)

    def step(self, one: tree.Step, chained: bool) -> str:
        """A step; where it is not `chained` several links stand in braces."""
        links = self.links([tree.Link(one.span, one, None, False)])
        if len(links) == 1 or chained:
            return " -> ".join(links)
        return "{ " + " -> ".join(links) + " }"

    def links(self, given: list[tree.Link] | tuple[tree.Link, ...]) -> list[str]:
        """The links of a chain; groups that an edit made around are let out."""
        done: list[str] = []
        for link in given:
            inside = self._opened(link.step)
            if id(link) in self.known and inside is None:
                done.append(self.written(link.span))
            elif inside is not None:
                done.extend(self.links(inside))
            else:
                done.append(self.one_step(link.step))
        return done

    def _opened(self, step: tree.Step) -> tuple[tree.Link, ...] | None:
        """The links of a group, or of parentheses, that an edit made or that are a body of one chain in an edit's text."""
        term = step.term
        if step.label is not None:
            return None
        if isinstance(term, tree.Body) and (_made(term) or term.span.source is not self.source):
            flows = [one for one in term.statements if isinstance(one, tree.Flow)]
            if flows and len(flows) == len(term.statements):
                return tuple(link for one in flows for link in one.chain.links)
        if self.plain and isinstance(term, tree.Paren) and _made(term) and isinstance(term.value, tree.Chain):
            first, *rest = term.value.links
            if isinstance(first.step.term, tree.It) and _made(first.step.term):
                return tuple(rest)
        return None

    def one_step(self, step: tree.Step) -> str:
        """`label: term`"""
        if id(step) in self.known:
            return self.written(step.span)
        label = "" if step.label is None else step.label.span.text + ": "
        return label + self.term(step.term)

    def term(self, one: Any) -> str:
        """What stands in a step, an argument or an expression."""
        if id(one) in self.known:
            return self.written(one.span)
        match one:
            case tree.Chain():
                return " -> ".join(self.links(one.links))
            case tree.Paren():
                return f"({self.term(one.value)})"
            case tree.Tuple():
                return "(" + ", ".join(map(self.argument, one.items)) + ")"
            case tree.It():
                return "it"
            case tree.Name():
                return one.name
            case tree.Call():
                return self.term(one.function) + "(" + ", ".join(map(self.argument, one.args)) + ")"
            case tree.Skip() | tree.Branch() | tree.Repeat() | tree.If() | tree.Scan():
                return self.construct(one)
            case tree.Body():
                return self.body(one)
            case tree.Binary():
                return f"{self.term(one.left)} {one.operator} {self.term(one.right)}"
            case tree.Unary():
                return f"{one.operator} {self.term(one.value)}" if one.operator == "not" else one.operator + self.term(one.value)
        raise ValueError(f"{type(one).__name__} is not written by edits")

    def argument(self, one: tree.Arg) -> str:
        """`stride=2`"""
        return ("" if one.name is None else f"{one.name}=") + self.term(one.value)

    def construct(self, one: Any) -> str:
        """A construct with another body, or with other arguments."""
        args = getattr(one, "args", ())
        given = f"({', '.join(map(self.argument, args))})" if args else ""
        if isinstance(one, tree.Skip):
            via = "" if one.via is None else f" via {self.step(one.via, False)}"
            return f"skip{given} {self.body(one.body)}{via}"
        twin = self.twins[type(one), one.span]
        body, old = (one.then, twin.then) if isinstance(one, tree.If) else (one.body, twin.body)
        start = old.span.start if old.span.end > old.span.start else one.span.end
        head = one.span.source.text[one.span.start : start].rstrip()
        if isinstance(one, tree.Branch) and args:
            items = "" if one.items is None else head[head.rindex(")", 0, one.items.span.start - one.span.start) + 1 :]
            head = f"branch{given}{items}"
        rest = one.span.source.text[old.span.end : one.span.end] if old.span.end > old.span.start else ""
        return f"{head} {self.body(body)}{rest}"

    def body(self, one: tree.Body) -> str:
        """Braces: on one line where what is in them is."""
        if id(one) in self.known and (one.statements or one.span.end > one.span.start):
            return self.written(one.span)
        lines = [self.term(each.chain) if isinstance(each, tree.Flow) else self.written(each.span) for each in one.statements]
        if not any("\n" in each for each in lines):
            return "{ " + "; ".join(lines) + " }"
        deeper = "\n" + self.indent + INDENT
        return "{" + "".join(deeper + each.replace("\n", "\n" + INDENT) for each in lines) + f"\n{self.indent}}}"

    def written(self, span: Span) -> str:
        """The author's text, with what else is edited inside."""
        text = span.text
        if span.source is not self.source:
            return text
        for start, end, new in sorted(self.inner, reverse=True):
            if span.start <= start and end <= span.end:
                text = text[: start - span.start] + new + text[end - span.start :]
        return text


INDENT = "  "


def _made(one: tree.Tree) -> bool:
    """Whether no text has it."""
    return one.span.start == one.span.end
