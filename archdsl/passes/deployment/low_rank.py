"""The pass `low-rank`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.dims.dtype import FLOAT
from archdsl.ir.edit import with_member
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ir.verify import check
from archdsl.passes.carrying import Derived, Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.factors import factors, in_two, is_factored, sides
from archdsl.passes.holds import held, holds
from archdsl.passes.labels import edit_at, members_under
from archdsl.passes.pattern import Refusal
from archdsl.records import record

EQUATION = "the weight as a product of two"


@record
class LowRank(Pass):
    """Makes two thin layers of a Linear or a convolution, of the largest singular values of its weight.

    `ratio` is the share of the full rank that is kept, `rank` says it as a number; with the full rank the function stays. The
    layer `fc` becomes `fc.0`, without a bias, and `fc.1`. It takes the layers under `labels`, all without. A layer stays where
    two would be larger, unless `rank` is given. Source: Denton et al., 2014; the truncated singular values are the best that a
    rank can do (Eckart and Young, 1936).
    """

    word: ClassVar[str] = "low-rank"
    exact: ClassVar[bool] = False
    ratio: float = 0.25
    rank: int = 0
    labels: str = ""

    def wrong(self) -> str:
        if not 0 < self.ratio <= 1:
            return f"`ratio` is above 0 and at most 1, not {self.ratio}"
        return "" if self.rank >= 0 else f"`rank` is at least 1, or 0 where `ratio` says it, not {self.rank}"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        if self.wrong():
            raise ValueError(self.wrong())
        why = holds(graph)
        ranks: dict[Path, int] = {}
        derived = []
        for path, member, owner in members_under(graph, self.labels):
            if not isinstance(member, Layer) or sides(member.op) is None or is_factored(owner):
                continue
            own = next(key for key, one in owner.members.items() if one is member and path[len(path) - len(key) :] == key)
            rank = self.rank_of(member)
            reason = held(why.get(id(owner), {}), own) or self.refusal(member, rank, owner, own)
            if reason:
                refusal = Refusal(EQUATION, f"{owner.name}.{'.'.join(own)}", reason)
                if refusals is not None and refusal not in refusals:
                    refusals.append(refusal)
                continue
            ranks[path] = rank
            here, leaves = ".".join(path), tuple(member.op.parameters())
            made = (f"{here}.0.weight", *(f"{here}.1.{leaf}" for leaf in leaves))
            derived.append(Derived(made, tuple(f"{here}.{leaf}" for leaf in leaves), factors(member.op, rank)))
        if not ranks:
            return Passed(graph)
        after = edit_at(graph, frozenset(ranks), lambda one, chosen: self.factored(one, chosen))
        return Passed(check(after, float=float) if verify else after, tuple(derived))

    def rank_of(self, layer: Layer) -> int:
        """The rank that is kept."""
        full = min(sides(layer.op) or (1,))
        return min(self.rank or max(1, round(self.ratio * full)), full)

    def refusal(self, layer: Layer, rank: int, owner: Graph, path: Path) -> str:
        """Why a layer stays; nothing where it need not."""
        rows, columns = sides(layer.op) or (1, 1)
        if not self.rank and rank * (rows + columns) >= rows * columns:
            return "two layers would be larger"
        if layer.float != FLOAT:
            return f"it is in {layer.float}: factorise before `cast`"
        return "" if any(node.member == path for node in owner.nodes) else "no step calls it"

    def factored(self, graph: Graph, chosen: frozenset[Path]) -> Graph:
        """The graph with the layers at these paths in two."""
        for path in sorted(chosen):
            layer = graph.members[path]
            node = _caller(graph, path)
            x = node.operands[0]
            if isinstance(layer, Layer) and isinstance(x, Value):
                block = in_two(layer.op, self.rank_of(layer), x.type, graph.facts)
                graph = with_member(graph, path, Call(block, layer.span))
        return graph


def _caller(graph: Graph, path: Path) -> Node:
    return next(node for node in graph.nodes if node.member == path)
