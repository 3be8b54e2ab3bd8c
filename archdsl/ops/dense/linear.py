"""The linear map, as a layer and as a function of its weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import before_last
from archdsl.ops.checks import OpType, check_dtype, check_equal, check_least, check_rank, check_same_dtype, fill, given
from archdsl.ops.contract import (
    Along,
    Batched,
    Code,
    Context,
    Everywhere,
    Example,
    OnnxTape,
    Op,
    Reach,
    Refusal,
    TorchTape,
    Weight,
    inferred,
    option,
    required,
)
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


def bind_rows(op: OpType, rows: Size, context: Context, x: TensorType) -> OpType:
    """A layer of a weight with so many rows, fitted to x [..., in]."""
    check_least(rows, 1, "out_features")
    check_rank(x, 1, None, wants="[..., in]")
    check_dtype(x, ("float",), help="convert it: cast(x, float)")
    return fill(context, op, "in_features", x.shape[-1], axis=len(x.shape) - 1)


class Linear(Op):
    """A linear map of the last axis, `x @ weight.T + bias`; with `transposed=true` the weight is stored as [in, out].

    Shapes: x [..., in] gives [..., out]; weight [out, in], bias [out].
    Source: `torch.nn.Linear`; `transposed` is GPT-2's `Conv1D`
    (Radford et al., 2019), for its weights.
    """

    name = "Linear"
    family = "dense"
    alike = "every"
    layer = True
    floats = True
    in_features: Size = inferred("Size of the last axis.")
    out_features: Size = required("Size of the last axis of the result.", "size")
    bias: bool = option(True, "Whether a bias is added.", "bool")
    transposed: bool = option(False, "Whether the weight is stored as [in, out].", "bool")
    examples = (
        Example({"out_features": 4}, ("[N, 3]",), ("[N, 4]",)),
        Example({"out_features": 5, "in_features": 3, "bias": False}, ("[B, T, 3]",), ("[B, T, 5]",)),
        Example({"out_features": 6, "transposed": True}, ("[B, T, 4]",), ("[B, T, 6]",)),
        Example({"out_features": 1, "transposed": True, "bias": False}, ("[7]",), ("[1]",)),
        Example({"out_features": 2}, ("[3]",), ("[2]",)),
    )
    refusals = (
        Refusal({"out_features": 4}, ("[]",), "rank-mismatch"),
        Refusal({"out_features": 4, "in_features": 5}, ("[N, 3]",), "shape-mismatch"),
        Refusal({"out_features": 0}, ("[N, 3]",), "bad-argument"),
        Refusal({"out_features": 4}, ("f64[N, 3]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Linear:
        return bind_rows(self, self.out_features, context, given(inputs[0]))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((*given(inputs[0]).shape[:-1], self.out_features)),)

    def parameters(self) -> Mapping[str, Weight]:
        shape = (self.in_features, self.out_features) if self.transposed else (self.out_features, self.in_features)
        weight = {"weight": Weight(shape, "kaiming_uniform")}
        return {**weight, "bias": Weight((self.out_features,), "uniform")} if self.bias else weight

    def module(self, tape: TorchTape) -> Code:
        kind = tape.helper("TransposedLinear") if self.transposed else "nn.Linear"
        return tape.call(kind, self.in_features, self.out_features, **changed(self, "bias"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        bias = tape.param("bias") if self.bias else ""
        return write_linear(
            tape, str(inputs[0]), tape.param("weight"), bias, len(tape.inputs[0].shape), stored_in_out=self.transposed
        )

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        d, weight = inputs[0].d, tape.param("weight")
        return d.matmul(weight) if self.transposed else d.linear(weight)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].numel() * self.in_features

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return before_last(self, after, 1)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == len(given(inputs[0]).shape) - 1 else Along(axis)


class LinearFunction(Op):
    """A linear map of the last axis by a given weight, `x @ weight.T + bias`.

    Shapes: x [..., in], weight [out, in], bias [out] give [..., out]; a weight [in] gives [...].
    Source: `torch.nn.functional.linear`.
    """

    name = "linear"
    linear = ("x bias", "weight")
    family = "dense"
    alike = "every"
    tensors = ("x", "weight", "bias?")
    floats = True
    examples = (
        Example({}, ("[N, 3]", "[4, 3]"), ("[N, 4]",)),
        Example({}, ("[B, T, D]", "[E, D]", "[E]"), ("[B, T, E]",)),
        Example({}, ("[B, D]", "[D]"), ("[B]",)),
        Example({}, ("[1]", "[1, 1]", "[1]"), ("[1]",)),
    )
    refusals = (
        Refusal({}, ("[]", "[4, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[2, 4, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[4, 3]", "[4, 1]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[4, 5]"), "shape-mismatch"),
        Refusal({}, ("[N, 3]", "[4, 3]", "[5]"), "shape-mismatch"),
        Refusal({}, ("[N, 3]", "f64[4, 3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_rank(given(inputs[0]), 1, None, wants="[..., in]")
        weight = check_rank(given(inputs[1], "weight"), 1, 2, operand=1, wants="[out, in]")
        bias = inputs[2] if len(inputs) > 2 else None
        dtype = check_same_dtype(x, weight, bias)
        check_equal(context, x.shape[-1], weight.shape[-1], "the last axes differ", operand=0, axis=len(x.shape) - 1, other=1)
        shape = (*x.shape[:-1], *weight.shape[:-1])
        if bias is not None:
            check_rank(bias, len(weight.shape) - 1, operand=2, wants="[out]")
            if bias.shape:
                check_equal(
                    context, bias.shape[0], weight.shape[0], "one bias for each row of the weight", operand=2, axis=0, other=1
                )
        return (TensorType(shape, dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.linear", *(one for one in inputs if one is not None))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, weight = str(inputs[0]), str(inputs[1])
        bias = (inputs[2] if len(inputs) > 2 else None) or ""
        if len(tape.inputs[1].shape) == 1:
            y = tape.node("MatMul", [x, weight])
            return tape.node("Add", [y, bias]) if bias else y
        return write_linear(tape, x, weight, bias, len(tape.inputs[0].shape), stored_in_out=False)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].numel() * given(inputs[0]).shape[-1]

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        made = before_last(self, after, 1)
        return made and Batched(self, made.inputs, made.result + given(inputs[1]).rank - 2)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        rank = len(given(inputs[0]).shape)
        if operand == 0 and axis < rank - 1:
            return Along(axis)
        if operand == 1 and axis == 0 and len(given(inputs[1]).shape) == 2:
            return Along(rank - 1)
        return Along(rank - 1) if operand == 2 else Everywhere()


def write_linear(tape: OnnxTape, x: str, weight: str, bias: str, rank: int, *, stored_in_out: bool) -> str:
    """The nodes of a linear map of the last of `rank` axes; `bias` may be empty."""
    if rank == 2:
        return tape.node("Gemm", [x, weight, bias] if bias else [x, weight], transB=0 if stored_in_out else 1)
    turned = weight if stored_in_out else tape.node("Transpose", [weight], perm=[1, 0])
    y = tape.node("MatMul", [x, turned])
    return tape.node("Add", [y, bias]) if bias else y
