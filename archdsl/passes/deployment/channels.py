"""Where the channels that a layer makes go in its graph: what passes each on by itself, and what adds them up again."""

from __future__ import annotations

from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph, Layer, Member
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.contract import INFERRED, Along, Context, Op, OpFault
from archdsl.ops.conv.conv import Convolution
from archdsl.ops.conv.transposed import TransposedConvolution
from archdsl.ops.dense.linear import Linear
from archdsl.passes.holds import held
from archdsl.records import changed, record

Affine = Convolution | TransposedConvolution | Linear
"""Layers that make channels of channels."""


class Tied(Exception):
    """The channels cannot be fewer; the message says why."""


@record
class Channels:
    """What changes where a layer makes fewer channels: layers by their paths, values by their names, and tensors.

    A tensor is a path, its leaf, and the axis along which its elements belong to channels.
    """

    layers: dict[Path, Layer]
    values: dict[str, TensorType]
    tensors: tuple[tuple[Path, str, int], ...]


def fewer(graph: Graph, path: Path, count: int, float: str, holds: dict[Path, str]) -> Channels:
    """What changes where the layer at a path makes `count` channels. Raises `Tied`."""
    return _Walk(graph, path, count, float, holds).run()


def made(op: Op) -> int | None:
    """How many channels a layer makes; None where it makes none, or not a number of them, or in groups."""
    if not isinstance(op, Affine) or getattr(op, "groups", 1) != 1:
        return None
    size = op.out_features if isinstance(op, Linear) else op.out_channels
    return size if isinstance(size, int) else None


