"""Activations with arguments that shape their curve."""

from __future__ import annotations

import math
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_positive
from archdsl.ops.contract import Code, Context, Example, OnnxTape, OpFault, Refusal, TorchTape, option, required
from archdsl.ops.pointwise.elementwise import Elementwise
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

_SHAPES = (("[N, 3]",), ("[1, 2, N]",), ("[]",))


def curves(*arguments: dict[str, float | str]) -> tuple[Example, ...]:
    """The default on three shapes, then each set of arguments."""
    plain = [] if arguments and arguments[0].get("threshold") == 0.5 else [Example({}, one, one) for one in _SHAPES]
    return (*plain, *(Example(one, ("[N, 13]",), ("[N, 13]",)) for one in arguments))


class Curve(Elementwise):
    """A function of one element with numbers that shape it."""

    function: ClassVar[str] = ""
    """PyTorch's function."""
    twin: ClassVar[str] = ""
    """PyTorch's module."""
    floats = True
    refusals: ClassVar[tuple[Refusal, ...]] = (Refusal({}, ("bool[N]",), "dtype-mismatch"),)

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        for name, value in self.items():
            if not isinstance(value, str) and not (isinstance(value, (int, float)) and isfinite(value)):
                raise OpFault(f"`{name}` must be a finite number; got {value}", code="bad-argument", argument=name)
        return self

    def along(self, d: Any, x: Any, y: Any) -> Any:
        """The tangent of the result y, from the tangent of x."""
        raise TypeError(f"{self.name} has no tangent rule")

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return self.along(inputs[0].d, inputs[0].plain, tape.outputs[0])

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(self.function, inputs[0], **changed(self, *self.fields))

    def module(self, tape: TorchTape) -> Code:
        return tape.call(self.twin, **changed(self, *self.fields))


INFINITE = float("inf")


class Elu(Curve):
    """x above 0, alpha (exp(x) - 1) below.

    Of any shape, which the result has. Source: Clevert et al. 2015.
    """

    name = "elu"
    function, twin = "F.elu", "nn.ELU"
    alpha: float = option(1.0, "what it tends to, negated, far below 0", "float")
    examples = curves({"alpha": 0.5})
    refusals = (*Curve.refusals, Refusal({"alpha": INFINITE}, ("[N]",), "bad-argument"))

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x > 0).where(d, d * (y + self.alpha))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Elu", [str(inputs[0])], alpha=self.alpha)


class Celu(Curve):
    """x above 0, alpha (exp(x / alpha) - 1) below, whose slope has no jump.

    Of any shape, which the result has. Source: Barron 2017.
    """

    name = "celu"
    function, twin = "F.celu", "nn.CELU"
    alpha: float = option(1.0, "what it tends to, negated, far below 0; not 0", "float")
    examples = curves({"alpha": 0.5}, {"alpha": 2.0})
    refusals = (*Curve.refusals, Refusal({"alpha": 0.0}, ("[N]",), "bad-argument"))

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.alpha, "alpha")
        return super().bind(context, *inputs)

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x > 0).where(d, d * (x / self.alpha).exp())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        # ONNX's Celu is for float32 alone.
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        scale, zero = tape.scalar(self.alpha, dtype), tape.scalar(0.0, dtype)
        curve = tape.node("Mul", [tape.node("Elu", [tape.node("Div", [x, scale])], alpha=1.0), scale])
        return tape.node("Where", [tape.node("Greater", [x, zero]), x, curve])


class Gelu(Curve):
    """x times the share of the normal distribution that is below x.

    Of any shape, which the result has. Source: Hendrycks and Gimpel 2016.
    """

    name = "gelu"
    function, twin = "F.gelu", "nn.GELU"
    approximate: str = option("none", "`tanh` for the older approximation by a tanh", "str", choices=("none", "tanh"))
    examples = curves({"approximate": "tanh"})

    def along(self, d: Any, x: Any, y: Any) -> Any:
        if self.approximate == "none":
            share = 0.5 * (1 + (x * math.sqrt(0.5)).erf())
            return d * (share + x * (-0.5 * x * x).exp() * (1 / math.sqrt(2 * math.pi)))
        scale = math.sqrt(2 / math.pi)
        bent = (scale * (x + 0.044715 * x**3)).tanh()
        return d * (0.5 * (1 + bent) + 0.5 * x * (1 - bent * bent) * (scale * (1 + 3 * 0.044715 * x * x)))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Gelu", [str(inputs[0])], approximate=self.approximate)


class LeakyRelu(Curve):
    """x above 0, negative_slope * x below.

    Of any shape, which the result has. Source: Maas et al. 2013.
    """

    name = "leaky_relu"
    function, twin = "F.leaky_relu", "nn.LeakyReLU"
    negative_slope: float = option(0.01, "the slope below 0", "float")
    examples = curves({"negative_slope": 0.2})
    refusals = (*Curve.refusals, Refusal({"negative_slope": float("nan")}, ("[N]",), "bad-argument"))

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x > 0).where(d, d * self.negative_slope)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("LeakyRelu", [str(inputs[0])], alpha=self.negative_slope)


