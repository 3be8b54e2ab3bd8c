"""Another activation, normalisation or block in place of one."""

from __future__ import annotations

import re

from archdsl.designing.choosing import chosen
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.ir.graph import Graph
from archdsl.syntax import tree


def swap(graph: Graph, old: str, new: str, where: str | None = None) -> Graph:
    """Another step for each that `old` selects: `swap(graph, "relu", "gelu")`, `swap(graph, "BatchNorm2d", "GroupNorm(8)")`.

    Labels stay. A block whose bare name is given, `swap(graph, "Bottleneck", "BasicBlock")`, gets the arguments of the one that
    it replaces. Raises `ArchError`.
    """

    def text(one: Occurrence) -> str:
        node = one.site.node
        term = node.term if isinstance(node, tree.Step) else node
        if one.kind == "block" and isinstance(term, tree.Call) and re.fullmatch(r"\w+", new):
            return new + term.span.text[len(term.function.span.text) :]
        return new

    return chosen(graph, old, where).replace(text)
