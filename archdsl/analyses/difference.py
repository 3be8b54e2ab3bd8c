"""What differs between two graphs, by structure: steps that were added, removed, replaced, moved, changed or rewired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from archdsl.analyses.alignment import Step, align
from archdsl.analyses.cost import called_graph
from archdsl.analyses.outline import called_op, own_path
from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Path
from archdsl.ir.value import Number, Operand, Value

KINDS = ("added", "removed", "replaced", "moved", "changed", "rewired")


@dataclass(frozen=True)
class Change:
    """One difference in a block. `values` are (field, before, after), as text; what is replaced or moved names both steps."""

    kind: str
    step: str
    values: tuple[tuple[str, str, str], ...] = ()
    other: str = ""


@dataclass
class Section:
    """The differences in one block, wherever it stands: `places` are the dotted paths of its instances, in the first program."""

    block: str
    other: str
    places: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def differences(before: Graph, after: Graph) -> list[Section]:
    """The differences of two programs, those of the same pair of blocks under one heading, outermost first."""
    return _Comparison().run(before, after)


class _Comparison:
    def __init__(self) -> None:
        self.sections: dict[tuple[str, str], Section] = {}
        self.known: dict[tuple[int, int], tuple[list[Change], list[tuple[str, Graph, Graph]]]] = {}

    def run(self, before: Graph, after: Graph) -> list[Section]:
        self._walk(before, after, "", ("", ""))
        return [one for one in self.sections.values() if one.changes]

    def _walk(self, before: Graph, after: Graph, place: str, names: tuple[str, str]) -> None:
        """Compare two graphs that stand at `place`, and all below them."""
        if before is after or before == after:
            return
        key = (id(before), id(after))
        if key not in self.known:
            self.known[key] = _compare(before, after)
        changes, inner = self.known[key]
        if changes:
            section = self.sections.setdefault(names, Section(*names))
            section.places.append(place)
            section.changes.extend(one for one in changes if one not in section.changes)
        for label, left, right in inner:
            home = names if left.kind in ("scan", "choice") else (left.name, right.name)
            self._walk(left, right, f"{place}.{label}" if place and label else label or place, home)


def _compare(before: Graph, after: Graph) -> tuple[list[Change], list[tuple[str, Graph, Graph]]]:
    """The changes of one graph, and the pairs of graphs below that are to be compared."""
    left, right = list(steps(before)), list(steps(after))
    pairs, gone, come = align(left, right)
    changes: list[tuple[int, Change]] = []
    inner: list[tuple[str, Graph, Graph]] = []
    for a, b in pairs:
        one, other = left[a], right[b]
        if one.word != other.word and not (one.graph and other.graph):
            changes.append((a, Change("replaced", _told(one), (), _told(other))))
            continue
        if one.label != other.label:
            changes.append((a, Change("moved", str(one), (), other.label)))
        values = tuple(_changed(one, other))
        if values:
            changes.append((a, Change("changed", str(one), values)))
        if one.graph is not None and other.graph is not None:
            inner.append((one.label, one.graph, other.graph))
    changes += [(a, Change("removed", _told(left[a]))) for a in gone]
    changes += [(_position(b, pairs), Change("added", _told(right[b]))) for b in come]
    changes += _rewired(left, right, pairs)
    return [change for _, change in sorted(changes, key=lambda one: one[0])], inner


def steps(graph: Graph) -> Iterator[Step]:
    """A graph's inputs, its own parameters and its nodes, in order."""
    for one in graph.inputs:
        if one.value is not None and graph.kind == "arch":
            yield Step(one.name, "input", {}, (one.value.type,))
    for path, member in graph.members.items():
        if isinstance(member, Parameter):
            yield Step(".".join(path), "buffer" if member.buffer else "param", {"init": member.init.name}, (member.value.type,))
    for node in graph.nodes:
        op, inner = called_op(graph, node), called_graph(graph, node)
        label = ".".join(own_path(graph, node)) if node.member else ""
        types = tuple(one.type for one in node.results)
        if node.leaf:
            yield Step(label, f"its {node.leaf}", {}, types, None, node)
        elif op is not None:
            constants = {f"operand {at}": one.number for at, one in enumerate(node.operands) if isinstance(one, Number)}
            yield Step(label if op.parameters() else "", op.name, {**dict(op.items()), **constants}, types, None, node, op)
        elif inner is not None:
            yield Step(label if any(True for _ in inner.tensors()) else "", inner.name, {}, types, inner, node)
        elif node.scan is not None:
            told = {"reverse": node.scan.reverse, "length": node.scan.length}
            yield Step("", "scan", told, types, node.scan.body, node)
        elif node.choice is not None:
            yield Step("", "if training", {}, types, node.choice.evaluation, node)
    for out in graph.outputs:
        if graph.kind == "arch":
            yield Step(out.name or "output", "output", {}, (out.value.type,))


