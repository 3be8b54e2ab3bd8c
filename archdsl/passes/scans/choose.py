"""The pass: every scan of a program in its fastest form, inner ones first."""

from __future__ import annotations

from archdsl.ir.edit import replace_node
from archdsl.ir.graph import Call, Graph, Member, Parameter
from archdsl.ir.node import Choice, Node
from archdsl.ops.contract import Context
from archdsl.passes.scans.opening import opened
from archdsl.passes.scans.rewrite import STAYS, rewritten
from archdsl.passes.scans.story import Story
from archdsl.records import changed


def fast_scans(graph: Graph, *, float: str = "f32", solving: bool = True, fusing: bool = True) -> Graph:
    """The program with what needs no loop computed before or behind it. `float` is the program's float type; without `solving`
    no recurrence is solved, for targets that have no operator for that; without `fusing` no cell becomes a fused kernel.

    Keys, types and numbers stay; a block that has no scan stays the same object.
    """
    return _Rewriting(float, solving, fusing).graph(graph)


def explained(graph: Graph, *, float: str = "f32") -> tuple[Story, ...]:
    """What is found in each scan of the program, and the form that it gets."""
    rewriting = _Rewriting(float, True, True)
    rewriting.graph(graph)
    return tuple(dict.fromkeys(rewriting.stories))


class _Rewriting:
    def __init__(self, float: str, solving: bool, fusing: bool) -> None:
        self.float = float
        self.solving = solving
        self.fusing = fusing
        self.stories: list[Story] = []
        self.done: dict[tuple[int, int], tuple[Graph, Graph, Graph]] = {}
        """By what a graph and the owner of its members are; both are kept, so that their identities stay theirs."""

    def graph(self, graph: Graph, owner: Graph | None = None) -> Graph:
        """A graph with all below it; `owner` has the members that a body calls."""
        owner = owner or graph
        key = (id(graph), id(owner))
        if key not in self.done:
            self.done[key] = (graph, owner, self._graph(graph, owner))
        return self.done[key][2]

    def _graph(self, graph: Graph, owner: Graph) -> Graph:
        """The blocks that bodies call are written out there, if that lets anything leave a loop."""
        through = opened(graph) if owner is graph else graph
        if through is graph:
            return self._scans(graph, owner)
        before = self.stories
        self.stories = []
        made = self._scans(through, through)
        if any(story.block == graph.name and story.form != STAYS for story in self.stories):
            self.stories = before + self.stories
            return made
        self.stories = before + [story for story in self.stories if story.block != graph.name]
        return self._scans(graph, graph)

    def _scans(self, graph: Graph, owner: Graph) -> Graph:
        members = {path: self._member(member) for path, member in graph.members.items()}
        if any(members[path] is not member for path, member in graph.members.items()):
            graph = changed(graph, members=members)
        names = _names(graph)
        index = 0
        while index < len(graph.nodes):
            node = self._below(graph.nodes[index], owner)
            nodes: tuple[Node, ...] = (node,)
            if node.scan is not None:
                context = Context(graph.facts, self.float)
                nodes = rewritten(
                    node, context, names, owner.members, self.stories,
                    solving=self.solving, fusing=self.fusing, block=owner.name, before=graph.nodes[:index],
                )  # fmt: skip
            if len(nodes) != 1 or nodes[0] is not graph.nodes[index]:
                graph = replace_node(graph, index, *nodes)
            index += len(nodes)
        return graph

    def _member(self, member: Member) -> Member:
        if not isinstance(member, Call):
            return member
        inner = self.graph(member.graph)
        return member if inner is member.graph else changed(member, graph=inner)

    def _below(self, node: Node, owner: Graph) -> Node:
        """The node with what it calls itself rewritten: its specialisation, its body, its sides."""
        if node.graph is not None and (inner := self.graph(node.graph)) is not node.graph:
            node = changed(node, graph=inner)
        if node.scan is not None and (body := self.graph(node.scan.body, owner)) is not node.scan.body:
            node = changed(node, scan=changed(node.scan, body=body))
        if node.choice is not None:
            sides = self.graph(node.choice.training, owner), self.graph(node.choice.evaluation, owner)
            if sides[0] is not node.choice.training or sides[1] is not node.choice.evaluation:
                node = changed(node, choice=Choice(*sides))
        return node


def _names(graph: Graph) -> set[str]:
    found = {one.name for one in graph.input_values} | {one.name for node in graph.nodes for one in node.results}
    return found | {one.value.name for one in graph.members.values() if isinstance(one, Parameter)}
