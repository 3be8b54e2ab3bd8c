"""The nodes of several specialisations side by side: which are one step, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value

Origin = Hashable
"""Where a value comes from, the same in all specialisations: an input, a tensor of the block, or the result of a step."""
Vector = Mapping[int, Origin | None]
"""What stands in one place in each specialisation; None where there is nothing."""
Env = dict[str, Origin]
"""The origin of each value of one graph, by its name."""
Key = Callable[[int, Node], Hashable]


@dataclass(eq=False)
class Body:
    """The body of a scan or a side of a choice, in all specialisations that have it."""

    graphs: dict[int, Graph]
    own: list[Origin]
    """The slices and carries of a scan."""
    entries: list[Entry] = field(default_factory=list)
    outputs: list[Vector] = field(default_factory=list)


@dataclass(eq=False)
class Entry:
    """One step, as the node that it is in each specialisation that has it."""

    nodes: dict[int, Node]
    operands: dict[int, tuple[Origin | Number | None, ...]] = field(default_factory=dict)
    bodies: list[Body] = field(default_factory=list)

    @property
    def first(self) -> Node:
        """The node in the first specialisation that has it."""
        return next(iter(self.nodes.values()))

    def results(self) -> Iterator[tuple[Origin, Value]]:
        """The origins of its results, with the value that each is in the first specialisation."""
        for index, one in enumerate(self.first.results):
            yield (self, index), one


def align(graphs: Mapping[int, Sequence[Node]], key: Key) -> list[Entry]:
    """All nodes in an order that is that of each specialisation; nodes of equal keys in the same order are one entry."""
    entries: list[Entry] = []
    keys: list[Hashable] = []
    for which, nodes in sorted(graphs.items(), key=lambda one: -len(one[1])):  # the others mostly lack some of the longest
        own = [key(which, one) for one in nodes]
        merged: list[Entry] = []
        merged_keys: list[Hashable] = []
        for tag, start, end, low, high in SequenceMatcher(None, keys, own, autojunk=False).get_opcodes():
            merged += entries[start:end]
            merged_keys += keys[start:end]
            if tag == "equal":
                for entry, node in zip(entries[start:end], nodes[low:high], strict=True):
                    entry.nodes[which] = node
                continue
            new = [Entry({which: one}) for one in nodes[low:high]]
            at = len(merged) - (end - start) if new and start < end and _begins(new[0]) < _begins(entries[start]) else len(merged)
            merged[at:at] = new
            merged_keys[at:at] = own[low:high]
        entries, keys = merged, merged_keys
    return entries


def _begins(entry: Entry) -> int:
    """Where a step stands in the text."""
    span = entry.first.span
    return span.start if span is not None else 0


def needed(graph: Graph) -> list[Node]:
    """The nodes that some result rests on, in order."""
    wanted = {one.value.name for one in graph.outputs}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(one.name in wanted for one in node.results):
            kept.append(node)
            wanted.update(one.name for one in node.operands if isinstance(one, Value))
    return kept[::-1]


def trace(entries: Sequence[Entry], envs: Mapping[int, Env], key: Key) -> None:
    """Say where the operands of each entry come from, and align its bodies."""
    for entry in entries:
        for which, node in entry.nodes.items():
            entry.operands[which] = tuple(origin(envs[which], one) for one in node.operands)
        first = entry.first
        if first.scan is not None:
            count = len(first.scan.axes) + first.scan.carries
            graphs = {which: node.scan.body for which, node in entry.nodes.items() if node.scan}
            entry.bodies.append(_body(entry, graphs, count, key))
        elif first.choice is not None:
            choices = {which: node.choice for which, node in entry.nodes.items() if node.choice}
            entry.bodies.append(_body(entry, {which: one.training for which, one in choices.items()}, 0, key))
            entry.bodies.append(_body(entry, {which: one.evaluation for which, one in choices.items()}, 0, key))
        for which, node in entry.nodes.items():
            envs[which].update((one.name, (entry, index)) for index, one in enumerate(node.results))


def origin(env: Env, one: Operand) -> Origin | Number | None:
    """Where an operand comes from."""
    return env[one.name] if isinstance(one, Value) else one


def _body(entry: Entry, graphs: dict[int, Graph], count: int, key: Key) -> Body:
    """A body; its first `count` inputs are its own, the others are captured and are what they are outside."""
    body = Body(graphs, [])
    body.own = [(body, index) for index in range(count)]
    envs: dict[int, Env] = {}
    for which, graph in graphs.items():
        given = [one for one in entry.operands[which] if one is not None and not isinstance(one, Number)]
        envs[which] = dict(zip((one.name for one in graph.input_values), [*body.own, *given[count:]], strict=True))
    body.entries = align({which: needed(graph) for which, graph in graphs.items()}, key)
    trace(body.entries, envs, key)
    body.outputs = columns({which: [envs[which][one.value.name] for one in graph.outputs] for which, graph in graphs.items()})
    return body


def columns(rows: Mapping[int, Sequence[Origin | None]]) -> list[Vector]:
    """What stands in each place, from what each specialisation has."""
    return [dict(zip(rows, column, strict=True)) for column in zip(*rows.values(), strict=True)]
