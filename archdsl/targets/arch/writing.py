"""A body in words: statements to lines, pieces to chains and expressions."""

from __future__ import annotations

from typing import Any, Protocol

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Number, Operand, Value
from archdsl.records import changed, record
from archdsl.tangents.rewrite import Tangents, members
from archdsl.targets.arch import expressions
from archdsl.targets.arch.expressions import ATOM, SIGNS, before, binary, index_text, is_sign, within
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.folding import Entry, folded, in_braces, whole
from archdsl.targets.arch.labels import Labels
from archdsl.targets.arch.naming import Names, is_nameless
from archdsl.targets.arch.pieces import Body, Group, Piece, Skip, Statement, Step, is_pure, results_of, weight
from archdsl.targets.arch.sharing import is_stateful
from archdsl.targets.arch.structure import ALONE, flows, inside_of, starts
from archdsl.targets.arch.words import configuration, inferred, label_text


class Members(Protocol):
    """What a writer asks about the members of its graph."""

    def declared(self, path: Path) -> str | None:
        """The name of a member that is declared, or None."""

    def container(self, node: Node) -> Path:
        """The container in which a node stands."""

    def layer(self, path: Path) -> tuple[str, list[str]]:
        """A member that is written where it is applied, without its label; and the statements that must hold around it."""


@record
class Place:
    """Where a step stands: what flows there, in which container, and whether steps take numbers."""

    flow: Value | None
    container: Path = ()
    numbered: bool = True
    explicit: bool = False
    """In an expression, where a layer alone would be a template: what flows into it is written."""


