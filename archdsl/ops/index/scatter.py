"""`scatter`, `scatter_add`, `index_add` and `masked_fill`: elements written or added at chosen places, into a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.broadcast import BroadcastFault, broadcast
from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, INTEGERS, check_axis, check_dtype, check_equal, check_rank, check_same_dtype, given
from archdsl.ops.contract import (
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    Refusal,
    TorchTape,
    option,
    required,
)
from archdsl.ops.index.indices import check_covers, check_line, check_positions, filled, spread

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


def check_fill(x: TensorType, value: Any) -> None:
    """A fractional number does not go into integers. Raises `dtype-mismatch`."""
    if x.dtype not in FLOATS and value != int(value):
        raise OpFault(f"the value {value} does not fit {x}", code="dtype-mismatch", operand=0, argument="value")


def _check_source(context: Context, x: TensorType, index: TensorType, src: TensorType) -> None:
    """`src` has the dtype of `x` and the shape of the index (PyTorch takes longer ones, and then has no gradient)."""
    if src.dtype != x.dtype:
        raise OpFault(f"dtypes differ: {x} and {src}", code="dtype-mismatch", operand=2, other=0)
    check_rank(src, index.rank, operand=2)
    for k in range(index.rank):
        check_equal(context, index.shape[k], src.shape[k], f"axis {k} is not the index's", operand=2, axis=k, other=1)


class Scatter(Op):
    """`x` with the elements of `src`, or one value, written at the indices along an axis: `scatter(x, index, src, axis=1)`.

    PyTorch has dim first. `index` is i64 with the axes of `x`, none longer but for `axis`, and `src` has its shape. Where indices
    repeat, which one stays is open.

    Source: PyTorch `torch.scatter`.
    """

    name = "scatter"
    family = "index"
    tensors = ("x", "index", "src?")
    axis: int = required("the axis the indices are positions of", "int")
    value: float | None = option(None, "written where no `src` is given", "int | float | none")

    examples = (
        Example({"axis": -1}, ("[N, 5]", "i64[N, 1]", "[N, 1]"), ("[N, 5]",), values={1: (0, 5)}),
        Example({"axis": 1, "value": 1.5}, ("[N, T, 2]", "i64[N, 3, 2]"), ("[N, T, 2]",), values={1: (0, "T")}),
        Example({"axis": 0, "value": 2}, ("i64[N]", "i64[3]"), ("i64[N]",), values={1: (0, "N")}),
    )
    refusals = (
        Refusal({"axis": 1}, ("[B, 4]", "i64[B, 4]"), "bad-argument"),
        Refusal({"axis": 1, "value": 1.0}, ("[B, 4]", "i64[B, 4]", "[B, 4]"), "bad-argument"),
        Refusal({"axis": 1, "value": 1.5}, ("i64[B, 4]", "i64[B, 4]"), "dtype-mismatch"),
        Refusal({"axis": 1}, ("[B, 4]", "i64[B, 4]", "i64[B, 4]"), "dtype-mismatch"),
        Refusal({"axis": 1}, ("[B, 4]", "i64[B, 3]", "[B, 2]")),
        Refusal({"axis": 1}, ("[B, 4]", "i64[B]", "[B]"), "rank-mismatch"),
        Refusal({"axis": 1}, ("[B, 4]", "i64[C, 3]", "[C, 3]"), "unproved-dimension"),
        Refusal({"axis": 2}, ("[B, 4]", "i64[B, 3]", "[B, 3]"), "axis-out-of-range"),
    )

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (given(inputs[0]).shape[self.axis],) if operand == 1 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, index, src = given(inputs[0]), check_positions(inputs[1], 1), inputs[2]
        if (src is None) == (self.value is None):
            raise OpFault("give either `src` or `value`", code="bad-argument", argument="value")
        check_rank(index, x.rank, operand=1)
        check_covers(context, index, x, check_axis(self.axis, x.rank), 0)
        if src is None:
            check_fill(x, self.value)
            return (x,)
        _check_source(context, x, index, src)
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, index, source = inputs
        d = x.d if x.d is not None else x.zeros_like()
        if source is None:
            return d.scatter(index, axis=self.axis, value=0)
        return d.scatter(index, source.d if source.d is not None else source.plain.zeros_like(), axis=self.axis)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        source: Any = self.value if inputs[2] is None else inputs[2]
        return tape.call(f"{inputs[0]}.scatter", self.axis, inputs[1], source)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, index = tape.inputs[:2]
        updates = inputs[2] or filled(tape, self.value or 0, x.dtype, index.shape)
        return tape.node("ScatterElements", [inputs[0] or "", inputs[1] or "", updates], axis=self.axis)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if operand > 0 and axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class ScatterAdd(Op):
    """`x` with `src` added at the indices along an axis: `scatter_add(x, index, src, axis=0)` (PyTorch: dim first).

    `index` is i64 with the axes of `x`, none longer but for `axis`, and `src` has its shape; indices may repeat.

    Source: PyTorch `torch.scatter_add`.
    """

    name = "scatter_add"
    linear = ("x src",)
    family = "index"
    tensors = ("x", "index", "src")
    axis: int = required("the axis the indices are positions of", "int")

    examples = (
        Example({"axis": 0}, ("[V, 3]", "i64[E, 3]", "[E, 3]"), ("[V, 3]",), values={1: (0, "V")}),
        Example({"axis": -1}, ("[N, 5]", "i64[N, 2]", "[N, 2]"), ("[N, 5]",), values={1: (0, 5)}),
    )
    refusals = (
        Refusal({"axis": 1}, ("[B, 4]", "i64[B, 4]", "i64[B, 4]"), "dtype-mismatch"),
        Refusal({"axis": 1}, ("[B, 4]", "i64[B, 3]", "[B, 2]")),
        Refusal({"axis": 1}, ("[B, 4]", "i64[B]", "[B]"), "rank-mismatch"),
        Refusal({"axis": 1}, ("[B, 4]", "i64[C, 3]", "[C, 3]"), "unproved-dimension"),
        Refusal({"axis": 2}, ("[B, 4]", "i64[B, 3]", "[B, 3]"), "axis-out-of-range"),
    )

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (given(inputs[0]).shape[self.axis],) if operand == 1 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, index, src = given(inputs[0]), check_positions(inputs[1], 1), given(inputs[2], "src")
        check_rank(index, x.rank, operand=1)
        check_dtype(x, FLOATS + INTEGERS, wants="numbers")
        check_covers(context, index, x, check_axis(self.axis, x.rank), 0)
        _check_source(context, x, index, src)
        return (x,)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.scatter_add", self.axis, inputs[1], inputs[2])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("ScatterElements", [one or "" for one in inputs], axis=self.axis, reduction="add")

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if operand > 0 and axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class IndexAdd(Op):
    """`x` with slices added at positions of an axis: `index_add(x, index, source, axis=0)` (PyTorch: dim first).

    `index` is i64 with an entry for each slice; the other axes of `x` and `source` agree.

    Source: PyTorch `torch.index_add`.
    """

    name = "index_add"
    linear = ("x source",)
    family = "index"
    tensors = ("x", "index", "source")
    axis: int = required("the axis the indices are positions of", "int")
    alpha: float = option(1, "what the slices are multiplied by", "int | float")

    examples = (
        Example({"axis": 0}, ("[V, H]", "i64[E]", "[E, H]"), ("[V, H]",), values={1: (0, "V")}),
        Example({"axis": -1, "alpha": -0.5}, ("[N, 5]", "i64[1]", "[N, 1]"), ("[N, 5]",), values={1: (0, 5)}),
    )
    refusals = (
        Refusal({"axis": 0}, ("[V, 4]", "i64[E]", "[F, 4]"), "unproved-dimension"),
        Refusal({"axis": 0}, ("[V, 4]", "i64[E]", "[E, 3]")),
        Refusal({"axis": 0}, ("[V, 4]", "i64[E]", "[E]"), "rank-mismatch"),
        Refusal({"axis": 0}, ("[V, 4]", "i64[E]", "i64[E, 4]"), "dtype-mismatch"),
        Refusal({"axis": 0}, ("[V, 4]", "[E]", "[E, 4]"), "dtype-mismatch"),
        Refusal({"axis": 2}, ("[V, 4]", "i64[E]", "[E, 4]"), "axis-out-of-range"),
    )

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (given(inputs[0]).shape[self.axis],) if operand == 1 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, index, source = given(inputs[0]), check_positions(inputs[1], 1), given(inputs[2], "source")
        axis = check_axis(self.axis, x.rank)
        check_rank(source, x.rank, operand=2)
        check_dtype(x, FLOATS + INTEGERS, wants="numbers")
        if check_same_dtype(x, source) in INTEGERS:
            check_fill(x, self.alpha)
        check_line(context, index, source, axis, 1)
        for k in range(x.rank):
            if k != axis:
                check_equal(context, x.shape[k], source.shape[k], f"they differ in axis {k}", operand=2, axis=k, other=0)
        return (x,)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        said = {} if self.alpha == 1 else {"alpha": self.alpha}
        return tape.call(f"{inputs[0]}.index_add", self.axis, inputs[1], inputs[2], **said)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, _, source = tape.inputs
        axis, updates = check_axis(self.axis, x.rank), inputs[2] or ""
        if self.alpha != 1:
            updates = tape.node("Mul", [updates, tape.scalar(self.alpha, x.dtype)])
        index = spread(tape, inputs[1] or "", source.shape, axis)
        return tape.node("ScatterElements", [inputs[0] or "", index, updates], axis=axis, reduction="add")

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand == 1:
            return Everywhere()
        return Everywhere() if operand == 2 and axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class MaskedFill(Op):
    """`x` with a value where the mask is true: `masked_fill(x, mask, -1e9)`, broadcast; true means filled, as in PyTorch.

    Source: PyTorch `torch.masked_fill`.
    """

    name = "masked_fill"
    family = "index"
    tensors = ("x", "mask")
    value: float = required("what is put in", "bool | int | float")

    examples = (
        Example({"value": -1e4}, ("[B, T, S]", "bool[T, S]"), ("[B, T, S]",)),
        Example({"value": 0}, ("i64[N, 1]", "bool[N, 4]"), ("i64[N, 4]",)),
        Example({"value": 1.5}, ("[]", "bool[N]"), ("[N]",)),
    )
    refusals = (
        Refusal({"value": 0.0}, ("[B, 4]", "[B, 4]"), "dtype-mismatch"),
        Refusal({"value": 0.5}, ("i64[B, 4]", "bool[B, 4]"), "dtype-mismatch"),
        Refusal({"value": 0.0}, ("[B, 4]", "bool[B, 3]")),
        Refusal({"value": 0.0}, ("[B, 4]", "bool[C, 4]"), "unproved-dimension"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, mask = given(inputs[0]), check_dtype(given(inputs[1], "mask"), ("bool",), operand=1)
        check_fill(x, self.value)
        try:
            return (TensorType(broadcast(context.facts, [x.shape, mask.shape]), x.dtype),)
        except BroadcastFault as fault:
            raise OpFault(
                f"{x} and its mask {mask} do not fit: {fault}", operand=1, other=0, axis=mask.rank + fault.axis,
                code="unproved-dimension" if fault.missing else "shape-mismatch", missing=fault.missing,
            ) from fault  # fmt: skip

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return inputs[0].d.masked_fill(inputs[1], value=0)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.masked_fill", inputs[1], self.value)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Where", [inputs[1] or "", tape.scalar(self.value, tape.inputs[0].dtype), inputs[0] or ""])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        one = given(inputs[operand])
        target = axis + outputs[0].rank - one.rank
        return Along(target) if one.shape[axis] != 1 or outputs[0].shape[target] == 1 else Everywhere()
