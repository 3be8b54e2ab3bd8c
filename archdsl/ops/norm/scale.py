"""Normalisation by a norm, and by the activity of neighbouring channels."""

from __future__ import annotations

from math import inf, isnan
from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_axis, check_finite, check_least, check_rank, given
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
from archdsl.ops.norm.statistics import narrow, wide, widen
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class Normalize(Op):
    """Divides by the p-norm along an axis, which counts as at least `eps`.

    Shapes: any with an axis. Source: `torch.nn.functional.normalize`.
    """

    name = "normalize"
    family = "norm"
    alike = "every"
    precise = True
    floats = True
    p: float = option(2.0, "The exponent of the norm.", "float")
    axis: int = option(1, "The axis whose elements make the norm.", "int")
    eps: float = option(1e-12, "The least a norm counts as.", "float")
    examples = (
        Example({}, ("[N, C, L]",), ("[N, C, L]",)),
        Example({"p": 1.0, "axis": -1}, ("[B, T, D]",), ("[B, T, D]",)),
        Example({"p": 3.0, "axis": 0, "eps": 1e-6}, ("[D]",), ("[D]",)),
        Example({"p": inf}, ("[N, 1, W]",), ("[N, 1, W]",)),
        Example({"p": 0.0, "eps": 0.5}, ("[N, C]",), ("[N, C]",)),
    )
    refusals = (
        Refusal({}, ("[N]",), "axis-out-of-range"),
        Refusal({"axis": 0}, ("[]",), "axis-out-of-range"),
        Refusal({"p": float("nan")}, ("[N, C]",), "bad-argument"),
        Refusal({"eps": -1.0}, ("[N, C]",), "bad-argument"),
        Refusal({"eps": float("inf")}, ("[N, C]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_axis(self.axis, given(inputs[0]).rank)
        check_finite(self.eps, "eps")
        check_least(self.eps, 0, "eps")
        if isnan(self.p):
            raise OpFault("`p` is not a number", code="bad-argument", argument="p")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, size = inputs[0], inputs[0].abs()
        if self.p == 0:
            norm = x.plain.ne(0).where(1, 0).sum(axis=self.axis, keepdim=True)
        elif self.p in (inf, -inf):
            norm = size.max(axis=self.axis, keepdim=True) if self.p > 0 else size.min(axis=self.axis, keepdim=True)
        elif self.p > 0:
            norm = x.norm(p=self.p, axis=self.axis, keepdim=True)
        else:
            norm = (size**self.p).sum(axis=self.axis, keepdim=True) ** (1 / self.p)
        return (x / norm.clamp(min=self.eps)).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.normalize", inputs[0], **changed(self, "p", "axis", "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        norm = narrow(tape, self._norm(tape, widen(tape, x, dtype), wide(tape, dtype)), dtype)
        return tape.node("Div", [x, tape.node("Max", [norm, tape.scalar(self.eps, dtype)])])

    def _norm(self, tape: OnnxTape, x: str, dtype: str) -> str:
        axes = tape.ints([self.axis])
        if self.p in (1, 2):
            return tape.node(f"ReduceL{int(self.p)}", [x, axes], keepdims=1)
        if self.p == 0:
            other = tape.node("Not", [tape.node("Equal", [x, tape.scalar(0.0, dtype)])])
            return tape.node("ReduceSum", [tape.node("Cast", [other], to=dtype), axes], keepdims=1)
        size = tape.node("Abs", [x])
        if self.p in (inf, -inf):
            return tape.node("ReduceMax" if self.p > 0 else "ReduceMin", [size, axes], keepdims=1)
        total = tape.node("ReduceSum", [tape.node("Pow", [size, tape.scalar(self.p, dtype)]), axes], keepdims=1)
        return tape.node("Pow", [total, tape.scalar(1 / self.p, dtype)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == self.axis % given(inputs[0]).rank else Along(axis)


class LocalResponseNorm(Op):
    """Divides by (k + alpha * mean of the squares of `size` neighbouring channels) to the power beta.

    Shapes: [N, C, L, ...]. Source: Krizhevsky et al., 2012; `torch.nn.functional.local_response_norm`.
    """

    name = "local_response_norm"
    family = "norm"
    alike = "batch"
    channels_last = "keeps"
    precise = True
    floats = True
    size: int = required("How many channels are neighbours; of an even number one more stands before.", "int")
    alpha: float = option(1e-4, "Factor of the mean square.", "float")
    beta: float = option(0.75, "Exponent.", "float")
    k: float = option(1.0, "Added to it.", "float")
    examples = (
        Example({"size": 5}, ("[N, 7, H, W]",), ("[N, 7, H, W]",)),
        Example({"size": 2, "alpha": 0.5, "beta": 0.5, "k": 2.0}, ("[N, C, L]",), ("[N, C, L]",)),
        Example({"size": 3, "alpha": 1.0}, ("[1, C, 2, 1, W]",), ("[1, C, 2, 1, W]",)),
        Example({"size": 9, "alpha": 2.0}, ("[N, 1, L]",), ("[N, 1, L]",)),
    )
    refusals = (
        Refusal({"size": 5}, ("[N, C]",), "rank-mismatch"),
        Refusal({"size": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"size": 3, "alpha": inf}, ("[N, C, L]",), "bad-argument"),
        Refusal({"size": 3, "beta": inf}, ("[N, C, L]",), "bad-argument"),
        Refusal({"size": 3, "k": inf}, ("[N, C, L]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.size, 1, "size")
        for name in ("alpha", "beta", "k"):
            check_finite(getattr(self, name), name)
        check_rank(given(inputs[0]), 3, None, wants="[N, C, L, ...]")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x = inputs[0]
        rows = (x * x).reshape(sizes=(x.type.shape[0], 1, x.type.shape[1], -1))
        padded = rows.pad(pad=(0, 0, self.size // 2, (self.size - 1) // 2))
        mean = padded.avg_pool2d(kernel_size=(self.size, 1), stride=1).reshape(sizes=x.type.shape)
        return (x / (mean * self.alpha + self.k) ** self.beta).d

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.LocalResponseNorm", self.size, **changed(self, "alpha", "beta", "k"))

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.local_response_norm", inputs[0], self.size, **changed(self, "alpha", "beta", "k"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, type = str(inputs[0]), tape.inputs[0]
        if self.size % 2 and type.rank == 4:
            return tape.node("LRN", [x], size=self.size, alpha=self.alpha, beta=self.beta, bias=self.k)
        # LRN is for four axes, and puts the odd neighbour of an even size after; here the channels are pooled as rows.
        first, channels = type.shape[:2]
        area = type.numel() // (first * channels)
        square = tape.node("Reshape", [tape.node("Mul", [x, x]), tape.shape([first, 1, channels, area])])
        pads = [self.size // 2, 0, (self.size - 1) // 2, 0]
        padded = tape.node("Pad", [square, tape.ints([0, 0, *pads[:2], 0, 0, *pads[2:]])])
        mean = tape.node("AveragePool", [padded], kernel_shape=[self.size, 1])
        mean = tape.node("Reshape", [mean, tape.shape(type.shape)])
        scaled = tape.node("Mul", [mean, tape.scalar(self.alpha, type.dtype)])
        base = tape.node("Add", [scaled, tape.scalar(self.k, type.dtype)])
        return tape.node("Div", [x, tape.node("Pow", [base, tape.scalar(self.beta, type.dtype)])])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(1, -(self.size // 2), (self.size - 1) // 2) if axis == 1 else Along(axis)
