"""The operator that takes a carry or, in the first step, what it starts from: the pass alone makes it."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import Code, Context, OnnxTape, Op, TorchTape


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
