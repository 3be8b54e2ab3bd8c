"""Indices as rows with a single one."""

from __future__ import annotations

from typing import Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_least, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, Reach, Refusal, TorchTape, required


class OneHot(Op):
    """Indices as rows with a single one; PyTorch's, but `num_classes` must be given.

    Shapes: x of integers [...] gives i64 [..., num_classes]. Source: `torch.nn.functional.one_hot`.
    """

    name = "one_hot"
    family = "embed"
    num_classes: Size = required("Size of a row; every index is below it.", "size")
    examples = (
        Example({"num_classes": 5}, ("i64[N]",), ("i64[N, 5]",), values={0: (0, 5)}),
        Example({"num_classes": 3}, ("i64[B, 1, T]",), ("i64[B, 1, T, 3]",), values={0: (0, 3)}),
        Example({"num_classes": 1}, ("i64[]",), ("i64[1]",), values={0: (0, 1)}),
    )
    refusals = (
        Refusal({"num_classes": 5}, ("[N]",), "dtype-mismatch"),
        Refusal({"num_classes": 0}, ("i64[N]",), "bad-argument"),
        Refusal({"num_classes": -1}, ("i64[N]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.num_classes, 1, "num_classes")
        check_dtype(given(inputs[0]), ("i64",), help="convert it: cast(x, i64)")
        return self

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (self.num_classes,)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((*given(inputs[0]).shape, self.num_classes), "i64"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.one_hot", inputs[0], self.num_classes)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, single = str(inputs[0]), not tape.inputs[0].shape
        if single:  # OneHot takes no scalar
            x = tape.node("Unsqueeze", [x, tape.ints([0])])
        y = tape.node("OneHot", [x, tape.size(self.num_classes), tape.ints([0, 1])], axis=-1)
        return tape.node("Squeeze", [y, tape.ints([0])]) if single else y

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)