def _position(b: int, pairs: list[tuple[int, int]]) -> int:
    """Where in the first program a step of the second one would stand."""
    return max((a for a, other in pairs if other < b), default=-1)


def _told(step: Step) -> str:
    """A step with its configuration, for one that came or went."""
    op = step.op
    given = [
        f"{name}={_text(value)}"
        for name, value in step.fields.items()
        if op is not None and (name not in op.fields or value != op.fields[name].default)
    ]
    return f"{step}({', '.join(given)})" if given else str(step)


def _changed(one: Step, other: Step) -> Iterator[tuple[str, str, str]]:
    """Fields with other values; for a block, an input or an output, whose change is below or before it, other shapes."""
    for name in {**one.fields, **other.fields}:
        before, after = one.fields.get(name), other.fields.get(name)
        if before != after or type(before) is not type(after):
            yield name, _text(before), _text(after)
    if one.types != other.types and (one.node is None or _owns(one)):
        yield "gives", " ".join(map(str, one.types)), " ".join(map(str, other.types))


def _owns(step: Step) -> bool:
    return bool(step.label) and step.graph is None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else f"[{', '.join(map(_text, value))}]" if isinstance(value, tuple) else str(value)


def _rewired(left: list[Step], right: list[Step], pairs: list[tuple[int, int]]) -> Iterator[tuple[int, Change]]:
    """Steps that take what another step makes, where both makers stand on both sides."""
    made_left, made_right = _makers(left), _makers(right)
    partner = dict(pairs)
    back = {b: a for a, b in pairs}
    for a, b in pairs:
        one, other = left[a].node, right[b].node
        if one is None or other is None or len(one.operands) != len(other.operands):
            continue
        for x, y in zip(one.operands, other.operands, strict=True):
            source, target = _maker(made_left, x), _maker(made_right, y)
            if source is None or target is None or source not in partner or target not in back or partner[source] == target:
                continue
            yield a, Change("rewired", _counted(left, a), (("takes", _counted(left, source), _counted(right, target)),))


def _counted(all_steps: list[Step], at: int) -> str:
    """A step by its name; one of several functions of one name also by its number."""
    step = all_steps[at]
    same = [index for index, one in enumerate(all_steps) if one.key == step.key]
    return str(step) if step.label or len(same) == 1 else f"{step} {same.index(at) + 1}"


def _makers(all_steps: list[Step]) -> dict[str, int]:
    return {value.name: at for at, one in enumerate(all_steps) if one.node is not None for value in one.node.results}


def _maker(makers: Mapping[str, int], operand: Operand) -> int | None:
    return makers.get(operand.name) if isinstance(operand, Value) else None


def keys(before: Graph, after: Graph) -> dict[str, list[Path]]:
    """Paths of the `state_dict` that were added, removed, or have another shape."""
    left, right = dict(before.tensors()), dict(after.tensors())
    return {
        "added": [path for path in right if path not in left],
        "removed": [path for path in left if path not in right],
        "reshaped": [path for path in left if path in right and left[path].type != right[path].type],
    }
