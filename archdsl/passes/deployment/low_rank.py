"""The pass `low-rank`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from archdsl.dims.dtype import FLOAT
from archdsl.ir.edit import with_member
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ir.verify import check
from archdsl.passes.carrying import Derived, Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.chosen import free_layers
from archdsl.passes.deployment.factors import energetic, factors, in_two, is_factored, sides
from archdsl.passes.labels import edit_at
from archdsl.passes.pattern import Refusal
from archdsl.records import changed, record

EQUATION = "the weight as a product of two"


@record
class LowRank(Pass):
    """Makes two thin layers of a Linear or a convolution, of the largest singular values of its weight.

    `ratio` is the share of the full rank that is kept, `rank` says it as a number, `energy` as the share of the squares of the
    singular values, for which `apply` in Python is given the weights. With the full rank the function stays. The
    layer `fc` becomes `fc.0`, without a bias, and `fc.1`. It takes the layers under `labels`, all without. A layer stays where
    two would be larger, unless `rank` is given. Source: Denton et al., 2014; the truncated singular values are the best that a
    rank can do (Eckart and Young, 1936).
    """

    word: ClassVar[str] = "low-rank"
    exact: ClassVar[bool] = False
    ratio: float = 0.25
    rank: int = 0
    energy: float = 0.0
    labels: str = ""

    def wrong(self) -> str:
        if not 0 < self.ratio <= 1:
            return f"`ratio` is above 0 and at most 1, not {self.ratio}"
        if not 0 <= self.energy <= 1:
            return f"`energy` is from 0 to 1, not {self.energy}"
        return "" if self.rank >= 0 else f"`rank` is at least 1, or 0 where `ratio` says it, not {self.rank}"

    def apply(
        self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True,
        weights: Mapping[str, Any] | None = None,
    ) -> Passed:  # fmt: skip
        """As every pass; with `energy` the weights tell the rank of each layer, and so the graph is for these weights."""
        if self.wrong():
            raise ValueError(self.wrong())
        if self.energy and weights is not None:
            return self.by_energy(graph, weights, float, refusals, verify)
        if self.energy and refusals is not None:
            refusals.append(
                Refusal(EQUATION, graph.name, "`energy` needs the weights: `LowRank(energy=0.9).apply(graph, weights=…)`")
            )
        layers = dict(free_layers(graph, self.labels, EQUATION, self.refusal, refusals)) if not self.energy else {}
        if not layers:
            return Passed(graph)
        after = edit_at(graph, frozenset(layers), self.factored)
        derived = []
        for path, layer in layers.items():
            here, leaves = ".".join(path), tuple(layer.op.parameters())
            made = (f"{here}.0.weight", *(f"{here}.1.{leaf}" for leaf in leaves))
            derived.append(Derived(made, tuple(f"{here}.{leaf}" for leaf in leaves), factors(layer.op, self.rank_of(layer))))
        return Passed(check(after, float=float) if verify else after, tuple(derived))

    def by_energy(
        self, graph: Graph, weights: Mapping[str, Any], float: str, refusals: list[Refusal] | None, verify: bool
    ) -> Passed:
        """Each layer at the least rank that keeps that share of the squares of its singular values."""
        done = Passed(graph)
        plain = changed(self, energy=0.0, ratio=1.0, rank=1)
        for path, layer in free_layers(graph, self.labels, EQUATION, plain.refusal, None):
            here = ".".join(path)
            rank = energetic(layer.op, weights[f"{here}.weight"], self.energy)
            one = changed(self, energy=0.0, ratio=rank / min(sides(layer.op) or (1,)), labels=here)
            made = one.apply(done.graph, float=float, refusals=refusals, verify=False)
            done = Passed(made.graph, (*done.derived, *made.derived))
        return Passed(check(done.graph, float=float) if verify else done.graph, done.derived)

    def rank_of(self, layer: Layer) -> int:
        """The rank that is kept."""
        full = min(sides(layer.op) or (1,))
        return min(self.rank or max(1, round(self.ratio * full)), full)

    def refusal(self, layer: Layer, owner: Graph, path: Path) -> str | None:
        """Why a layer stays; nothing where it need not, None where it has no factors."""
        size = sides(layer.op)
        if size is None or is_factored(owner):
            return None
        if not self.rank and self.rank_of(layer) * sum(size) >= size[0] * size[1]:
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
