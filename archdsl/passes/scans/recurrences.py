"""The operators that stand for a solved recurrence: no words of the language, the pass alone makes them."""

from __future__ import annotations

from typing import ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import Code, Context, Op, TorchTape, option, required


class Solved(Op):
    """All states of a recurrence, [T + 1, …], from its two sequences and its first state […], which is among them.

    The sequences broadcast to [T, …]. ONNX has no such operator: an export keeps the loop.
    """

    family = "recurrent"
    tensors = ("a", "b", "start")
    steps: object = required("how many steps there are", "size")
    reverse: bool = option(False, "from the last step to the first, the first state last", "bool")
    function: ClassVar[str]

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        start = given(inputs[2], "start")
        return (TensorType((self.steps + 1, *start.shape), start.dtype),)  # type: ignore[operator]

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        tape.helper("affine_scan")
        return tape.call(self.function, *inputs, **({"reverse": True} if self.reverse else {}))


class AffineScan(Solved):
    """`h = a * h + b`, element by element."""

    name = "affine_scan"
    function = "affine_scan"


class MaxPlusScan(Solved):
    """`h = maximum(h + a, b)`, element by element."""

    name = "maxplus_scan"
    function = "maxplus_scan"
