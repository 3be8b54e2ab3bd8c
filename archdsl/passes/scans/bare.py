"""Recurrent layers in what is left of a loop as the kernels that they call, functions of their tensors: PyTorch's `scan`, which
a compiler takes for a loop, has none of these layers."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.edit import fresh
from archdsl.ir.graph import Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.ops.create.filled import Full
from archdsl.ops.index.indexing import Index
from archdsl.ops.recurrent import gates
from archdsl.ops.recurrent.layered import Layered
from archdsl.ops.reshape.axes import Unsqueeze
from archdsl.passes.scans.cheaper import inside, leaf, names
from archdsl.passes.scans.fused import CellScan, GRUScan, LSTMScan, RNNScan
from archdsl.passes.scans.loop import Loop
from archdsl.passes.scans.steps import Many

KERNELS: dict[gates.Kind, type[CellScan]] = {gates.LSTM: LSTMScan, gates.GRU: GRUScan, gates.RNN: RNNScan}


def bare(loop: Loop) -> None:
    """Such layers as operators on their tensors, the same function, where each is one layer in one direction."""
    for node in list(loop.nodes):
        member = loop.steps.members.get(node.member or ())
        if isinstance(member, Layer) and isinstance(member.op, Layered) and not node.leaf and not node.lent:
            at = loop.nodes.index(node)
            loop.nodes[at : at + 1] = _kernel(loop, node, member.op) or [node]


def _kernel(loop: Loop, node: Node, op: Layered) -> list[Node] | None:
    """A recurrent layer as its kernel, where it is one layer in one direction."""
    count = 1 + op.memory
    x, *starts = (one for one in node.operands if isinstance(one, Value))
    kind = KERNELS.get(op.kind)
    plain = op.num_layers == 1 and not op.bidirectional and op.projection == 0
    if not plain or kind is None or len(starts) not in (0, count):
        return None
    cell = kind(axis=1, reverse=False)
    cell = cell.changed(curve=op.activation.lower()) if kind is RNNScan else cell
    weights = tuple(_tensor(loop, node, op, one) for one in op.parameters())
    if not starts:
        full = Full(size=(x.type.shape[0], op.hidden_size), fill_value=0.0, dtype=x.type.dtype)
        zeros = loop.steps.applied(full, name="start")
        zeros = inside(loop, Many(zeros, zeros.type, None))
    taken = names(loop)

    def state(like: Value) -> Value:
        return Value(fresh(taken, like.name), TensorType(like.type.shape[-2:], like.type.dtype))

    def made(op: Op, operands: tuple[Operand, ...], results: tuple[Value, ...]) -> Node:
        return Node(operands, results, op=op, path=node.path, span=node.span)

    before = tuple(state(one) for one in starts) if starts else (zeros,) * count
    after = tuple(state(one) for one in before)
    nodes = [made(Index(parts=(("int", 0),)), (one,), (new,)) for one, new in zip(starts, before, strict=False)]
    nodes.append(made(cell, (x, *before, *weights), (node.results[0], *after)))
    for one, result in zip(after, node.results[1:], strict=False):
        nodes.append(made(Unsqueeze(axis=0), (one,), (result,)))
    return nodes


def _tensor(loop: Loop, node: Node, op: Op, name: str) -> Value:
    """A tensor of the layer, read before the loop."""
    value = leaf(loop, node, op, name)
    return inside(loop, Many(value, value.type, None))
