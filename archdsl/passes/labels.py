"""Which steps of a program a glob of labels chooses, and a walk that keeps apart the instances that it chooses differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archdsl.elaborate.editing.selectors import matches
from archdsl.elaborate.faults.edit_problems import NothingSelected
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node, Path
from archdsl.problems.problem import ArchError
from archdsl.problems.suggest import near
from archdsl.records import changed
from archdsl.source import Source, Span

Edit = Callable[[Graph, frozenset[Path]], Graph]
"""From a graph and the paths in it that are chosen, each of a member, a container or a step, another graph; itself where nothing
changes. What stands inside of something chosen goes with it, and is not chosen itself."""


def fits(path: Path, patterns: str) -> bool:
    """Whether one of the patterns, parted by spaces, is the path's: `layer*.?.conv1`; `*` stands within a segment, `**` for any
    segments."""
    return any(matches(tuple(one.split(".")), path) for one in patterns.split())


def edit_chosen(graph: Graph, patterns: str, edit: Edit) -> Graph:
    """The program with each graph edited in which something is chosen. Instances with the same choice stay one graph.

    Raises `ArchError` where nothing is chosen, with what is near.
    """
    walk = _Walk(lambda path: fits(path, patterns), edit)
    found = walk.labels(graph)
    if not any(fits(one, patterns) for one in found):
        raise ArchError((nothing_chosen(graph, patterns, found),))
    return walk.graph(graph, ())


def edit_at(graph: Graph, paths: frozenset[Path], edit: Edit) -> Graph:
    """The same for what stands at these full paths."""
    return _Walk(paths.__contains__, edit).graph(graph, ())


def members_under(graph: Graph, patterns: str) -> tuple[tuple[Path, Layer | Parameter, Graph], ...]:
    """The layers and parameters at or below the labels that the patterns fit, with their full paths and their graphs; all without
    a pattern. Raises `ArchError` where nothing is chosen, with what is near."""
    found = tuple(_members(graph, ()))
    if not patterns.strip():
        return found
    labels = _Walk(lambda _: False, lambda one, _: one).labels(graph)
    if not any(fits(one, patterns) for one in labels):
        raise ArchError((nothing_chosen(graph, patterns, labels),))
    return tuple(one for one in found if any(fits(one[0][:end], patterns) for end in range(1, len(one[0]) + 1)))


def _members(graph: Graph, prefix: Path) -> Iterator[tuple[Path, Layer | Parameter, Graph]]:
    for path, member in graph.members.items():
        if isinstance(member, Call):
            yield from _members(member.graph, (*prefix, *path))
        else:
            yield (*prefix, *path), member, graph


class _Walk:
    def __init__(self, fits: Callable[[Path], bool], edit: Edit) -> None:
        self.fits = fits
        self.edit = edit
        self.below: dict[int, tuple[Path, ...]] = {}
        self.done: dict[tuple[int, frozenset[Path]], Graph] = {}

    def labels(self, graph: Graph) -> tuple[Path, ...]:
        """The paths of all members, containers and steps in a graph and below it."""
        if id(graph) not in self.below:
            own = dict.fromkeys(own_labels(graph))
            for path, member in graph.members.items():
                if isinstance(member, Call):
                    own.update(dict.fromkeys((*path, *inner) for inner in self.labels(member.graph)))
            self.below[id(graph)] = tuple(own)
        return self.below[id(graph)]

    def chosen(self, path: Path) -> bool:
        """Whether it is chosen, and nothing around it is."""
        return self.fits(path) and not any(self.fits(path[:end]) for end in range(1, len(path)))

    def graph(self, graph: Graph, prefix: Path) -> Graph:
        """The graph as it is at that path."""
        chosen = frozenset(one for one in self.labels(graph) if self.chosen((*prefix, *one)))
        if not chosen:
            return graph
        key = (id(graph), chosen)
        if key not in self.done:
            own = chosen.intersection(own_labels(graph))
            inside = self.inside(graph, prefix)
            self.done[key] = self.edit(inside, own) if own else inside
        return self.done[key]

    def inside(self, graph: Graph, prefix: Path) -> Graph:
        """The graph with what it calls edited; itself where nothing is."""
        members = dict(graph.members)
        for path, one in graph.members.items():
            if isinstance(one, Call) and (inner := self.graph(one.graph, (*prefix, *path))) is not one.graph:
                members[path] = changed(one, graph=inner)
        nodes = tuple(self.node(one, prefix) for one in graph.nodes)
        same = all(one is graph.members[path] for path, one in members.items())
        if same and all(one is before for one, before in zip(nodes, graph.nodes, strict=True)):
            return graph
        return changed(graph, members=members, nodes=nodes)

    def node(self, node: Node, prefix: Path) -> Node:
        """A shared block that is applied to other types is the same instance."""
        if node.graph is None or node.graph.kind == "tangent":
            return node
        inner = self.graph(node.graph, (*prefix, *(node.member or ())))
        return node if inner is node.graph else changed(node, graph=inner)


def own_labels(graph: Graph) -> tuple[Path, ...]:
    """The paths of the members and steps of a graph itself, and of the containers around them."""
    paths = (*graph.containers, *graph.members, *_steps(graph))
    return tuple(dict.fromkeys(one[:end] for one in paths for end in range(1, len(one) + 1)))


def _steps(graph: Graph) -> list[Path]:
    """The paths of the steps in a graph and in its bodies."""
    found = [one.path for one in graph.nodes if one.path and one.path[0] != ""]
    for node in graph.nodes:
        for body in node.bodies:
            found += _steps(body)
    return found


def nothing_chosen(root: Graph, patterns: str, found: tuple[Path, ...]) -> NothingSelected:
    """The problem of a glob that no label fits."""
    known = [".".join(one) for one in found]
    plain = ".".join(filter(None, (part.replace("*", "") for part in patterns.split(".")))) or patterns
    close = near(plain, known) or near(plain, [one.rpartition(".")[2] for one in known]) or known[:3]
    help = f"labels that there are: {', '.join(f'`{one}`' for one in close)}" if close else None
    at = root.span or Span(Source(root.name, ""), 0, 0)
    return NothingSelected(at=at, what=f"no label of `{root.name}` fits `{patterns}`", help=help)
