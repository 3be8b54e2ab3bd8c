"""Which values of a graph convolutions want channels last, and which lie so by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.records import record

Inputs = frozenset[int]
"""Which of the operands of a step, or of the inputs of a graph."""


@record
class Passage:
    """What a step, or a whole graph, does with the layout: it wants `wants` channels last; a result is so if what it `needs`
    is too, and never where that is None."""

    wants: Inputs
    needs: tuple[Inputs | None, ...]


class Layouts:
    """One graph, whose nodes call the members of `owner`; `known` are the passages of the graphs that were read, by identity."""

    def __init__(self, graph: Graph, owner: Graph, known: dict[int, Passage]) -> None:
        self.graph = graph
        self.owner = owner
        self.known = known
        self.tensors = {one.value.name for one in owner.members.values() if isinstance(one, Parameter)}
        self.passages = [self._passage(node) for node in graph.nodes]
        self.wanted: set[str] = set()
        """The values from which convolutions are reached with nothing between that would lay them out anew."""
        for node, passage in zip(reversed(graph.nodes), reversed(self.passages), strict=True):
            places = set(passage.wants)
            for result, needs in zip(node.results, passage.needs, strict=True):
                places |= needs if needs is not None and result.name in self.wanted else frozenset()
            self.wanted |= {one.name for at in places if isinstance(one := node.operands[at], Value)}
        self.sources: list[tuple[int, Value]] = []
        """The values that are wanted so and do not lie so: with the index of the node that makes each, -1 for inputs."""
        self.lie: dict[str, Inputs | None] = {}
        """Of each value which inputs must lie so for it to; None where it does not."""
        for at, value in enumerate(graph.input_values):
            self.lie[value.name] = frozenset() if value.name in self.wanted else frozenset((at,))
        for index, (node, passage) in enumerate(zip(graph.nodes, self.passages, strict=True)):
            for value, needs in zip(node.results, passage.needs, strict=True):
                own = None if needs is None else self._all(node.operands[at] for at in needs)
                if own is None and value.name in self.wanted:
                    self.sources.append((index, value))
                    own = frozenset()
                self.lie[value.name] = own
        for value in (one.value for one in owner.members.values() if isinstance(one, Parameter)):
            if graph is owner and value.name in self.wanted:
                self.sources.append((-1, value))

    def whole(self) -> Passage:
        """What a call of the graph does."""
        wants = frozenset(at for at, one in enumerate(self.graph.input_values) if one.name in self.wanted)
        return Passage(wants, tuple(self.lie.get(one.value.name) for one in self.graph.outputs))

    def _all(self, operands: Iterable[Operand]) -> Inputs | None:
        found: frozenset[int] = frozenset()
        for one in operands:
            own = self.lie.get(one.name) if isinstance(one, Value) else None
            if own is None:
                return None
            found |= own
        return found

    def _passage(self, node: Node) -> Passage:
        op = node.op
        if node.member is not None and not node.leaf:
            called = node.graph or self._called(node)
            if isinstance(called, Graph):
                return self._of_graph(called, node)
            op = called
        if op is None or not op.channels_last:
            return Passage(frozenset(), (None,) * len(node.results))
        images = [at for at, one in enumerate(node.operands) if is_image(one)]
        if op.channels_last == "makes":
            return Passage(frozenset(), (frozenset(),))
        if op.channels_last == "wants":
            first = frozenset(images[:1]) if images[:1] == [0] else None
            return Passage(first or frozenset(), (first,))
        tensors = [one for at in images if isinstance(one := node.operands[at], Value) and one.name in self.tensors]
        needs = None if tensors or not images else frozenset(images)
        return Passage(frozenset(), tuple(needs if is_image(one) else None for one in node.results))

    def _called(self, node: Node) -> Graph | Op | None:
        path = node.member or ()
        if path[0] == "" and len(path) == 2:
            return dict(self.owner.borrowed).get(path[1])
        member = self.owner.members.get(self.owner.aliases.get(path, path))
        return member.graph if isinstance(member, Call) else member.op if isinstance(member, Layer) else None

    def _of_graph(self, graph: Graph, node: Node) -> Passage:
        if graph.kind == "tangent" or len(graph.outputs) != len(node.results):
            return Passage(frozenset(), (None,) * len(node.results))
        if id(graph) not in self.known:
            self.known[id(graph)] = Layouts(graph, graph, self.known).whole()
        return self.known[id(graph)]


def is_image(one: Operand) -> bool:
    """Whether it is [N, C, H, W] with more than one way to lie in memory."""
    if not isinstance(one, Value) or one.type.rank != 4:
        return False
    return one.type.shape[1] != 1 and one.type.shape[2:] != (1, 1)
