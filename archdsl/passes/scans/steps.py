"""Nodes of a scan's body written outside of it, for all steps at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.dims.dim import Size
from archdsl.dims.dtype import is_integer
from archdsl.dims.shape import TensorType, simplify_type
from archdsl.ir.edit import fresh
from archdsl.ir.graph import Call, Graph, Layer, Member
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Along, Batched, Context, Op, OpFault
from archdsl.ops.product.matmul import Matmul
from archdsl.ops.reshape.axes import Movedim, Unsqueeze
from archdsl.ops.reshape.reshape import Flatten, Unflatten
from archdsl.records import record

_NUMBERS = re.compile(r"(_[0-9]+)+$")


@record
class Many:
    """A value of the body as it is outside: of all steps, with `after` axes after that of the steps, or (None) the same in each.

    `step` is its type in one step.
    """

    value: Value
    step: TensorType
    after: int | None

    @property
    def axis(self) -> int:
        """Where the axis of the steps stands."""
        return self.step.rank - (self.after or 0)


class Steps:
    """Writes nodes for all steps of one scan. `known` are the body's values that are there outside, by name."""

    def __init__(self, around: Node, context: Context, names: set[str], length: Size, members: Mapping[Path, Member]) -> None:
        self.around = around
        """The scan's node: what is made for it stands where it stands."""
        self.context = context
        self.names = names
        self.length = length
        self.members = members
        """What the body's nodes call: the members of the graph that owns them."""
        self.known: dict[str, Many] = {}
        self.nodes: list[Node] = []
        self.made: set[str] = set()
        """The names of the values that were made outside."""
        self._placed: dict[tuple[str, int], Value] = {}
        self._batches: dict[str, Value] = {}
        """Values of all steps as they were before they were told apart, by name: one larger batch."""

    def written(self, node: Node) -> bool:
        """Write the node, unless it must stay in the loop. Whether it was written."""
        if node.scan is not None or node.choice is not None or node.lent:
            return False
        operands = [one for one in node.operands if isinstance(one, Value)]
        if any(one.name not in self.known for one in operands):
            return False
        if all(self.known[one.name].after is None for one in operands):
            return self._same(node)
        op = self.function(node)
        if op is None or self._grows(op, node):
            return False
        made = self._many(node, op)
        before = len(self.nodes)
        try:
            if made is not None:
                self._write(node, made)
            else:
                self._write_merged(node, op)
        except OpFault:
            del self.nodes[before:]
            self.forget()
            return False
        return True

    def forget(self) -> None:
        """Nodes were taken back: forget what was known by them."""
        made = {one.name for node in self.nodes for one in node.results}
        gone = self.made - made
        self.made = made
        self.known = {name: many for name, many in self.known.items() if many.value.name not in gone}
        self._placed.clear()
        self._batches.clear()

    def function(self, node: Node) -> Op | None:
        """The operator that a node applies, where its result follows from its operands and its parameters alone."""
        if node.op is not None:
            return None if node.op.random else node.op
        member = self.members.get(node.member or ())
        if not isinstance(member, Layer) or node.leaf:
            return None
        return member.op if _is_function(member.op) else None

    def _same(self, node: Node) -> bool:
        """A node whose operands are the same in every step, as it is."""
        if node.member is not None and not self._pure(node):
            return False
        if node.op is not None and node.op.random:
            return False
        operands = tuple(self.known[one.name].value if isinstance(one, Value) else one for one in node.operands)
        results = tuple(self.named(one, one.type) for one in node.results)
        self.nodes.append(_with(node, node.op, operands, results))
        for inner, outer in zip(node.results, results, strict=True):
            self.known[inner.name] = Many(outer, inner.type, None)
        return True

    def _pure(self, node: Node) -> bool:
        member = self.members.get(node.member or ())
        if node.leaf:
            return member is not None
        if isinstance(member, Layer):
            return _is_function(member.op)
        return isinstance(member, Call) and _is_pure(node.graph or member.graph)

    def _many(self, node: Node, op: Op) -> Batched | None:
        """How the operator works along one axis more, if it does."""
        after = self._places(node)
        inputs = tuple(None if one is None else one.type for one in node.operands)
        outputs = tuple(one.type for one in node.results)
        made = op.batched(after, inputs, outputs)
        return None if made is None or (node.member is not None and made.op != op) else made

    def _places(self, node: Node) -> tuple[int | None, ...]:
        return tuple(self.known[one.name].after if isinstance(one, Value) else None for one in node.operands)

    def _grows(self, op: Op, node: Node) -> bool:
        """Whether a step's result is larger than each of its varying operands: of all steps it would fill the memory.

        A product with weights may widen the last axis; an outer product may not.
        """
        for result in node.results:
            for one, place in zip(node.operands, self._places(node), strict=True):
                if not isinstance(one, Value) or place is None:
                    continue
                product = node.member is not None or (op.family in ("dense", "product") and not is_outer(node))
                if one.type.rank >= result.type.rank and product:
                    break
                if self.context.facts.at_least(one.type.numel() - result.type.numel(), 0):
                    break
            else:
                if node.member is None or not _looks_up(node):
                    return True
        return False

    def _write(self, node: Node, made: Batched) -> None:
        operands = tuple(self.placed(one, place) for one, place in zip(node.operands, made.inputs, strict=True))
        types = tuple(None if one is None else one.type for one in operands)
        bound = made.op.bind(self.context, *types)
        inferred = [simplify_type(self.context.facts, one) for one in bound.infer(self.context, *types)]
        wanted = [self.type(one.type, made.result) for one in node.results]
        if bound != made.op or not all(map(self._equal, inferred, wanted)):
            raise OpFault("the operator for all steps gives another type")
        results = tuple(self.named(one, type) for one, type in zip(node.results, inferred, strict=True))
        self.nodes.append(_with(node, made.op if node.op is not None else None, operands, results))
        for inner, outer in zip(node.results, results, strict=True):
            self.known[inner.name] = Many(outer, inner.type, made.result)

    def _write_merged(self, node: Node, op: Op) -> None:
        """All steps as one larger batch, of an operator that treats the positions of its first axis alike. Raises `OpFault`."""
        inputs = tuple(None if one is None else one.type for one in node.operands)
        outputs = tuple(one.type for one in node.results)
        given = [
            (index, place) for index, (one, place) in enumerate(zip(inputs, self._places(node), strict=True)) if one is not None
        ]
        alike = op.alike and op.empty_batch and all(op.reach(index, 0, inputs, outputs) == Along(0) for index, _ in given)
        if not alike or any(place is None for _, place in given):
            raise OpFault("the steps are no larger batch")
        batch = next(one for one in inputs if one is not None).shape[:1]
        if any(one.shape[:1] != batch for one in (*inputs, *outputs) if one is not None):
            raise OpFault("the first axis is no batch")
        operands = tuple(self._batch(one) if isinstance(one, Value) else one for one in node.operands)
        types = tuple(None if one is None else one.type for one in operands)
        bound = op.bind(self.context, *types)
        if bound != op:
            raise OpFault("the operator is another for a larger batch")
        inferred = bound.infer(self.context, *types)
        merged = tuple(
            self.named(one, simplify_type(self.context.facts, type)) for one, type in zip(node.results, inferred, strict=True)
        )
        self.nodes.append(_with(node, node.op and bound, operands, merged))
        for inner, value in zip(node.results, merged, strict=True):
            outer = self.applied(Unflatten(axis=0, sizes=(-1, *batch)), value)
            if not self._equal(outer.type, self.type(inner.type, inner.type.rank)):
                raise OpFault("the operator for all steps gives another type")
            self.known[inner.name] = Many(outer, inner.type, inner.type.rank)
            self._batches[outer.name] = value

    def _batch(self, one: Value) -> Value:
        """A value of the body, of all steps, as one larger batch."""
        outer = self.at(self.known[one.name], one.type.rank)
        return self._batches.get(outer.name) or self.applied(Flatten(start=0, end=1), outer)

    def named(self, like: Value, type: TensorType) -> Value:
        """A new value outside, under the author's name of one of the body."""
        name = fresh(self.names, _NUMBERS.sub("", like.name).split(" ")[0])
        self.made.add(name)
        return Value(name, type)

    def type(self, step: TensorType, after: int) -> TensorType:
        """The type of all steps."""
        at = step.rank - after
        return TensorType((*step.shape[:at], self.length, *step.shape[at:]), step.dtype)

    def _equal(self, left: TensorType, right: TensorType) -> bool:
        same = left.dtype == right.dtype and left.rank == right.rank
        return same and all(map(self.context.facts.equal, left.shape, right.shape))

    def placed(self, one: Operand, after: int | None) -> Operand:
        """An operand with the axis of the steps where it is wanted. Raises `OpFault` where it cannot stand there."""
        return self.at(self.known[one.name], after) if isinstance(one, Value) else one

    def at(self, many: Many, after: int | None) -> Value:
        """The value with this many axes after that of the steps; of a value that is the same in each step, with size 1 there."""
        rank = many.step.rank
        if many.after is None:
            return many.value if after is None or rank <= after else self.applied(Unsqueeze(axis=rank - after), many.value)
        if after is None:
            raise OpFault("varies from step to step")
        if many.after == after:
            return many.value
        key = (many.value.name, after)
        if key not in self._placed:
            made, front = many.value, min(after, rank)
            if many.after != front:
                made = self.applied(Movedim(source=many.axis, destination=rank - front), made)
            for _ in range(after - rank):
                made = self.applied(Unsqueeze(axis=1), made)
            self._placed[key] = made
        return self._placed[key]

    def applied(self, op: Op, *operands: Operand, name: str = "") -> Value:
        """The one result of an operator, outside."""
        types = tuple(None if one is None else one.type for one in operands)
        bound = op.bind(self.context, *types)
        type = simplify_type(self.context.facts, bound.infer(self.context, *types)[0])
        hint = name or next((one.name for one in operands if isinstance(one, Value)), "x")
        result = self.named(Value(hint, type), type)
        self.nodes.append(Node(operands, (result,), op=bound, path=self.around.path, span=self.around.span))
        return result


def is_outer(node: Node) -> bool:
    """Whether it is a product of matrices of one column and one row."""
    sides = [one.type for one in node.operands if isinstance(one, Value)]
    return isinstance(node.op, Matmul) and min(one.rank for one in sides) > 1 and sides[0].shape[-1] == 1


def _with(node: Node, op: Op | None, operands: tuple[Operand, ...], results: tuple[Value, ...]) -> Node:
    return Node(operands, results, op=op, member=node.member, leaf=node.leaf, graph=node.graph, path=node.path, span=node.span,
                how=node.how)  # fmt: skip


def _is_function(op: Op) -> bool:
    """No randomness, and no state that a call changes."""
    return not op.random and not any(one.buffer for one in op.parameters().values())


def _is_pure(graph: Graph) -> bool:
    for one in graph.graphs():
        if one.borrowed or any(node.choice is not None or (node.op is not None and node.op.random) for node in one.nodes):
            return False
        if any(isinstance(member, Layer) and not _is_function(member.op) for member in one.members.values()):
            return False
    return True


def _looks_up(node: Node) -> bool:
    """Whether all that flows into a step are whole numbers: a layer takes them as places in its table."""
    return all(is_integer(one.type.dtype) for one in node.operands if isinstance(one, Value))
