"""A body that computes an LSTM, a GRU or an Elman RNN becomes the fused kernel on the same parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.combine.concat import Concat
from archdsl.ops.create.filled import Full
from archdsl.ops.index.indexing import ALL, Index
from archdsl.ops.pointwise.arithmetic import Add, Mul
from archdsl.ops.reshape.axes import Transpose, Unsqueeze
from archdsl.ops.reshape.reshape import Reshape
from archdsl.passes.scans.cells import Bias, Block, Cell, Gate, NotACell, cells
from archdsl.passes.scans.fused import CellScan, GRUScan, LSTMScan, RNNScan
from archdsl.passes.scans.loop import Loop, needed
from archdsl.passes.scans.reading import Reading
from archdsl.passes.scans.steps import Many
from archdsl.passes.scans.story import Finding
from archdsl.passes.scans.sums import Read, Source

KINDS: dict[str, Callable[[int, bool], CellScan]] = {
    "lstm": lambda axis, reverse: LSTMScan(axis=axis, reverse=reverse),
    "gru": lambda axis, reverse: GRUScan(axis=axis, reverse=reverse),
    "rnn_tanh": lambda axis, reverse: RNNScan(axis=axis, reverse=reverse, curve="tanh"),
    "rnn_relu": lambda axis, reverse: RNNScan(axis=axis, reverse=reverse, curve="relu"),
}
SAID = {
    "lstm": "are an LSTM's",
    "gru": "is a GRU's",
    "rnn_tanh": "is an Elman RNN's",
    "rnn_relu": "is an Elman RNN's, with relu,",
}


def fuse(loop: Loop, before: Sequence[Node] = ()) -> bool:
    """Replace the carries of one cell by the fused kernel; whether there was one. `before` are the nodes before the scan.

    What nearly is a cell is told in the loop's findings.
    """
    if loop.scan.until or not any(_is_state(loop, index) for index in loop.carries):
        return False
    misses: list[Finding] = []
    for cell in cells(Reading(loop, before)):
        if isinstance(cell, NotACell):
            misses.append(Finding(cell.words, cell.span))
        elif not all(_is_state(loop, one) for one in (cell.h, cell.c) if one is not None):
            continue
        elif (why := _open(loop, cell)) is not None:
            misses.append(why)
        else:
            _Writing(loop, Reading(loop, before), cell).write()
            return True
    loop.found += misses
    return False


def _is_state(loop: Loop, index: int) -> bool:
    type = loop.old[index].type
    return type.rank > 0 and type.dtype == "float" and isinstance(loop.starts[index], Value)


def _open(loop: Loop, cell: Cell) -> Finding | None:
    """Why a cell must stay open: something else in the body needs an LSTM's c of each step, which the kernel keeps to itself."""
    if cell.c is None:
        return None
    outside = {loop.new[cell.h].name, loop.old[cell.h].name}
    nodes = [node for node in loop.nodes if not any(one.name in outside for one in node.results)]
    wanted = {value.name for value, _ in loop.open()}
    wanted |= {loop.new[index].name for index in loop.carries if index not in (cell.h, cell.c)}
    wanted -= outside
    made = needed(nodes, wanted)
    used = wanted | {one.name for node in made for one in node.operands if isinstance(one, Value)}
    c = {loop.new[cell.c].name, loop.old[cell.c].name}
    if not c & used:
        return None
    at = next((node for node in made if any(isinstance(one, Value) and one.name in c for one in node.operands)), None)
    names = f"`{loop.old[cell.h].name}` and `{loop.old[cell.c].name}`"
    words = f"{names} are an LSTM's, but `{loop.old[cell.c].name}` of each step is needed, which the fused kernel does not give"
    return Finding(words, at.span if at is not None else None)


