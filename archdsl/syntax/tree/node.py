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
        return iter(_below(self))

    def walk(self) -> Iterator[Tree]:
        """This node and all below it."""
        stack: list[Tree] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(_below(node))


def _below(node: Tree) -> list[Tree]:
    found: list[Tree] = []
    for value in node.__values__(node):
        if value.__class__ is tuple:
            _collect(value, found)
        elif isinstance(value, Tree):
            found.append(value)
    return found


def _collect(values: tuple[object, ...], found: list[Tree]) -> None:
    for one in values:
        if isinstance(one, Tree):
            found.append(one)
        elif one.__class__ is tuple:
            _collect(one, found)
