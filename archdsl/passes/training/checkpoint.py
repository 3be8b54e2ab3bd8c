"""The pass `checkpoint`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.ops.contract import Op
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.passes.training.running import run_blocks
from archdsl.records import record


@record
class Checkpoint(Pass):
    """Keeps nothing of what chosen blocks compute on the way: the backward pass computes it again, for less memory.

    `blocks` are labels of blocks, or of labelled groups of steps: `layer3.*`, several parted by spaces. Results, gradients and
    running statistics stay; in training each block costs one forward pass more (Chen et al., 2016).
    """

    word: ClassVar[str] = "checkpoint"
    blocks: str = "*.*"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        after = run_blocks(graph, self.blocks, "checkpoint", "a checkpoint", refusals, _borrows_statistics)
        return Passed(check(after, float=float) if verify and after is not graph else after)


def _borrows_statistics(graph: Graph) -> str:
    if any(_has_statistics(what) for _, what in graph.borrowed):
        return "it calls a layer of another block that has statistics, which training would update twice"
    return ""


def _has_statistics(what: Graph | Op) -> bool:
    return what.has_statistics() if isinstance(what, Graph) else any(one.buffer for one in what.parameters().values())
