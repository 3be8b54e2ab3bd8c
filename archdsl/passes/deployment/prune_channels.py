"""The pass `prune-channels`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.ir.verify import check
from archdsl.passes.carrying import Derived, Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.channels import Channels, Tied, fewer, made
from archdsl.passes.holds import holds
from archdsl.passes.labels import edit_at, members_under
from archdsl.passes.pattern import Refusal
from archdsl.records import changed, record

EQUATION = "fewer channels"


@record
class PruneChannels(Pass):
    """Takes whole channels away: those of the smallest weights, with all that belongs to them up to the layers that add them up.

    A Linear or convolution under `labels`, any without, makes `ratio` fewer channels (rounded to whole ones), of which each
    goes by itself through norms of channels, functions and depthwise convolutions into others. Where a skip ties them to
    others, where they are handled jointly, or leave their block, they stay. Keys stay. Source: Li et al., 2017.
    """

    word: ClassVar[str] = "prune-channels"
    exact: ClassVar[bool] = False
    ratio: float = 0.5
    labels: str = ""

    def wrong(self) -> str:
        return "" if 0 <= self.ratio < 1 else f"`ratio` is at least 0 and below 1, not {self.ratio}"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        if self.wrong():
            raise ValueError(self.wrong())
        found = holds(graph)
        chosen: dict[Path, int] = {}
        derived = []
        for path, member, owner in members_under(graph, self.labels):
            count = made(member.op) if isinstance(member, Layer) else None
            if count is None or not isinstance(member, Layer):
                continue
            own = next(key for key, one in owner.members.items() if one is member and path[len(path) - len(key) :] == key)
            kept = max(1, count - round(self.ratio * count))
            if kept == count:
                continue
            try:
                channels = fewer(owner, own, kept, float, found.get(id(owner), {}))
            except Tied as reason:
                refusal = Refusal(EQUATION, f"{owner.name}.{'.'.join(own)}", str(reason))
                if refusals is not None and refusal not in refusals:
                    refusals.append(refusal)
                continue
            chosen[path] = kept
            derived.append(_shortened(channels, path[: len(path) - len(own)], kept))
        if not chosen:
            return Passed(graph)
        after = edit_at(graph, frozenset(chosen), lambda one, paths: self.narrowed(one, paths, float))
        return Passed(check(after, float=float) if verify else after, tuple(derived))

    def narrowed(self, graph: Graph, paths: frozenset[Path], float: str) -> Graph:
        """The graph with fewer channels behind the layers at these paths."""
        for path in sorted(paths):
            member = graph.members[path]
            count = (made(member.op) if isinstance(member, Layer) else None) or 1
            channels = fewer(graph, path, max(1, count - round(self.ratio * count)), float, {})
            nodes = tuple(_retyped(node, channels.values) for node in graph.nodes)
            graph = changed(graph, nodes=nodes, members={**graph.members, **channels.layers})
        return graph


def _retyped(node: Node, values: dict[str, TensorType]) -> Node:
    def other(one: Operand) -> Operand:
        return Value(one.name, values[one.name]) if isinstance(one, Value) and one.name in values else one

    results = tuple(Value(one.name, values.get(one.name, one.type)) for one in node.results)
    return changed(node, operands=tuple(map(other, node.operands)), results=results)


def _shortened(channels: Channels, prefix: Path, count: int) -> Derived:
    """The tensors that belong to channels, with those of the largest filters: the first tensor's, that of the layer that makes
    them."""
    keys = tuple(".".join((*prefix, *path, leaf)) for path, leaf, _ in channels.tensors)
    axes = [axis for _, _, axis in channels.tensors]

    def how(*tensors: Any) -> Sequence[Any]:
        size = tensors[0].shape[axes[0]]
        filters = tensors[0].detach().double().movedim(axes[0], 0).reshape(size, -1)
        kept = filters.abs().sum(1).topk(count).indices.sort().values
        return [one.detach().index_select(axis, kept) for one, axis in zip(tensors, axes, strict=True)]

    told: Callable[..., Sequence[Any]] = how
    return Derived(keys, keys, told)
