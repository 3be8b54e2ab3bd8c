"""The linear map in 8-bit integers, for inference."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import (
    Code,
    Context,
    Example,
    OnnxTape,
    Op,
    TorchTape,
    Weight,
    inferred,
    option,
    required,
)
from archdsl.ops.dense.linear import Linear, bind_rows
from archdsl.ops.spelling import changed


class QuantizedLinear(Op):
    """A linear map of the last axis in 8-bit integers: what the pass `quantize-dynamic` makes of `Linear`, for inference.

    `weight` is int8, with a `scale` for each row, symmetric around 0. x becomes uint8 in each call, by the range of all its
    elements and 0: `step = (max - min) / 255`, `zero = round(-min / step)`, `round(x / step) + zero`. The products are added up
    as integers, then scaled, and the bias is added. ONNX: DynamicQuantizeLinear and MatMulInteger; with `qdq=true` the float
    product of what DequantizeLinear gives, which back ends fuse by their own rules.

    Shapes: x [..., in] gives [..., out]; weight [out, in], scale [out], bias [out].
    Source: Jacob et al., 2018; ONNX, `DynamicQuantizeLinear`.
    """

    name = "QuantizedLinear"
    family = "dense"
    alike = "every"
    layer = True
    floats = True
    precise = True
    no_tangent = "rounding has no slope"
    in_features: Size = inferred("Size of the last axis.")
    out_features: Size = required("Size of the last axis of the result.", "size")
    bias: bool = option(True, "Whether a bias is added.", "bool")
    qdq: bool = option(False, "Whether ONNX has it as a float product between QuantizeLinear and DequantizeLinear.", "bool")
    examples = (
        Example({"out_features": 4}, ("[N, 3]",), ("[N, 4]",)),
        Example({"out_features": 5, "in_features": 3, "bias": False}, ("[B, T, 3]",), ("[B, T, 5]",)),
        Example({"out_features": 4, "qdq": True}, ("[B, T, 6]",), ("[B, T, 4]",)),
        Example({"out_features": 2, "qdq": True, "bias": False}, ("[N, 3]",), ("[N, 2]",)),
    )
    refusals = Linear.refusals

    def bind(self, context: Context, *inputs: TensorType | None) -> QuantizedLinear:
        return bind_rows(self, self.out_features, context, given(inputs[0]))

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((*given(inputs[0]).shape[:-1], self.out_features)),)

    def parameters(self) -> Mapping[str, Weight]:
        bias = {"bias": Weight((self.out_features,))} if self.bias else {}
        weight = Weight((self.out_features, self.in_features), buffer=True, dtype="i8")
        return {**bias, "weight": weight, "scale": Weight((self.out_features,), "ones", buffer=True)}

    def module(self, tape: TorchTape) -> Code:
        return tape.call(tape.helper("QuantizedLinear"), self.in_features, self.out_features, **changed(self, "bias"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, weight, scale = str(inputs[0]), tape.param("weight"), tape.param("scale")
        narrow = tape.float != "f32"  # DynamicQuantizeLinear takes no other
        steps, step, zero = tape.nodes("DynamicQuantizeLinear", [tape.node("Cast", [x], to="f32") if narrow else x], 3)
        scale = tape.node("Cast", [scale], to="f32") if narrow else scale
        # As uint8, with 128 for 0: of uint8 by int8 ONNX Runtime lets pairs of products overflow on processors without VNNI.
        shifted = tape.node("Add", [tape.node("Cast", [weight], to="i32"), tape.scalar(128, "i32")])
        rows, middle = tape.node("Cast", [shifted], to="u8"), tape.scalar(128, "u8")
        if self.qdq:
            middles = tape.node("Expand", [middle, tape.shape([self.out_features])])
            shown = tape.node("DequantizeLinear", [rows, scale, middles], axis=0)
            columns = tape.node("Transpose", [shown], perm=[1, 0])
            y = tape.node("MatMul", [tape.node("DequantizeLinear", [steps, step, zero]), columns])
        else:
            whole = tape.node("MatMulInteger", [steps, tape.node("Transpose", [rows], perm=[1, 0]), zero, middle])
            y = tape.node("Mul", [tape.node("Cast", [whole], to="f32"), tape.node("Mul", [scale, step])])
        y = tape.node("Cast", [y], to="float") if narrow else y
        return tape.node("Add", [y, tape.param("bias")]) if self.bias else y

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return outputs[0].numel() * self.in_features
