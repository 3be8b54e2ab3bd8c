"""RReLU: a leaky ReLU whose slope is drawn in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, OpFault, Reach, Refusal, TorchTape, option
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class RReLU(Op):
    """Leaky ReLU whose slope is drawn for each element in training, between `lower` and `upper`, and is their mean in evaluation.

    Shapes: any. Source: Xu et al., 2015; `torch.nn.RReLU`.
    """

    name = "RReLU"
    family = "activation"
    alike = "batch"
    channels_last = "keeps"
    layer = True
    random = True
    floats = True
    lower: float = option(1 / 8, "The least slope.", "float")
    upper: float = option(1 / 3, "The greatest slope.", "float")

    examples = (
        Example({}, ("[N, D]",), ("[N, D]",)),
        Example({"lower": 0.1, "upper": 0.4}, ("[N, 1, H]",), ("[N, 1, H]",)),
        Example({"lower": 0.2, "upper": 0.2}, ("[]",), ("[]",)),
    )
    refusals = (Refusal({"lower": 0.5, "upper": 0.25}, ("[N]",), "bad-argument"),)

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if self.lower > self.upper:
            what = f"the least slope, {self.lower}, is above the greatest, {self.upper}"
            raise OpFault(what, code="bad-argument", argument="lower")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x = inputs[0].plain
        above = x > 0
        slopes = -tape.again(-x.ones_like())
        tape.instead(above.where(x, slopes * x))
        return above.where(inputs[0].d, slopes * inputs[0].d)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.RReLU", **changed(self, "lower", "upper"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("LeakyRelu", [str(inputs[0])], alpha=(self.lower + self.upper) / 2)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)
