"""The pass `cast`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.casting import Casting
from archdsl.passes.pattern import Refusal
from archdsl.records import record

HALVES = ("bf16", "f16")


@record
class Cast(Pass):
    """Computes in half precision, `to=bf16` or `f16`, with float32 where that loses too much: norms, softmax, sums, exponentials.

    Layers and products of matrices compute in half precision, and hold their tensors so; what an operator says of itself
    (`precise`) stays, and so do scans, random choices between training and evaluation, and what they call. What else there is
    computes in the wider of the types it gets. Blocks pass on half precision. With `doors=false` the inputs and outputs of the
    model are in half precision too. Keys stay; weights are rounded as they are loaded.
    """

    word: ClassVar[str] = "cast"
    exact: ClassVar[bool] = False
    to: str = "bf16"
    doors: bool = True

    def wrong(self) -> str:
        return "" if self.to in HALVES else f"`to` is {' or '.join(HALVES)}, not `{self.to}`"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        if self.wrong():
            raise ValueError(self.wrong())
        after = Casting(graph, self.to, self.doors, float).run()
        return Passed(check(after, float=float) if verify and after is not graph else after)
