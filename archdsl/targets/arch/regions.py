"""Where a stretch of nodes is one construct: a skip around what flows, a group under one label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.records import record


@record
class SkipRegion:
    """`nodes[start:middle]` is the body, `nodes[middle:end - 1]` the shortcut (empty for the identity), the last one the sum."""

    start: int
    middle: int
    end: int
    flow: Value


@record
class GroupRegion:
    """`nodes[start:end]` stand under one label."""

    start: int
    end: int
    label: Path


class Regions:
    """Finds constructs in a graph's nodes."""

    def __init__(self, nodes: Sequence[Node], uses: Mapping[str, Sequence[int]], container: Callable[[Node], Path]) -> None:
        self.nodes = nodes
        self.uses = uses
        self.container = container
        self.made = {one.name: index for index, node in enumerate(nodes) for one in node.results}
        self._found: dict[tuple[int, int, Path], SkipRegion | GroupRegion | None] = {}
        self._sums = [index for index, node in enumerate(nodes) if node.op is not None and node.op.name == "add"]

    def find(self, start: int, end: int, container: Path) -> SkipRegion | GroupRegion | None:
        """The largest construct that starts at a node, within the nodes before `end`."""
        key = start, end, container
        if key not in self._found:
            self._found[key] = self._largest(start, end, container)
        return self._found[key]

    def _largest(self, start: int, end: int, container: Path) -> SkipRegion | GroupRegion | None:
        skip = self._skip(start, end)
        group = self._group(start, end, container)
        if skip is None or (group is not None and group.end >= skip.end):
            return group
        return skip

    def _skip(self, start: int, end: int) -> SkipRegion | None:
        """Of a skip the body takes the flow in its first step, and has layers: a sum of expressions is written as one."""
        best: SkipRegion | None = None
        given = [one for one in self.nodes[start].operands if one is not None]
        for one in given if len(given) == 1 else ():
            if not isinstance(one, Value) or self.made.get(one.name, -1) >= start:
                continue
            for last in reversed(self._sums):
                if last >= end:
                    continue
                if last <= start or (best is not None and last < best.end):
                    break
                region = self._closed_skip(start, last, one)
                if region is not None:
                    best = region
                    break
        return best

    def _closed_skip(self, start: int, last: int, flow: Value) -> SkipRegion | None:
        """The skip whose sum is node `last`, if it is one of what flows in."""
        short, deep = self.nodes[last].operands
        if not (isinstance(short, Value) and isinstance(deep, Value)):
            return None
        middle = self.made.get(deep.name, -1) + 1
        if all(node.member is None for node in self.nodes[start:middle]):
            return None
        if short == flow:
            if middle != last or not self._closed(start, last, last, deep):
                return None
            return SkipRegion(start, last, last + 1, flow)
        made = self.made.get(short.name, -1)
        if made != last - 1 or not start < middle < last or flow not in self.nodes[middle].operands:
            return None
        if not (self._closed(start, middle, last, deep) and self._closed(middle, last, last, short)):
            return None
        return SkipRegion(start, middle, last + 1, flow)

    def _closed(self, start: int, end: int, taker: int, result: Value) -> bool:
        """Whether nothing of `nodes[start:end]` is used outside but the result, and that by the taker alone."""
        for node in self.nodes[start:end]:
            for one in node.results:
                outside = [use for use in self.uses.get(one.name, ()) if not start <= use < end]
                if outside and (one != result or outside != [taker]):
                    return False
        return self.nodes[end - 1].results == (result,)

    def _group(self, start: int, end: int, container: Path) -> GroupRegion | None:
        depth = len(container)
        first = self.container(self.nodes[start])
        if len(first) <= depth or first[:depth] != container:
            return None
        stop, common = start, first
        while stop < end:
            here = self.container(self.nodes[stop])
            if here[: depth + 1] != first[: depth + 1]:
                break
            while here[: len(common)] != common:
                common = common[:-1]
            stop += 1
        while stop - start > 1 and not self._escapes_once(start, stop):
            stop -= 1
        if stop - start < 2:
            return None
        common = first
        for node in self.nodes[start:stop]:
            here = self.container(node)
            while here[: len(common)] != common:
                common = common[:-1]
        return GroupRegion(start, stop, common[depth:])

    def _escapes_once(self, start: int, end: int) -> bool:
        last = self.nodes[end - 1].results
        for node in self.nodes[start:end]:
            for one in node.results:
                if (len(last) != 1 or one != last[0]) and any(not start <= use < end for use in self.uses.get(one.name, ())):
                    return False
        return len(last) == 1 and any(use >= end for use in self.uses.get(last[0].name, ()))
