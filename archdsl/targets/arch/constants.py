"""Computed constants, from which buffers and parameters start: an expression, or a function where values have names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.targets.arch.naming import Names
from archdsl.targets.arch.pieces import Body
from archdsl.targets.arch.structure import Structure
from archdsl.targets.arch.writing import Place, Writer

Writers = Callable[[Graph, Names, "dict[int, set[str]] | None"], Writer]


class Items:
    """Items of the file by their names: equal texts are one, others get names of their own. A text has `@` for its name."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.texts: dict[tuple[str, str], str] = {}

    def name(self, base: str, text: str) -> str:
        """The name of the item with this text."""
        known = self.texts.get((base, text))
        if known is None:
            known, count = base, 1
            while known in self.taken:
                count += 1
                known = f"{base}{count}" if not base[-1].isdigit() else f"{base}_{count}"
            self.taken.add(known)
            self.texts[base, text] = known
        return known


def constant_text(graph: Graph, name: str, writer: Writers, functions: Items) -> str:
    """What stands right of `=`. Where it is no single chain, it is a function of what the constant begins with."""
    result = graph.outputs[0].value
    body, asked = _body(graph, graph.nodes, None, result, writer)
    if not asked and all(one.line for one in body.statements):
        lines = writer(graph, Names(()), {}).entries(body, Place(None, (), False))
        return " -> ".join(map(str, lines))
    first, *rest = graph.nodes
    start = first.results[0]
    body, asked = _body(graph, rest, start, result, writer)
    names = Names(())
    given = names.give("x")
    made = writer(graph, names, {id(graph): asked})
    made.known[start.name] = given
    lines = made.entries(body, Place(start, (), False))
    text = f"fn @({given}: {start.type}) -> {result.type} {{\n" + "\n".join(map(str, lines)) + "\n}\n"
    begin = writer(graph, Names(()), {}).operation(first, list(first.operands), None)[0]
    return f"{functions.name(name, text)}({begin})"


def _body(
    graph: Graph, nodes: Sequence[Node], flow: Value | None, result: Value, writer: Writers
) -> tuple[Body, set[str]]:  # fmt: skip
    """The statements, and the values that need a name."""

    def outermost(node: Node) -> Path:
        return ()

    body = Structure(nodes, [result], outermost).body(0, len(nodes), (), flow, (result,))
    dry = writer(graph, Names(()), None)
    if flow is not None:
        dry.known[flow.name] = flow.name
    dry.entries(body, Place(flow, (), False))
    return body, dry.asked.get(id(graph), set())
