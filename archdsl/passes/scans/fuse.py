"""A body that computes an LSTM in PyTorch's convention becomes the fused kernel on the same parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ops.combine.concat import Concat
from archdsl.ops.combine.split import Chunk, Split
from archdsl.ops.create.filled import Full
from archdsl.ops.dense.linear import Linear
from archdsl.ops.index.indexing import Index
from archdsl.ops.reshape.axes import Unsqueeze
from archdsl.passes.scans.loop import Loop, needed
from archdsl.passes.scans.recurrences import LSTMScan
from archdsl.passes.scans.steps import Many
from archdsl.passes.scans.story import Finding
from archdsl.records import record


@record
class Cell:
    """An LSTM that was found: which carries are h and c, its gates' order, and its two linear maps."""

    h: int
    c: int
    order: tuple[int, ...]
    entering: Value
    axis: int
    maps: tuple[Path, Path]


def fuse(loop: Loop) -> None:
    """Replace the loop's two carries by the fused kernel, where they are an LSTM's and nothing else needs its inside."""
    carries = loop.carries
    if loop.scan.until or len(carries) != 2:
        return
    for h, c in (carries, carries[::-1]):
        cell = _cell(loop, h, c)
        if cell is not None and _is_closed(loop, cell):
            return _write(loop, cell)


def _cell(loop: Loop, h: int, c: int) -> Cell | None:
    made = {value.name: node for node in loop.nodes for value in node.results}

    def sides(value: Operand, name: str) -> Iterator[list[Any]]:
        """The operands of the operator of this name that makes a value, in both orders."""
        node = made.get(value.name) if isinstance(value, Value) else None
        if node is not None and node.op is not None and node.op.name == name:
            yield list(node.operands)
            if len(node.operands) == 2:
                yield list(node.operands)[::-1]

    def of(value: Operand, name: str) -> Operand:
        return next((one[0] for one in sides(value, name)), None)

    for out, memory in sides(loop.new[h], "mul"):
        o = of(out, "sigmoid")
        if o is None or of(memory, "tanh") != loop.new[c]:
            continue
        for kept, fresh in sides(loop.new[c], "add"):
            f = next((of(one, "sigmoid") for one, old in sides(kept, "mul") if old == loop.old[c]), None)
            pairs = [(of(one, "sigmoid"), of(other, "tanh")) for one, other in sides(fresh, "mul")]
            i, g = next((pair for pair in pairs if None not in pair), (None, None))
            gates = [i, f, g, o]
            if all(isinstance(one, Value) for one in gates):
                found = _gates(loop, made, h, c, gates)
                if found is not None:
                    return found
    return None


def _gates(loop: Loop, made: dict[str, Node], h: int, c: int, gates: list[Any]) -> Cell | None:
    """The cell whose gates these are: four equal parts of a sum of two linear maps, of the input and of h."""
    node = made.get(gates[0].name)
    if node is None or not isinstance(node.op, (Chunk, Split)) or node.op.axis not in (-1, 1) or len(node.results) != 4:
        return None
    if any(one not in node.results or one.type != loop.old[h].type for one in gates) or len(set(gates)) != 4:
        return None
    total = made.get(node.operands[0].name) if isinstance(node.operands[0], Value) else None
    if total is None or total.op is None or total.op.name != "add" or loop.old[h].type.rank != 2:
        return None
    for one, other in (total.operands, total.operands[::-1]):
        state = made.get(other.name) if isinstance(other, Value) else None
        many = loop.steps.known.get(one.name) if isinstance(one, Value) else None
        if state is None or many is None or many.after is None or many.step.rank != 2 or many.axis > 1:
            continue
        outside = {value.name: node for node in loop.steps.nodes for value in node.results}
        entering = outside.get(many.value.name)
        if entering is None or state.operands != (loop.old[h],) or not _linear(loop, entering) or not _linear(loop, state):
            continue
        x = entering.operands[0]
        if isinstance(x, Value) and x.type.rank == 3 and entering.member is not None and state.member is not None:
            order = tuple(node.results.index(gate) for gate in gates)
            return Cell(h, c, order, x, many.axis, (entering.member, state.member))
    return None


