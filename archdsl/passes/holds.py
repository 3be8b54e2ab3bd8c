"""What keeps a member as it is: who else has a hold on its tensors than the one call of it in its graph."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Path
from archdsl.ir.verify import below

Holds = dict[int, dict[Path, str]]
"""By the identity of a graph: the path of a member and why it must stay; the empty path stands for all of them."""


def holds(root: Graph) -> Holds:
    """Of every graph of a program, the layers whose tensors something else uses, and what does."""
    found: Holds = {}
    calls: dict[tuple[int, Path], int] = {}
    for graph, owner in below(root):
        if graph is owner:
            for pair in graph.ties.items():
                for path in pair:
                    _mark(found, graph, path, "its tensor is tied to another")
            for path in graph.aliases.values():
                _mark(found, graph, path, "it has another label")
            for _, what in graph.borrowed:
                if isinstance(what, Graph):
                    found.setdefault(id(what), {})[()] = "it is lent to a block"
        for node in graph.nodes:
            for _, lent in node.lent:
                _mark(found, owner, lent, "it is lent to a block")
            if node.member is None or node.member[:1] == ("",):
                continue
            path = owner.aliases.get(node.member, node.member)
            member = owner.members.get(path)
            if node.leaf:
                _mark(found, owner, (*path, *node.leaf.split(".")), "its tensor is read by itself")
            elif member is None:
                _mark(found, owner, path, "it is called from outside its block")
            elif isinstance(member, Layer):
                calls[(id(owner), path)] = calls.get((id(owner), path), 0) + 1
                if graph is not owner:
                    _mark(found, owner, path, "it is called in a body")
                elif calls[(id(owner), path)] > 1:
                    _mark(found, owner, path, "it is called more than once")
            if node.graph is not None:
                _mark(found, owner, path, "its block is applied to several types")
                found.setdefault(id(node.graph), {})[()] = "its block is applied to several types"
    return found


class Below:
    """What is held in the graphs of a program while a pass edits them; known by their identity, they are kept for that."""

    def __init__(self, found: Holds) -> None:
        self._found = found
        self._kept: dict[int, tuple[Graph, Mapping[Path, str]]] = {}

    def of(self, graph: Graph) -> Mapping[Path, str]:
        """By the paths in a graph, as it was or as it is now, why a member must stay."""
        return self._kept[id(graph)][1] if id(graph) in self._kept else self._found.get(id(graph), {})

    def same(self, new: Graph, old: Graph) -> Graph:
        """A graph that stands for another one: what was held still is. Gives it back."""
        self._kept[id(new)] = (new, self.of(old))
        return new


def held(found: Mapping[Path, str], path: Path) -> str:
    """Why a member must stay as it is; nothing where it need not."""
    return found.get((), "") or found.get(path, "")


def _mark(found: Holds, graph: Graph, path: Path, reason: str) -> None:
    """The member that a path leads to, through instances; all of an instance where it ends there."""
    path = graph.aliases.get(path, path)
    for end in range(len(path), 0, -1):
        head, rest = graph.aliases.get(path[:end], path[:end]), path[end:]
        member = graph.members.get(head)
        if isinstance(member, Call):
            if rest:
                _mark(found, member.graph, rest, reason)
            else:
                found.setdefault(id(member.graph), {})[()] = reason
                for below in member.graph.members:
                    if isinstance(member.graph.members[below], Call):
                        _mark(found, member.graph, below, reason)
            return
        if member is not None:
            found.setdefault(id(graph), {}).setdefault(head, reason)
            return
