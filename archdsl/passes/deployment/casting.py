"""A program in half precision: which steps compute so, and the casts between them and those that do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archdsl.dims.dtype import FLOAT
from archdsl.dims.shape import TensorType, simplify_type
from archdsl.ir.edit import fresh, value_names
from archdsl.ir.graph import Call, Graph, Input, Layer, Loop, Member, Output, Parameter
from archdsl.ir.invariants.finding import tensor_type
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Operand, Value
from archdsl.ir.verify import below
from archdsl.ops.contract import Context, Op, OpFault
from archdsl.ops.own_float import all_seen, seen
from archdsl.ops.registry import find
from archdsl.records import changed

Kept = set[tuple[int, Path]]
"""The members that stay in the program's float type, by the identity of their graph and their path."""


class Casting:
    """The program of `root` with `half` as the type of layers and products, and of what passes between blocks."""

    def __init__(self, root: Graph, half: str, doors: bool, float: str) -> None:
        self.root = root
        self.half = half
        self.doors = doors
        self.float = float
        self.kept = _kept(root)
        self.done: dict[int, Graph] = {}

    def run(self) -> Graph:
        """The graph; itself where nothing changes. Tensors that are one keep one type."""
        while True:
            self.done = {}
            after = self.graph(self.root)
            apart = self._apart()
            if not apart:
                return after
            self.kept |= apart

    def graph(self, graph: Graph) -> Graph:
        """A graph of the program, each once."""
        if id(graph) not in self.done:
            self.done[id(graph)] = _Half(self, graph).run()
        return self.done[id(graph)]

    def _apart(self) -> Kept:
        """The members whose tensors are one and would have two types."""
        found: Kept = set()
        for graph, owner in below(self.root):
            after = self.done.get(id(graph))
            for pair in graph.ties.items() if graph is owner and after is not None else ():
                if after is not None and tensor_type(after, pair[0]) != tensor_type(after, pair[1]):
                    found |= {holder(graph, path) for path in pair}
        return found - self.kept