class Writer:
    """Writes the body of one graph, whose members are those of `home`. `named` are the values that need a name, by graph; None in
    the first run, which finds them."""

    def __init__(
        self, graph: Graph, home: Graph, members: Members, size: Any, labels: Labels, names: Names,
        asked: dict[int, set[str]], named: dict[int, set[str]] | None,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.home = home
        self.members = members
        self.size = size
        self.labels = labels
        self.names = names
        self.asked = asked
        self.all_named = named
        self.named = None if named is None else named.get(id(graph), set())
        self.single: set[str] = set()
        """Texts of layers with tensors whose number is their label."""
        self.container: Path = ()
        """The container of the statement that is being written."""
        self.known: dict[str, str] = {}
        """Names of values, as far as they are given."""
        self.renamed: dict[str, str] = {}
        """In a scan: values that get the name of the carry that they are the next value of."""

    def within(self, graph: Graph) -> Writer:
        """A writer for the body of a scan or a choice."""
        return Writer(
            graph, self.home, self.members, self.size, self.labels, self.names, self.asked, self.all_named
        )  # fmt: skip

    def body(self, body: Body, place: Place) -> list[Entry]:
        """The lines of a body, what repeats folded."""
        return folded(self.entries(body, place))

    def entries(self, body: Body, place: Place) -> list[Entry]:
        """The lines of a body."""
        place = changed(place, flow=body.flow)
        outer, self.container = self.container, place.container
        done: list[Entry] = []
        for one in body.statements:
            if one.line:
                ends = one is body.statements[-1] and results_of(one.piece) == body.results
                texts = self.links(one.piece, place, named=not ends)
                done += [Entry(*_labelled(f"({text})" if text.startswith("-") else text), text in self.single) for text in texts]
                place = changed(place, flow=results_of(one.piece)[0] if len(results_of(one.piece)) == 1 else None)
            else:
                done.append(Entry("", self.assignment(one, place)))
        last = body.statements[-1].piece if body.statements and body.statements[-1].line else None
        if (last is None or results_of(last) != body.results) and (place.flow,) != body.results and body.results:
            said = [self.reference(one, None) for one in body.results]
            done.append(Entry("", said[0] if len(said) == 1 else f"({', '.join(said)})"))
        self.container = outer
        return done

    def assignment(self, one: Statement, place: Place) -> str:
        """`a, b = …`."""
        text = " -> ".join(self.links(one.piece, changed(place, numbered=False), named=False))
        if text.count(" -> ") == 1 and is_pure(one.piece) and weight(one.piece) <= ALONE:
            text = self.expression(one.piece, place.flow)[0]
        if one.kept:
            self.asked.setdefault(id(self.graph), set()).update(value.name for value in results_of(one.piece))
        names = [self.define(value, one.piece) if self.is_named(value) else "_" for value in results_of(one.piece)]
        return f"{', '.join(names)} = {text}"

    # Names.

    def is_named(self, value: Value) -> bool:
        return self.named is None or value.name in self.named

    def define(self, value: Value, piece: Piece) -> str:
        """The name of a value where it is made."""
        if value.name in self.renamed:
            self.known[value.name] = self.renamed[value.name]
        if value.name not in self.known:
            self.known[value.name] = self.names.give(self.hint(value, piece)) if self.named is not None else value.name
        return self.known[value.name]

    def hint(self, value: Value, piece: Piece) -> Value | str:
        """What to call a value: as the author did, or as the layer that makes it."""
        if not is_nameless(value.name):
            return value
        label = piece.label if isinstance(piece, Group) else piece.node.member or ()
        own = label[-1] if label else ""
        return own if own.isidentifier() and own.islower() else "y"

    def reference(self, value: Value, flow: Value | None) -> str:
        """A value by its name, or `it` where it flows and has none."""
        if value.name in self.known and self.named is not None:
            return self.known[value.name]
        if value == flow:
            return self.known.get(value.name, "it") if value.name in self.known else "it"
        self.asked.setdefault(id(self.graph), set()).add(value.name)
        return self.known.get(value.name, value.name)

    # Chains.

    def links(self, piece: Piece, place: Place, named: bool = True) -> list[str]:
        """The links of a chain that ends in the piece; the last one names its result where others use it."""
        first = next((one for one in inside_of(piece) if flows(piece, one)), None)
        done = []
        if first is not None:
            done = self.links(first, place)
            place = changed(place, flow=results_of(first)[0], explicit=False)
        more = self.own_links(piece, first, place)
        if len(done) == 1 and isinstance(first, Step) and _begins(first.node):
            done = [f"{done[0]} -> {more[0]}", *more[1:]]
        else:
            done += more
        made = results_of(piece)
        if named and self.named is not None and any(one.name in self.named for one in made):
            names = [self.define(one, piece) if self.is_named(one) else "_" for one in made]
            done[-1] += f" as {names[0]}" if len(names) == 1 else f" as ({', '.join(names)})"
        return done

    def own_links(self, piece: Piece, first: Piece | None, place: Place) -> list[str]:
        """The piece itself, after what flows into it: at most a link that starts, and one that is the step."""
        if isinstance(piece, Skip | Group):
            start = results_of(first)[0] if first is not None else piece.start
            flow = results_of(first)[0] if first is not None else start if isinstance(start, Value) else None
            begin = [] if first is not None or flow is None else self.begin(flow, place)
            flow = flow or place.flow
            inner = changed(place, flow=flow)
            return _joined(begin, self.group(piece, inner) if isinstance(piece, Group) else self.skip(piece, inner))
        node = piece.node
        if node.scan is not None or node.choice is not None:
            from archdsl.targets.arch.regional import choice_text, scan_text

            return [scan_text(self, piece, place) if node.scan is not None else choice_text(self, piece, place)]
        operands = [results_of(one)[0] if first is not None and one is first else one for one in piece.operands]
        if node.op is None:
            return self.applied(node, operands, place)
        tensors = [one for one in operands if one is not None]
        if not is_sign(node.op) and self.labels.clashes(place.container, place.numbered):
            return [f"({self.operation(node, operands, place.flow)[0]})"]  # in an expression it takes no number
        if len(tensors) == 1 and not is_sign(node.op) and isinstance(tensors[0], Value) and operands[0] is tensors[0]:
            begin = self.begin(tensors[0], place)
            self.labels.number(place.container, place.numbered)
            return _joined(begin, _call(node.op.name, self.configuration(node)))
        text, tight = self.operation(node, operands, place.flow)
        if not is_sign(node.op):
            self.labels.number(place.container, place.numbered)
        return [text]

    def begin(self, value: Value, place: Place) -> list[str]:
        """The link that starts a chain with a value, where it does not flow there already."""
        if value != place.flow:
            return [self.reference(value, None)]
        return [self.reference(value, place.flow)] if place.explicit else []

    def applied(self, node: Node, operands: list[Any], place: Place) -> list[str]:
        """A member applied to its operands."""
        given = [one for one in operands if one is not None]
        begin: list[str] = []
        if len(given) == 1 and operands[0] is given[0] and isinstance(given[0], Value):
            begin = self.begin(given[0], place)
        else:
            begin = [f"({', '.join(self.arguments(node, operands, place.flow))})"]
        return _joined(begin, self.callee(node, place))

    def callee(self, node: Node, place: Place) -> str:
        """The label and the layer, or the name of a declared one."""
        assert node.member is not None  # noqa: S101
        name = self.members.declared(node.member)
        if node.graph is not None and node.graph.kind == "tangent":
            return f"jvp({name}, {tangent_input(self.home, node)})"
        if name is not None:
            return name
        text, settings = self.members.layer(node.member)
        number = self.labels.number(place.container, place.numbered)
        stateful = is_stateful(self.home.members[node.member])
        label = self.labels.of(node.member, place.container, number, stateful)
        if not label and stateful:
            self.single.add(text)
        return f"{label}{text}" if not settings else "{ " + "; ".join([*settings, f"{label}{text}"]) + " }"

    def arguments(self, node: Node, operands: list[Any], flow: Value | None) -> list[str]:
        """The operands of a layer as a tuple, the optional ones by name."""
        done, gap = [], False
        for name, one in zip(self.input_names(node), operands, strict=False):
            gap |= one is None or name.endswith("?")
            if one is not None:
                text = self.expression(one, flow)[0]
                done.append(f"{name.rstrip('?')}={text}" if gap else text)
        return done

    def input_names(self, node: Node) -> list[str]:
        assert node.member is not None  # noqa: S101
        called = members(self.home)(node.member)
        if isinstance(called, Graph):
            return [one.name for one in (node.graph or called).inputs if one.value is not None]
        return [one.strip("*") for one in called.tensors]

    # Expressions.

    def expression(self, one: Operand | Piece, flow: Value | None) -> tuple[str, int]:
        """An operand inside an expression, and how tightly it binds."""
        if one is None:
            return "none", ATOM
        if isinstance(one, Number):
            return self.number(one)
        if isinstance(one, Value):
            return self.reference(one, flow), ATOM
        if isinstance(one, Step) and one.node.op is not None and all(map(is_pure, inside_of(one))):
            return self.operation(one.node, list(one.operands), flow)
        return f"({' -> '.join(self.links(one, Place(flow, self.container, False, True)))})", ATOM

    def number(self, one: Number) -> tuple[str, int]:
        from archdsl.targets.arch.words import literal

        text = literal(one.number, self.size)
        if text.replace("_", "").isalnum() or text[:1].isdigit() and not any(sign in text for sign in "*+/% "):
            return text, ATOM
        return text, expressions.NEGATED if text.startswith("-") and " " not in text else expressions.OR

    def operation(self, node: Node, operands: list[Any], flow: Value | None) -> tuple[str, int]:
        """An operator with all of its operands."""
        op = node.op
        assert op is not None  # noqa: S101
        if op.name == "index":
            inner = within(self.expression(operands[0], flow), ATOM)
            return inner + index_text(op.parts, self.size), ATOM  # type: ignore[attr-defined]
        decided = op.name in ("logical_and", "logical_or") and isinstance(operands[0], Number)  # `true or x` needs no x
        if is_sign(op) and not decided:
            given = [self.expression(one, flow) for one in operands]
            return before(op.name, given[0]) if len(given) == 1 else binary(SIGNS[op.name], given[0], given[1])
        plain: list[str] = []
        named: list[str] = []
        for index, one in enumerate(operands):
            place = op.tensors[min(index, len(op.tensors) - 1)]
            if one is not None:
                text = self.expression(one, flow)[0]
                (named if place.endswith("?") else plain).append(f"{place[:-1]}={text}" if place.endswith("?") else text)
        given_ = self.configuration(node)
        if getattr(op, "pattern_first", False):
            return _call(op.name, [given_[0], *plain, *given_[1:]]), ATOM
        return _call(op.name, [*plain, *(one for one in given_ if not _is_named(one)), *named, *filter(_is_named, given_)]), ATOM

    def configuration(self, node: Node) -> list[str]:
        """The arguments of a function."""
        assert node.op is not None  # noqa: S101
        types = [None if one is None else one.type for one in node.operands]
        told = inferred(node.op, types, [one.type for one in node.results], self.home.facts)
        return configuration(node.op, self.size, settled=not told)

    # Constructs.

    def group(self, piece: Group, place: Place) -> str:
        """`label: { … }`."""
        self.labels.number(place.container, place.numbered)
        inner = changed(place, container=(*place.container, *piece.label), numbered=True)
        fresh = self.labels.is_fresh(inner.container)
        self.names.enter()
        entries = self.body(piece.body, inner)
        self.names.leave()
        return f"{label_text(piece.label)}: {whole(entries, fresh)}"

    def skip(self, piece: Skip, place: Place) -> str:
        """`skip { … } via …`."""
        text = f"skip {self.braces(piece.body, place)}"
        if piece.side is None:
            return text
        self.names.enter()
        entries = self.body(piece.side, place)
        self.names.leave()
        side = str(entries[0]) if len(entries) == 1 and "->" not in str(entries[0]) else in_braces(entries)
        return f"{text} via {side}"

    def braces(self, body: Body, place: Place) -> str:
        """A body in braces, with a scope of its own."""
        self.names.enter()
        entries = self.body(body, place)
        self.names.leave()
        return in_braces(entries)


def tangent_input(home: Graph, node: Node) -> int:
    """The input along which a `jvp` takes the tangent. Raises `Unsayable` where the tangents are not those of the block."""
    assert node.member is not None  # noqa: S101
    called = members(home)(node.member)
    count = len(node.operands) - 1
    if isinstance(called, Graph) and count == len(called.input_values):
        for index in range(count):
            made = Tangents().graph(called, tuple(at == index for at in range(count)))
            if made.graph == node.graph and all(made.outputs):
                return index
    raise Unsayable(f"the tangents of {'.'.join(node.member)} are not what `jvp` gives")


def _begins(node: Node) -> bool:
    """Whether a node begins a chain on the line of its next step: a part of a tensor, or one that is made from nothing."""
    return node.op is not None and (node.op.name == "index" or not node.op.tensors)


def _joined(begin: list[str], step: str) -> list[str]:
    """A link that starts the chain and the step that takes it, on one line."""
    return [" -> ".join([*begin, step])]


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})" if arguments else name


def _is_named(argument: str) -> bool:
    head = argument.split("=")[0]
    return "=" in argument and head.isidentifier()


def _labelled(text: str) -> tuple[str, str]:
    """A line's label and the rest."""
    head, colon, rest = text.partition(": ")
    return (head, rest) if colon and all(one.isalnum() or one in "._" for one in head) else ("", text)


def starts_with(piece: Piece, value: Value) -> bool:
    """Whether a piece takes the value from the flow."""
    return value in starts(piece)
