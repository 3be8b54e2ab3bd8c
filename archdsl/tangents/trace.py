"""Tensors that carry tangents: what is computed of them is written as nodes, and its tangent by each operator's rule."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.dims.dtype import is_integer
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType, simplify_type
from archdsl.ir.graph import Graph, Input, Output
from archdsl.ir.node import Choice, Node, Path, Scan
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.checks import FLOATS
from archdsl.ops.contract import Context, Op
from archdsl.ops.registry import find
from archdsl.source import Span


class NoTangent(Exception):
    """An operator has no tangent rule; `span` is where it stands."""

    def __init__(self, op: Op, span: Span | None) -> None:
        super().__init__(op.name)
        self.op = op
        self.span = span


class Writer:
    """Writes nodes: `new` makes their values, `path` and `span` are where the node stands whose tangent is written."""

    def __init__(self, new: Callable[[TensorType, str], Value], context: Context) -> None:
        self.new = new
        self.context = context
        self.nodes: list[Node] = []
        self.written: dict[int, Node] = {}
        """The nodes that were made here, by identity: they go where nothing needs them."""
        self.path: Path = ()
        self.span: Span | None = None
        self.hint = "x"
        self.scanned: Callable[[Node, dict[str, Value]], list[Value | None]] = _no_scan
        """Writes a scan, given the tangents of its operands by name, with those of its results."""
        self.dtype = "float"
        """The dtype of numbers that stand beside none."""

    def add(self, node: Node) -> Node:
        """Write a node of the tangent."""
        self.nodes.append(node)
        self.written[id(node)] = node
        return node

    def finished(self, needed: set[str]) -> tuple[tuple[Node, ...], list[bool]]:
        """The nodes without those made here that nothing needs, and of each node written whether it is there."""
        kept = []
        for node in reversed(self.nodes):
            one = id(node) not in self.written or any(result.name in needed for result in node.results)
            kept.append(one)
            if one:
                needed.update(value.name for value in node.operands if isinstance(value, Value))
        kept.reverse()
        return tuple(node for node, one in zip(self.nodes, kept, strict=True) if one), kept

    def apply(self, op: Op, operands: tuple[Operand, ...], hint: str = "") -> tuple[Value, ...]:
        """An operator on operands; its results. Raises `OpFault`."""
        types = tuple(None if one is None else one.type for one in operands)
        bound = op.bind(self.context, *types)
        inferred = bound.infer(self.context, *types)
        results = tuple(self.new(simplify_type(self.context.facts, one), hint or self.hint) for one in inferred)
        self.add(Node(operands, results, op=bound, path=self.path, span=self.span))
        return results


def _no_scan(node: Node, tangents: dict[str, Value]) -> list[Value | None]:
    raise LookupError("no scan is written in a body")


class Traced:
    """A tensor, or a number, with its tangent."""

    __slots__ = ("d", "operand", "writer")

    def __init__(self, writer: Writer, operand: Value | Number, d: Traced | None = None) -> None:
        self.writer = writer
        self.operand = operand
        self.d = d

    @property
    def type(self) -> TensorType:
        """Its type."""
        return self.operand.type

    @property
    def plain(self) -> Traced:
        """The same without its tangent."""
        return self if self.d is None else Traced(self.writer, self.operand)

    @property
    def number(self) -> Any:
        """The number or size that stands here, None where it is a tensor."""
        return self.operand.number if isinstance(self.operand, Number) else None

    def along(self, d: Traced) -> Traced:
        """The same with this tangent."""
        return Traced(self.writer, self.operand, d)

    def op(self, word: str, *operands: Any, **arguments: Any) -> Any:
        """An operator that is no function of this tensor: a creator."""
        return traced(self.writer, word, operands, arguments)

    def __getattr__(self, word: str) -> Callable[..., Any]:
        if find(word) is None:
            raise AttributeError(word)
        return lambda *others, **arguments: traced(self.writer, word, (self, *others), arguments)

    def __add__(self, other: Any) -> Any:
        return traced(self.writer, "add", (self, other))

    def __radd__(self, other: Any) -> Any:
        return traced(self.writer, "add", (other, self))

    def __sub__(self, other: Any) -> Any:
        return traced(self.writer, "sub", (self, other))

    def __rsub__(self, other: Any) -> Any:
        return traced(self.writer, "sub", (other, self))

    def __mul__(self, other: Any) -> Any:
        return traced(self.writer, "mul", (self, other))

    def __rmul__(self, other: Any) -> Any:
        return traced(self.writer, "mul", (other, self))

    def __truediv__(self, other: Any) -> Any:
        return traced(self.writer, "div", (self, other))

    def __rtruediv__(self, other: Any) -> Any:
        return traced(self.writer, "div", (other, self))

    def __pow__(self, other: Any) -> Any:
        return traced(self.writer, "pow", (self, other))

    def __rpow__(self, other: Any) -> Any:
        return traced(self.writer, "pow", (other, self))

    def __neg__(self) -> Any:
        return traced(self.writer, "neg", (self,))

    def __lt__(self, other: Any) -> Any:
        return traced(self.writer, "lt", (self, other))

    def __le__(self, other: Any) -> Any:
        return traced(self.writer, "le", (self, other))

    def __gt__(self, other: Any) -> Any:
        return traced(self.writer, "gt", (self, other))

    def __ge__(self, other: Any) -> Any:
        return traced(self.writer, "ge", (self, other))


_FOLDED: dict[str, Callable[..., Any]] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg}
"""What two numbers make is a number."""


def traced(writer: Writer, word: str, operands: tuple[Any, ...], arguments: dict[str, Any] | None = None) -> Any:
    """The operator of that word on traced tensors and numbers; its result has the tangent that follows."""
    kind = find(word)
    if kind is None:
        raise LookupError(f"the operator `{word}` is missing")
    op = kind(**arguments) if arguments else kind()
    beside = next((one.type.dtype for one in operands if isinstance(one, Traced) and one.type.dtype != "bool"), writer.dtype)
    inputs = tuple(one if one is None or isinstance(one, Traced) else _number(writer, one, beside) for one in operands)
    if op.floats:
        inputs = tuple(_float(one) if one is not None and is_integer(one.type.dtype) else one for one in inputs)
    if not op.tensors or not op.tensors[-1].startswith("*"):
        inputs += (None,) * (len(op.tensors) - len(inputs))
    numbers = [one.number for one in inputs if one is not None]
    if word in _FOLDED and numbers and all(one is not None for one in numbers):
        return _number(writer, _FOLDED[word](*numbers), beside)
    if not op.numbers:
        inputs = tuple(one if one is None else _tensor(one) for one in inputs)
    results = writer.apply(op, tuple(None if one is None else one.operand for one in inputs))
    bound = writer.nodes[-1].op
    tangents = rule(writer, bound or op, inputs, results)
    done = tuple(Traced(writer, one, d) for one, d in zip(results, tangents, strict=True))
    return done[0] if len(done) == 1 else done


def _number(writer: Writer, one: Any, dtype: str) -> Traced:
    if not isinstance(one, (int, float, Dim)):
        raise TypeError(f"{one!r} is no operand")
    return Traced(writer, Number(one, TensorType((), dtype)))


def _float(one: Traced) -> Traced:
    made: Traced = traced(one.writer, "cast", (one,), {"dtype": "float"})
    return made


class Tape:
    """What one operator's rule writes to; `ops/tangent.py` says what its methods are."""

    def __init__(self, writer: Writer, op: Op, results: tuple[Value, ...], layer: Path | None) -> None:
        self.writer = writer
        self.made = op
        self.outputs = tuple(Traced(writer, one) for one in results)
        self.layer = layer
        self.replaced: tuple[Value, ...] | None = None

    @property
    def facts(self) -> Facts:
        return self.writer.context.facts

    def op(self, word: str, *operands: Any, **arguments: Any) -> Any:
        return traced(self.writer, word, operands, arguments)

    def param(self, leaf: str) -> Traced:
        weight = self.made.parameters()[leaf]
        value = self.writer.new(TensorType(weight.shape, weight.dtype), leaf.rsplit(".", 1)[-1])
        self.writer.add(Node((), (value,), member=self._layer, leaf=leaf, path=self.writer.path, span=self.writer.span))
        return Traced(self.writer, value)

    def again(self, *operands: Any) -> Any:
        types = [one.type for one in operands]
        results = tuple(self.writer.new(one, self.writer.hint) for one in self.made.infer(self.writer.context, *types))
        given = tuple(one.operand for one in operands)
        self.writer.add(Node(given, results, member=self._layer, path=self.writer.path, span=self.writer.span))
        done = tuple(Traced(self.writer, one) for one in results)
        return done[0] if len(done) == 1 else done

    @property
    def _layer(self) -> Path:
        if self.layer is None:
            raise LookupError(f"{self.made.name} is no layer of a graph")
        return self.layer

    def instead(self, *outputs: Any) -> None:
        self.replaced = tuple(one.operand for one in outputs)

    def training(self, on: Callable[..., Any], off: Callable[..., Any], *operands: Any) -> Traced:
        sides = [self._side(one, operands) for one in (on, off)]
        value = self.writer.new(sides[0].outputs[0].value.type, self.writer.hint)
        given = tuple(one.operand for one in operands)
        self.writer.add(Node(given, (value,), choice=Choice(*sides), path=self.writer.path, span=self.writer.span))
        return Traced(self.writer, value)

    def scan(
        self,
        body: Callable[..., Any],
        xs: list[Any],
        carries: list[Any],
        captured: list[Any],
        *,
        axis: int,
        reverse: bool = False,
    ) -> tuple[Any, ...]:
        sizes = [one.type.shape for one in xs]
        slices = [TensorType((*size[:axis], *size[axis + 1 :]), one.type.dtype) for one, size in zip(xs, sizes, strict=True)]
        parts: list[int] = []

        def step(*inputs: Any) -> tuple[Any, ...]:
            nexts, yields = body(*inputs)
            parts.append(len(yields))
            return (*nexts, *yields)

        types = (*slices, *(one.type for one in (*carries, *captured)))
        graph = self._body(step, types, "step", "scan")
        length, count = sizes[0][axis], parts[0]
        finals = tuple(range(len(carries)))
        made = Scan(graph, (axis,) * len(xs), length, len(carries), count, (axis,) * count, finals, reverse)
        stacked = [TensorType((*one.shape[:axis], length, *one.shape[axis:]), one.dtype) for one in graph.output_types[-count:]]
        results = tuple(self.writer.new(one, self.writer.hint) for one in (*stacked, *(one.type for one in carries)))
        given = (*xs, *carries, *captured)
        node = Node(tuple(one.operand for one in given), results, scan=made, path=self.writer.path, span=self.writer.span)
        tangents = self.writer.scanned(node, {one.operand.name: one.d.operand for one in given if one.d is not None})
        return tuple(
            Traced(self.writer, one, None if d is None else Traced(self.writer, d))
            for one, d in zip(results, tangents, strict=True)
        )

    def _side(self, function: Callable[..., Any], operands: tuple[Any, ...]) -> Graph:
        return self._body(lambda *inputs: (function(*inputs),), tuple(one.type for one in operands), "training", "choice")

    def _body(self, function: Callable[..., Any], types: tuple[TensorType, ...], name: str, kind: str) -> Graph:
        count = iter(range(1_000_000))
        outer = self.writer
        inner = Writer(lambda type, hint: Value(f"{hint}_{next(count)}", type), outer.context)
        inner.path, inner.span, inner.hint, inner.dtype = outer.path, outer.span, outer.hint, outer.dtype
        inputs = tuple(inner.new(one, "x") for one in types)
        results = tuple(one.operand for one in function(*(Traced(inner, one) for one in inputs)))
        given = tuple(Input(one.name, one) for one in inputs)
        outputs = tuple(Output(None, one) for one in results)
        nodes, _ = inner.finished({one.name for one in results})
        return Graph(name, kind, given, outputs, nodes, facts=self.facts, span=inner.span)