class _Writing:
    """Writes the kernel's node, and before it the weights in PyTorch's layout where they do not stand so."""

    def __init__(self, loop: Loop, reading: Reading, cell: Cell) -> None:
        self.loop = loop
        self.steps = loop.steps
        self.reading = reading
        self.cell = cell
        self.read: dict[Source, Value] = {}
        self.reads = list(dict.fromkeys(one for gate in cell.gates for one, _ in gate.entering))
        self.width = loop.old[cell.h].type.shape[-1]

    def write(self) -> None:
        loop, steps, cell = self.loop, self.steps, self.cell
        x, axis = self.entering()
        weights = [self.beside([self.columns(gate, read) for gate in cell.gates], read) for read in self.reads]
        w = weights[0] if len(weights) == 1 else steps.applied(Concat(axis=1), *weights)
        operands = [w, self.stacked([gate.state for gate in cell.gates]), *self.biases()]
        carries = (cell.h,) if cell.c is None else (cell.h, cell.c)
        h = loop.new[cell.h]
        states = [loop.new[index] for index in carries]
        starts = [self.flat(loop.starts[index]) for index in carries]
        all_states = TensorType((*x.type.shape[:2], self.width), h.type.dtype)
        results = [steps.named(h, all_states)]
        results += [steps.named(state, start.type) for state, start in zip(states, starts, strict=True)]
        op = KINDS[cell.kind](axis, loop.scan.reverse)
        steps.nodes.append(Node((x, *starts, *operands), tuple(results), op=op, path=steps.around.path, span=steps.around.span))
        after = h.type.rank - axis
        results[0] = self.shaped(results[0], steps.type(h.type, after))
        steps.known[h.name] = Many(results[0], h.type, after)
        start = steps.applied(Unsqueeze(axis=0), loop.starts[cell.h])
        parts = [start, steps.at(steps.known[h.name], h.type.rank)]
        whole = steps.applied(Concat(axis=0), *(parts[::-1] if loop.scan.reverse else parts))
        earlier = Index(parts=(("slice", 1, None, None) if loop.scan.reverse else ("slice", None, -1, None),))
        steps.known[loop.old[cell.h].name] = Many(steps.applied(earlier, whole), h.type, h.type.rank)
        for place, index in enumerate(loop.scan.finals):
            if index in carries:
                last = self.shaped(results[1 + carries.index(index)], loop.new[index].type)
                loop.results[loop.node.results[loop.scan.yields + place].name] = last
        self.tell(carries)
        loop.solved |= set(carries)
        loop.hoist()

    def tell(self, carries: tuple[int, ...]) -> None:
        """What was found, with the weights."""
        names = " and ".join(f"`{self.loop.old[index].name}`" for index in carries)
        sources = [block.weight.weight for gate in self.cell.gates for _, block in gate.entering]
        sources += [gate.state.weight.weight for gate in self.cell.gates]
        weights = list(dict.fromkeys(map(self.reading.told, sources)))
        said = f"{', '.join(weights[:-1])} and {weights[-1]}" if len(weights) > 1 else weights[0]
        self.loop.found.append(Finding(f"{names} {SAID[self.cell.kind]} on {said}: the fused kernel"))

    def entering(self) -> tuple[Value, int]:
        """What enters at all steps, beside each other where it is several, and the axis of the steps."""
        found = [self.reading.many(one.source) for one in self.reads]
        rank = self.loop.new[self.cell.h].type.rank
        axis = next((one.axis for one in found if one is not None and one.axis < 2), 1) if rank == 2 else 0
        placed = []
        for read, many in zip(self.reads, found, strict=True):
            if many is None:
                raise ValueError("an input that is not known")
            value = self.steps.at(many, rank - axis)
            if rank != 2:
                value = self.shaped(value, TensorType((self.steps.length, self.batch(), many.step.shape[-1]), many.step.dtype))
            if read.low != 0 or read.high != many.step.shape[-1]:
                value = self.steps.applied(Index(parts=(ALL, ALL, ("slice", read.low, read.high, None))), value)
            placed.append(value)
        return (placed[0] if len(placed) == 1 else self.steps.applied(Concat(axis=2), *placed)), axis

    def batch(self) -> Size:
        """How many states there are: of a state without a batch one, of one with several axes before the last their product."""
        total: Size = 1
        for size in self.loop.new[self.cell.h].type.shape[:-1]:
            total = total * size
        return total

    def flat(self, state: Operand) -> Value:
        """A first state as [B, H]."""
        if not isinstance(state, Value):
            raise ValueError("a state that is no tensor")
        return self.shaped(state, TensorType((self.batch(), self.width), state.type.dtype))

    def shaped(self, value: Value, type: TensorType) -> Value:
        """The value in that shape."""
        return value if value.type.rank == type.rank else self.steps.applied(Reshape(sizes=type.shape), value)

    def columns(self, gate: Gate, read: Read) -> Block | None:
        """The weight of one input in a gate; None where the gate does not see it."""
        return dict(gate.entering).get(read)

    def beside(self, blocks: list[Block | None], read: Read) -> Value:
        """The weights of one input for all gates, below each other, zeros where a gate does not see it."""
        if all(one is not None for one in blocks):
            return self.stacked([one for one in blocks if one is not None])
        zeros = Full(size=(self.width, read.high - read.low), fill_value=0.0, dtype="float")
        parts = [self.steps.applied(zeros, name="weight") if one is None else self.stacked([one]) for one in blocks]
        return self.steps.applied(Concat(axis=0), *parts)

    def stacked(self, blocks: list[Block]) -> Value:
        """Parts of weights below each other; neighbours in one weight are read together."""
        parts: list[Value] = []
        for block in _joined(blocks):
            one = block.weight
            value = self.tensor(one.weight)
            value = self.steps.applied(Transpose(axis0=0, axis1=1), value) if one.turned else value
            sizes = value.type.shape
            rows = _slice(one.low, one.high, sizes[0])
            columns = _slice(one.left, one.right, sizes[1])
            if rows != ALL or columns != ALL:
                value = self.steps.applied(Index(parts=(rows, columns)), value)
            parts.append(self.scaled(value, block.factor))
        return parts[0] if len(parts) == 1 else self.steps.applied(Concat(axis=0), *parts)

    def scaled(self, value: Value, factor: float) -> Value:
        return value if factor == 1 else self.steps.applied(Mul(), value, Number(factor, TensorType((), value.type.dtype)))

    def biases(self) -> list[Value]:
        """Both biases, or none where no gate has one."""
        inner = {one.read.source for gate in self.cell.gates for one in gate.inner}
        outer = list(dict.fromkeys(one.read.source for gate in self.cell.gates for one in gate.biases))
        if not inner and self.cell.kind != "gru":
            inner = set(outer[1:2])
        sides: tuple[list[tuple[Bias, ...]], list[tuple[Bias, ...]]] = ([], [])
        for gate in self.cell.gates:
            under = tuple(one for one in gate.biases if one.read.source in inner and not gate.inner)
            sides[0].append(tuple(one for one in gate.biases if one not in under))
            sides[1].append(gate.inner or under)
        if not any(any(side) for side in sides):
            return []
        return [self.bias(side) for side in sides]

    def bias(self, gates: list[tuple[Bias, ...]]) -> Value:
        """One bias of all gates."""
        if not any(gates):
            rows = len(gates) * self.width
            return self.steps.applied(Full(size=(rows,), fill_value=0.0, dtype="float"), name="bias")
        if all(len(one) == 1 for one in gates) and (whole := _together([one[0] for one in gates])) is not None:
            return self.vector(whole)
        parts = []
        for terms in gates:
            values = [self.vector(one) for one in terms]
            none = Full(size=(self.width,), fill_value=0.0, dtype="float")
            value = values[0] if values else self.steps.applied(none, name="bias")
            for other in values[1:]:
                value = self.steps.applied(Add(), value, other)
            parts.append(value)
        return parts[0] if len(parts) == 1 else self.steps.applied(Concat(axis=0), *parts)

    def vector(self, bias: Bias) -> Value:
        """A part of a bias, as one axis."""
        value, read = self.tensor(bias.read.source), bias.read
        while value.type.rank > 1:
            value = self.steps.applied(Index(parts=(("int", 0),)), value)
        chosen = _slice(read.low, read.high, value.type.shape[0])
        value = value if chosen == ALL else self.steps.applied(Index(parts=(chosen,)), value)
        return self.scaled(value, bias.factor)

    def tensor(self, source: Source) -> Value:
        """A tensor of a member, or a value that is the same in each step, outside of the loop."""
        if not source.path:
            many = self.reading.many(source)
            if many is None:
                raise ValueError("a weight that is not known")
            return many.value
        if source not in self.read:
            member = self.steps.members[source.path]
            if not isinstance(member, Layer):
                raise ValueError("no layer")
            weight = member.op.parameters()[source.name]
            type = TensorType(weight.shape, weight.dtype)
            value = self.steps.named(Value(source.name, type), type)
            around = self.steps.around
            node = Node((), (value,), member=source.path, leaf=source.name, path=around.path, span=around.span)
            self.steps.nodes.append(node)
            self.read[source] = value
        return self.read[source]


def _slice(low: Size, high: Size, size: Size) -> tuple[object, ...]:
    return ALL if low == 0 and high == size else ("slice", low, high, None)


def _joined(blocks: Iterable[Block]) -> list[Block]:
    """Neighbours in one weight as one block."""
    found: list[Block] = []
    for block in blocks:
        last, now = (found[-1] if found else None), block.weight
        if last is not None and last.factor == block.factor and last.weight.high == now.low and _alike(last, block):
            one = last.weight
            wide = type(one)(one.weight, one.turned, one.low, now.high, one.left, one.right, one.of)
            found[-1] = Block(wide, block.factor)
        else:
            found.append(block)
    return found


def _alike(one: Block, other: Block) -> bool:
    a, b = one.weight, other.weight
    return (a.weight, a.turned, a.left, a.right) == (b.weight, b.turned, b.left, b.right)


def _together(biases: list[Bias]) -> Bias | None:
    """Biases that lie one after the other in one tensor, as one."""
    for one, next in zip(biases, biases[1:], strict=False):
        if one.factor != next.factor or one.read.source != next.read.source or one.read.high != next.read.low:
            return None
    first, last = biases[0].read, biases[-1].read
    return Bias(Read(first.source, first.low, last.high), biases[0].factor)
