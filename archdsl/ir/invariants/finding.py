"""What an invariant says when it does not hold, and the view of one graph that it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph, Layer, Member, Parameter
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Op
from archdsl.records import record
from archdsl.source import Span


@record
class Finding:
    """An invariant that does not hold: its name, the graph, the place in it (a node, a path) and what is wrong there."""

    silent = ("span",)

    rule: str
    graph: str
    place: str
    message: str
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.rule}: in {self.graph}{', ' + self.place if self.place else ''}: {self.message}"


@record
class View:
    """One graph with what is known around it: `owner` is the graph whose members its nodes call (itself, but for bodies)."""

    graph: Graph
    owner: Graph
    top: Graph
    float: str
    free: frozenset[str]

    @property
    def facts(self) -> Facts:
        """The facts in force."""
        return self.graph.facts

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """The nodes with words for their places."""
        for index, node in enumerate(self.graph.nodes):
            yield f"node {index} ({called(node)})", node

    def member(self, path: Path | None) -> Member | Graph | Op | None:
        """What a node calls by a path: a member of the owner, or what is lent to it; None where there is none."""
        if path is None:
            return None
        if path[:1] == ("",):
            return dict(self.owner.borrowed).get(path[-1]) if len(path) == 2 else None
        return self.owner.members.get(path)

    def same(self, left: TensorType, right: TensorType) -> bool:
        """Whether two types are proved equal."""
        return (
            left.dtype == right.dtype
            and len(left.shape) == len(right.shape)
            and all(map(self.facts.equal, left.shape, right.shape))
        )


Said = Iterator[tuple[str, str] | tuple[str, str, Span | None]]
Invariant = Callable[[View], Said]
I = TypeVar("I", bound=Invariant)  # noqa: E741

INVARIANTS: dict[str, Invariant] = {}


def invariant(check: I) -> I:
    """Registers an invariant: it yields place and message (and span) wherever it does not hold; its name is its rule."""
    name = check.__name__.replace("_", "-")
    if name in INVARIANTS:
        raise ValueError(f"two invariants are called {name}")
    INVARIANTS[name] = check
    return check


def called(node: Node) -> str:
    """What a node calls, in a word."""
    if node.op is not None:
        return node.op.name
    if node.member is not None:
        return ".".join((*node.member, node.leaf) if node.leaf else node.member)
    return "scan" if node.scan is not None else "choice" if node.choice is not None else "nothing"


def type_of(operand: Operand) -> TensorType | None:
    """An operand's type; None for an absent input."""
    return None if operand is None else operand.type


def types_text(types: object) -> str:
    """Types for a message."""
    return ", ".join(map(str, types)) or "nothing" if isinstance(types, (tuple, list)) else str(types)


def own_values(graph: Graph) -> Iterator[tuple[str, Value]]:
    """Every value that a graph defines, with words for its place: inputs, parameters, results."""
    for one in graph.inputs:
        if one.value is not None:
            yield f"input {one.name}", one.value
    for path, member in graph.members.items():
        if isinstance(member, Parameter):
            yield f"parameter {'.'.join(path)}", member.value
    for index, node in enumerate(graph.nodes):
        for value in node.results:
            yield f"node {index}", value


def tensor_type(graph: Graph, path: Path) -> TensorType | None:
    """The type of the tensor at a path, through instances and other labels; None where there is none."""
    for end in range(len(path), 0, -1):
        head, rest = path[:end], path[end:]
        head = graph.aliases.get(head, head)
        member = graph.members.get(head)
        if isinstance(member, Parameter) and not rest:
            return member.value.type
        if isinstance(member, Layer):
            type = member.parameters().get(".".join(rest))
            if type is not None:
                return type
        elif member is not None and not isinstance(member, Parameter):
            found = tensor_type(member.graph, rest) if rest else None
            if found is not None:
                return found
    return None