def rule(
    writer: Writer, op: Op, inputs: tuple[Traced | None, ...], results: tuple[Value, ...], layer: Path | None = None
) -> tuple[Traced | None, ...]:
    """The tangents of an operator's results, by its rule; None is zero. Raises `NoTangent`."""
    if all(one is None or one.d is None for one in inputs) or all(one.type.dtype not in FLOATS for one in results):
        return (None,) * len(results)
    tape = Tape(writer, op, results, layer)
    writer.dtype = next(one.type.dtype for one in results if one.type.dtype in FLOATS)
    made = _linear(tape, op, inputs) if op.linear is not None else op.tangent(tape, *inputs)
    if made is NotImplemented:
        raise NoTangent(op, writer.span)
    several = made if isinstance(made, tuple) else (made,)
    several += (None,) * (len(results) - len(several))
    if tape.replaced is not None:
        _replace(writer, results, tape.replaced)
    return tuple(None if d is None or one.type.dtype not in FLOATS else _fitted(d, one.type)
                 for d, one in zip(several, results, strict=True))  # fmt: skip


def _fitted(d: Traced, type: TensorType) -> Traced:
    """A tangent, stretched to the shape of what it is the tangent of."""
    d = d.plain
    if d.type == type and isinstance(d.operand, Value):
        return d
    made: Traced = traced(d.writer, "expand", (_tensor(d),), {"sizes": type.shape})
    return made


