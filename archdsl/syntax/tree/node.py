"""What all nodes of the tree share."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.records import Record, record
from archdsl.source import Span


@record
class Tree(Record):
    """Any node; `span` covers its text."""

    span: Span

    def children(self) -> Iterator[Tree]:
        """The nodes directly below, in text order of the fields."""
        for name in self.__match_args__:
            yield from _nodes(getattr(self, name))

    def walk(self) -> Iterator[Tree]:
        """This node and all below it."""
        stack: list[Tree] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(list(node.children())))


def _nodes(value: object) -> Iterator[Tree]:
    if isinstance(value, Tree):
        yield value
    elif isinstance(value, tuple) and not isinstance(value, Span):
        for one in value:
            yield from _nodes(one)
