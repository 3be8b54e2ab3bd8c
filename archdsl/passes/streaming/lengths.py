"""The number of steps, and what depends on it."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Door, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Op


class Length:
    """The length of the sequence: a symbol, or a number."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.symbols = size.symbols if isinstance(size, Dim) else frozenset()
        self._graphs: dict[int, tuple[Graph, bool]] = {}

    def more(self, size: Size) -> int | None:
        """How much longer an axis is; None where the difference is no number."""
        found = size - self.size
        return found if isinstance(found, int) else None

    def told(self, what: Any) -> bool:
        """Whether something depends on a symbolic length: a size, a type, an operator, a node, a graph."""
        if not self.symbols or what is None:
            return False
        if isinstance(what, Dim):
            return not self.symbols.isdisjoint(what.symbols)
        if isinstance(what, tuple):
            return any(map(self.told, what))
        if isinstance(what, TensorType):
            return self.told(what.shape)
        if isinstance(what, Value):
            return self.told(what.type)
        if isinstance(what, Number):
            return self.told(what.number)
        if isinstance(what, Op):
            return any(self.told(value) for _, value in what.items())
        if isinstance(what, Door):
            return self.told((what.left, what.right))
        if isinstance(what, Node):
            parts: list[Any] = [what.op, what.operands, what.results, what.graph]
            parts += [what.scan.body, what.scan.length] if what.scan is not None else []
            parts += [what.choice.training, what.choice.evaluation] if what.choice is not None else []
            return any(map(self.told, parts))
        return isinstance(what, Graph) and self._graph(what)

    def _graph(self, graph: Graph) -> bool:
        if id(graph) not in self._graphs:
            parts: list[Any] = [graph.nodes, graph.input_values]
            parts += [one.graph for one in graph.members.values() if isinstance(one, Call)]
            parts += [one.op if isinstance(one, Layer) else one.value.type for one in graph.members.values()
                      if isinstance(one, (Layer, Parameter))]  # fmt: skip
            self._graphs[id(graph)] = (graph, any(map(self.told, parts)))
        return self._graphs[id(graph)][1]

    def one(self, op: Op) -> Op:
        """The operator for a sequence of one element."""
        return op.changed(**{name: self._one(value) for name, value in op.items() if self.told(value)})

    def _one(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return value.substitute(dict.fromkeys(self.symbols, 1)) if value != self.size else 1
        return tuple(map(self._one, value)) if isinstance(value, tuple) else value

    def facts(self, facts: Facts) -> Facts:
        """Those that say nothing of the length."""
        return Facts(tuple(one for one in facts.facts if not self.told(one))) if self.symbols else facts
