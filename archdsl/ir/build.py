"""A convenient way to make graphs from Python: every step is bound and type-checked as the elaborator does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archdsl.dims.facts import Facts
from archdsl.dims.read import read_type
from archdsl.dims.shape import TensorType, simplify_type
from archdsl.ir.graph import Call, Door, Graph, Initializer, Input, Layer, Loop, Member, Output, Parameter
from archdsl.ir.node import Choice, Node, Path, Scan
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Context, Op
from archdsl.source import Span

Label = str | Path
Given = Value | Number | int | float | bool | None


class Builder:
    """Builds one graph, step by step. `facts` hold for all of it; the program's float type is f32.

    Every method that adds a step returns its value, or the tuple of them. Raises `OpFault` where an operator refuses.
    """

    def __init__(
        self, name: str, kind: str = "block", *, facts: Facts | None = None, doc: str = "", span: Span | None = None
    ) -> None:
        self.name = name
        self.kind = kind
        self.doc = doc
        self.span = span
        self.facts = facts or Facts()
        self.context = Context(self.facts)
        self.ties: dict[Path, Path] = {}
        self.aliases: dict[Path, Path] = {}
        self.config: list[tuple[str, Any]] = []
        self.parameters: list[str] = []
        self.doors: list[Door] = []
        self.loops: list[Loop] = []
        self.borrowed: list[tuple[str, Graph | Op]] = []
        self._inputs: list[Input] = []
        self._nodes: list[Node] = []
        self._members: dict[Path, Member] = {}
        self._names: set[str] = set()

    def input(self, name: str, type: str | TensorType, *, keyword: bool = False) -> Value:
        """The next input."""
        value = self._value(name, read_type(type) if isinstance(type, str) else type)
        self._inputs.append(Input(name, value, keyword))
        return value

    def absent(self, name: str, *, keyword: bool = False) -> None:
        """An optional input that this graph is not given."""
        self._inputs.append(Input(name, None, keyword))

    def parameter(
        self, label: Label, type: str | TensorType, init: Initializer | str = "zeros", *, name: str = "", buffer: bool = False,
        persistent: bool = True,
    ) -> Value:  # fmt: skip
        """A `param`, or a `buffer`, of the graph itself; `name` is what the nodes call it."""
        path = as_path(label)
        made = self._value(name or path[-1], read_type(type) if isinstance(type, str) else type)
        self._member(path, Parameter(made, Initializer(init) if isinstance(init, str) else init, buffer, persistent))
        return made

    def op(self, op: Op, *operands: Given, name: str = "", path: Label = (), span: Span | None = None) -> Any:
        """A function; `path` is its container with its number."""
        bound, given, types = self._bound(op, operands)
        results = self._results(types, name, given)
        return self._add(Node(given, results, op=bound, path=as_path(path), span=span))

    def layer(
        self, label: Label, op: Op, *operands: Given, name: str = "", inits: Mapping[str, Initializer] | None = None,
        span: Span | None = None,
    ) -> Any:  # fmt: skip
        """A layer under its label, applied."""
        path = as_path(label)
        bound, given, types = self._bound(op, operands)
        self._member(path, Layer(bound, tuple((inits or {}).items()), span))
        return self._add(Node(given, self._results(types, name, given), member=path, path=path, span=span))

    def declare(self, label: Label, what: Op | Graph) -> Path:
        """A member that no step applies yet; a layer must be given its inferred arguments."""
        path = as_path(label)
        self._member(path, Call(what) if isinstance(what, Graph) else Layer(what))
        return path

    def call(
        self, label: Label, graph: Graph, *operands: Given, name: str = "", lent: Iterable[tuple[str, Path]] = (),
        span: Span | None = None,
    ) -> Any:  # fmt: skip
        """An instance of a block under its label, applied."""
        path = as_path(label)
        self._member(path, Call(graph, span))
        return self.again(path, *operands, name=name, lent=lent, span=span)

    def again(
        self, label: Label, *operands: Given, name: str = "", lent: Iterable[tuple[str, Path]] = (), path: Label = (),
        span: Span | None = None,
    ) -> Any:  # fmt: skip
        """A member that is there already, applied once more."""
        member = self._members[as_path(label)]
        if isinstance(member, Layer):
            bound, given, types = self._bound(member.op, operands)
            if bound != member.op:
                raise ValueError(f"{member.op} applied to another shape")
        elif isinstance(member, Call):
            given = self._operands(operands)
            types = self._called(member.graph, given)
        else:
            raise ValueError("a parameter is no layer")
        results = self._results(types, name, given)
        return self._add(Node(given, results, member=as_path(label), lent=tuple(lent), path=as_path(path or label), span=span))

    def borrow(self, name: str, what: Op | Graph, *operands: Given, result: str = "") -> Any:
        """Apply a layer that the caller hands in under this name."""
        if name not in [one for one, _ in self.borrowed]:
            self.borrowed.append((name, what))
        if isinstance(what, Graph):
            given = self._operands(operands)
            types = self._called(what, given)
        else:
            _, given, types = self._bound(what, operands)
        return self._add(Node(given, self._results(types, result, given), member=("", name)))

    def scan(
        self, body: Graph, scanned: Sequence[Value], carries: Sequence[Value], captured: Sequence[Value] = (), *,
        axes: Sequence[int], yield_axes: Sequence[int] = (), finals: Sequence[int] = (), reverse: bool = False,
        until: bool = False, names: Sequence[str] = (), path: Label = (),
    ) -> Any:  # fmt: skip
        """A recurrence; `body` as `Scan` says."""
        length = scanned[0].type.shape[axes[0]]
        if any(one.type.shape[axis] != length for one, axis in zip(scanned, axes, strict=True)):
            raise ValueError("scanned lengths differ")
        outputs = body.output_types
        types: list[TensorType] = []
        for index, axis in enumerate(yield_axes):
            one = outputs[len(carries) + index]
            at = axis % (one.rank + 1)
            types.append(TensorType((*one.shape[:at], length, *one.shape[at:]), one.dtype))
        types += [outputs[index] for index in finals]
        what = Scan(body, tuple(axes), length, len(carries), len(yield_axes), tuple(yield_axes), tuple(finals), reverse, until)
        results = tuple(self._value(names[index] if index < len(names) else "scan", one) for index, one in enumerate(types))
        return self._add(Node((*scanned, *carries, *captured), results, scan=what, path=as_path(path)))

    def choice(self, training: Graph, evaluation: Graph, *operands: Value, name: str = "", path: Label = ()) -> Any:
        """`if training { … } else { … }`."""
        results = self._results(training.output_types, name, operands)
        return self._add(Node(tuple(operands), results, choice=Choice(training, evaluation), path=as_path(path)))

    def finish(self, outputs: Value | Sequence[Value] | Mapping[str, Value], training: Iterable[str] = ()) -> Graph:
        """The graph. Outputs are named by a mapping; those in `training` are there only in training."""
        if isinstance(outputs, Value):
            outputs = [outputs]
        late = set(training)
        pairs = outputs.items() if isinstance(outputs, Mapping) else ((None, one) for one in outputs)
        members = in_order(self._members)
        containers = dict.fromkeys(path[:end] for path in members for end in range(1, len(path)) if path[:end] not in members)
        return Graph(
            self.name, self.kind, tuple(self._inputs), tuple(Output(label, one, label in late) for label, one in pairs),
            tuple(self._nodes), members, self.ties, self.aliases, tuple(self.borrowed), tuple(containers), tuple(self.loops),
            tuple(self.config), tuple(self.parameters), self.facts, tuple(self.doors), self.doc, self.span,
        )  # fmt: skip

    def _bound(self, op: Op, operands: Sequence[Given]) -> tuple[Op, tuple[Operand, ...], tuple[TensorType, ...]]:
        given = self._operands(operands)
        types = tuple(one.type if one is not None else None for one in given)
        bound = op.bind(self.context, *types)
        return bound, given, tuple(simplify_type(self.facts, one) for one in bound.infer(self.context, *types))

    def _called(self, graph: Graph, given: tuple[Operand, ...]) -> tuple[TensorType, ...]:
        wanted = [one.value.type for one in graph.inputs if one.value is not None]
        came = [one.type for one in given if one is not None]
        if wanted != came:
            raise ValueError(f"{graph.name} wants {', '.join(map(str, wanted))}; got {', '.join(map(str, came))}")
        return graph.output_types

    def _operands(self, operands: Sequence[Given]) -> tuple[Operand, ...]:
        beside = next((one.type.dtype for one in operands if isinstance(one, (Value, Number))), "float")
        return tuple(
            one if one is None or isinstance(one, (Value, Number)) else Number(one, TensorType((), beside)) for one in operands
        )

    def _results(self, types: Sequence[TensorType], name: str, given: Sequence[Operand]) -> tuple[Value, ...]:
        first = next((one.name for one in given if isinstance(one, Value)), "x")
        names = name.split() or [first.rstrip("0123456789").rstrip("_") or "x"]
        names += [names[-1]] * (len(types) - len(names))
        return tuple(self._value(label, one) for label, one in zip(names, types, strict=False))

    def _value(self, name: str, type: TensorType) -> Value:
        unique, count = name, 0
        while unique in self._names:
            count += 1
            unique = f"{name}_{count}"
        self._names.add(unique)
        return Value(unique, simplify_type(self.facts, type))

    def _member(self, path: Path, member: Member) -> None:
        if path in self._members:
            raise ValueError(f"two members at {'.'.join(path)}")
        self._members[path] = member

    def _add(self, node: Node) -> Any:
        self._nodes.append(node)
        return node.results[0] if len(node.results) == 1 else node.results


def as_path(label: Label) -> Path:
    """`"layer1.0"` as a path; a tuple stays."""
    return tuple(label.split(".")) if isinstance(label, str) else label


def in_order(members: Mapping[Path, Member]) -> dict[Path, Member]:
    """The members as a `state_dict` orders them: in each container parameters, buffers, then children by first mention."""

    def key(item: tuple[int, Path]) -> list[tuple[int, int]]:
        _, path = item
        out = []
        for end in range(1, len(path) + 1):
            member = members.get(path[:end])
            kind = (1 if member.buffer else 0) if isinstance(member, Parameter) else 2
            out.append((kind, first[path[:end]]))
        return out

    first: dict[Path, int] = {}
    for index, path in enumerate(members):
        for end in range(1, len(path) + 1):
            first.setdefault(path[:end], index)
    return {path: members[path] for _, path in sorted(enumerate(members), key=key)}
