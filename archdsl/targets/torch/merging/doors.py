"""What is checked at run time for some ways of calling alone, and the ways that are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archdsl.ir.graph import Door, Graph
from archdsl.records import record

Given = frozenset[str]


@record
class GuardedDoor(Door):
    """A check for the calls in which these inputs are given (true) or not (false). Without a relation to check the call is
    refused."""

    where: tuple[tuple[str, bool], ...] = ()


def guarded_doors(graphs: Mapping[Given, Graph], common: Sequence[Door]) -> list[GuardedDoor]:
    """The checks that only some specialisations make, each with what tells these from the others."""
    found: dict[Door, list[Given]] = {}
    for given, graph in graphs.items():
        for door in graph.doors:
            if door not in common:
                found.setdefault(door, []).append(given)
    made: dict[GuardedDoor, None] = {}
    for door, inside in found.items():
        outside = [given for given in graphs if given not in inside]
        for given in inside:
            where = telling(given, outside, graphs)
            made[GuardedDoor(door.left, door.op, door.right, door.message, door.span, where)] = None
    return list(made)


def refusals(messages: Mapping[Given, str], known: Sequence[Given]) -> list[GuardedDoor]:
    """The ways of calling that the program refuses, and what it says to each."""
    made: dict[GuardedDoor, None] = {}
    for given, message in messages.items():
        outside = [*known, *(other for other, said in messages.items() if said != message)]
        where = telling(given, outside, (*known, *messages))
        made[GuardedDoor(0, "", 0, message, None, where)] = None
    return list(made)


def telling(given: Given, outside: Sequence[Given], every: Iterable[Given]) -> tuple[tuple[str, bool], ...]:
    """The fewest inputs whose presence tells a way of calling from those outside."""
    names = sorted({name for one in every for name in one})
    kept = [(name, name in given) for name in names]
    for literal in list(kept):
        fewer = [one for one in kept if one != literal]
        if not any(all((name in other) is there for name, there in fewer) for other in outside):
            kept = fewer
    return tuple(kept)
