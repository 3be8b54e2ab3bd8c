"""Softmax and its kin, and gated halves: the elements of an axis weigh each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first, shifted
from archdsl.ops.checks import FLOATS, check_axis, check_divides, check_dtype, given
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
    option,
    required,
)
from archdsl.ops.reduce.axes import Reduction
from archdsl.ops.reduce.sums import SHAPES

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class Normalised(Op):
    """One of the functions that weigh the elements of an axis against each other."""

    precise = True
    family = "reduce"
    alike = "every"
    floats = True
    twin: ClassVar[str] = ""
    axis: int = required("the axis whose elements are weighed", "int")
    examples = (
        Example({"axis": -1}, ("[N, 5]",), ("[N, 5]",)),
        Example({"axis": 1}, ("[N, C, 1, 3]",), ("[N, C, 1, 3]",)),
        Example({"axis": 0}, ("[T]",), ("[T]",)),
    )
    refusals = (
        Refusal({"axis": 2}, ("[N, 3]",), "axis-out-of-range"),
        Refusal({"axis": 0}, ("[]",), "axis-out-of-range"),
        Refusal({"axis": 0}, ("bool[N]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(given(inputs[0]), FLOATS)
        check_axis(self.axis, len(x.shape))
        return (x,)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"F.{self.name}", inputs[0], dim=self.axis)

    def module(self, tape: TorchTape) -> Code:
        return tape.call(self.twin, dim=self.axis)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, len(outputs[0].shape)) else Along(axis)


class Softmax(Normalised):
    """exp(x) over its sum along the axis, which must be named.

    Of any shape with at least one axis, which the result has. Source: Bridle 1990.
    """

    name = "softmax"
    twin = "nn.Softmax"
    at: ClassVar[Mapping[float, float]] = {float("-inf"): 0.0}

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        d, y = inputs[0].d, tape.outputs[0]
        return y * (d - (y * d).sum(axis=self.axis, keepdim=True))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Softmax", [str(inputs[0])], axis=self.axis)


class LogSoftmax(Normalised):
    """The logarithm of the softmax along the axis, which must be named.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `log_softmax`.
    """

    name = "log_softmax"
    twin = "nn.LogSoftmax"
    at: ClassVar[Mapping[float, float]] = {float("-inf"): float("-inf")}

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        d, y = inputs[0].d, tape.outputs[0]
        return d - (y.exp() * d).sum(axis=self.axis, keepdim=True)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("LogSoftmax", [str(inputs[0])], axis=self.axis)


class Softmin(Normalised):
    """The softmax of -x along the axis, which must be named.

    Of any shape with at least one axis, which the result has. Source: PyTorch, `softmin`.
    """

    name = "softmin"
    twin = "nn.Softmin"

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        d, y = inputs[0].d, tape.outputs[0]
        return y * ((y * d).sum(axis=self.axis, keepdim=True) - d)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Softmax", [tape.node("Neg", [str(inputs[0])])], axis=self.axis)


class LogSumExp(Reduction):
    """log(sum(exp(x))) over axes, without overflow.

    `[N, C]` with `axis=1` gives `[N]`. Source: PyTorch, `torch.logsumexp`.
    """

    name = "logsumexp"
    precise = True
    floats = True
    examples = SHAPES
    refusals = (*Reduction.refusals, Refusal({}, ("bool[N]",), "dtype-mismatch"))

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x = inputs[0]
        share = (x.plain - x.plain.logsumexp(axis=self.axis, keepdim=True)).exp()
        return (share * x.d).sum(axis=self.axis, keepdim=self.keepdim)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.logsumexp", **self.named(tape, spread=True))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.reduce(tape, "ReduceLogSumExp", str(inputs[0]))


class Glu(Op):
    """The first half of an axis times the sigmoid of the second.

    `[N, 2*D]` gives `[N, D]`; that the size is even must be known. Source: Dauphin et al. 2017.
    """

    name = "glu"
    family = "reduce"
    alike = "every"
    floats = True
    axis: int = option(-1, "the axis that is halved", "int")
    examples = (
        Example({}, ("[N, 6]",), ("[N, 3]",)),
        Example({"axis": 1}, ("[N, 2*C, 3]",), ("[N, C, 3]",)),
        Example({"axis": -2}, ("[T, 1]",), ("[T // 2, 1]",), facts=("T % 2 == 0",)),
        Example({}, ("[2]",), ("[1]",)),
    )
    refusals = (
        Refusal({}, ("[N, 5]",), "shape-mismatch"),
        Refusal({}, ("[N, T]",), "unproved-dimension"),
        Refusal({"axis": 3}, ("[N, 2]",), "axis-out-of-range"),
        Refusal({}, ("bool[2]",), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(given(inputs[0]), FLOATS)
        axis = check_axis(self.axis, len(x.shape))
        half = check_divides(context, 2, x.shape[axis], "an axis that is to be halved", operand=0, axis=axis)
        return (TensorType((*x.shape[:axis], half, *x.shape[axis + 1 :]), x.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        left, right = inputs[0].chunk(chunks=2, axis=self.axis)
        return (left * right.sigmoid()).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.glu", inputs[0], **({} if self.axis == -1 else {"dim": self.axis}))

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.GLU", **({} if self.axis == -1 else {"dim": self.axis}))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        a, b = tape.nodes("Split", [str(inputs[0])], 2, axis=self.axis, num_outputs=2)
        return tape.node("Mul", [a, tape.node("Sigmoid", [b])])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, len(outputs[0].shape)) else Along(axis)