def _tensor(one: Traced) -> Traced:
    """A number as a tensor."""
    if isinstance(one.operand, Value):
        return one
    made: Traced = traced(one.writer, "full", (), {"size": (), "fill_value": one.operand.number, "dtype": one.type.dtype})
    return made


def _linear(tape: Tape, op: Op, inputs: tuple[Traced | None, ...]) -> Any:
    """The sum, over the groups of operands in which it is linear, of the operator on the group's tangents."""
    fixed = [one for one in op.tensors if not one.startswith("*")]
    names = [one.rstrip("?") for one in fixed] + [op.tensors[-1].lstrip("*")] * (len(inputs) - len(fixed))
    optional = {one[:-1] for one in fixed if one.endswith("?")}
    groups = [group.split() for group in op.linear or ()]
    if groups and groups[0][0].startswith("*"):  # in each by itself
        names = [f"{name}{index}" for index, name in enumerate(names)]
        groups = [[name] for name in names]
    every = {name for group in groups for name in group}
    total: list[Any] | None = None
    for group in groups:
        if all(one is None or one.d is None for name, one in zip(names, inputs, strict=True) if name in group):
            continue
        given = tuple(_operand(op, name, one, group, optional, every) for name, one in zip(names, inputs, strict=True))
        if op.layer:
            made = tape.again(*given)
            term = list(made) if isinstance(made, tuple) else [made]
        else:
            results = tape.writer.apply(op, tuple(None if one is None else one.operand for one in given))
            term = [Traced(tape.writer, one) for one in results]
        total = term if total is None else [a + b for a, b in zip(total, term, strict=True)]
    return tuple(total) if total is not None else None


