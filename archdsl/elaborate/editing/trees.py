"""Trees of a step put together anew; nodes that no text has written have an empty span of the text they were put there for."""

from __future__ import annotations

from typing import Any, TypeVar

from archdsl.records import changed
from archdsl.source import Span
from archdsl.syntax import tree

T = TypeVar("T")


def substituted(one: T, old: object, new: object) -> T:
    """The tree with another node in place of each that is `old` itself."""
    if one is old:
        return new  # type: ignore[return-value]
    if isinstance(one, tuple) and not isinstance(one, Span):
        parts = tuple([substituted(part, old, new) for part in one])
        return parts if any(a is not b for a, b in zip(parts, one, strict=True)) else one  # type: ignore[return-value]
    if not isinstance(one, tree.Tree):
        return one
    values = {name: substituted(getattr(one, name), old, new) for name in one.__match_args__}
    different = {name: value for name, value in values.items() if value is not getattr(one, name)}
    return changed(one, **different) if different else one


def nowhere(span: Span) -> Span:
    """The empty span at the start of this one."""
    return Span(span.source, span.start, span.start)


def link(term: Any, label: tree.Path | None = None) -> tree.Link:
    """A link of one term."""
    return tree.Link(nowhere(term.span), tree.Step(nowhere(term.span), label, term), None, False)


def link_of(step: tree.Step) -> tree.Link:
    """A step as a link."""
    return tree.Link(step.span, step, None, False)


def step_link(term: tree.Expr) -> tree.Link:
    """What the author wrote inside an expression, as a link."""
    return link_of(tree.Step(term.span, None, term))


def chain(links: list[tree.Link], at: Span) -> tree.Chain:
    """Links in a row."""
    return tree.Chain(nowhere(at), tuple(links))


def beside(piece: tree.Chain) -> tree.Link:
    """A piece that takes the flow and no numbers: `(it -> piece)`."""
    return link(tree.Paren(nowhere(piece.span), chain([link(tree.It(nowhere(piece.span))), *piece.links], piece.span)))


def group(links: list[tree.Link], at: Span, label: tree.Path | None = None) -> tree.Step:
    """`{ a -> b }` as a step."""
    if len(links) == 1 and label is None:
        return links[0].step
    flow = tree.Flow(nowhere(at), chain(links, at))
    return tree.Step(nowhere(at), label, tree.Body(nowhere(at), (flow,)))


def in_parens(links: list[tree.Link], at: Span) -> tree.Expr:
    """`(a -> b)` as an expression."""
    return tree.Paren(nowhere(at), chain(links, at))
