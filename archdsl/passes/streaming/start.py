"""The operator that takes a carry or, in the first step, what it starts from: the pass alone makes it."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ir.edit import everywhere, substitute, uses
from archdsl.ir.graph import Graph
from archdsl.ops.checks import given
from archdsl.ops.contract import Code, Context, OnnxTape, Op, TorchTape
from archdsl.passes.scans.loop import needed
from archdsl.records import changed


class Start(Op):
    """The carry, or `start` where it is absent at run time. In ONNX the carry is always given.

    In the graph of the first step it is no operand.
    """

    name = "start"
    family = "recurrent"
    tensors = ("carry?", "start")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[1], "start"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        carry, start = inputs
        return Code(str(start) if carry is None else f"{start} if {carry} is None else {carry}")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        carry, start = inputs
        return str(start if carry is None else carry)


def without_starts(graph: Graph) -> Graph:
    """The graph of a step whose carries are all given: what they start from is left out, and inputs for that alone."""

    def edit(one: Graph) -> Graph:
        starts = {node.results[0].name: node.operands[0] for node in one.nodes if isinstance(node.op, Start)}
        starts = {name: carry for name, carry in starts.items() if carry is not None}
        if not starts:
            return one
        one = substitute(one, starts)
        return changed(one, nodes=tuple(needed(list(one.nodes), {out.value.name for out in one.outputs})), loops=())

    made = everywhere(graph, edit)
    used = uses(made)
    return changed(made, inputs=tuple(one for one in made.inputs if one.carried or one.value is None or one.value.name in used))
