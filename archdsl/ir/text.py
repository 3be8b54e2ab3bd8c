"""Prints a graph with all that is below it, each graph once, by name; `read_graph` reads it back, equal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.dtype import FLOAT
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Initializer, Input, Layer, Member, Output, Parameter
from archdsl.ir.node import Node, Path, Scan
from archdsl.ir.text_line import WORDS, read_size_text
from archdsl.ir.text_reading import read_graph
from archdsl.ir.value import Number, Operand
from archdsl.ops.contract import Op

__all__ = ["print_graph", "read_graph"]

_PLAIN = re.compile(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*", re.ASCII)


def print_graph(graph: Graph) -> str:
    """The program as text: callees before callers, the graph itself last. Spans are left out; nothing else that counts is."""
    order = list(_below(graph))
    names: dict[int, str] = {}
    taken: set[str] = set()
    for one in order:
        base = re.sub(r"\W", "_", one.name, flags=re.ASCII) or "graph"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}.{count}"
        taken.add(name)
        names[id(one)] = f"@{name}"
    return "\n\n".join(_Printer(one, names).text() for one in order) + "\n"


def _below(graph: Graph) -> Iterator[Graph]:
    """Every distinct graph that the text must hold, callees first."""
    done: set[int] = set()

    def visit(one: Graph) -> Iterator[Graph]:
        if id(one) in done:
            return
        done.add(id(one))
        for called in _called(one):
            yield from visit(called)
        yield one

    return visit(graph)


def _called(graph: Graph) -> Iterator[Graph]:
    for member in graph.members.values():
        if isinstance(member, Call):
            yield member.graph
        inits = (
            [member.init]
            if isinstance(member, Parameter)
            else [one for _, one in member.inits]
            if isinstance(member, Layer)
            else []
        )
        yield from (one.graph for one in inits if one.graph is not None)
    yield from (what for _, what in graph.borrowed if isinstance(what, Graph))
    for node in graph.nodes:
        if node.graph is not None:
            yield node.graph
        if node.scan is not None:
            yield node.scan.body
        if node.choice is not None:
            yield from (node.choice.training, node.choice.evaluation)


class _Printer:
    def __init__(self, graph: Graph, names: dict[int, str]) -> None:
        self.graph = graph
        self.names = names

    def text(self) -> str:
        graph = self.graph
        lines = [f"{graph.kind} {self.ref(graph)} {json.dumps(graph.name)} {{"]
        lines += [f"  {line}" for line in self.lines()]
        return "\n".join([*lines, "}"])

    def lines(self) -> Iterator[str]:
        graph = self.graph
        if graph.doc:
            yield f"doc {json.dumps(graph.doc)}"
        for kind, left, right in graph.facts.facts:
            yield f"fact {self.comparison(left, kind, right)}"
        for one in graph.inputs:
            yield self.input(one)
        for name, value in graph.config:
            try:
                yield f"let {word(name)} = {literal(value, graph.facts)}"
            except TypeError:  # a layer template: for readers only, and the text has no word for it
                continue
        if graph.parameters:
            yield f"given {', '.join(map(word, graph.parameters))}"
        for path in graph.containers:
            yield f"container {path_text(path)}"
        for name, lent in graph.borrowed:
            yield f"borrow {word(name)} = {self.ref(lent) if isinstance(lent, Graph) else op_text(lent, graph.facts)}"
        for path, member in graph.members.items():
            yield self.member(path, member)
        for what, pairs in (("tie", graph.ties), ("alias", graph.aliases)):
            for path, target in pairs.items():
                yield f"{what} {path_text(path)} -> {path_text(target)}"
        for node in graph.nodes:
            yield self.node(node)
        for loop in graph.loops:
            yield f"loop {'none' if loop.path is None else path_text(loop.path)} {literal(loop.ranges)}"
        for out in graph.outputs:
            yield self.output(out)
        for door in graph.doors:
            yield f"door {self.comparison(door.left, door.op, door.right)} {json.dumps(door.message)}"

    def ref(self, graph: Graph) -> str:
        return self.names[id(graph)]

    def input(self, one: Input) -> str:
        start = f"{'carried' if one.carried else 'keyword' if one.keyword else 'input'} {word(one.name)}"
        if one.value is None:
            return f"{start} absent"
        named = "" if one.value.name == one.name else f" as {word(one.value.name)}"
        return f"{start}{named}: {self.type(one.value.type)}"

    def output(self, one: Output) -> str:
        named = "" if one.name is None else f"{word(one.name)} = "
        return f"{'training' if one.training else 'output'} {named}{word(one.value.name)}"

    def member(self, path: Path, member: Member) -> str:
        if isinstance(member, Call):
            return f"block {path_text(path)} = {self.ref(member.graph)}"
        if isinstance(member, Layer):
            inits = "".join(f" init {word(leaf)} = {self.init(one)}" for leaf, one in member.inits)
            own = "" if member.float == FLOAT else f" float {member.float}"
            return f"layer {path_text(path)}{own} = {op_text(member.op, self.graph.facts)}{inits}"
        kind = "buffer" if member.buffer else "param"
        lost = "" if member.persistent else " unsaved"
        value = member.value
        return f"{kind} {path_text(path)}{lost} as {word(value.name)}: {self.type(value.type)} = {self.init(member.init)}"

    def init(self, one: Initializer) -> str:
        args = ", ".join(f"{word(name)}={literal(value, self.graph.facts)}" for name, value in one.args)
        return f"{word(one.name)}({args}){'' if one.graph is None else ' ' + self.ref(one.graph)}"

    def node(self, node: Node) -> str:
        results = ", ".join(f"{word(one.name)}: {self.type(one.type)}" for one in node.results)
        operands = ", ".join(map(self.operand, node.operands))
        usual = () if node.member is None or node.leaf else node.member
        at = "" if node.path == usual else f" at {path_text(node.path)}"
        how = "".join(f" run {json.dumps(one)}" for one in node.how)
        return f"{results} = ({operands}) -> {self.called(node)}{at}{how}"

    def called(self, node: Node) -> str:
        said = []
        if node.op is not None:
            said.append(op_text(node.op, self.graph.facts))
        if node.member is not None:
            said.append(self.reach(node.member))
        if node.leaf:
            said.append(f"leaf {path_text(tuple(node.leaf.split('.')))}")
        if node.graph is not None:
            said.append(f"as {self.ref(node.graph)}")
        said += [f"lend {word(name)} = {self.reach(path)}" for name, path in node.lent]
        if node.scan is not None:
            said.append(self.scan(node.scan))
        if node.choice is not None:
            said.append(f"choice {self.ref(node.choice.training)} else {self.ref(node.choice.evaluation)}")
        return " ".join(said)

    def reach(self, path: Path) -> str:
        return f"lent {word(path[1])}" if path[:1] == ("",) and len(path) == 2 else f"self {path_text(path)}"

    def scan(self, one: Scan) -> str:
        length = literal(one.length, self.graph.facts)
        parts = [f"scan {self.ref(one.body)} axes {literal(one.axes)} length {length} carries {one.carries}"]
        parts.append(f"yields {one.yields} at {literal(one.yield_axes)} finals {literal(one.finals)}")
        return " ".join([*parts, *(["reverse"] if one.reverse else []), *(["until"] if one.until else [])])

    def operand(self, one: Operand) -> str:
        if one is None:
            return "none"
        if isinstance(one, Number):
            return f"{literal(one.number, self.graph.facts)}: {self.type(one.type)}"
        return word(one.name)

    def type(self, one: TensorType) -> str:
        return (
            f"{'' if one.dtype == 'float' else one.dtype}[{', '.join(size_text(size, self.graph.facts) for size in one.shape)}]"
        )

    def comparison(self, left: Size, kind: str, right: Size) -> str:
        return f"{literal(left)} {kind} {literal(right)}"


def word(name: str) -> str:
    """A name, quoted where it would not be read as one."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) and name not in WORDS else json.dumps(name)


