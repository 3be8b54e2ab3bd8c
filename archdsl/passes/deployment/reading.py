"""A graph read backwards: what makes a value, who uses it, what it is but for a factor and the order of axes."""

from __future__ import annotations

from math import isfinite

from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Along


class Reading:
    """Of one graph, whose nodes stay while it is read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.makers: dict[str, Node] = {}
        self.users: dict[str, list[Node | None]] = {one.value.name: [] for one in graph.outputs}
        for one in graph.outputs:
            self.users[one.value.name].append(None)
        for node in graph.nodes:
            for operand in node.operands:
                if isinstance(operand, Value):
                    self.users.setdefault(operand.name, []).append(node)
            for result in node.results:
                self.makers[result.name] = node

    def maker(self, operand: Operand, *words: str) -> Node | None:
        """The node whose only result an operand is, where its operator has one of the words (any, where none is said)."""
        node = self.makers.get(operand.name) if isinstance(operand, Value) else None
        if node is None or node.op is None or len(node.results) != 1:
            return None
        return node if not words or node.op.name in words else None

    def source(self, operand: Operand) -> Node | None:
        """The node that makes a value, whatever it calls."""
        return self.makers.get(operand.name) if isinstance(operand, Value) else None

    def names(self) -> set[str]:
        """The names of its values."""
        tensors = {one.value.name for one in self.graph.members.values() if isinstance(one, Parameter)}
        return {one.name for one in self.graph.input_values} | set(self.makers) | tensors

    def user(self, value: Value) -> Node | None:
        """The node that uses a value, where it is the only use."""
        users = self.users.get(value.name, [])
        return users[0] if len(users) == 1 else None

    def factored(self, operand: Operand) -> tuple[float, Operand]:
        """An operand as a number times another: products and quotients with numbers, and signs, are taken off."""
        factor = 1.0
        while (node := self.maker(operand, "mul", "div", "neg")) is not None and node.op is not None:
            left, right = node.operands[0], (*node.operands, None)[1]
            if node.op.name == "neg":
                factor, operand = -factor, left
                continue
            number = told(right)
            if number is None and node.op.name == "mul":
                number, left = told(left), right
            if number is None or not isinstance(left, Value) or left.type != node.results[0].type:
                break
            if number == 0 or not isfinite(number):
                break
            factor, operand = factor * number if node.op.name == "mul" else factor / number, left
        return factor, operand

    def ordered(self, operand: Operand) -> tuple[tuple[int, ...], Operand] | None:
        """An operand as another one with its axes in an order: for each axis of the result that of the other. None: it is not."""
        node = self.maker(operand)
        if node is None or node.op is None or len(node.operands) != 1 or node.op.family != "reshape":
            return None
        x, result = node.operands[0], node.results[0]
        if not isinstance(x, Value) or x.type.rank != result.type.rank or node.op.name == "reshape":
            return None
        places: dict[int, int] = {}
        for axis, size in enumerate(x.type.shape):
            reach = node.op.reach(0, axis, (x.type,), (result.type,))
            if not isinstance(reach, Along) or (reach.low, reach.high) != (0, 0) or result.type.shape[reach.axis] != size:
                return None
            places[reach.axis] = axis
        return (tuple(places[axis] for axis in range(x.type.rank)), x) if len(places) == x.type.rank else None


def told(operand: Operand) -> float | None:
    """The number that stands as an operand, unless it is symbolic or a truth."""
    number = operand.number if isinstance(operand, Number) else None
    return float(number) if isinstance(number, (int, float)) and not isinstance(number, bool) else None
