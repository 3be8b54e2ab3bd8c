"""The table of an architecture: layers with their output types, parameters and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archdsl.analyses import cost, memory
from archdsl.analyses.outline import Group, Part, Repeat, Step, called_op, outline, own_path
from archdsl.analyses.sizes import check_given
from archdsl.analyses.table import Totals, render
from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path


@dataclass(frozen=True)
class Row:
    """One layer, block or container, or a function that costs multiply-accumulates.

    `count` equal ones are told in one row, from `path` to `last`; the counts, and the rows below, are of one of them; rows below
    a scan are of one step.
    """

    path: Path
    last: Path
    word: str
    depth: int
    types: tuple[TensorType, ...]
    parameters: Size
    macs: Size
    count: int = 1
    again: bool = False
    """The tensors are those of an earlier row."""
    tied: bool = False
    """It owns none of its tensors."""


@dataclass(frozen=True)
class Summary:
    """What `summarize` makes: `str()` of it is the table, `as_json()` the same as plain values."""

    name: str
    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]
    rows: tuple[Row, ...]
    unfolded: tuple[Row, ...]
    totals: Totals
    bound: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return render(self)

    def as_json(self) -> dict[str, Any]:
        """`{arch, bound, inputs, outputs, layers, totals}`.

        `layers` are all rows, nothing folded: `{path, type, depth, output, parameters, macs}`, where `path` is dotted, `depth`
        how many rows are around it, `output` a list of types as text, and the counts include all that is below; below
        a scan they are of one step. `totals` has `parameters`, `buffers`, `macs`, and in bytes `parameter_bytes`, `buffer_bytes`,
        `activation_bytes`. A count is a number, or a text where it depends on dimensions that are not bound.
        """
        return {
            "arch": self.name,
            "bound": dict(self.bound),
            "inputs": [{"name": name, "type": str(type)} for name, type in self.inputs],
            "outputs": [{"name": name, "type": str(type)} for name, type in self.outputs],
            "layers": [
                {"path": ".".join(row.path), "type": row.word, "depth": row.depth, "output": [str(one) for one in row.types],
                 "parameters": _plain(row.parameters), "macs": _plain(row.macs)}
                for row in self.unfolded
            ],
            "totals": {name: _plain(size) for name, size in self.totals.items()},
        }  # fmt: skip


def _plain(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)


def summarize(graph: Graph, bind: Mapping[str, int] | None = None, *, depth: int | None = None, fold: bool = True) -> Summary:
    """The table of a graph, its dimensions replaced by the numbers of `bind`.

    `depth` levels of rows are shown (all of them unless given); with `fold` equal blocks in a row are told once. Raises
    `NoBinding` where `bind` does not fit the graph.
    """
    values = dict(bind or {})
    check_given(values, graph)
    told = _Rows(graph, values)
    totals = Totals(
        cost.parameters(graph), cost.buffers(graph), cost.bound(cost.macs(graph), values), memory.tensor_bytes(graph),
        memory.tensor_bytes(graph, buffers=True), cost.bound(memory.activation_bytes(graph), values),
    )  # fmt: skip
    whole = tuple(told.of(graph, False))
    rows = whole if not fold else tuple(_Rows(graph, values).of(graph, True))
    return Summary(
        graph.name,
        tuple((one.name, bound_type(one.value.type, values)) for one in graph.inputs if one.value is not None),
        tuple((one.name or "output", bound_type(one.value.type, values)) for one in graph.outputs),
        tuple(row for row in rows if depth is None or row.depth < depth),
        whole, totals, tuple(sorted(values.items())),
    )  # fmt: skip


def bound_type(type: TensorType, values: Mapping[str, int]) -> TensorType:
    """The type with its dimensions replaced by these numbers."""
    shape: Sequence[Size] = [size.substitute(dict(values)) if isinstance(size, Dim) else size for size in type.shape]
    return TensorType(tuple(shape), type.dtype)


def counts_below(graph: Graph) -> dict[Path, Size]:
    """Trainable numbers below every path of a graph, each tensor once, under its own path."""
    found: dict[Path, Size] = {}
    for path, tensor in graph.tensors():
        if not tensor.buffer:
            for end in range(len(path) + 1):
                found[path[:end]] = found.get(path[:end], 0) + tensor.type.numel()
    return found


class _Rows:
    def __init__(self, root: Graph, values: Mapping[str, int]) -> None:
        self.below = counts_below(root)
        self.values = values
        self.told: set[Path] = set()
        self.costs: dict[int, Size] = {}

    def of(self, graph: Graph, fold: bool, prefix: Path = (), depth: int = 0, owner: Graph | None = None) -> Iterator[Row]:
        """The rows of a graph that stands at `prefix`."""
        yield from self._parts(owner or graph, outline(graph, fold), prefix, depth, fold)

    def _parts(self, home: Graph, parts: Sequence[Part], prefix: Path, depth: int, fold: bool) -> Iterator[Row]:
        for part in parts:
            if isinstance(part, Step):
                yield from self._step(home, part.node, prefix, depth, fold)
            elif isinstance(part, Group):
                path = (*prefix, *part.path)
                inner = list(self._parts(home, part.parts, prefix, depth + 1, fold))
                if inner:
                    ends = _nodes(part)[-1].results
                    yield Row(path, path, "", depth, self._types(ends), self._sum(inner, depth + 1), self._macs(inner, depth + 1))
                    yield from inner
            else:
                yield from self._repeat(home, part, prefix, depth, fold)

    def _repeat(self, home: Graph, part: Repeat, prefix: Path, depth: int, fold: bool) -> Iterator[Row]:
        inner = list(self._parts(home, part.parts, prefix, depth + 1, fold))
        firsts, lasts = part.iterations[0], part.iterations[-1]
        for nodes in part.iterations[1:]:
            self.told.update((*prefix, *own_path(home, node)) for node in nodes if node.member)
        if len(part.parts) == 1 and inner:
            head = inner[0]
            end = (*prefix, *lasts[0].path[: len(head.path) - len(prefix)]) if lasts[0].path else head.path
            yield Row(head.path, end, head.word, depth, head.types, head.parameters, head.macs, part.count, head.again, head.tied)
            for row in inner[1:]:
                yield _raised(row)
        elif inner:
            path = _shared(firsts, lasts)
            place = (*prefix, *path)
            ends = self._types(firsts[-1].results)
            yield Row(place, place, "repeat", depth, ends, self._sum(inner, depth + 1), self._macs(inner, depth + 1), part.count)
            yield from inner

    def _step(self, home: Graph, node: Node, prefix: Path, depth: int, fold: bool) -> Iterator[Row]:
        macs = cost.bound(self._node_macs(home, node), self.values)
        path = (*prefix, *own_path(home, node)) if node.member and node.member[0] else (*prefix, *node.path)
        types = self._types(node.results)
        inner = cost.called_graph(home, node)
        again = path in self.told and bool(node.member)
        if node.member and not node.leaf:
            self.told.add(path)
        if inner is not None:
            yield Row(path, path, inner.name, depth, types, self.below.get(path, 0), macs, again=again)
            if not again:
                yield from self.of(inner, fold, path, depth + 1)
            return
        op = called_op(home, node)
        if node.scan is not None or node.choice is not None:
            body = node.scan.body if node.scan is not None else node.choice.evaluation  # type: ignore[union-attr]
            rows = list(self.of(body, fold, prefix, depth + 1, home))
            if rows:
                yield Row(path, path, self._word(node), depth, types, self._sum(rows, depth + 1), macs)
                yield from rows
        elif op is not None and (node.member or macs != 0):
            owned = self.below.get(path, 0) if node.member else 0
            tied = bool(node.member) and owned == 0 and any(not one.buffer for one in op.parameters().values())
            yield Row(path, path, op.name, depth, types, owned, macs, again=again, tied=tied)

    def _word(self, node: Node) -> str:
        return f"scan, {cost.bound(node.scan.length, self.values)} steps" if node.scan is not None else "if training"

    def _node_macs(self, home: Graph, node: Node) -> Size:
        inner = cost.called_graph(home, node)
        if inner is None:
            return cost.node_macs(home, node)
        if id(inner) not in self.costs:
            self.costs[id(inner)] = cost.macs(inner)
        return self.costs[id(inner)]

    def _sum(self, rows: Sequence[Row], depth: int) -> Size:
        total: Size = 0
        for row in rows:
            if row.depth == depth and not row.again:
                total = total + row.parameters * row.count
        return total

    def _macs(self, rows: Sequence[Row], depth: int) -> Size:
        total: Size = 0
        for row in rows:
            if row.depth == depth:
                total = total + row.macs * row.count
        return total

    def _types(self, values: Sequence[Any]) -> tuple[TensorType, ...]:
        return tuple(bound_type(one.type, self.values) for one in values)


def _raised(row: Row) -> Row:
    return Row(row.path, row.last, row.word, row.depth - 1, row.types, row.parameters, row.macs, row.count, row.again, row.tied)


def _nodes(part: Part) -> list[Node]:
    """The nodes of a part, in order."""
    if isinstance(part, Step):
        return [part.node]
    if isinstance(part, Repeat):
        return [node for nodes in part.iterations for node in nodes]
    return [node for one in part.parts for node in _nodes(one)]


def _shared(first: Sequence[Node], last: Sequence[Node]) -> Path:
    """What the paths of all these nodes begin with."""
    paths = [node.path for node in (*first, *last)]
    shared = paths[0]
    for path in paths:
        while path[: len(shared)] != shared:
            shared = shared[:-1]
    return shared
