"""Iterations that only repeat the one before are copied, not elaborated again: a deep network of equal blocks costs little more than a shallow one."""

from __future__ import annotations

from itertools import islice
from typing import Any

from archdsl.elaborate.frame import Frame
from archdsl.elaborate.unit import Unit
from archdsl.elaborate.values import Instance
from archdsl.ir.graph import Call, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.records import changed
from archdsl.syntax import tree

PLAIN = (tree.Flow,)


def repeats_itself(one: tree.Repeat) -> bool:
    """Whether an iteration can depend on nothing but what flows into it: its body has only lines of the pipeline that name nothing and
    do not ask which iteration it is."""
    counters = {one.index, *one.targets} - {None, "_"}
    for below in one.body.walk():
        if isinstance(below, tree.Link) and below.names is not None:
            return False
        if isinstance(below, tree.Name) and below.name in counters:
            return False
        if isinstance(below, tree.Segment) and below.quoted:
            return False
        if isinstance(below, tree.Body) and not all(isinstance(statement, PLAIN) for statement in below.statements):
            return False
        if isinstance(below, (tree.Scan, tree.If, tree.Repeat, tree.Branch)):
            return False
    return True


class Mark:
    """What a unit had before an iteration."""

    def __init__(self, unit: Unit, nodes: int) -> None:
        self.nodes = nodes
        self.members = len(unit.members)
        self.containers = len(unit.containers)
        self.expanded = unit.expanded
        self.state = (unit.facts, len(unit.ties), len(unit.aliases), len(unit.open_ties), len(unit.borrowed), len(unit.raised), len(unit.positive))


def copy(frame: Frame, before: Mark, old: Path, new: Path, into: Value, out: Any) -> Value | None:
    """The iteration that began at `before` once more, at the path `new`, for what flowed out of it; None where it cannot be copied.

    `into` is what flowed into it, `out` what flows on.
    """
    unit, region = frame.unit, frame.region
    if not isinstance(out, Value) or into.type != out.type or Mark(unit, 0).state != before.state:
        return None
    members = list(islice(reversed(unit.members), len(unit.members) - before.members))[::-1]
    containers = list(islice(reversed(unit.containers), len(unit.containers) - before.containers))[::-1]
    depth = len(old)
    if any(path[:depth] != old or not isinstance(unit.members[path], (Layer, Call)) for path in members):
        return None
    nodes = region.nodes[before.nodes :]
    if any(node.scan or node.choice or isinstance(unit.members.get(node.member or ()), Instance) for node in nodes):
        return None

    def moved(path: Path) -> Path:
        return (*new, *path[depth:]) if path[:depth] == old else path

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
        member = None if node.member is None else moved(node.member)
        region.nodes.append(_copied(node, operands, tuple(results), moved(node.path), member))
    for path in containers:
        unit.contain(moved(path), unit.containers[path])
    for path in members:
        unit.members[moved(path)] = unit.members[path]
        unit.places[moved(path)] = unit.places[path]
    if old in unit.numbers:
        unit.numbers[new] = unit.numbers[old]
    unit.expanded += unit.expanded - before.expanded
    return names[out.name]


def _copied(node: Node, operands: tuple[Any, ...], results: tuple[Value, ...], path: Path, member: Path | None) -> Node:
    return changed(node, operands=operands, results=results, path=path, member=member)