class _Half:
    """One graph being rewritten."""

    def __init__(self, casting: Casting, graph: Graph) -> None:
        self.casting = casting
        self.before = graph
        self.half = casting.half
        self.context = Context(graph.facts, casting.float)
        self.names = value_names(graph)
        self.members: dict[Path, Member] = {path: self.member(path, one) for path, one in graph.members.items()}
        self.values: dict[str, Value] = {one.value.name: one.value for one in self.members.values() if isinstance(one, Parameter)}
        self.twins: dict[tuple[str, str], Value] = {}
        """A value in the other type, by its name and that type."""
        self.nodes: list[Node] = []
        self.at = Node((), ())

    def run(self) -> Graph:
        """The graph; itself where nothing changed."""
        graph = self.before
        door = graph is self.casting.root and self.casting.doors
        inputs = tuple(one if door or one.value is None else self.input(one, one.value) for one in graph.inputs)
        self.values.update((one.value.name, one.value) for one in inputs if one.value is not None)
        starts = []
        for node in graph.nodes:
            starts.append(len(self.nodes))
            self.at = node
            made = self.node(node)
            self.nodes.append(made)
            self.values.update((one.name, one) for one in made.results)
        starts.append(len(self.nodes))
        self.at = Node((), (), span=graph.span)
        outputs = tuple(self.output(one, FLOAT if door else self.half) for one in graph.outputs)
        if inputs == graph.inputs and outputs == graph.outputs and tuple(self.nodes) == graph.nodes:
            if all(one is graph.members[path] for path, one in self.members.items()):
                return graph
        loops = tuple(Loop(one.path, tuple((starts[a], starts[b]) for a, b in one.ranges)) for one in graph.loops)
        return changed(graph, inputs=inputs, outputs=outputs, nodes=tuple(self.nodes), members=self.members, loops=loops)

    def stays(self, path: Path) -> bool:
        return (id(self.before), path) in self.casting.kept

    def member(self, path: Path, member: Member) -> Member:
        """A layer that holds its tensors in half precision, a block with such layers, a parameter in half precision."""
        if self.stays(path):
            return member
        if isinstance(member, Call):
            inner = self.casting.graph(member.graph)
            return member if inner is member.graph else changed(member, graph=inner)
        if isinstance(member, Layer):
            return member if member.op.precise or member.float != FLOAT else changed(member, float=self.half)
        if member.buffer or member.init.graph is not None or member.value.type.dtype != FLOAT:
            return member
        return changed(member, value=self.typed(member.value))

    def typed(self, value: Value) -> Value:
        """A value of half precision in place of one of the program's float type."""
        return Value(value.name, TensorType(value.type.shape, self.half)) if value.type.dtype == FLOAT else value

    def input(self, one: Input, value: Value) -> Input:
        return changed(one, value=self.typed(value))

    def output(self, one: Output, dtype: str) -> Output:
        made = self.as_type(self.values[one.value.name], dtype)
        return changed(one, value=made) if isinstance(made, Value) else one

    def node(self, node: Node) -> Node:
        """A node on the values as they are now."""
        operands = tuple(self.values[one.name] if isinstance(one, Value) else one for one in node.operands)
        if node.op is not None:
            return self.function(node, node.op, operands)
        path = self.before.aliases.get(node.member, node.member) if node.member is not None else None
        if path is None or path[:1] == ("",) or self.stays(path):
            return changed(node, operands=self.all_as(operands, FLOAT))
        member = self.members[path]
        if node.leaf:
            inner = tuple(node.leaf.split("."))
            type = member.parameters()[node.leaf] if isinstance(member, Layer) else None
            if isinstance(member, Call):
                type = tensor_type(member.graph, inner)
            return changed(node, results=(Value(node.results[0].name, type or node.results[0].type),))
        if isinstance(member, Layer):
            dtype = member.float
            results = node.results if dtype == FLOAT else tuple(map(self.typed, node.results))
            return changed(node, operands=self.all_as(operands, dtype), results=results)
        graph = node.graph and self.casting.graph(node.graph)
        how = tuple(one for one in node.how if not one.startswith("autocast"))  # it is in half precision now
        given, results = self.all_as(operands, self.half), tuple(map(self.typed, node.results))
        return changed(node, operands=given, results=results, graph=graph, how=how)

    def function(self, node: Node, op: Op, operands: Sequence[Operand]) -> Node:
        """A function: in the program's float type where it is precise, in half precision where it multiplies, else in the wider
        type of its operands."""
        kinds = {one.type.dtype for one in operands if isinstance(one, Value)} & {FLOAT, self.half}
        if op.name == "cast" or not kinds:
            return changed(node, operands=tuple(operands))
        wide = op.precise or (FLOAT in kinds and type(op).macs is Op.macs)
        given = self.all_as(operands, FLOAT if wide else self.half, numbers=True)
        if wide:
            return changed(node, operands=given)
        shown = all_seen([None if one is None else one.type for one in given], self.half)
        try:
            made = [simplify_type(self.context.facts, one) for one in op.infer(self.context, *shown)]
        except OpFault:
            return changed(node, operands=self.all_as(operands, FLOAT, numbers=True))
        results = zip(node.results, made, strict=True)
        return changed(node, operands=given, results=tuple(Value(one.name, seen(type, self.half)) for one, type in results))

    def all_as(self, operands: Iterable[Operand], dtype: str, numbers: bool = False) -> tuple[Operand, ...]:
        """The operands with those of the two float types in one of them, numbers beside them too."""
        return tuple(self.as_type(one, dtype) if numbers or isinstance(one, Value) else one for one in operands)

    def as_type(self, one: Operand, dtype: str) -> Operand:
        if one is None or one.type.dtype == dtype or one.type.dtype not in (FLOAT, self.half):
            return one
        if isinstance(one, Number):
            return Number(one.number, TensorType(one.type.shape, dtype))
        key = (one.name, dtype)
        if key not in self.twins:
            kind = find("cast")
            if kind is None:
                raise LookupError("the operator `cast` is missing")
            made = Value(fresh(self.names, one.name), TensorType(one.type.shape, dtype))
            self.nodes.append(Node((one,), (made,), op=kind(dtype=dtype), path=self.at.path, span=self.at.span))
            self.twins[key] = made
            self.twins[(made.name, one.type.dtype)] = one
        return self.twins[key]


def holder(graph: Graph, path: Path) -> tuple[int, Path]:
    """The graph, by its identity, and the member in it that owns the tensor at a path. Raises `KeyError`."""
    for end in range(len(path), 0, -1):
        head = graph.aliases.get(path[:end], path[:end])
        member = graph.members.get(head)
        if isinstance(member, Call):
            return holder(member.graph, path[end:])
        if member is not None:
            return id(graph), head
    raise KeyError(".".join(path))


def _kept(root: Graph) -> Kept:
    """What scans and choices call, what is lent and who borrows, what is differentiated: something else relies on its types."""
    found: Kept = set()
    for graph, owner in below(root):
        for node in graph.nodes:
            paths = [lent for _, lent in node.lent]
            special = graph is not owner or node.lent or (node.graph is not None and node.graph.kind == "tangent")
            if node.member is not None and special:
                paths.append(node.member)
            found.update((id(owner), owner.aliases.get(path, path)) for path in paths)
    return found
