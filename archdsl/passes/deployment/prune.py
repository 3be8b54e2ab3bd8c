"""The pass `prune`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from archdsl.ir.graph import Graph
from archdsl.passes.carrying import Derived, Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.magnitude import aliases, matrices, smallest_zero
from archdsl.passes.pattern import Refusal
from archdsl.records import record

TOGETHER = ("layer", "model")


@record
class Prune(Pass):
    """Makes the weights of the smallest magnitude zero: the given share of each layer's, or of all together.

    It takes matrices and kernels, not biases, norms and embeddings, of the layers under `labels`, of all without. The graph and
    its keys stay; the weights change as they are carried. Source: Han et al., 2015, and `torch.nn.utils.prune`.
    """

    word: ClassVar[str] = "prune"
    exact: ClassVar[bool] = False
    ratio: float = 0.5
    over: str = "layer"
    labels: str = ""

    def wrong(self) -> str:
        if not 0 <= self.ratio <= 1:
            return f"`ratio` is from 0 to 1, not {self.ratio}"
        return "" if self.over in TOGETHER else f"`over` is {' or '.join(TOGETHER)}, not `{self.over}`"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        if self.wrong():
            raise ValueError(self.wrong())
        keys = matrices(graph, self.labels)
        groups = [keys] if self.over == "model" and keys else [(key,) for key in keys]
        others = aliases(graph)
        return Passed(graph, tuple(_zeroed(group, others, self.ratio) for group in groups))


def _zeroed(keys: tuple[str, ...], others: dict[str, str], ratio: float) -> Derived:
    """The tensors of these keys, under all of their keys, with the smallest elements zero."""
    again = [(other, keys.index(own)) for other, own in others.items() if own in keys]

    def how(places: list[int], *tensors: Any) -> Sequence[Any]:
        made = smallest_zero(tensors, ratio)
        return [*made, *(made[at] for at in places)]

    told: Callable[..., Sequence[Any]] = partial(how, [at for _, at in again])
    return Derived((*keys, *(other for other, _ in again)), keys, told)