def path_text(path: Path) -> str:
    """A label path; `.` is the empty one."""
    return ".".join(one if _PLAIN.fullmatch(one) else json.dumps(one) for one in path) or "."


def op_text(op: Op, facts: Facts) -> str:
    """An operator with the arguments that are not its defaults."""
    said = []
    for name, value in op.items():
        default = op.fields[name].default
        if type(value) is not type(default) or value != default:
            said.append(f"{word(name)}={literal(value, facts)}")
    return f"{op.name}({', '.join(said)})"


def literal(value: Any, facts: Facts | None = None) -> str:
    """A configuration value. TypeError for what the text has no form for."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Dim):
        return f"`{size_text(value, facts or Facts())}`"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(literal(one, facts) for one in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, slice):
        return f"slice{literal((value.start, value.stop, value.step), facts)}"
    if value is Ellipsis:
        return "..."
    raise TypeError(f"{value!r} has no text")


def size_text(size: Size, facts: Facts) -> str:
    """A size in the user's words where those are read as the same normal form under the facts, else term by term in braces."""
    text = str(size)
    try:
        same = read_size_text(text, facts) == size
    except ValueError:
        same = False
    return text if same or isinstance(size, int) else f"{{{_exact(size)}}}"


def _exact(size: Size) -> str:
    """`1/2 H + 3 floor(W; 2)^2`: coefficient and atoms, a floor's numerator and denominator parted by `;`."""
    if isinstance(size, int):
        return str(size)
    terms = []
    for mono, coefficient in size.terms.items():
        factors = [str(coefficient)]
        for atom, power in mono:
            inside = "; ".join(_exact(one) for one in atom.args)
            name = atom.name if atom.kind == "symbol" else f"{atom.kind}({inside})"
            factors.append(name if power == 1 else f"{name}^{power}")
        terms.append(" ".join(factors))
    return " + ".join(terms)
