"""The hierarchy of a graph as its author wrote it: steps, containers, and what repeats folded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.ir.graph import Call, Graph, Layer, Loop
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op


@dataclass(frozen=True)
class Step:
    """One node."""

    node: Node


@dataclass(frozen=True)
class Group:
    """The parts of a container, which stand next to each other; `path` is relative to the graph."""

    path: Path
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Repeat:
    """Iterations that do the same, each going on from the one before; `parts` are those of the first."""

    parts: tuple[Part, ...]
    iterations: tuple[tuple[Node, ...], ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.iterations)


Part = Step | Group | Repeat


def outline(graph: Graph, fold: bool = True) -> tuple[Part, ...]:
    """The parts of a graph, in order; with `fold` equal iterations, and equal blocks in a row, are one `Repeat`."""
    return tuple(_Outline(graph, fold).parts(0, len(graph.nodes), ()))


def called_op(graph: Graph, node: Node) -> Op | None:
    """The operator that a node calls, a layer's too."""
    if node.leaf:
        return None
    if node.op is not None or not node.member:
        return node.op
    if node.member[0] == "":
        lent = dict(graph.borrowed).get(node.member[1])
        return lent if isinstance(lent, Op) else None
    member = graph.members.get(own_path(graph, node))
    return member.op if isinstance(member, Layer) else None


def own_path(graph: Graph, node: Node) -> Path:
    """The path under which a node's member owns its tensors."""
    return graph.aliases.get(node.member or (), node.member or ())


class _Outline:
    def __init__(self, graph: Graph, fold: bool) -> None:
        self.graph = graph
        self.fold = fold
        self.nodes = graph.nodes
        self.made = {one.name: (at, index) for at, node in enumerate(self.nodes) for index, one in enumerate(node.results)}
        self.spans = dict(self._spans())
        self.opened: set[int] = set()

    def _spans(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        """The containers whose nodes stand next to each other, but for functions between them: from, to."""
        known = set(self.graph.containers)
        known |= {
            path[:end] for path in self.graph.members for end in range(1, len(path)) if path[:end] not in self.graph.members
        }
        found: dict[Path, list[int]] = {}
        for at, node in enumerate(self.nodes):
            for end in range(1, len(node.path) + 1):
                if node.path[:end] in known:
                    found.setdefault(node.path[:end], []).append(at)
        for path, places in found.items():
            inside = range(places[0], places[-1] + 1)
            if all(self.nodes[at].op is not None for at in set(inside).difference(places)):
                yield path, (inside.start, inside.stop)

    def parts(self, low: int, high: int, prefix: Path) -> Iterator[Part]:
        """The parts of this range of nodes, which stand in the container `prefix`."""
        at = low
        while at < high:
            container = self._container(at, high, prefix)
            loop = self._loop(at, high)
            if container is not None and (loop is None or self.spans[container][1] >= loop.ranges[-1][1]):
                end = self.spans[container][1]
                yield Group(container, tuple(self.parts(at, end, container)))
            elif loop is not None:
                self.opened.add(id(loop))
                ranges = [one for one in loop.ranges if one[0] < one[1]]
                if not self.fold or not any(self.alike(*pair) for pair in zip(ranges, ranges[1:], strict=False)):
                    continue  # nothing folds, and its ends would cut containers
                end = loop.ranges[-1][1]
                yield from self._iterations(ranges, prefix)
            else:
                end = self._row(at, high)
                yield from self._iterations([(one, one + 1) for one in range(at, end)], prefix)
            at = end

    def _container(self, at: int, high: int, prefix: Path) -> Path | None:
        """The outermost container below `prefix` that starts here."""
        path = self.nodes[at].path
        for end in range(len(prefix) + 1, len(path) + 1):
            span = self.spans.get(path[:end])
            if span is not None and span[0] == at and span[1] <= high:
                return path[:end]
        return None

    def _loop(self, at: int, high: int) -> Loop | None:
        """The longest loop that starts here and is not opened yet."""
        best: Loop | None = None
        for one in self.graph.loops:
            start, end = one.ranges[0][0], one.ranges[-1][1]
            fits = start == at and at < end <= high and id(one) not in self.opened
            if fits and (best is None or end > best.ranges[-1][1]):
                best = one
        return best

    def _row(self, at: int, high: int) -> int:
        """Where the row of equal blocks that starts here ends; a step that calls no block is a row by itself."""
        end = at + 1
        starts = {span[0] for span in self.spans.values()} | {one.ranges[0][0] for one in self.graph.loops}
        member = self.graph.members.get(self.nodes[at].member or ())
        while isinstance(member, Call) and end < high and end not in starts and self.alike((end - 1, end), (end, end + 1)):
            end += 1
        return end

    def _iterations(self, ranges: list[tuple[int, int]], prefix: Path) -> Iterator[Part]:
        runs: list[list[tuple[int, int]]] = []
        for one in ranges:
            if self.fold and runs and self.alike(runs[-1][-1], one):
                runs[-1].append(one)
            else:
                runs.append([one])
        for run in runs:
            low, high = run[0]
            parts = (Step(self.nodes[low]),) if high - low == 1 and not self._container(low, high, prefix) else tuple(
                self.parts(low, high, prefix))  # fmt: skip
            if len(run) == 1:
                yield from parts
            else:
                yield Repeat(parts, tuple(self.nodes[start:end] for start, end in run))

    def alike(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """The second iteration does what the first did, to what the first left and to what both see."""
        if one[1] - one[0] != other[1] - other[0]:
            return False
        return all(self._same(*pair, one, other) for pair in zip(self.nodes[slice(*one)], self.nodes[slice(*other)], strict=True))

    def _same(self, left: Node, right: Node, one: tuple[int, int], other: tuple[int, int]) -> bool:
        if [each.type for each in left.results] != [each.type for each in right.results] or len(left.operands) != len(
            right.operands
        ):
            return False
        return self._calls_same(left, right) and all(
            self._fed_same(*pair, one, other) for pair in zip(left.operands, right.operands, strict=True)
        )

    def _calls_same(self, left: Node, right: Node) -> bool:
        if (left.op, left.leaf, left.scan, left.choice) != (right.op, right.leaf, right.scan, right.choice):
            return False
        if left.graph is not right.graph and left.graph != right.graph:
            return False
        if left.member is None or right.member is None or left.member[:1] == ("",) or right.member[:1] == ("",):
            return left.member == right.member
        first, second = (self.graph.members.get(own_path(self.graph, each)) for each in (left, right))
        if isinstance(first, Call) and isinstance(second, Call):
            return first.graph is second.graph or first.graph == second.graph
        return isinstance(first, Layer) and isinstance(second, Layer) and first.op == second.op

    def _fed_same(self, left: Operand, right: Operand, one: tuple[int, int], other: tuple[int, int]) -> bool:
        if not isinstance(left, Value) or not isinstance(right, Value):
            return left == right
        if left.type != right.type:
            return False
        before, now = self.made.get(left.name, (-1, 0)), self.made.get(right.name, (-1, 0))
        if other[0] <= now[0] < other[1]:
            return before == (now[0] - other[0] + one[0], now[1])
        if left.name == right.name:
            return not one[0] <= before[0] < one[1]
        return one[0] <= now[0] < one[1] and before[0] < one[0]
