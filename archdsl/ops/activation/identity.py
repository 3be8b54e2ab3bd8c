"""Identity: a layer that changes nothing, for where a layer must stand."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, Reach, TorchTape


class Identity(Op):
    """Gives its input unchanged: a layer to pass where a template asks for one.

    Shapes and dtypes: any. Source: `torch.nn.Identity`.
    """

    name = "Identity"
    linear = ("x",)
    family = "activation"
    alike = "batch"
    channels_last = "keeps"
    layer = True
    examples = (Example({}, ("[N, D]",), ("[N, D]",)), Example({}, ("i64[1]",), ("i64[1]",)))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def module(self, tape: TorchTape) -> Code:
        return Code("nn.Identity()")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return str(inputs[0])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)
