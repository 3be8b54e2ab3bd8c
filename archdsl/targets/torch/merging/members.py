"""The members of several specialisations as those of one: a key is one tensor in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from archdsl.ir.build import in_order
from archdsl.ir.graph import Call, Graph, Member, Parameter
from archdsl.ir.node import Path
from archdsl.records import changed
from archdsl.targets.torch.merging.regions import Unmergeable

T = TypeVar("T")


def common_members(graphs: Sequence[Graph], calls: Mapping[Path, Graph]) -> dict[Path, Member]:
    """The members of all, each once, in the order of a `state_dict`. Raises `Unmergeable` where two differ."""
    found: dict[Path, Member] = {}
    for path in joined_order([list(graph.members) for graph in graphs]):
        ones = [graph.members[path] for graph in graphs if path in graph.members]
        first = ones[0]
        if isinstance(first, Call) and all(isinstance(one, Call) for one in ones):
            found[path] = Call(calls[path], first.span)
            continue
        if any(_plain(one) != _plain(first) for one in ones):
            what = f"what `{'.'.join(path)}` is depends on which optional inputs are given: a module has one under each key"
            raise Unmergeable(what, first.span)
        found[path] = first
    return in_order(found) if any(list(graph.members) != list(found) for graph in graphs) else found


def _plain(member: Member) -> object:
    """What must agree: a value's name may differ."""
    if isinstance(member, Parameter):
        return changed(member, value=None), member.value.type
    return member


def joined_order(lists: Sequence[Sequence[T]]) -> list[T]:
    """The items of all lists, each once; a list's own items stand behind the one before them there."""
    joined = list(lists[0])
    for one in lists[1:]:
        at = 0
        for item in one:
            if item in joined:
                at = joined.index(item) + 1
            else:
                joined.insert(at, item)
                at += 1
    return joined


def common_mapping(maps: Iterable[Mapping[Path, Path]]) -> dict[Path, Path]:
    """Ties or aliases of all. Raises `Unmergeable` where one path is tied to two."""
    found: dict[Path, Path] = {}
    for one in maps:
        for path, target in one.items():
            if found.setdefault(path, target) != target:
                raise Unmergeable(f"which tensor `{'.'.join(path)}` is depends on which optional inputs are given")
    return found