class HardTanh(Curve):
    """x within min_val and max_val.

    Of any shape, which the result has. Source: Collobert 2004.
    """

    name = "hardtanh"
    function, twin = "F.hardtanh", "nn.Hardtanh"
    min_val: float = option(-1.0, "the least result", "float")
    max_val: float = option(1.0, "the greatest result", "float")
    examples = curves({"min_val": -0.5, "max_val": 2.0}, {"max_val": 0.25})
    refusals = (*Curve.refusals, Refusal({"min_val": 2.0}, ("[N]",), "bad-argument"))

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if not self.min_val < self.max_val:
            said = f"`min_val` {self.min_val} is not below `max_val` {self.max_val}"
            raise OpFault(said, code="bad-argument", argument="min_val")
        return super().bind(context, *inputs)

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x > self.min_val).logical_and(x < self.max_val).where(d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        dtype = tape.inputs[0].dtype
        return tape.node("Clip", [str(inputs[0]), tape.scalar(self.min_val, dtype), tape.scalar(self.max_val, dtype)])


class HardShrink(Curve):
    """0 within -lambd and lambd, else x.

    Of any shape, which the result has. Source: Donoho and Johnstone 1994.
    """

    name = "hardshrink"
    function, twin = "F.hardshrink", "nn.Hardshrink"
    lambd: float = option(0.5, "half the width of what becomes 0", "float")
    examples = curves({"lambd": 1.25})
    refusals = (*Curve.refusals, Refusal({"lambd": -1.0}, ("[N]",), "bad-argument"))

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.lambd, "lambd")
        return super().bind(context, *inputs)

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x.abs() > self.lambd).where(d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return _shrink(tape, str(inputs[0]), self.lambd, 0.0)


class SoftShrink(Curve):
    """0 within -lambd and lambd, else x less lambd towards 0.

    Of any shape, which the result has. Source: Donoho 1995.
    """

    name = "softshrink"
    function, twin = "F.softshrink", "nn.Softshrink"
    lambd: float = option(0.5, "half the width of what becomes 0", "float")
    examples = curves({"lambd": 1.25})
    refusals = (*Curve.refusals, Refusal({"lambd": -1.0}, ("[N]",), "bad-argument"))

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.lambd, "lambd")
        return super().bind(context, *inputs)

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x.abs() > self.lambd).where(d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return _shrink(tape, str(inputs[0]), self.lambd, self.lambd)


def _shrink(tape: OnnxTape, x: str, lambd: float, bias: float) -> str:
    # ONNX's Shrink has no bfloat16.
    dtype = tape.inputs[0].dtype
    size = tape.node("Abs", [x])
    far = tape.node("Greater", [size, tape.scalar(lambd, dtype)])
    moved = x
    if bias:
        moved = tape.node("Mul", [tape.node("Sign", [x]), tape.node("Sub", [size, tape.scalar(bias, dtype)])])
    return tape.node("Where", [far, moved, tape.scalar(0.0, dtype)])


class Threshold(Curve):
    """x above the threshold, else value.

    Of any shape, which the result has. Source: PyTorch, `threshold`.
    """

    name = "threshold"
    function, twin = "F.threshold", "nn.Threshold"
    threshold: float = required("what x is compared with", "float")
    value: float = required("what stands for all that is not above", "float")
    examples = curves({"threshold": 0.5, "value": -2.0}, {"threshold": -0.5, "value": 20.0})
    refusals = (Refusal({"threshold": 0.5, "value": INFINITE}, ("[N]",), "bad-argument"),)

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (x > self.threshold).where(d, 0)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        above = tape.node("Greater", [x, tape.scalar(self.threshold, dtype)])
        return tape.node("Where", [above, x, tape.scalar(self.value, dtype)])


class SoftPlus(Curve):
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold.

    Of any shape, which the result has. Source: Dugas et al. 2001; the threshold is PyTorch's.
    """

    name = "softplus"
    precise = True
    function, twin = "F.softplus", "nn.Softplus"
    beta: float = option(1.0, "how sharp the bend is; above 0", "float")
    threshold: float = option(20.0, "above it the function is taken to be x", "float")
    examples = curves({"beta": 2.5}, {"beta": 0.5, "threshold": 0.75})
    refusals = (*Curve.refusals, Refusal({"beta": 0.0}, ("[N]",), "bad-argument"))

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.beta, "beta")
        return super().bind(context, *inputs)

    def along(self, d: Any, x: Any, y: Any) -> Any:
        return (self.beta * x > self.threshold).where(d, d * (self.beta * x).sigmoid())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        beta = tape.scalar(self.beta, dtype)
        scaled = x if self.beta == 1 else tape.node("Mul", [x, beta])
        curve = tape.node("Softplus", [scaled])
        curve = curve if self.beta == 1 else tape.node("Div", [curve, beta])
        return tape.node("Where", [tape.node("Greater", [scaled, tape.scalar(self.threshold, dtype)]), x, curve])
