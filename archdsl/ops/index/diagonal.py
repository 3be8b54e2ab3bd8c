"""`diagonal`: the elements whose positions in two axes differ by a constant."""

from __future__ import annotations

from archdsl.dims.dim import Size, minimum
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_axis, check_size_at_least, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, OpFault, Reach, Refusal, TorchTape, option
from archdsl.ops.reshape.plan import reshape_onnx


class Diagonal(Op):
    """The diagonal of two axes, which becomes the last axis: `diagonal(x, axis1=-2, axis2=-1)`.

    Source: PyTorch `torch.diagonal` (there `dim1`, `dim2`).
    """

    name = "diagonal"
    linear = ("x",)
    family = "index"
    offset: int = option(0, "how far above (below: negative) the main diagonal", "int")
    axis1: int = option(0, "the axis of rows", "int")
    axis2: int = option(1, "the axis of columns", "int")

    examples = (
        Example({}, ("[N, N]",), ("[N]",)),
        Example({"offset": 1, "axis1": -2, "axis2": -1}, ("[B, 3, 4]",), ("[B, 3]",)),
        Example({"offset": -1, "axis1": 2, "axis2": 0}, ("[T, 3, T + 2]",), ("[3, min(T, T + 1)]",)),
    )
    refusals = (
        Refusal({"axis1": 1, "axis2": -1}, ("[N, 4]",), "bad-argument"),
        Refusal({"axis2": 2}, ("[N, 4]",), "axis-out-of-range"),
        Refusal({"offset": 4}, ("[N, 4]",)),
        Refusal({"offset": 4}, ("[4, N]",), "unproved-dimension"),
    )

    def axes(self, rank: int) -> tuple[int, int]:
        """Rows and columns, counted from 0. Raises `OpFault`."""
        rows, columns = check_axis(self.axis1, rank, argument="axis1"), check_axis(self.axis2, rank, argument="axis2")
        if rows == columns:
            raise OpFault(f"a diagonal needs two axes; both are {rows}", code="bad-argument", argument="axis2")
        return rows, columns

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        rows, columns = self.axes(x.rank)
        far, size = (columns, x.shape[columns] - self.offset) if self.offset > 0 else (rows, x.shape[rows] + self.offset)
        check_size_at_least(
            context, size, 1, f"the diagonal {self.offset} must lie within", operand=0, axis=far, argument="offset"
        )
        length: Size = minimum(size, x.shape[rows if self.offset > 0 else columns])
        return (TensorType((*(one for axis, one in enumerate(x.shape) if axis not in (rows, columns)), length), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        said = {"offset": (self.offset, 0), "dim1": (self.axis1, 0), "dim2": (self.axis2, 1)}
        return tape.call(f"{inputs[0]}.diagonal", **{name: value for name, (value, usual) in said.items() if value != usual})

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        shape = tape.inputs[0].shape
        rows, columns = self.axes(len(shape))
        rest = [axis for axis in range(len(shape)) if axis not in (rows, columns)]
        x = tape.node("Transpose", [inputs[0] or ""], perm=[*rest, rows, columns])
        kept, width = tuple(shape[axis] for axis in rest), shape[columns]
        x = reshape_onnx(tape, x, (*kept, shape[rows], width), (*kept, shape[rows] * width))
        start = tape.size(self.offset if self.offset > 0 else -self.offset * width)
        count = tape.size(tape.outputs[0].shape[-1])
        steps = tape.node("Mul", [tape.node("Range", [tape.size(0), count, tape.size(1)]), tape.size(width + 1)])
        return tape.node("Gather", [x, tape.node("Add", [steps, start])], axis=len(rest))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        rows, columns = self.axes(given(inputs[0]).rank)
        if axis in (rows, columns):
            shift = max(self.offset, 0) if axis == columns else max(-self.offset, 0)
            return Along(outputs[0].rank - 1, shift, shift)
        return Along(axis - (axis > rows) - (axis > columns))
