"""`meshgrid`: coordinates of a grid from the coordinates along each axis."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_rank, check_same_dtype, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option
from archdsl.ops.spelling import unpacked


class Meshgrid(Op):
    """Grids of coordinates, one for each input of one axis: `rows, columns = meshgrid(arange(H), arange(W))`.

    With `indexing="xy"` the first two axes of the results are swapped (`rows, columns` are then `x, y`).

    Source: PyTorch `torch.meshgrid`.
    """

    name = "meshgrid"
    linear = ("xs",)
    family = "combine"
    tensors = ("*xs",)
    indexing: str = option("ij", "matrix or Cartesian order of the first two axes", "str", choices=("ij", "xy"))

    examples = (
        Example({}, ("[H]", "[W]"), ("[H, W]", "[H, W]")),
        Example({"indexing": "xy"}, ("i64[H]", "i64[W]", "i64[1]"), ("i64[W, H, 1]",) * 3),
        Example({}, ("[3]",), ("[3]",)),
    )
    refusals = (
        Refusal({}, ("[H]", "[W, 2]"), "rank-mismatch"),
        Refusal({}, ("[H]", "i64[W]"), "dtype-mismatch"),
    )

    def places(self, count: int) -> list[int]:
        """The axis of the results along which each input runs."""
        places = list(range(count))
        if self.indexing == "xy" and count > 1:
            places[:2] = [1, 0]
        return places

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        tensors = [check_rank(given(one, "xs"), 1, operand=index) for index, one in enumerate(inputs)]
        dtype = check_same_dtype(*tensors)
        shape = tuple(tensors[place].shape[0] for place in self.places(len(tensors)))
        return (TensorType(shape, dtype),) * len(tensors)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return unpacked(tape, tape.call("torch.meshgrid", *inputs, indexing=self.indexing))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        places, results = self.places(len(inputs)), []
        shape = tape.shape(tape.outputs[0].shape)
        for place, name in zip(places, inputs, strict=True):
            others = [axis for axis in range(len(inputs)) if axis != place]
            wide = tape.node("Unsqueeze", [name or "", tape.ints(others)]) if others else name or ""
            results.append(tape.node("Expand", [wide, shape]))
        return results

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(self.places(len(inputs))[operand])
