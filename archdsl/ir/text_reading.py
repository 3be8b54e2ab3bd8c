"""Reads the text of a graph back, a line at a time; nothing of what it reads is run."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Size
from archdsl.dims.dtype import FLOAT
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Door, Graph, Initializer, Input, Layer, Loop, Member, Output, Parameter
from archdsl.ir.node import Choice, Node, Path, Scan
from archdsl.ir.text_line import WORDS, Line
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.ops.registry import find


def read_graph(text: str) -> Graph:
    """The last graph of the text. ValueError, with the line, where it is no text of a graph."""
    graphs: dict[str, Graph] = {}
    reader: _Reader | None = None
    last: Graph | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            if reader is None:
                reader = _Reader(Line(line), graphs)
            elif line == "}":
                last = graphs[reader.ref] = reader.done()
                reader = None
            else:
                reader.read(Line(line))
        except (ValueError, KeyError, TypeError, IndexError) as fault:
            raise ValueError(f"line {number}: {fault}: {line.strip()}") from fault
    if last is None or reader is not None:
        raise ValueError("the text holds no whole graph")
    return last


class _Reader:
    """One graph being read."""

    def __init__(self, line: Line, graphs: dict[str, Graph]) -> None:
        self.graphs = graphs
        self.kind = line.name()
        self.ref = self.reference(line)
        self.name = line.string()
        line.take("{")
        self.facts = Facts()
        self.doc = ""
        self.values: dict[str, Value] = {}
        self.inputs: list[Input] = []
        self.outputs: list[Output] = []
        self.nodes: list[Node] = []
        self.members: dict[Path, Member] = {}
        self.pairs: dict[str, dict[Path, Path]] = {"tie": {}, "alias": {}}
        self.borrowed: list[tuple[str, Graph | Op]] = []
        self.containers: list[Path] = []
        self.loops: list[Loop] = []
        self.config: list[tuple[str, Any]] = []
        self.parameters: list[str] = []
        self.doors: list[Door] = []

    def done(self) -> Graph:
        return Graph(
            self.name, self.kind, tuple(self.inputs), tuple(self.outputs), tuple(self.nodes), self.members, self.pairs["tie"],
            self.pairs["alias"], tuple(self.borrowed), tuple(self.containers), tuple(self.loops), tuple(self.config),
            tuple(self.parameters), self.facts, tuple(self.doors), self.doc,
        )  # fmt: skip

    def reference(self, line: Line) -> str:
        line.take("@")
        name = line.name()
        return f"{name}.{line.take()}" if line.found(".") else name

    def graph(self, line: Line) -> Graph:
        return self.graphs[self.reference(line)]

    def read(self, line: Line) -> None:
        kind, token = line.peek()
        after = Line(line.text)
        after.at = line.at
        after.take()
        if kind == "word" and token in _STATEMENTS and after.peek()[1] != ":":
            line.take()
            _STATEMENTS[token](self, line, token)
        else:
            self.node(line)
        if not line.ended:
            raise ValueError(f"`{line.text[line.at :].strip()}` is too much")

    def fact(self, line: Line, _: str) -> None:
        self.facts = Facts((*self.facts.facts, _comparison(line)))

    def door(self, line: Line, _: str) -> None:
        op, left, right = _comparison(line)
        self.doors.append(Door(left, op, right, line.string()))

    def documentation(self, line: Line, _: str) -> None:
        self.doc = line.string()

    def input(self, line: Line, kind: str) -> None:
        name = line.name()
        value = None
        if not line.found("absent"):
            own = line.name() if line.found("as") else name
            line.take(":")
            value = self.value(own, line)
        self.inputs.append(Input(name, value, kind == "keyword", kind == "carried"))

    def value(self, name: str, line: Line) -> Value:
        made = self.values[name] = Value(name, line.type(self.facts))
        return made

    def let(self, line: Line, _: str) -> None:
        name = line.name()
        line.take("=")
        self.config.append((name, line.literal(self.facts)))

    def given(self, line: Line, _: str) -> None:
        self.parameters.append(line.name())
        while line.found(","):
            self.parameters.append(line.name())

    def container(self, line: Line, _: str) -> None:
        self.containers.append(line.path())

    def borrow(self, line: Line, _: str) -> None:
        name = line.name()
        line.take("=")
        self.borrowed.append((name, self.graph(line) if line.peek()[1] == "@" else self.op(line)))

    def block(self, line: Line, _: str) -> None:
        path = line.path()
        line.take("=")
        self.members[path] = Call(self.graph(line))

    def layer(self, line: Line, _: str) -> None:
        path = line.path()
        own = line.name() if line.found("float") else FLOAT
        line.take("=")
        op, inits = self.op(line), []
        while line.found("init"):
            leaf = line.name()
            line.take("=")
            inits.append((leaf, self.init(line)))
        self.members[path] = Layer(op, tuple(inits), float=own)

    def parameter(self, line: Line, kind: str) -> None:
        path = line.path()
        persistent = not line.found("unsaved")
        line.take("as")
        name = line.name()
        line.take(":")
        value = self.value(name, line)
        line.take("=")
        self.members[path] = Parameter(value, self.init(line), kind == "buffer", persistent)

    def init(self, line: Line) -> Initializer:
        name = line.name()
        args = tuple(self.arguments(line).items())
        return Initializer(name, args, self.graph(line) if line.peek()[1] == "@" else None)

    def op(self, line: Line) -> Op:
        name = line.name()
        kind = find(name)
        if kind is None:
            raise ValueError(f"there is no operator `{name}`")
        return kind(**self.arguments(line))

    def arguments(self, line: Line) -> dict[str, Any]:
        line.take("(")
        found: dict[str, Any] = {}
        while not line.found(")"):
            name = line.name()
            line.take("=")
            found[name] = line.literal(self.facts)
            line.found(",")
        return found

    def pair(self, line: Line, kind: str) -> None:
        path = line.path()
        line.take("->")
        self.pairs[kind][path] = line.path()

    def loop(self, line: Line, _: str) -> None:
        path = None if line.found("none") else line.path()
        self.loops.append(Loop(path, line.literal(self.facts)))

    def output(self, line: Line, kind: str) -> None:
        name: str | None = line.name()
        value = line.name() if line.found("=") else None
        if value is None:
            name, value = None, name
        self.outputs.append(Output(name, self.values[value or ""], kind == "training"))

    def node(self, line: Line) -> None:
        typed: list[tuple[str, TensorType]] = []
        while not typed or line.found(","):
            name = line.name()
            line.take(":")
            typed.append((name, line.type(self.facts)))
        line.take("=")
        line.take("(")
        operands: list[Operand] = []
        while not line.found(")"):
            operands.append(self.operand(line))
            line.found(",")
        line.take("->")
        called = self.called(line)
        usual = () if called.get("member") is None or called.get("leaf") else called["member"]
        path = line.path() if line.found("at") else usual
        how: tuple[str, ...] = ()
        while line.found("run"):
            how = (*how, line.string())
        results = tuple(Value(name, type) for name, type in typed)
        self.values.update((one.name, one) for one in results)
        self.nodes.append(Node(tuple(operands), results, **called, path=path, how=how))

    def operand(self, line: Line) -> Operand:
        kind, token = line.peek()
        if kind == "string" or (kind == "word" and token not in WORDS):
            return self.values[line.name()]
        value = line.literal(self.facts)
        if value is None:
            return None
        line.take(":")
        return Number(value, line.type(self.facts))

    def called(self, line: Line) -> dict[str, Any]:
        if line.found("scan"):
            return {"scan": self.scan(line)}
        if line.found("choice"):
            training = self.graph(line)
            line.take("else")
            return {"choice": Choice(training, self.graph(line))}
        if line.peek()[1] not in ("self", "lent"):
            return {"op": self.op(line)}
        found: dict[str, Any] = {"member": self.reach(line)}
        if line.found("leaf"):
            found["leaf"] = ".".join(line.path())
        if line.found("as"):
            found["graph"] = self.graph(line)
        lent = []
        while line.found("lend"):
            name = line.name()
            line.take("=")
            lent.append((name, self.reach(line)))
        return {**found, "lent": tuple(lent)}

    def reach(self, line: Line) -> Path:
        if line.found("lent"):
            return ("", line.name())
        line.take("self")
        return line.path()

    def scan(self, line: Line) -> Scan:
        body = self.graph(line)
        found: dict[str, Any] = {}
        for name in ("axes", "length", "carries", "yields", "at", "finals"):
            line.take(name)
            found[name] = line.literal(self.facts)
        return Scan(
            body, found["axes"], found["length"], found["carries"], found["yields"], found["at"], found["finals"],
            line.found("reverse"), line.found("until"),
        )  # fmt: skip


def _comparison(line: Line) -> tuple[str, Size, Size]:
    left = line.literal(Facts())
    sign = line.take()
    return sign, left, line.literal(Facts())


_STATEMENTS = {
    "fact": _Reader.fact, "door": _Reader.door, "doc": _Reader.documentation, "input": _Reader.input, "keyword": _Reader.input,
    "carried": _Reader.input, "let": _Reader.let, "given": _Reader.given, "container": _Reader.container,
    "borrow": _Reader.borrow, "block": _Reader.block, "layer": _Reader.layer, "param": _Reader.parameter,
    "buffer": _Reader.parameter, "tie": _Reader.pair, "alias": _Reader.pair, "loop": _Reader.loop, "output": _Reader.output,
    "training": _Reader.output,
}  # fmt: skip
