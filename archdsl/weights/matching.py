"""Which tensor of one architecture is which of another, after an edit: by structure, block by block, then by path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from archdsl.analyses.alignment import Step, align
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Initializer, Layer, Member, Parameter
from archdsl.ops.contract import Weight
from archdsl.records import record

Pairs = dict[str, str]
"""Keys of the new architecture, each with the old one's key of the same tensor."""


@record
class Place:
    """A tensor of the `state_dict`: its shape and layout, and for a buffer that the program states, how it is made."""

    weight: Weight
    stated: Initializer | None = None


def places(graph: Graph) -> dict[str, Place]:
    """Every tensor below a graph, by its key under its own labels, tied ones too."""
    return dict(_places(graph))


def _places(graph: Graph) -> Iterator[tuple[str, Place]]:
    for path, member in graph.members.items():
        label = ".".join(path)
        if isinstance(member, Call):
            yield from ((f"{label}.{key}", one) for key, one in _places(member.graph))
        elif isinstance(member, Layer):
            yield from ((f"{label}.{leaf}", Place(one)) for leaf, one in member.op.parameters().items())
        else:
            type = member.value.type
            yield label, Place(Weight(type.shape, dtype=type.dtype), member.init if member.buffer else None)


def matches(before: Graph, after: Graph, known: Pairs) -> Pairs:
    """The pairs of tensors that are one tensor, before and after; those `known` are taken as they are.

    First what stands in the same place of two blocks that stand in the same place; then what has the same path; then a tensor
    whose path got segments or lost some (a step was put into a block), where its shape allows one answer.
    """
    old, new = places(before), places(after)
    found = dict(known)
    used = set(known.values())

    def add(pairs: Mapping[str, str]) -> None:
        for key, source in pairs.items():
            if key in new and source in old and key not in found and source not in used:
                found[key] = source
                used.add(source)

    add(_Alignment().pairs(before, after))
    add({key: key for key in new})
    left = {key: one for key, one in old.items() if key not in used}
    add(_nested({key: one for key, one in new.items() if key not in found}, left))
    return found


class _Alignment:
    """Pairs of whole graphs; the same two blocks are compared once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], Pairs] = {}

    def pairs(self, before: Graph, after: Graph) -> Pairs:
        key = id(before), id(after)
        if key not in self.known:
            self.known[key] = dict(self._below(before, after))
        return self.known[key]

    def _below(self, before: Graph, after: Graph) -> Iterator[tuple[str, str]]:
        left, right = list(before.members.items()), list(after.members.items())
        steps = [[_step(".".join(path), member) for path, member in side] for side in (left, right)]
        for a, b in align(*steps)[0]:
            one, other = left[a][1], right[b][1]
            old, new = steps[0][a].label, steps[1][b].label
            if isinstance(one, Call) and isinstance(other, Call):
                yield from ((f"{new}.{key}", f"{old}.{source}") for key, source in self.pairs(one.graph, other.graph).items())
            elif isinstance(one, Layer) and isinstance(other, Layer):
                yield from ((f"{new}.{leaf}", f"{old}.{leaf}") for leaf in other.op.parameters() if leaf in one.op.parameters())
            elif isinstance(one, Parameter) and isinstance(other, Parameter):
                yield new, old


def _step(label: str, member: Member) -> Step:
    """A member as a step that is compared: its word and what it owns."""
    if isinstance(member, Call):
        return Step(label, member.graph.name, {}, (), member.graph)
    if isinstance(member, Layer):
        types = tuple(TensorType(one.shape, one.dtype) for one in member.op.parameters().values())
        return Step(label, member.op.name, dict(member.op.items()), types, op=member.op)
    name = label.rpartition(".")[2]  # a shape alone says little
    return Step(label, "buffer" if member.buffer else "param", {"name": name}, (member.value.type,))


def _nested(new: Mapping[str, Place], old: Mapping[str, Place]) -> Pairs:
    """Pairs of left-over tensors of one shape where one path is the other with segments left out, and no third is so too."""
    alike: dict[object, list[str]] = {}
    for source, one in old.items():
        alike.setdefault((source.rpartition(".")[2], one.weight.shape), []).append(source)
    found: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for key, one in new.items():
        path = key.split(".")
        near = alike.get((path[-1], one.weight.shape), [])
        found[key] = [each for each in near if _within(path, each.split(".")) or _within(each.split("."), path)]
        counts.update(found[key])
    return {key: sources[0] for key, sources in found.items() if len(sources) == 1 and counts[sources[0]] == 1}


def _within(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(one in rest for one in short)
