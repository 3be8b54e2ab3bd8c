"""The bilinear map, as a layer and as a function of its weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_equal, check_least, check_rank, check_same_dtype, fill, given
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
    Weight,
    inferred,
    option,
    required,
)
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class Bilinear(Op):
    """A bilinear map of two last axes, `x1 @ weight[k] @ x2 + bias[k]` for each k.

    Shapes: x1 [..., in1], x2 [..., in2] give [..., out]; weight [out, in1, in2], bias [out]. Source: `torch.nn.Bilinear`.
    """

    name = "Bilinear"
    family = "dense"
    alike = "every"
    tensors = ("x1", "x2")
    layer = True
    floats = True
    in1_features: Size = inferred("Size of the last axis of the first tensor.")
    in2_features: Size = inferred("Size of the last axis of the second tensor.")
    out_features: Size = required("Size of the last axis of the result.", "size")
    bias: bool = option(True, "Whether a bias is added.", "bool")
    examples = (
        Example({"out_features": 4}, ("[N, 3]", "[N, 2]"), ("[N, 4]",)),
        Example(
            {"out_features": 1, "bias": False, "in1_features": 3, "in2_features": 5}, ("[B, T, 3]", "[B, T, 5]"), ("[B, T, 1]",)
        ),
        Example({"out_features": 2}, ("[1]", "[5]"), ("[2]",)),
    )
    refusals = (
        Refusal({"out_features": 4}, ("[]", "[3]"), "rank-mismatch"),
        Refusal({"out_features": 4}, ("[B, T, 3]", "[B, 3]"), "rank-mismatch"),
        Refusal({"out_features": 4}, ("[5, 3]", "[6, 3]"), "shape-mismatch"),
        Refusal({"out_features": 4}, ("[N, 3]", "[M, 3]"), "unproved-dimension"),
        Refusal({"out_features": 4, "in2_features": 5}, ("[N, 3]", "[N, 3]"), "shape-mismatch"),
        Refusal({"out_features": 0}, ("[N, 3]", "[N, 3]"), "bad-argument"),
        Refusal({"out_features": 4}, ("f64[N, 3]", "f64[N, 3]"), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Bilinear:
        check_least(self.out_features, 1, "out_features")
        x1, x2 = _pair(context, *inputs)
        for operand, one in enumerate((x1, x2)):
            check_dtype(one, ("float",), operand=operand, help="convert it: cast(x, float)")
        last = len(x1.shape) - 1
        half = fill(context, self, "in1_features", x1.shape[-1], axis=last)
        return fill(context, half, "in2_features", x2.shape[-1], axis=last, operand=1)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((*given(inputs[0]).shape[:-1], self.out_features)),)

    def parameters(self) -> Mapping[str, Weight]:
        weight = {"weight": Weight((self.out_features, self.in1_features, self.in2_features), "uniform")}
        return {**weight, "bias": Weight((self.out_features,), "uniform")} if self.bias else weight

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return inputs[0].bilinear(inputs[1], tape.param("weight")).d

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.Bilinear", self.in1_features, self.in2_features, self.out_features, **changed(self, "bias"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        sizes = (self.out_features, self.in1_features, self.in2_features)
        return _write(tape, str(inputs[0]), str(inputs[1]), tape.param("weight"), tape.param("bias") if self.bias else "", sizes)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return _macs(outputs[0], self.in1_features, self.in2_features)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == len(given(inputs[0]).shape) - 1 else Along(axis)


class BilinearFunction(Op):
    """A bilinear map of two last axes by a given weight, `x1 @ weight[k] @ x2 + bias[k]` for each k.

    Shapes: x1 [..., in1], x2 [..., in2], weight [out, in1, in2], bias [out] give [..., out].
    Source: `torch.nn.functional.bilinear`.
    """

    name = "bilinear"
    linear = ("x1 bias", "x2", "weight")
    family = "dense"
    alike = "every"
    tensors = ("x1", "x2", "weight", "bias?")
    floats = True
    examples = (
        Example({}, ("[N, 3]", "[N, 2]", "[4, 3, 2]"), ("[N, 4]",)),
        Example({}, ("[B, T, D]", "[B, T, E]", "[K, D, E]", "[K]"), ("[B, T, K]",)),
        Example({}, ("[1, 3]", "[1, 2]", "[1, 3, 2]", "[1]"), ("[1, 1]",)),
    )
    refusals = (
        Refusal({}, ("[]", "[2]", "[4, 3, 2]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[2]", "[4, 3, 2]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[N, 2]", "[4, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[N, 2]", "[4, 3, 5]"), "shape-mismatch"),
        Refusal({}, ("[N, 3]", "[N, 2]", "[4, 3, 2]", "[5]"), "shape-mismatch"),
        Refusal({}, ("[N, 3]", "[N, 2]", "[4, 3, 2]", "[1, 4]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "f64[N, 2]", "[4, 3, 2]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x1, x2 = _pair(context, *inputs)
        weight = check_rank(given(inputs[2], "weight"), 3, operand=2, wants="[out, in1, in2]")
        bias = inputs[3] if len(inputs) > 3 else None
        dtype = check_same_dtype(x1, x2, weight, bias)
        last = len(x1.shape) - 1
        for operand, one in enumerate((x1, x2)):
            check_equal(
                context,
                one.shape[-1],
                weight.shape[operand + 1],
                "the weight wants another size of the last axis",
                operand=operand,
                axis=last,
                other=2,
            )
        if bias is not None:
            check_rank(bias, 1, operand=3, wants="[out]")
            check_equal(context, bias.shape[0], weight.shape[0], "one bias for each result", operand=3, axis=0, other=2)
        return (TensorType((*x1.shape[:-1], weight.shape[0]), dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.bilinear", *(one for one in inputs if one is not None))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        bias = (inputs[3] if len(inputs) > 3 else None) or ""
        out, first, second = tape.inputs[2].shape
        return _write(tape, str(inputs[0]), str(inputs[1]), str(inputs[2]), bias, (out, first, second))

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return _macs(outputs[0], *given(inputs[2]).shape[1:])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        last = len(given(inputs[0]).shape) - 1
        if operand < 2 and axis < last:
            return Along(axis)
        return Along(last) if operand > 1 and axis == 0 else Everywhere()


def _pair(context: Context, *inputs: TensorType | None) -> tuple[TensorType, TensorType]:
    """The two tensors, alike in all axes but the last."""
    x1 = check_rank(given(inputs[0], "x1"), 1, None, wants="[..., in1]")
    x2 = check_rank(given(inputs[1], "x2"), len(x1.shape), operand=1, wants="[..., in2] with the same leading axes")
    for axis, (left, right) in enumerate(zip(x1.shape[:-1], x2.shape[:-1], strict=True)):
        check_equal(context, left, right, f"the two differ in axis {axis}", operand=0, axis=axis, other=1)
    return x1, x2


def _macs(y: TensorType, first: Size, second: Size) -> Size:
    """A product of `first` with `second` for each value of the result, then one along `second`."""
    return y.numel() * (first * second + second)


def _write(tape: OnnxTape, x1: str, x2: str, weight: str, bias: str, sizes: tuple[Size, Size, Size]) -> str:
    """Two matrix products: x1 with all of the weight, then each [out, in2] of the result with x2."""
    out, first, second = sizes
    lead = tape.inputs[0].shape[:-1]
    flat = tape.node("Reshape", [tape.node("Transpose", [weight], perm=[1, 0, 2]), tape.shape([first, out * second])])
    half = tape.node("Reshape", [tape.node("MatMul", [x1, flat]), tape.shape([*lead, out, second])])
    column = tape.node("Unsqueeze", [x2, tape.ints([-1])])
    y = tape.node("Squeeze", [tape.node("MatMul", [half, column]), tape.ints([-1])])
    return tape.node("Add", [y, bias]) if bias else y
