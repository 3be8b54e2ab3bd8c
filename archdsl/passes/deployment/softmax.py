"""Softmax as a formula: exponentials over their sum, with or without their largest taken off before."""

from __future__ import annotations

from archdsl.ir.edit import fresh, insert_after, substitute
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.ops.registry import find
from archdsl.passes.deployment.formulas import Formulas
from archdsl.passes.deployment.norms import near
from archdsl.passes.deployment.polynomials import Poly, atom
from archdsl.passes.deployment.products import read_product
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.deployment.recognising import Built
from archdsl.records import changed


def softmax(formulas: Formulas, poly: Poly, x: Value, graph: Graph) -> Built | str:
    """What a formula is as exp(x) / sum(exp(x)) along an axis; what is the same along it may be taken off x."""
    ((mono, number), *others) = poly.items() or [((), 0.0)]
    atoms = {exponent: one for one, exponent in mono}
    grown, total = atoms.get(1.0), atoms.get(-1.0)
    if others or not near(number, 1.0) or len(mono) != 2 or not isinstance(grown, tuple) or not isinstance(total, tuple):
        return ""
    if grown[0] != "exp" or total[0] != "sum" or total[3] != ((grown, 1.0),) or len(total[1]) != 1:
        return ""
    inside: Poly = dict(grown[1])
    if inside.pop(((("value", x.name), 1.0),), None) != 1.0:
        return ""
    if not all(formulas.stays(one, total[1]) for mono in inside for one, _ in mono):
        return ""
    less = formulas.reading.maker(x, "sub", "add")
    if less is not None and any(isinstance(one, Value) and one.type.shape[total[1][0] :][:1] == (1,) for one in less.operands):
        return ""  # what is the same along the axis is taken off here: x is what it is taken off
    return lambda build: build(x).softmax(axis=total[1][0])


def divided_first(graph: Graph) -> Graph:
    """The graph with `(exp(x) v) / sum(exp(x))` as `softmax(x) v`, wherever the product is divided and not the weights."""
    while True:
        made = _once(graph)
        if made is graph:
            return graph
        graph = made


def _once(graph: Graph) -> Graph:
    reading = Reading(graph)
    for node in graph.nodes:
        if node.op is None or node.op.name not in ("div", "mul"):
            continue
        sides = node.operands if node.op.name == "div" else (*node.operands, node.operands[0])
        for over, under in zip(sides, sides[1:], strict=False):
            if isinstance(over, Value) and isinstance(under, Value) and reading.user(over) is node:
                found = _late(reading, over, under, -1.0 if node.op.name == "div" else 1.0)
                if found is not None:
                    return _weighed(graph, node, over, *found)
    return graph


def _late(reading: Reading, over: Value, under: Value, exponent: float) -> tuple[Node, Node, int] | None:
    """Where one value is a product of exponentials and the other, to a power, one over their sum: what makes the exponentials,
    who takes them into the product, and along which axis they are summed."""
    product = read_product(reading, over)
    for side in (product.left, product.right) if product is not None else ():
        grown, uses = reading.maker(side.value, "exp"), reading.users.get(side.value.name, [])
        formulas = Formulas(reading, side.value)
        poly = formulas.of(under)
        for axis in range(side.value.type.rank) if grown is not None else ():
            end, size = axis - side.value.type.rank, side.value.type.shape[axis]
            total = atom(("sum", (end,), (size,), ((("value", side.value.name), 1.0),)), -exponent)
            kept = product is not None and all(
                (one == other) != (at == axis) for at, (one, other) in enumerate(zip(product.axes, side.axes, strict=False))
            )
            takers = [one for one in uses if one is None or one.op is None or one.op.name not in ("sum", "mean")]
            if poly == total and kept and len(takers) == 1 and takers[0] is not None and grown is not None:
                return grown, takers[0], axis
    return None


def _weighed(graph: Graph, division: Node, over: Value, grown: Node, taker: Node, axis: int) -> Graph:
    kind = find("softmax")
    if kind is None:
        raise LookupError("the operator `softmax` is missing")
    old = grown.results[0]
    weights = Value(fresh(Reading(graph).names(), old.name), old.type)
    at = next(index for index, one in enumerate(graph.nodes) if one is grown)
    nodes = tuple(
        changed(one, operands=tuple(weights if given == old else given for given in one.operands)) if one is taker else one
        for one in graph.nodes
    )
    step = Node(grown.operands, (weights,), op=kind(axis=axis), path=grown.path, span=grown.span)
    return substitute(insert_after(changed(graph, nodes=nodes), at, step), {division.results[0].name: over})
