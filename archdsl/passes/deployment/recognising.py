"""Finds formulas in a graph, however they are written, and puts one operator in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from archdsl.ir.edit import fresh, insert_after, substitute
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.ops.contract import Context, OpFault
from archdsl.passes.cleanup.dead_values import DeadValues
from archdsl.passes.deployment.formulas import Formulas
from archdsl.passes.deployment.polynomials import Poly
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.site import Site
from archdsl.tangents.trace import Traced, Writer

ARITHMETIC = (
    "add", "sub", "mul", "div", "neg", "pow", "square", "sqrt", "rsqrt", "reciprocal", "unsqueeze", "index", "reshape", "expand",
    "erf", "tanh", "sigmoid", "exp", "mean", "sum", "var", "std", "cast", "log", "logsumexp", "log_softmax", "norm",
    "erfc", "logsigmoid", "softplus", "einsum",
)  # fmt: skip
"""What a formula is written with."""
STEPS = 14
"""How many steps a formula has at most, on the way from what tells it to its result."""

Built = Callable[[Any], Traced]
"""Writes what stands for a formula: it gets a function that makes a traced tensor of a value."""
Told = Callable[[Formulas, Poly, Value, Graph], Built | str]
"""What a formula of x is: how to write it, why it cannot be, or an empty text where it is something else."""


def recognise(graph: Graph, site: Site, equation: str, drivers: tuple[str, ...], told: Told) -> Graph:
    """The graph with every formula that `told` knows written as it says; the widest first. `drivers` are operators, one of which
    every such formula has."""
    while True:
        made = _once(graph, site, equation, drivers, told)
        if made is graph:
            return graph
        graph = DeadValues().edit(made, site)


def _once(graph: Graph, site: Site, equation: str, drivers: tuple[str, ...], told: Told) -> Graph:
    reading = Reading(graph)
    places = {id(node): index for index, node in enumerate(graph.nodes)}
    for driver in graph.nodes:
        if driver.op is None or driver.op.name not in drivers:
            continue
        roots = sorted(_above(reading, driver), key=lambda node: -places[id(node)])
        reason, left = "", driver
        for x in _below(reading, driver):
            formulas = Formulas(reading, x)
            for root in roots:
                if root.results[0].type != x.type or x in root.results:
                    continue
                found = told(formulas, formulas.of(root.results[0]), x, graph)
                made = _written(graph, site, reading, root, found) if callable(found) else found
                if isinstance(made, Graph):
                    return made
                if made and not reason:
                    reason, left = made, root
        if reason:
            site.refuse(equation, graph, left, reason)
    return graph


def _above(reading: Reading, driver: Node) -> Iterator[Node]:
    """The nodes that arithmetic makes of a node's result."""
    seen, front = {id(driver)}, [driver]
    yield driver
    for _ in range(STEPS):
        users = [user for node in front for user in reading.users.get(node.results[0].name, []) if user is not None]
        front = []
        for node in users:
            if node.op is not None and node.op.name in ARITHMETIC and len(node.results) == 1 and id(node) not in seen:
                seen.add(id(node))
                front.append(node)
        yield from front


def _below(reading: Reading, driver: Node) -> list[Value]:
    """The values that arithmetic makes a node's operands of, nearest first."""
    found: dict[str, Value] = {}
    front = [one for one in driver.operands if isinstance(one, Value)]
    for _ in range(6):
        found.update((one.name, one) for one in front if one.name not in found)
        makers = [node for one in front if (node := reading.maker(one, *ARITHMETIC)) is not None]
        front = [one for node in makers for one in node.operands if isinstance(one, Value) and one.name not in found]
    return list(found.values())


def _written(graph: Graph, site: Site, reading: Reading, root: Node, build: Built) -> Graph | str:
    old, names = root.results[0], reading.names()
    writer = Writer(lambda type, hint: Value(fresh(names, hint), type), Context(graph.facts, site.float))
    writer.path, writer.span, writer.hint = root.path, root.span, old.name
    try:
        made = build(lambda value: Traced(writer, value))
    except OpFault as fault:
        return fault.message
    if not isinstance(made.operand, Value) or made.type != old.type:
        return f"{old.type} would become {made.type}"
    index = next(at for at, node in enumerate(graph.nodes) if node is root)
    return substitute(insert_after(graph, index, *writer.nodes), {old.name: made.operand})
