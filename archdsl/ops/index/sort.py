"""`sort`, `argsort`, `topk` and `searchsorted`: order along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import (
    FLOATS,
    INTEGERS,
    check_axis,
    check_dtype,
    check_equal,
    check_least,
    check_rank,
    check_same_dtype,
    check_size_at_least,
    given,
)
from archdsl.ops.contract import (
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    OnnxTape,
    Op,
    Reach,
    Refusal,
    TorchTape,
    option,
    required,
)
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

WIDER = {"i16": "i32", "i8": "i32", "u8": "i32", "bf16": "f32"}
"""Dtypes that ONNX's TopK, or ONNX Runtime's, does not take, and what they are sorted as."""


def _ordered(tape: OnnxTape, x: str, dtype: str, count: Size, axis: int, largest: bool) -> list[str]:
    """Values and indices of the first `count` in order."""
    concrete = tape.float if dtype == "float" else dtype
    if concrete in WIDER:
        wide = WIDER[concrete]
        values, indices = _ordered(tape, tape.node("Cast", [x], to=wide), wide, count, axis, largest)
        return [tape.node("Cast", [values], to=dtype), indices]
    return tape.nodes("TopK", [x, tape.shape([count])], 2, axis=axis, largest=int(largest), sorted=1)


def _check_order(x: TensorType | None, axis: int) -> TensorType:
    there = check_dtype(given(x), FLOATS + INTEGERS, wants="numbers")
    check_axis(axis, there.rank)
    return there


class Sort(Op):
    """Values in order along an axis, and the positions they had: `values, indices = sort(x)`.

    Source: PyTorch `torch.sort`.
    """

    name = "sort"
    family = "index"
    axis: int = option(-1, "the axis to sort along", "int")
    descending: bool = option(False, "the largest first", "bool")
    stable: bool = option(False, "equal values keep their order", "bool")

    examples = (
        Example({}, ("[N, T]",), ("[N, T]", "i64[N, T]")),
        Example({"axis": 0, "descending": True}, ("[7, N]",), ("[7, N]", "i64[7, N]")),
        Example({"axis": 1, "stable": True}, ("i64[1, T]",), ("i64[1, T]", "i64[1, T]")),
        Example({"stable": True}, ("i8[T]",), ("i8[T]", "i64[T]")),
    )
    refusals = (
        Refusal({"axis": 1}, ("[N]",), "axis-out-of-range"),
        Refusal({}, ("bool[N]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = _check_order(inputs[0], self.axis)
        return (x, TensorType(x.shape, "i64"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return inputs[0].d.gather(tape.outputs[1], axis=self.axis), None

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.sort", **changed(self, "axis", "descending", "stable"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        x = tape.inputs[0]
        return _ordered(tape, inputs[0] or "", x.dtype, x.shape[self.axis], self.axis, self.descending)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class Argsort(Op):
    """The positions that put an axis in order: `argsort(x, axis=-1)`.

    Source: PyTorch `torch.argsort`.
    """

    name = "argsort"
    family = "index"
    axis: int = option(-1, "the axis to sort along", "int")
    descending: bool = option(False, "the largest first", "bool")
    stable: bool = option(False, "equal values keep their order", "bool")

    examples = (
        Example({}, ("[N, T]",), ("i64[N, T]",)),
        Example({"axis": 0, "descending": True}, ("[7, 1, N]",), ("i64[7, 1, N]",)),
        Example({"axis": -2, "stable": True}, ("i64[T, 3]",), ("i64[T, 3]",)),
    )
    refusals = (
        Refusal({"axis": 1}, ("[N]",), "axis-out-of-range"),
        Refusal({}, ("bool[N]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType(_check_order(inputs[0], self.axis).shape, "i64"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.argsort", **changed(self, "axis", "descending", "stable"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = tape.inputs[0]
        return _ordered(tape, inputs[0] or "", x.dtype, x.shape[self.axis], self.axis, self.descending)[1]

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class Topk(Op):
    """The `k` largest values along an axis, in order, and their positions: `values, indices = topk(x, 2)`.

    `k` must be proved to be at most the size of the axis.

    Source: PyTorch `torch.topk` with `sorted=True`.
    """

    name = "topk"
    family = "index"
    k: Size = required("how many", "size")
    axis: int = option(-1, "the axis to choose along", "int")
    largest: bool = option(True, "the largest; the smallest where false", "bool")

    examples = (
        Example({"k": 2}, ("[N, 8]",), ("[N, 2]", "i64[N, 2]")),
        Example({"k": 1, "axis": 1, "largest": False}, ("[N, T, 1]",), ("[N, 1, 1]", "i64[N, 1, 1]")),
        Example({"k": "T"}, ("[N, T + 1]",), ("[N, T]", "i64[N, T]")),
    )
    refusals = (
        Refusal({"k": 0}, ("[N, 8]",), "bad-argument"),
        Refusal({"k": 9}, ("[N, 8]",)),
        Refusal({"k": 2}, ("[N]",), "unproved-dimension"),
        Refusal({"k": 2, "axis": 2}, ("[N, 8]",), "axis-out-of-range"),
        Refusal({"k": 2}, ("bool[8]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = _check_order(inputs[0], self.axis)
        axis = check_axis(self.axis, x.rank)
        check_least(self.k, 1, "k")
        check_size_at_least(
            context, x.shape[axis], self.k, f"axis {axis} must have {self.k} positions", operand=0, axis=axis, argument="k"
        )
        shape = (*x.shape[:axis], self.k, *x.shape[axis + 1 :])
        return (TensorType(shape, x.dtype), TensorType(shape, "i64"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return inputs[0].d.gather(tape.outputs[1], axis=self.axis), None

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.topk", self.k, **changed(self, "axis", "largest"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        return _ordered(tape, inputs[0] or "", tape.inputs[0].dtype, self.k, self.axis, self.largest)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class Searchsorted(Op):
    """Where each value would stand in a sorted sequence: `searchsorted(edges, x)`.

    The sequence has one axis, or the leading axes of the values and one more. With `right` behind equal elements, else before.

    Source: PyTorch `torch.searchsorted`.
    """

    name = "searchsorted"
    family = "index"
    tensors = ("sorted_sequence", "values")
    right: bool = option(False, "behind equal elements", "bool")

    examples = (
        Example({}, ("i64[1]", "i64[B, T]"), ("i64[B, T]",)),
        Example({"right": True}, ("i64[1]", "i64[N]"), ("i64[N]",)),
        Example({}, ("[N, 1]", "[N, S]"), ("i64[N, S]",)),
    )
    refusals = (
        Refusal({}, ("[K]", "i64[N]"), "dtype-mismatch"),
        Refusal({}, ("[2, K]", "[3, N]")),
        Refusal({}, ("[M, K]", "[N, 3]"), "unproved-dimension"),
        Refusal({}, ("[2, K]", "[N]"), "rank-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        sequence, values = given(inputs[0], "sorted_sequence"), given(inputs[1], "values")
        check_same_dtype(sequence, values)
        check_dtype(sequence, FLOATS + INTEGERS, wants="numbers")
        check_rank(sequence, 1, None)
        if sequence.rank > 1:
            check_rank(values, sequence.rank, operand=1)
            for k in range(sequence.rank - 1):
                check_equal(context, sequence.shape[k], values.shape[k], f"they differ in axis {k}", operand=1, axis=k, other=0)
        return (TensorType(values.shape, "i64"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        said: dict[str, Any] = changed(self, "right")
        return tape.call("torch.searchsorted", inputs[0], inputs[1], **said)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        # the position is the number of elements before it
        sequence = tape.inputs[0]
        left = inputs[0] or ""
        if sequence.rank > 1:
            left = tape.node("Unsqueeze", [left, tape.ints([sequence.rank - 1])])
        value = tape.node("Unsqueeze", [inputs[1] or "", tape.ints([-1])])
        before = tape.node("LessOrEqual" if self.right else "Less", [left, value])
        return tape.node("ReduceSum", [tape.node("Cast", [before], to="i64"), tape.ints([-1])], keepdims=0)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        sequence = given(inputs[0])
        return Everywhere() if operand == 0 and axis == sequence.rank - 1 else Along(axis)