def _operand(op: Op, name: str, one: Traced | None, group: list[str], optional: set[str], every: set[str]) -> Traced | None:
    if one is None or (name not in group and name not in every):
        return one
    if name not in group:
        return None if name in optional else one.plain
    if one.d is not None:
        return one.d
    if name in optional:
        return None
    if op.numbers:
        return Traced(one.writer, Number(0, TensorType((), one.type.dtype)))
    return zeros_like(one)


def zeros_like(one: Traced) -> Traced:
    """Zeros of its type."""
    made: Traced = traced(one.writer, "zeros_like", (one.plain,))
    return made


def _replace(writer: Writer, results: tuple[Value, ...], new: tuple[Value, ...]) -> None:
    """Give the new values the names of an operator's results, whose node goes."""
    names = {one.name: old for old, one in zip(results, new, strict=True)}
    kept = []
    gone = {one.name for one in results}
    for node in writer.nodes:
        if any(one.name in gone for one in node.results):
            continue
        operands = tuple(names.get(one.name, one) if isinstance(one, Value) else one for one in node.operands)
        made = tuple(names.get(one.name, one) for one in node.results)
        if operands != node.operands or made != node.results:
            again = Node(operands, made, node.op, node.member, node.scan, node.choice, node.leaf, node.graph, node.lent,
                         node.path, node.span)  # fmt: skip
            writer.written[id(again)] = again
            node = again
        kept.append(node)
    writer.nodes[:] = kept
