"""The pass `autocast`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.graph import Graph
from archdsl.ir.verify import check
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.pattern import Refusal
from archdsl.passes.training.running import run_blocks
from archdsl.records import record

HALVES = ("bf16", "f16")


@record
class Autocast(Pass):
    """Trains chosen blocks in mixed precision: under `torch.autocast` to bf16 or f16, with weights and results in float32.

    `blocks` are labels of blocks, or of labelled groups of steps, several parted by spaces. Evaluation and ONNX stay as they are;
    for inference there is `cast`. With f16 scale the loss (`torch.amp.GradScaler`). Source: Micikevicius et al., 2018.
    """

    word: ClassVar[str] = "autocast"
    blocks: str = "*"
    to: str = "bf16"

    def wrong(self) -> str:
        return "" if self.to in HALVES else f"`to` is {' or '.join(HALVES)}, not `{self.to}`"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        if self.wrong():
            raise ValueError(self.wrong())
        after = run_blocks(graph, self.blocks, f"autocast {self.to}", "what is autocast", refusals, _in_half)
        return Passed(check(after, float=float) if verify and after is not graph else after)


def _in_half(graph: Graph) -> str:
    typed = {one.type.dtype for below in graph.graphs() for one in (*below.input_values, *(out.value for out in below.outputs))}
    found = sorted(typed & set(HALVES))
    return f"it is in {found[0]} already" if found else ""
