"""`matmul`, `dot`, `outer` and `cross`: products of matrices and vectors."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import before_last
from archdsl.ops.checks import FLOATS, INTEGERS, check_axis, check_dtype, check_equal, check_rank, check_same_dtype, given
from archdsl.ops.contract import (
    Along,
    Batched,
    Code,
    Context,
    Everywhere,
    Example,
    Gate,
    OnnxTape,
    Op,
    Reach,
    Refusal,
    TorchTape,
    option,
)
from archdsl.ops.product.batch import NUMBERS, broadcast_axes, broadcast_reach
from archdsl.ops.spelling import changed


def _pair(inputs: tuple[TensorType | None, ...], dtypes: tuple[str, ...]) -> tuple[TensorType, TensorType]:
    """Both operands, of one dtype among these."""
    x, y = check_dtype(given(inputs[0]), dtypes, wants="numbers"), given(inputs[1], "y")
    check_same_dtype(x, y)
    return x, y


class Matmul(Op):
    """The matrix product, also written `x @ y`; leading axes are batches and broadcast, a tensor of one axis is a vector.

    [..., N, K] and [..., K, M] give [..., N, M]; a vector loses its axis in the result.

    Source: PyTorch `torch.matmul`.
    """

    name = "matmul"
    linear = ("x", "y")
    family = "product"
    alike = "every"
    tensors = ("x", "y")

    examples = (
        Example({}, ("[N, K]", "[K, M]"), ("[N, M]",)),
        Example({}, ("[B, 1, T, D]", "[H, D, S]"), ("[B, H, T, S]",)),
        Example({}, ("[B, T, D]", "[D]"), ("[B, T]",)),
        Example({}, ("[D]", "[B, D, 4]"), ("[B, 4]",)),
        Example({}, ("[D]", "[D]"), ("[]",)),
        Example({}, ("i64[N, 1]", "i64[1, M]"), ("i64[N, M]",)),
    )
    refusals = (
        Refusal({}, ("[N, 3]", "[4, M]")),
        Refusal({}, ("[N, K]", "[D, M]"), "unproved-dimension"),
        Refusal({}, ("[2, N, 3]", "[5, 3, M]")),
        Refusal({}, ("[B, N, 3]", "[C, 3, M]"), "unproved-dimension"),
        Refusal({}, ("[]", "[3, M]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "i64[3, M]"), "dtype-mismatch"),
        Refusal({}, ("bool[N, 3]", "bool[3, M]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, y = _pair(inputs, NUMBERS)
        check_rank(x, 1, None)
        check_rank(y, 1, None, operand=1)
        inner = max(y.rank - 2, 0)
        said = f"cannot multiply {x} and {y}: axis {x.rank - 1} and axis {inner} differ"
        check_equal(context, x.shape[-1], y.shape[inner], said, operand=1, axis=inner, other=0)
        batch = broadcast_axes(context, x, y, 2)
        return (TensorType((*batch, *x.shape[:-1][-1:], *(y.shape[-1:] if y.rank > 1 else ())), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(f"{inputs[0]} @ {inputs[1]}")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("MatMul", [one or "" for one in inputs])

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].numel() * given(inputs[0]).shape[-1]

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        x, y = given(inputs[0]), given(inputs[1])
        if after[1] is None and y.rank <= 2:
            made = before_last(self, after, 1)
            return made and Batched(self, made.inputs, made.result + y.rank - 2)
        if after[0] is None and y.rank == 1:  # the vectors side by side as columns
            return Batched(self, (None, 0), 0) if x.rank > 1 else None
        if after[0] is None and x.rank <= 2:
            return Batched(self, (None, y.rank), outputs[0].rank)
        if x.rank < 2 or y.rank < 2:
            return None
        place = max(x.rank, y.rank)
        return Batched(self, (place, place), place)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        x, y = given(inputs[0]), given(inputs[1])
        one, result = (x, y)[operand], outputs[0]
        if axis == (x.rank - 1 if operand == 0 else max(y.rank - 2, 0)):
            return Everywhere()
        tail = (x.rank > 1) + (y.rank > 1)
        if axis >= one.rank - 2:
            return Along(result.rank - (1 if operand == 1 or y.rank == 1 else 2))
        return broadcast_reach(one, axis, result, axis - (one.rank - 2) + result.rank - tail)

    def gates(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...]) -> tuple[Gate, ...]:
        summed = (given(inputs[0]).rank - 1, max(given(inputs[1]).rank - 2, 0))
        return (Gate(1 - operand, summed[1 - operand]),) if axis == summed[operand] else ()


class Dot(Op):
    """The inner product of two vectors: `dot(x, y)`.

    Source: PyTorch `torch.dot`.
    """

    name = "dot"
    linear = ("x", "y")
    family = "product"
    alike = "every"
    tensors = ("x", "y")

    examples = (Example({}, ("[N]", "[N]"), ("[]",)), Example({}, ("i64[1]", "i64[1]"), ("i64[]",)))
    refusals = (
        Refusal({}, ("[3]", "[4]")),
        Refusal({}, ("[N]", "[M]"), "unproved-dimension"),
        Refusal({}, ("[N, 3]", "[3]"), "rank-mismatch"),
        Refusal({}, ("[3]", "i64[3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, y = _pair(inputs, NUMBERS)
        check_rank(x, 1)
        check_rank(y, 1, operand=1)
        check_equal(context, x.shape[0], y.shape[0], "the vectors differ in length", operand=1, axis=0, other=0)
        return (TensorType((), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.dot", inputs[1])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("MatMul", [one or "" for one in inputs])

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return given(inputs[0]).shape[0]


class Outer(Op):
    """All products of the elements of two vectors: `outer(x, y)`.

    Source: PyTorch `torch.outer`.
    """

    name = "outer"
    linear = ("x", "y")
    family = "product"
    alike = "every"
    tensors = ("x", "y")

    examples = (Example({}, ("[N]", "[M]"), ("[N, M]",)), Example({}, ("i64[1]", "i64[M]"), ("i64[1, M]",)))
    refusals = (
        Refusal({}, ("[N, 3]", "[3]"), "rank-mismatch"),
        Refusal({}, ("[3]", "i64[3]"), "dtype-mismatch"),
        Refusal({}, ("bool[3]", "bool[3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, y = _pair(inputs, FLOATS + INTEGERS)
        check_rank(x, 1)
        check_rank(y, 1, operand=1)
        return (TensorType((x.shape[0], y.shape[0]), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.outer", inputs[1])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Mul", [tape.node("Unsqueeze", [inputs[0] or "", tape.ints([1])]), inputs[1] or ""])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(operand)


class Cross(Op):
    """The cross product of vectors of three numbers along an axis: `cross(x, y, axis=-1)`; the shapes are broadcast.

    Source: PyTorch `torch.linalg.cross`.
    """

    name = "cross"
    linear = ("x", "y")
    family = "product"
    alike = "every"
    tensors = ("x", "y")
    axis: int = option(-1, "the axis of the three numbers", "int")

    examples = (
        Example({}, ("[N, 3]", "[N, 3]"), ("[N, 3]",)),
        Example({"axis": -2}, ("[B, 3, 1]", "[1, 3, T]"), ("[B, 3, T]",)),
        Example({"axis": 1}, ("i64[N, 3]", "i64[1, 3]"), ("i64[N, 3]",)),
    )
    refusals = (
        Refusal({}, ("[N, 4]", "[N, 4]")),
        Refusal({}, ("[N, K]", "[N, K]"), "unproved-dimension"),
        Refusal({}, ("[2, 3]", "[4, 3]")),
        Refusal({}, ("[N, 3]", "[M, 3]"), "unproved-dimension"),
        Refusal({"axis": 2}, ("[N, 3]", "[N, 3]"), "axis-out-of-range"),
        Refusal({}, ("[N, 3]", "[3]"), "rank-mismatch"),
        Refusal({}, ("[3]", "i64[3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, y = _pair(inputs, NUMBERS)
        axis = check_axis(self.axis, x.rank)
        check_rank(y, x.rank, operand=1)
        for operand, one in enumerate((x, y)):
            check_equal(context, one.shape[axis], 3, "a cross product is of three numbers", operand=operand, axis=axis)
        return (TensorType(broadcast_axes(context, x, y, 0), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.linalg.cross", inputs[0], inputs[1], **changed(self, "axis"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        back = check_axis(self.axis, tape.outputs[0].rank) - tape.outputs[0].rank

        def turned(operand: int, order: list[int]) -> str:
            return tape.node("Gather", [inputs[operand] or "", tape.ints(order)], axis=back)

        one, two = [1, 2, 0], [2, 0, 1]
        products = [tape.node("Mul", [turned(0, first), turned(1, second)]) for first, second in ((one, two), (two, one))]
        return tape.node("Sub", products)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        one, result = given(inputs[operand]), outputs[0]
        target = axis - one.rank + result.rank
        return Everywhere() if target == check_axis(self.axis, result.rank) else broadcast_reach(one, axis, result, target)
