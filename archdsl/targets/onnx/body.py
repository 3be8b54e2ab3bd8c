"""Writes the nodes of a graph to a tape: operators, layers with their tensors, blocks as calls or in place, choices, scans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Protocol

import onnx_ir as ir

from archdsl.dims.dtype import FLOAT, concrete
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph, Layer, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.ops.own_float import all_seen, own_float
from archdsl.source import Span
from archdsl.targets.onnx.liveness import live_nodes, read_names
from archdsl.targets.onnx.paths import called, leaf_path, settle
from archdsl.targets.onnx.recurrence import write_scan
from archdsl.targets.onnx.tape import GraphTape
from archdsl.targets.onnx.tensors import onnx_dtype

Lookup = Callable[[Path, TensorType], str]
"""The name, on the tape, of the tensor at a path."""


class Blocks(Protocol):
    """How blocks are called; None writes them in place."""

    def call(self, graph: Graph, body: Body, operands: list[str], lookup: Lookup, at: str) -> list[str]:
        """Call a block's function; its results."""


class Body:
    """The nodes of one graph (`owner`, whose members they call) on a tape, in evaluation mode."""

    def __init__(self, owner: Graph, tape: GraphTape, lookup: Lookup, blocks: Blocks | None, prefix: Path = ()) -> None:
        self.owner = owner
        self.tape = tape
        self.blocks = blocks
        self.prefix = prefix
        """The label path of the owner in what is written, where it is written in place."""
        self.names: dict[str, str] = {}
        """The name on the tape of each value of the graph."""
        self._outside = lookup
        self._named: set[int] = set()
        state = ((path, one.value) for path, one in owner.members.items() if isinstance(one, Parameter))
        self._parameters = {value.name: (path, value.type) for path, value in state}

    def within(self, tape: GraphTape) -> Body:
        """The same owner on the tape of a subgraph, with no values yet."""
        return Body(self.owner, tape, self._outside, self.blocks, self.prefix)

    def put(self, value: Value) -> str:
        """A value as the next input of what is written."""
        known = self.tape.names.fresh(self.shown(value.name))
        self.tape.add_input(known, value.type, known)
        self.names[value.name] = known
        return known

    def shown(self, name: str) -> str:
        """The name of a value with the label path of where it is written in place."""
        return "/".join((*self.prefix, name))

    def tensor(self, path: Path, type: TensorType) -> str:
        """The tensor at a path of the owner."""
        return self._outside(settle(self.owner, path), type)

    def run(self, graph: Graph) -> list[str]:
        """Write the nodes of the owner, or of a region of it; the names of what it gives."""
        for node in live_nodes(graph):
            self.step(node)
        return [self.value(one.value) for one in graph.outputs if not one.training]

    def value(self, one: Value) -> str:
        """The name of a value on the tape."""
        if one.name not in self.names and one.name in self._parameters:
            self.names[one.name] = self.tensor(*self._parameters[one.name])
        return self.names[one.name]

    def operand(self, one: Operand) -> str | None:
        """The name of an operand, a number made a constant."""
        if isinstance(one, Value):
            return self.value(one)
        return self.tape.scalar(one.number, one.type.dtype) if isinstance(one, Number) else None

    def step(self, node: Node) -> None:
        """Write one node and name its results as the author did."""
        types = tuple(None if one is None else one.type for one in node.operands)
        at = ".".join((*self.prefix, *node.path))
        self.tape.at([], (), (), path=at, metadata=span_of(node.span))
        operands = [] if node.choice else [self.operand(one) for one in node.operands]
        outputs = tuple(one.type for one in node.results)
        self.tape.at(operands, types, outputs, path=at, metadata=span_of(node.span))  # type: ignore[arg-type]
        if node.op is not None:
            own = own_float(types, outputs)
            self.tape.inputs, self.tape.outputs = all_seen(types, own), all_seen(outputs, own)  # type: ignore[assignment]
            made = self.operator(node.op, operands, own)
        elif node.member is not None:
            made = self.member(node, operands, types, at)
        elif node.scan is not None:
            made = write_scan(self, node.scan, [one for one in operands if one is not None])
        elif node.choice is not None:
            made = self.choice(node)
        else:
            raise ValueError("a node that calls nothing")
        for value, name in zip(node.results, made, strict=True):
            self.names[value.name] = name
            self.label(name, value)

    def operator(self, op: Op, operands: list[str | None], own: str) -> list[str]:
        """The nodes of an operator that computes in a float type."""
        program, self.tape.float = self.tape.float, concrete(own, self.tape.float)
        made = op.onnx(self.tape, *operands)
        self.tape.float = program
        return made if isinstance(made, list) else [made]

    def member(self, node: Node, operands: list[str | None], types: tuple[TensorType | None, ...], at: str) -> list[str]:
        """A layer, a block, or the reading of a layer's tensor."""
        path, what = called(self.owner, node)
        if isinstance(what, Graph):
            return self.block(node, path, what, [one for one in operands if one is not None], at)
        member = self.owner.members.get(path)
        own = member.float if isinstance(member, Layer) else FLOAT
        tensors = (member if isinstance(member, Layer) else Layer(what)).parameters()
        if node.leaf:
            return [self.tensor(leaf_path(path, node.leaf), node.results[0].type)]

        def parameter(leaf: str) -> str:
            return self.tensor(leaf_path(path, leaf), tensors[leaf])

        taken, given = all_seen(types, own), all_seen([one.type for one in node.results], own)
        self.tape.at(operands, taken, given, path=at, param=parameter, metadata=span_of(node.span))  # type: ignore[arg-type]
        return self.operator(what, operands, own)

    def block(self, node: Node, path: Path, graph: Graph, operands: list[str], at: str) -> list[str]:
        """A block: a call of its function, or its nodes in place."""
        if node.leaf:
            return [self.tensor(leaf_path(path, node.leaf), node.results[0].type)]
        lent = dict(node.lent)

        def lookup(inner: Path, type: TensorType) -> str:
            if inner[0] == "" and len(inner) > 1:
                return self.tensor((*lent[inner[1]], *inner[2:]), type)
            return self.tensor((*path, *inner), type)

        if self.blocks is not None:
            return self.blocks.call(graph, self, operands, lookup, at)
        body = Body(graph, self.tape, lookup, None, (*self.prefix, *path))
        body._named = self._named
        body.names.update(zip((one.name for one in graph.input_values), operands, strict=True))
        return body.run(graph)

    def choice(self, node: Node) -> list[str]:
        """The evaluation side of `if training`, in place."""
        if node.choice is None:
            return []
        side = node.choice.evaluation
        body = self.within(self.tape)
        body._named = self._named
        read = read_names(side)
        for outer, inner in zip(node.operands, side.input_values, strict=True):
            if inner.name in read and isinstance(outer, Value):
                body.names[inner.name] = self.value(outer)
        return body.run(side)

    def label(self, name: str, value: Value) -> None:
        """Give a result the author's name and its type in the model, the first time it is one."""
        made = self.tape.value_of(name)
        producer = made.producer()
        if producer is None or producer.op_type == "Constant" or id(made) in self._named:
            return
        self._named.add(id(made))
        made.name = self.tape.names.fresh(self.shown(value.name))
        made.shape = GraphTape.ir_shape(value.type)
        made.type = ir.TensorType(onnx_dtype(value.type.dtype, self.tape.float))


def span_of(span: Span | None) -> Mapping[str, str]:
    """Where a node was written, without the machine's folders."""
    return {} if span is None else {"archdsl.span": f"{PurePath(span.source.name).name}:{span.line}"}
