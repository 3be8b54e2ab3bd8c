"""One block of both programs side by side: which step is which, what each value of the new one is, what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.analyses.alignment import align
from archdsl.analyses.cost import called_graph
from archdsl.analyses.difference import steps
from archdsl.analyses.outline import called_op, own_path
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.ops.conv.conv import Convolution
from archdsl.weights.growing.probe import Probe
from archdsl.weights.growing.spread import Maps, Refused, around, in_parts

Known = dict[str, tuple[str, Maps]]
"""Values of the new program: the old value whose places each repeats, and how."""


class Frame:
    """A block at one place: `old` and `new` are its graphs, with the prefixes of their keys."""

    def __init__(
        self, old: Graph, new: Graph, prefixes: tuple[str, str], known: Known, asked: Callable[[str], Maps], probe: Probe
    ) -> None:
        self.old, self.new = old, new
        self.prefixes = prefixes
        self.known = known
        self.probe = probe
        self.asked_outside = asked
        left, right = ([one for one in steps(graph) if one.node is not None] for graph in (old, new))
        pairs = align(left, right)[0]
        self.partner: dict[int, Node] = {}
        for a, b in pairs:
            one, other = left[a].node, right[b].node
            if one is not None and other is not None:
                self.partner[id(other)] = one
        self.types = {value.name: value.type for node in old.nodes for value in node.results}
        self.types |= {one.name: one.type for one in old.input_values}
        self.demands: dict[str, dict[int, tuple[int, ...]]] = {}
        self.filled = False

    def key(self, node: Node) -> str:
        """The key of a new step's member, with a dot at its end."""
        return self.prefixes[1] + ".".join(own_path(self.new, node)) + "."

    def asked(self, value: Value) -> Maps:
        """By which maps the steps that take a new value want it, where they want it so and not otherwise."""
        if not self.filled:
            self.filled = True
            for node in reversed(self.new.nodes):  # those that take a value come after it
                for one in node.results:
                    self._add(one, self.asked_outside(one.name))
                for at, operand in enumerate(node.operands):
                    if isinstance(operand, Value):
                        self._add(operand, self._asked_by(node, at, operand))
        return self.demands.get(value.name, {})

    def _add(self, value: Value, maps: Maps) -> None:
        for axis, map in maps.items():
            self.demands.setdefault(value.name, {}).setdefault(axis, map)

    def _asked_by(self, node: Node, at: int, value: Value) -> Maps:
        """What one step asks of its operand."""
        before = self.partner.get(id(node))
        if before is None or len(before.operands) != len(node.operands):
            return {}
        operand = before.operands[at]
        if not isinstance(operand, Value) or operand.type == value.type:
            return {}
        old, new = called_graph(self.old, before), called_graph(self.new, node)
        if old is not None and new is not None:
            inner = Frame(old, new, self.prefixes, {}, lambda name: self._result(node, new, name), self.probe)
            given = [(one, other) for one, other in zip(node.operands, new.input_values, strict=True) if one is not None]
            return next((inner.asked(other) for one, other in given if one == value), {})
        op, was = called_op(self.new, node), called_op(self.old, before)
        if op is None or was is None:
            return {}
        return self._asked_by_op((was, op), node, before, at, (operand.type, value.type))

    def _result(self, node: Node, graph: Graph, name: str) -> Maps:
        """What is asked of a block's result, by those who take it from the call."""
        for value, out in zip(node.results, graph.outputs, strict=True):
            if out.value.name == name:
                return self.asked(value)
        return {}

    def _asked_by_op(self, ops: tuple[Op, Op], node: Node, before: Node, at: int, types: tuple[TensorType, TensorType]) -> Maps:
        op = ops[1]
        rank = len(types[1].shape)
        groups = _groups(ops)
        if groups > 1 and at == 0 and rank > 1:
            old, new = (self.probe.shape(one)[1] // groups for one in types)
            return {1: in_parts(around(old, new), old, groups)} if new > old else {}
        if op.name == "attention" and at in (1, 2) and _heads(before, 0) == _heads(node, 0) and _heads(before, at):
            old, new = (_heads(one, at) for one in (before, node))  # each query keeps the key that serves it
            return {rank - 3: tuple(head * old // new for head in range(new))} if new > old else {}
        if len(node.results) == 1:
            wanted = self.asked(node.results[0])
            shape = node.results[0].type.shape
            apart = len(shape) - rank
            same = [axis for axis in range(max(-apart, 0), rank) if shape[axis + apart] == types[1].shape[axis]]
            if op.parameters():
                contracted = (
                    {1} if isinstance(op, Convolution) and op.groups == 1 else {rank - 1} if op.name == "Linear" else set()
                )
                return {axis: wanted[axis] for axis in same if axis in wanted and axis not in contracted}
            if len(same) == rank - max(-apart, 0):
                return {axis: wanted[axis + apart] for axis in same if axis + apart in wanted}
        if op.parameters() or sum(isinstance(one, Value) for one in node.operands) != 1:
            return {}
        return self._through(ops, node, before, types)

    def _through(self, ops: tuple[Op, Op], node: Node, before: Node, types: tuple[TensorType, TensorType]) -> Maps:
        """What is asked of the operand of a step that only puts elements elsewhere: found by sending places through."""
        import torch

        wide = [axis for axis, (n, m) in enumerate(zip(*(self.probe.shape(one) for one in types), strict=False)) if n != m]
        if not wide or len(types[0].shape) != len(types[1].shape):
            return {}
        places = []
        for op, step, type in zip(ops, (before, node), types, strict=True):
            shape = self.probe.shape(type)
            ids = torch.arange(torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
            try:
                made = self.probe.run(op, _types(step.operands), [one.type for one in step.results], [ids])
            except Refused:
                return {}
            if any(one.dtype != torch.float64 or bool((one != one.round()).any() or (one < 0).any() or (one >= ids.numel()).any())
                   for one in made):  # fmt: skip
                return {}
            places.append([one.long() for one in made])
        found: dict[int, tuple[int, ...]] = {}
        shapes = [self.probe.shape(one) for one in types]
        for axis in wide:
            map = torch.full((shapes[1][axis],), -1)
            for old, new, value in zip(places[0], places[1], node.results, strict=True):
                maps = {one: self.asked(value).get(one) or around(old.shape[one], new.shape[one])
                        for one in range(new.ndim) if old.shape[one] < new.shape[one]}  # fmt: skip
                for one, other in maps.items():
                    old = old.index_select(one, torch.tensor(other))
                if old.shape != new.shape:
                    return {}
                strides = [torch.Size(shape[axis + 1 :]).numel() for shape in shapes]
                map[(new // strides[1] % shapes[1][axis]).flatten()] = (old // strides[0] % shapes[0][axis]).flatten()
            if bool((map >= 0).all()):
                found[axis] = tuple(map.tolist())
        return found


def _heads(node: Node, at: int) -> int:
    """How many heads an operand of attention has; 0 where it has none."""
    shape = () if (operand := node.operands[at]) is None else operand.type.shape
    size = shape[-3] if len(shape) > 2 else 0
    return size if isinstance(size, int) else 0


def _groups(ops: tuple[Op, Op]) -> int:
    """How many groups of channels two operators handle each for itself; 1 where they are not as many."""
    counts = {getattr(op, name) for op in ops for name in ("groups", "num_groups") if name in op.fields}
    return counts.pop() if len(counts) == 1 else 1


def _types(operands: tuple[Operand, ...]) -> list[TensorType | None]:
    return [None if one is None else one.type for one in operands]


def first_maps(asked: Maps, old: Mapping[int, int], new: Mapping[int, int]) -> Maps:
    """For axes that grow, what is asked, else the old places again and again."""
    return {axis: asked.get(axis) or around(size, new[axis]) for axis, size in old.items() if size != new[axis]}