def _linear(loop: Loop, node: Node) -> bool:
    member = loop.steps.members.get(node.member or ())
    return isinstance(member, Layer) and isinstance(member.op, Linear) and not member.op.transposed and not node.leaf


def _is_closed(loop: Loop, cell: Cell) -> bool:
    """Whether the yields need of the cell its h alone."""
    outside = {loop.new[cell.h].name, loop.old[cell.h].name}
    nodes = [node for node in loop.nodes if not any(one.name in outside for one in node.results)]
    wanted = {value.name for value, _ in loop.open()} - outside
    used = wanted | {one.name for node in needed(nodes, wanted) for one in node.operands if isinstance(one, Value)}
    return loop.new[cell.c].name not in used and loop.old[cell.c].name not in used


def _write(loop: Loop, cell: Cell) -> None:
    steps = loop.steps
    weights = [_leaf(loop, path, "weight") for path in cell.maps]
    ops = [_op(loop, path) for path in cell.maps]
    if any(op.bias for op in ops):
        rows = ops[0].out_features
        none = Full(size=(rows,), fill_value=0.0, dtype="float")
        pairs = zip(cell.maps, ops, strict=True)
        weights += [_leaf(loop, path, "bias") if op.bias else steps.applied(none, name="bias") for path, op in pairs]
    h, c = loop.new[cell.h], loop.new[cell.c]
    types = (steps.type(h.type, 2 - cell.axis), h.type, c.type)
    results = tuple(steps.named(one, type) for one, type in zip((h, h, c), types, strict=True))
    op = LSTMScan(order=cell.order, axis=cell.axis, reverse=loop.scan.reverse)
    operands = (cell.entering, loop.starts[cell.h], loop.starts[cell.c], *weights)
    steps.nodes.append(Node(operands, results, op=op, path=steps.around.path, span=steps.around.span))
    steps.known[h.name] = Many(results[0], h.type, 2 - cell.axis)
    start = steps.applied(Unsqueeze(axis=0), loop.starts[cell.h])
    parts = [start, steps.at(steps.known[h.name], 2)]
    states = steps.applied(Concat(axis=0), *(parts[::-1] if loop.scan.reverse else parts))
    before = Index(parts=(("slice", 1, None, None) if loop.scan.reverse else ("slice", None, -1, None),))
    steps.known[loop.old[cell.h].name] = Many(steps.applied(before, states), h.type, 2)
    for place, index in enumerate(loop.scan.finals):
        if index in (cell.h, cell.c):
            loop.results[loop.node.results[loop.scan.yields + place].name] = results[1 if index == cell.h else 2]
    names = [f"`{one}`" for one in (loop.old[cell.h].name, loop.old[cell.c].name, *map(".".join, cell.maps))]
    loop.found.append(Finding(f"{names[0]} and {names[1]} are an LSTM's on {names[2]} and {names[3]}: the fused kernel"))
    loop.solved |= {cell.h, cell.c}
    loop.hoist()


def _op(loop: Loop, path: Path) -> Linear:
    member = loop.steps.members[path]
    if not isinstance(member, Layer) or not isinstance(member.op, Linear):
        raise ValueError("no linear map")
    return member.op


def _leaf(loop: Loop, path: Path, leaf: str) -> Value:
    """A tensor of a member, read outside of the loop."""
    steps = loop.steps
    weight = _op(loop, path).parameters()[leaf]
    like = Value(leaf, TensorType(weight.shape, weight.dtype))
    value = steps.named(like, like.type)
    steps.nodes.append(Node((), (value,), member=path, leaf=leaf, path=steps.around.path, span=steps.around.span))
    return value
