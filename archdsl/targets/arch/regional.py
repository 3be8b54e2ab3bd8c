"""Scans and the choice of training in words: constructs whose bodies are graphs of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path, Scan
from archdsl.ir.value import Value
from archdsl.records import changed
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.folding import Entry, in_braces
from archdsl.targets.arch.pieces import Step
from archdsl.targets.arch.sharing import applications
from archdsl.targets.arch.structure import Structure
from archdsl.targets.arch.words import label_text

if TYPE_CHECKING:
    from archdsl.targets.arch.writing import Place, Writer


def scan_text(writer: Writer, piece: Step, place: Place) -> str:
    """`label: scan x in xs over axis 1 { … }`."""
    node, scan = piece.node, piece.node.scan
    assert scan is not None  # noqa: S101
    label, place = _labelled(writer, node, [scan.body], place)
    count = len(scan.axes)
    inner = writer.within(scan.body)
    inputs = [one.value for one in scan.body.inputs if one.value is not None]
    walked = [writer.expression(one, place.flow)[0] for one in piece.operands[:count]]
    starts = [writer.expression(one, None)[0] for one in piece.operands[count : count + scan.carries]]
    writer.names.enter()
    structure, outputs = _structure(writer, scan.body)
    used = structure.uses
    slices = [writer.names.give(one) if one.name in used else "_" for one in inputs[:count]]
    carries = [writer.names.give(one) for one in inputs[count : count + scan.carries]]
    for value, name in zip(inputs, [*slices, *carries], strict=False):
        inner.known[value.name] = name
    _capture(writer, inner, inputs[count + scan.carries :], node.operands[count + scan.carries :])
    nexts = outputs[: scan.carries]
    later = _rename(inner, structure, inputs[count : count + scan.carries], nexts, carries)
    for one in outputs:
        inner.reference(one, None)
    body = structure.body(0, len(scan.body.nodes), place.container, None, ())
    entries = [Entry("", f"carry {name} = {start}") for name, start in zip(carries, starts, strict=True)]
    entries += inner.entries(body, changed(place, flow=None))
    yields = outputs[scan.carries : scan.carries + scan.yields]
    if yields:
        entries.append(Entry("", f"yield {', '.join(inner.reference(one, None) for one in yields)}"))
    if later:
        values = [inner.reference(nexts[index], None) for index in later]
        right = values[0] if len(values) == 1 else f"({', '.join(values)})"
        entries.append(Entry("", f"{', '.join(carries[index] for index in later)} = {right}"))
    if scan.finals:
        entries.append(Entry("", f"final {', '.join(carries[index] for index in scan.finals)}"))
    if scan.until:
        entries.append(Entry("", f"until {inner.reference(outputs[-1], None)}"))
    writer.names.leave()
    pairs = ", ".join(f"{name} in {value}" for name, value in zip(slices, walked, strict=True))
    way = " reverse" if scan.reverse else ""
    lines = "\n".join(map(str, entries))
    return f"{label}scan {pairs} over axis {_axis(scan, node)}{way} {{\n{lines}\n}}"


def _rename(
    inner: Writer, structure: Structure, old: list[Value], nexts: list[Value], names: list[str]
) -> list[int]:  # fmt: skip
    """Let the next values of carries take their names where they are made, if the old ones are not needed after. The carries that
    are assigned at the end."""
    later = []
    made = structure.regions.made
    for index, (before, after) in enumerate(zip(old, nexts, strict=True)):
        if before == after:
            raise Unsayable("a carry that never changes")
        last = max(structure.uses.get(before.name, ()), default=-1)
        if after.name not in made or last > made[after.name] or nexts.count(after) > 1:
            later.append(index)
        else:
            inner.renamed[after.name] = names[index]
    return later


def _axis(scan: Scan, node: Node) -> int:
    """The one number that says every scanned axis and where results are stacked."""
    ranks = [one.type.rank for one in node.operands[: len(scan.axes)] if isinstance(one, Value)]
    stacked = [one.type.rank for one in node.results[: scan.yields]]
    for axis in (scan.axes[0], scan.axes[0] - ranks[0]):
        if all(axis % rank == at for rank, at in zip(ranks, scan.axes, strict=True)) and all(
            axis % rank == at for rank, at in zip(stacked, scan.yield_axes, strict=True)
        ):
            return axis
    raise Unsayable("a scan that walks and stacks along axes that no one number says")


def choice_text(writer: Writer, piece: Step, place: Place) -> str:
    """`if training { … } else { … }`."""
    choice = piece.node.choice
    assert choice is not None  # noqa: S101
    label, place = _labelled(writer, piece.node, [choice.training, choice.evaluation], place)
    sides = []
    for graph in (choice.training, choice.evaluation):
        inner = writer.within(graph)
        inputs = [one.value for one in graph.inputs if one.value is not None]
        flow = next((a for a, b in zip(inputs, piece.node.operands, strict=True) if b is not None and b == place.flow), None)
        writer.names.enter()
        structure, outputs = _structure(writer, graph)
        _capture(writer, inner, inputs, piece.node.operands, flow)
        body = structure.body(0, len(graph.nodes), place.container, flow, tuple(outputs))
        sides.append(in_braces(inner.body(body, changed(place, flow=flow))))
        writer.names.leave()
    other = "" if sides[1] == "{ }" else f" else {sides[1]}"
    return f"{label}if training {sides[0]}{other}"


def _capture(writer: Writer, inner: Writer, inputs: list[Value], operands: tuple[object, ...], flow: Value | None = None) -> None:
    """The names, inside, of what a body takes from outside."""
    for value, outer in zip(inputs, operands, strict=True):
        if isinstance(outer, Value) and value != flow:
            inner.known[value.name] = writer.reference(outer, None)
        elif isinstance(outer, Value) and outer.name in writer.known:
            inner.known[value.name] = writer.known[outer.name]


def _structure(writer: Writer, graph: Graph) -> tuple[Structure, list[Value]]:
    outputs = [one.value for one in graph.outputs]
    return Structure(graph.nodes, outputs, writer.members.container), outputs


def _labelled(writer: Writer, node: Node, bodies: list[Graph], place: Place) -> tuple[str, Place]:
    """The construct's label, where its layers stand in a container of their own."""
    depth = len(place.container)
    own = node.path
    called = [one.member for body in bodies for one in applications(body.nodes) if one.member is not None and not one.leaf]
    inside = [path for path in called if writer.members.declared(path) is None]
    if len(own) <= depth or own[:depth] != place.container or any(path[: len(own)] != own for path in inside):
        return "", place
    writer.labels.number(place.container, place.numbered)
    path: Path = own[depth:]
    return f"{label_text(path)}: ", changed(place, container=own, numbered=True)
