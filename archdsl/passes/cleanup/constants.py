"""The pass `constants`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand
from archdsl.ops.contract import Op
from archdsl.ops.registry import find
from archdsl.passes.contract import Pass
from archdsl.passes.site import Site
from archdsl.records import changed, record

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg, "maximum": max, "minimum": min,
}  # fmt: skip
"""What is known of two numbers by Python's own signs."""


@record
class Constants(Pass):
    """Folds what is computed of tensors that are one number throughout: `zeros(B, 4) + 1` becomes `full`.

    Only whole numbers up to `most`, whose sums and products are exact in every float type.
    """

    word: ClassVar[str] = "constants"
    most: int = 2**8

    def edit(self, graph: Graph, site: Site) -> Graph:
        known: dict[str, int] = {}
        nodes: list[Node] = []
        same = True
        for node in graph.nodes:
            number = self.number(node, known)
            made = node
            if number is not None:
                known[node.results[0].name] = number
                if node.operands:
                    made = changed(node, op=filled(number, node), operands=())
            same = same and made is node
            nodes.append(made)
        return graph if same else changed(graph, nodes=tuple(nodes))

    def number(self, node: Node, known: dict[str, int]) -> int | None:
        """The number that all elements of a node's result are, where it is known."""
        op = node.op
        if op is None or len(node.results) != 1 or node.results[0].type.dtype == "bool":
            return None
        given = [self.told(one, known) for one in node.operands]
        if op.family == "create":
            found = created(op)
        elif None in given or not given:
            return None
        elif op.name in ARITHMETIC:
            found = ARITHMETIC[op.name](*given)
        else:
            found = given[0] if op.family == "reshape" and op.linear == ("x",) else None  # it moves elements, and makes none
        return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) <= self.most else None

    def told(self, one: Operand, known: dict[str, int]) -> int | None:
        number = one.number if isinstance(one, Number) else known.get(one.name) if one is not None else None
        return number if isinstance(number, int) and not isinstance(number, bool) else None


def created(op: Op) -> Any:
    """What `zeros`, `ones`, `full` and those like another are full of."""
    return getattr(op, "fill_value", getattr(op, "number", None))


def filled(number: int, node: Node) -> Op:
    """The operator that makes the node's result of one number."""
    kind = find("full")
    if kind is None:
        raise LookupError("the operator `full` is missing")
    type = node.results[0].type
    return kind(size=type.shape, fill_value=number, dtype=type.dtype)
