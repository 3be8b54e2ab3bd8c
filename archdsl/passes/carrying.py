"""What a pass made: the graph, and how its tensors come from those that it had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archdsl.ir.graph import Call, Graph
from archdsl.records import record

Tensors = Callable[..., Sequence[Any]]
"""Gets PyTorch tensors in order, and gives others; it uses their methods alone, since passes know no framework."""


@record
class Derived:
    """The tensors of the keys `used` go, those of `made` come; a tensor that stays under its key is in both."""

    made: tuple[str, ...]
    used: tuple[str, ...]
    how: Tensors

    def below(self, prefix: str) -> Derived:
        """The same of an instance."""
        return Derived(tuple(prefix + key for key in self.made), tuple(prefix + key for key in self.used), self.how)


@record
class Passed:
    """A graph that passes made. `derived` holds in order, by full keys; empty: all are what they were."""

    graph: Graph
    derived: tuple[Derived, ...] = ()

    def carry(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state dict of `graph` from that of the graph that was given. Raises `KeyError` where a tensor is missing."""
        found = dict(state)
        for one in self.derived:
            made = one.how(*[found[key] for key in one.used])
            for key in one.used:
                found.pop(key, None)
            found.update(zip(one.made, made, strict=True))
        return found


def of_instances(graph: Graph, derived: Mapping[int, Sequence[Derived]], prefix: str = "") -> Iterator[Derived]:
    """What is derived in each graph, by its identity, for each of its instances: blocks before their callers."""
    for path, member in graph.members.items():
        if isinstance(member, Call):
            yield from of_instances(member.graph, derived, f"{prefix}{'.'.join(path)}.")
    for one in derived.get(id(graph), ()):
        yield one.below(prefix)
