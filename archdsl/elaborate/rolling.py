"""Iterations that only repeat the one before are copied, not elaborated again: a deep network of equal blocks costs little more
than a shallow one."""

from __future__ import annotations

from itertools import islice
from typing import Any

from archdsl.elaborate import expressions
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.unit import Unit
from archdsl.elaborate.values import Instance, key_of
from archdsl.ir.graph import Call, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.syntax import tree

PLAIN = (tree.Flow,)


def questions(one: tree.Repeat) -> list[tree.Expr] | None:
    """The arguments in which a body asks which iteration it is; None where an iteration may depend on more than them and what
    flows.

    Such a body has only lines of the pipeline that name nothing, and uses its counters in arguments alone.
    """
    counters = {one.index, *one.targets} - {None, "_"}
    asked: list[tree.Expr] = []
    inside: set[int] = set()
    for below in one.body.walk():
        if id(below) in inside:
            continue
        if isinstance(below, tree.Link) and below.names is not None:
            return None
        if isinstance(below, tree.Arg) and not isinstance(below.value, tree.Chain):
            parts = list(below.value.walk())
            if any(isinstance(part, tree.Name) and part.name in counters for part in parts):
                if any(isinstance(part, (tree.It, tree.Chain, tree.Call)) for part in parts):
                    return None
                asked.append(below.value)
                inside.update(id(part) for part in parts)
        if isinstance(below, tree.Name) and below.name in counters:
            return None
        if isinstance(below, tree.Segment) and below.quoted:
            return None
        if isinstance(below, tree.Body) and not all(isinstance(statement, PLAIN) for statement in below.statements):
            return None
        if isinstance(below, (tree.Scan, tree.If, tree.Repeat, tree.Branch)):
            return None
    return asked


def answer(frame: Frame, asked: list[tree.Expr]) -> tuple[object, ...] | None:
    """The values of these arguments in this iteration; None where one cannot be told (its fault is found where it is used)."""
    try:
        return tuple(key_of(expressions.evaluate(frame, one)) for one in asked)
    except (Fault, Absorbed):
        return None


class Mark:
    """What a unit had before an iteration."""

    def __init__(self, unit: Unit, nodes: int, container: Path) -> None:
        self.nodes = nodes
        self.number = unit.numbers.get(container, 0)
        self.members = len(unit.members)
        self.containers = len(unit.containers)
        self.expanded = unit.expanded
        self.state = (
            unit.facts,
            len(unit.ties),
            len(unit.aliases),
            len(unit.open_ties),
            len(unit.open_aliases),
            len(unit.borrowed),
            len(unit.raised),
            len(unit.positive),
        )


class Shift:
    """How the paths of one iteration become those of the next: its container's number grows by one; without a container, the
    numbers of its
    steps grow by as many as an iteration takes."""

    def __init__(self, container: Path, by: int, first: int) -> None:
        self.container = container
        self.depth = len(container)
        self.by = by
        self.first = first

    def inside(self, path: Path) -> bool:
        """Whether a path belongs to the iteration."""
        if len(path) <= self.depth or path[: self.depth] != self.container:
            return False
        number = path[self.depth]
        return number.isdigit() and self.first <= int(number) < self.first + self.by

    def __call__(self, path: Path) -> Path:
        """The path in the next iteration."""
        return self.moved(path) if self.inside(path) else path

    def moved(self, path: Path) -> Path:
        """The path of one that is in this iteration, in the next."""
        return (*self.container, str(int(path[self.depth]) + self.by), *path[self.depth + 1 :])


def _named(scope: Scope | None, value: Value) -> bool:
    """Whether a name stands for a value: what the first iteration reads under it stays, while what flows is another in each."""
    while scope is not None:
        if any(_within(one.value, value) for one in scope.names.values()):
            return True
        scope = scope.parent
    return False


def _within(bound: Any, value: Value) -> bool:
    return any(_within(one, value) for one in bound) if isinstance(bound, tuple) else bound == value


def copy(frame: Frame, before: Mark, labelled: bool, index: int, into: Any, out: Any) -> Value | None:
    """The iteration before number `index`, which began at `before`, once more for what flowed out of it; None where it cannot
    be copied.

    `into` is what flowed into it, `out` what flows on.
    """
    unit, region, container = frame.unit, frame.region, frame.container
    if (
        not (isinstance(into, Value) and isinstance(out, Value))
        or into.type != out.type
        or (index == 1 and _named(frame.scope, into))
        or Mark(unit, 0, container).state != before.state
    ):
        return None
    taken = unit.numbers.get(container, 0) - before.number
    moved = Shift(container, 1, index - 1) if labelled else Shift(container, taken, before.number)
    members = list(islice(reversed(unit.members), len(unit.members) - before.members))[::-1]
    containers = list(islice(reversed(unit.containers), len(unit.containers) - before.containers))[::-1]
    there: dict[Path | None, Path] = {}
    for path in members:
        if not moved.inside(path) or not isinstance(unit.members[path], (Layer, Call)):
            return None
        there[path] = moved.moved(path)
        if there[path] in unit.places:
            return None
    nodes = region.nodes[before.nodes :]
    for node in nodes:
        if node.scan or node.choice or isinstance(unit.members.get(node.member or ()), Instance):
            return None

    names: dict[str, Value] = {into.name: out}
    for node in nodes:
        operands = tuple([names.get(value.name, value) if isinstance(value, Value) else value for value in node.operands])
        results = []
        for value in node.results:
            fresh = names[value.name] = unit.value(value.type, region)
            if value.name in unit.hints:
                unit.hints[fresh.name] = unit.hints[value.name]
            if node.span is not None:
                unit.made[fresh.name] = node.span
            results.append(fresh)
        member = None if node.member is None else there.get(node.member) or moved(node.member)
        at = there.get(node.path) or moved(node.path)
        region.nodes.append(
            Node(operands, tuple(results), node.op, member, None, None, node.leaf, node.graph, node.lent, at, node.span)
        )
    for path in containers:
        unit.contain(moved(path), unit.containers[path])
    for path in members:
        unit.members[there[path]] = unit.members[path]
        unit.places[there[path]] = unit.places[path]
    if not labelled and taken:
        unit.numbers[container] += taken
    unit.expanded += unit.expanded - before.expanded
    return names[out.name]
