"""Rules applied to a graph, until nothing changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from archdsl.ir.edit import fresh
from archdsl.ir.graph import Graph, Loop, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Context, OpFault
from archdsl.passes.pattern import Match, Refusal, Rule
from archdsl.records import changed
from archdsl.tangents.trace import Traced, Writer

ROUNDS = 50
"""How often the rules go over a graph at most."""


class Endless(Exception):
    """Rules that undo each other."""


def rewrite(graph: Graph, rules: Sequence[Rule], float: str, refusals: list[Refusal]) -> Graph:
    """The graph with every rule applied wherever it may be. What was not needed any more is left to `dead-values`.

    Types of results stay: a replacement of another type is a refusal. Raises `Endless`.
    """
    context = Context(graph.facts, float)
    said: set[Refusal] = set()
    for _ in range(ROUNDS):
        after = _Round(graph, rules, context, said).run()
        if after is graph:
            refusals += [one for one in sorted(said, key=str) if one not in refusals]
            return graph
        graph = after
    raise Endless(f"{graph.name}: after {ROUNDS} rounds the rules still change it")


class _Round:
    def __init__(self, graph: Graph, rules: Sequence[Rule], context: Context, refusals: set[Refusal]) -> None:
        self.graph = graph
        self.context = context
        self.refusals = refusals
        self.names = {one.name for one in graph.input_values} | {one.name for node in graph.nodes for one in node.results}
        self.names |= {one.value.name for one in graph.members.values() if isinstance(one, Parameter)}
        self.producers: dict[str, tuple[Node, int]] = {}
        self.by_word: dict[str, list[Rule]] = {}
        for rule in rules:
            self.by_word.setdefault(rule.roots[-1].word, []).append(rule)

    def run(self) -> Graph:
        """The graph after one going over it; itself where nothing changed."""
        renamed: dict[str, Operand] = {}
        nodes: list[Node] = []
        starts: list[int] = []
        for node in self.graph.nodes:
            starts.append(len(nodes))
            if any(isinstance(one, Value) and one.name in renamed for one in node.operands):
                node = changed(node, operands=tuple(renamed.get(one.name, one) if isinstance(one, Value) else one
                                                    for one in node.operands))  # fmt: skip
            for index, one in enumerate(node.results):
                self.producers[one.name] = (node, index)
            nodes.append(node)
            for rule in self.by_word.get(node.op.name, ()) if node.op is not None else ():
                made = self.applied(rule, node, nodes)
                if made is not None:
                    at, new, results = made
                    for old, now in renamed.items():
                        renamed[old] = results.get(now.name, now) if isinstance(now, Value) else now
                    renamed.update(results)
                    for step in new:
                        self.producers.update((value.name, (step, index)) for index, value in enumerate(step.results))
                    gone = [index for index, step in enumerate(nodes) if all(value.name in results for value in step.results)]
                    kept = [_renamed(step, results) for index, step in enumerate(nodes) if index not in gone]
                    starts[:] = [start + len(new) * (start > at) - sum(one < start for one in gone) for start in starts]
                    place = at - sum(one < at for one in gone)
                    nodes[:] = [*kept[:place], *new, *kept[place:]]
                    break
        if not renamed:
            return self.graph
        outputs = tuple(changed(one, value=renamed.get(one.value.name, one.value)) for one in self.graph.outputs)
        ends = [*starts, len(nodes)]
        loops = tuple(Loop(one.path, tuple((ends[a], ends[b]) for a, b in one.ranges)) for one in self.graph.loops)
        return changed(self.graph, nodes=tuple(nodes), outputs=outputs, loops=loops)

    def applied(self, rule: Rule, node: Node, nodes: list[Node]) -> tuple[int, list[Node], dict[str, Operand]] | None:
        """Where new nodes stand, the nodes, and what becomes of the results that they replace; None where the rule does not."""
        for match, roots in self.matches(rule, node, nodes):
            reason = rule.check(match) if rule.check is not None else ""
            if not reason:
                made = self.built(rule, match, roots, nodes)
                if not isinstance(made, str):
                    return made
                reason = made
            self.refusals.add(Refusal(rule.equation, f"{self.graph.name}.{node.results[0].name}", reason))
        return None

    def matches(self, rule: Rule, last: Node, nodes: list[Node]) -> Iterator[tuple[Match, list[Node]]]:
        """Every way in which the rule's patterns are found, the last of them at this node."""
        first = rule.roots[-1].at(last, self.producers, Match())
        ways = [(first, [last])] if first is not None else []
        for pattern in reversed(rule.roots[:-1]):
            ways = [
                (more, [node, *roots]) for match, roots in ways for node in nodes
                if not any(node is one for one in roots) and (more := pattern.at(node, self.producers, match)) is not None
            ]  # fmt: skip
        yield from ways

    def built(
        self, rule: Rule, match: Match, roots: list[Node], nodes: list[Node]
    ) -> tuple[int, list[Node], dict[str, Operand]] | str:
        """The replacement; the reason where there can be none."""
        writer = Writer(lambda type, hint: Value(fresh(self.names, hint), type), self.context)
        writer.path, writer.span, writer.hint = roots[-1].path, roots[-1].span, roots[-1].results[0].name
        try:
            made = rule.replace(match, _Build(writer))
        except OpFault as fault:
            return fault.message
        new = [one.operand if isinstance(one, Traced) else one for one in (made if isinstance(made, tuple) else (made,))]
        results: dict[str, Operand] = {}
        for pattern, root, operand in zip(rule.roots, roots, new, strict=True):
            old = root.results[pattern.result]
            if not isinstance(operand, Value) or not self._same(old, operand):
                return f"{old.type} would become {operand.type if operand is not None else 'nothing'}"
            results[old.name] = operand
        at = min(next(index for index, one in enumerate(nodes) if one is root) for root in roots)
        late = {one.name for node in nodes[at:] for one in node.results} - {
            one.name for node in writer.nodes for one in node.results
        }
        used = {one.name for node in writer.nodes for one in node.operands if isinstance(one, Value)}
        if used & late or any(isinstance(one, Value) and one.name in late for one in results.values()):
            return "a value that it needs is made later"
        return at, writer.nodes, results

    def _same(self, old: Value, new: Value) -> bool:
        left, right = old.type, new.type
        same = left.dtype == right.dtype and left.rank == right.rank
        return same and all(map(self.context.facts.equal, left.shape, right.shape))


class _Build:
    """How a rule writes what stands for a match: `build(x)` is an operand with the operators as methods, `build.op` any."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def __call__(self, operand: Any) -> Traced:
        return Traced(self.writer, operand)

    def op(self, word: str, *operands: Any, **arguments: Any) -> Any:
        from archdsl.tangents.trace import traced

        given = tuple(self(one) if isinstance(one, Value) else one for one in operands)
        return traced(self.writer, word, given, arguments)


def _renamed(node: Node, results: dict[str, Operand]) -> Node:
    if not any(isinstance(one, Value) and one.name in results for one in node.operands):
        return node
    return changed(node, operands=tuple(results.get(one.name, one) if isinstance(one, Value) else one for one in node.operands))


def without(graph: Graph, gone: Iterable[int]) -> Graph:
    """The graph without the nodes at these places; nothing may use their results."""
    places = set(gone)
    total = [0, *accumulate(index not in places for index in range(len(graph.nodes)))]
    loops = tuple(Loop(one.path, tuple((total[a], total[b]) for a, b in one.ranges)) for one in graph.loops)
    return changed(graph, nodes=tuple(node for index, node in enumerate(graph.nodes) if index not in places), loops=loops)