class _Walk:
    def __init__(self, graph: Graph, path: Path, count: int, float: str, holds: dict[Path, str]) -> None:
        self.graph = graph
        self.path = path
        self.count = count
        self.holds = holds
        self.context = Context(graph.facts, float)
        self.axes: dict[str, int] = {}
        """The axis of the channels in each value that has them."""
        self.layers: dict[Path, Layer] = {}
        self.values: dict[str, TensorType] = {}
        self.tensors: list[tuple[Path, str, int]] = []
        self.ended = False

    def run(self) -> Channels:
        started = False
        for node in self.graph.nodes:
            if not started:
                started = node.member == self.path and not node.leaf
                if started:
                    self.start(node)
                continue
            if any(isinstance(one, Value) and one.name in self.axes for one in node.operands):
                self.step(node)
        if not started:
            raise Tied("no step calls it")
        if any(one.value.name in self.axes for one in self.graph.outputs):
            raise Tied("its channels leave the block")
        if not self.ended:
            raise Tied("nothing adds its channels up")
        return Channels(self.layers, self.values, tuple(self.tensors))

    def start(self, node: Node) -> None:
        layer = self.layer(node)
        op = layer.op
        axis = node.results[0].type.rank - 1 if isinstance(op, Linear) else 1
        field = "out_features" if isinstance(op, Linear) else "out_channels"
        self.put(self.path, layer, op.changed(**{field: self.count}))
        self.carry(node, axis)

    def step(self, node: Node) -> None:
        """A step that takes channels."""
        op = node.op
        layer: Layer | None = None
        if node.member is not None and not node.leaf:
            layer = self.layer(node)
            op = layer.op
        if op is None:
            raise Tied("its channels go into a scan or a choice")
        axis = self.axis(node, op)
        if axis is None:
            if layer is None or not self.adds_up(node, op):
                raise Tied(f"`{op.name}` handles its channels jointly")
            self.put(node.member or (), layer, self.bound(node, op))
            self.ended = True
            return
        if layer is not None:
            alone = {"groups": self.count, "out_channels": self.count} if isinstance(op, Convolution) else {}
            self.put(node.member or (), layer, self.bound(node, op.changed(**alone)))
        self.carry(node, axis)
        if layer is None:
            self.same(node, op)

    def layer(self, node: Node) -> Layer:
        """The layer that a node calls, whose tensors may change."""
        path = node.member or ()
        member: Member | None = self.graph.members.get(path)
        if not isinstance(member, Layer):
            raise Tied("its channels go into a block")
        reason = held(self.holds, path)
        if reason and (path == self.path or member.op.parameters()):
            raise Tied(f"`{'.'.join(path)}`: {reason}" if path != self.path else reason)
        return member

    def axis(self, node: Node, op: Op) -> int | None:
        """Where the channels are in the results, each by itself; None where they are taken together. Raises `Tied`."""
        inputs = tuple(None if one is None else one.type for one in node.operands)
        outputs = tuple(one.type for one in node.results)
        found: set[int | None] = set()
        for index, one in enumerate(node.operands):
            if isinstance(one, Value) and one.name in self.axes:
                reach = op.reach(index, self.axes[one.name], inputs, outputs)
                along = isinstance(reach, Along) and reach.low == 0 and reach.high == 0
                found.add(reach.axis % outputs[0].rank if isinstance(reach, Along) and along else None)
        if len(found) != 1:
            raise Tied(f"`{op.name}` takes its channels on several axes")
        (axis,) = found
        if axis is None:
            return None
        for one in node.operands:
            if isinstance(one, Value) and one.name not in self.axes:
                beside = axis - outputs[0].rank + one.type.rank
                if beside >= 0 and one.type.shape[beside] != 1:
                    raise Tied(f"`{op.name}` ties them to the channels of `{one.name}`")
        return axis

    def adds_up(self, node: Node, op: Op) -> bool:
        """Whether a layer multiplies its channels by its weight and adds them up."""
        one = node.operands[0]
        axis = self.axes[one.name] if isinstance(one, Value) else -1
        last = isinstance(one, Value) and axis == one.type.rank - 1
        return made(op) is not None and (last if isinstance(op, Linear) else axis == 1)

    def bound(self, node: Node, op: Op) -> Op:
        """The layer's operator for fewer channels."""
        open_again = op.changed(**{name: INFERRED for name, one in op.fields.items() if one.default is INFERRED})
        types = [self.type(one) if isinstance(one, Value) else None for one in node.operands]
        try:
            return open_again.bind(self.context, *types)
        except OpFault as fault:
            raise Tied(f"`{op.name}`: {fault.message}") from None

    def put(self, path: Path, layer: Layer, op: Op) -> None:
        """A layer with another operator: where its tensors become shorter."""
        before, after = layer.op.parameters(), op.parameters()
        for leaf, weight in before.items():
            differ = [axis for axis, size in enumerate(weight.shape) if size != after[leaf].shape[axis]]
            if len(differ) > 1:
                raise Tied(f"`{op.name}` has channels on several axes of its {leaf}")
            self.tensors += [(path, leaf, axis) for axis in differ]
        self.layers[path] = changed(self.layers.get(path, layer), op=op)

    def carry(self, node: Node, axis: int) -> None:
        """The results of a node have the channels too."""
        for one in node.results:
            sizes: list[Any] = list(one.type.shape)
            sizes[axis] = self.count
            self.axes[one.name] = axis
            self.values[one.name] = TensorType(tuple(sizes), one.type.dtype)

    def type(self, one: Value) -> TensorType:
        return self.values.get(one.name, one.type)

    def same(self, node: Node, op: Op) -> None:
        """A function must give the results that were noted: it may have the old size among its arguments. Raises `Tied`."""
        types = [None if one is None else self.type(one) if isinstance(one, Value) else one.type for one in node.operands]
        try:
            made = op.infer(self.context, *types)
        except OpFault as fault:
            raise Tied(f"`{op.name}`: {fault.message}") from None
        for one, type in zip(node.results, made, strict=True):
            if not all(map(self.context.facts.equal, self.values[one.name].shape, type.shape)):
                raise Tied(f"`{op.name}` gives {type}")
