"""Layer normalisation and root-mean-square normalisation, as layers and as functions of their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import before_last
from archdsl.ops.checks import check_dtype, check_equal, check_positive, check_rank, check_same_dtype, given
from archdsl.ops.contract import (
    INFERRED,
    Along,
    Batched,
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
    Weight,
    inferred,
    option,
)
from archdsl.ops.norm.statistics import epsilon, filled, narrow, wide, widen
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

LastAxesOp = TypeVar("LastAxesOp", bound="LastAxes")


class LastAxes(Op):
    """What the normalisations over the last axes share."""

    family = "norm"
    alike = "every"
    precise = True
    floats = True
    normalized_shape: Size | tuple[Size, ...] = inferred(
        "Sizes of the axes that are normalised: the last one, unless given.", "size | list[size]"
    )

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes of the axes that are normalised."""
        return self.normalized_shape if isinstance(self.normalized_shape, tuple) else (self.normalized_shape,)

    def over(self, context: Context, x: TensorType) -> Self:
        """The operator with its shape known, or that which was given checked. Raises `shape-mismatch`, `rank-mismatch`."""
        said: Any = self.normalized_shape
        if said is INFERRED:
            return self.changed(normalized_shape=check_rank(x, 1, None).shape[-1])
        if said == ():
            raise OpFault("`normalized_shape` is empty", code="bad-argument", argument="normalized_shape")
        check_rank(x, len(self.sizes), None)
        first = x.rank - len(self.sizes)
        for axis, size in enumerate(self.sizes, first):
            check_equal(
                context,
                x.shape[axis],
                size,
                f"axis {axis} is not as in `normalized_shape`",
                operand=0,
                axis=axis,
                argument="normalized_shape",
            )
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    @property
    def last(self) -> tuple[int, ...]:
        """The axes that are normalised, counted from the end."""
        return tuple(range(-len(self.sizes), 0))

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return before_last(self, after, len(self.sizes))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        first = given(inputs[0]).rank - len(self.sizes)
        if operand:
            return Along(first + axis)
        return Along(axis) if axis < first else Everywhere()


class LayerNorm(LastAxes):
    """Normalises the last axis, or the last ones, to mean 0 and variance 1, then scales and shifts each element.

    Shapes: x [..., *normalized_shape]; weight and bias normalized_shape. Source: Ba et al., 2016; `torch.nn.LayerNorm`.
    """

    name = "LayerNorm"
    layer = True
    eps: float = option(1e-5, "Added to the variance.", "float")
    elementwise_affine: bool = option(True, "Whether each element is scaled and shifted.", "bool")
    bias: bool = option(True, "Whether it is shifted too.", "bool")
    examples = (
        Example({}, ("[B, T, 8]",), ("[B, T, 8]",)),
        Example({"normalized_shape": 6, "eps": 1e-6}, ("[6]",), ("[6]",)),
        Example({"normalized_shape": (3, 4, 5), "bias": False}, ("[N, 3, 4, 5]",), ("[N, 3, 4, 5]",)),
        Example({"elementwise_affine": False}, ("[B, 1, 5]",), ("[B, 1, 5]",)),
        Example({"normalized_shape": (1, 5)}, ("[B, 1, 5]",), ("[B, 1, 5]",)),
    )
    refusals = (
        Refusal({}, ("[]",), "rank-mismatch"),
        Refusal({"normalized_shape": (3, 4)}, ("[4]",), "rank-mismatch"),
        Refusal({"normalized_shape": 5}, ("[N, 4]",), "shape-mismatch"),
        Refusal({"normalized_shape": (3, 4)}, ("[N, T, 4]",), "unproved-dimension"),
        Refusal({"normalized_shape": ()}, ("[N, 4]",), "bad-argument"),
        Refusal({"eps": 0.0}, ("[N, 4]",), "bad-argument"),
        Refusal({}, ("f64[N, 4]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.eps, "eps")
        x = check_dtype(given(inputs[0]), ("float",), help="convert it: cast(x, float)")
        return self.over(context, x)

    def parameters(self) -> Mapping[str, Weight]:
        found = {"weight": Weight(self.sizes, "ones")} if self.elementwise_affine else {}
        return {**found, "bias": Weight(self.sizes, "zeros")} if self.elementwise_affine and self.bias else found

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import leaves, normalised, scaled  # loaded where a derivative is asked for

        (scale,) = leaves(tape, "weight")
        return scaled(normalised(inputs[0], self.last, self.eps), scale, None).d

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.LayerNorm", self.normalized_shape, **changed(self, "eps", "elementwise_affine", "bias"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        scale = tape.param("weight") if self.elementwise_affine else ""
        shift = tape.param("bias") if self.elementwise_affine and self.bias else ""
        return _write_layer(tape, str(inputs[0]), scale, shift, self.sizes, self.eps)


class RMSNorm(LastAxes):
    """Divides by the root of the mean square over the last axis, or the last ones, then scales each element.

    Shapes: x [..., *normalized_shape]; weight normalized_shape. Source: Zhang and Sennrich, 2019; `torch.nn.RMSNorm`.
    """

    name = "RMSNorm"
    layer = True
    eps: float | None = option(
        None, "Added to the mean square; none for the machine epsilon of the type computed in.", "float | none"
    )
    elementwise_affine: bool = option(True, "Whether each element is scaled.", "bool")
    examples = (
        Example({}, ("[B, T, 8]",), ("[B, T, 8]",)),
        Example({"normalized_shape": 6, "eps": 1e-6}, ("[6]",), ("[6]",)),
        Example({"normalized_shape": (3, 4)}, ("[N, 3, 4]",), ("[N, 3, 4]",)),
        Example({"elementwise_affine": False, "eps": 1e-3}, ("[B, 1, 5]",), ("[B, 1, 5]",)),
    )
    refusals = (
        Refusal({}, ("[]",), "rank-mismatch"),
        Refusal({"normalized_shape": 5}, ("[N, 4]",), "shape-mismatch"),
        Refusal({"normalized_shape": ()}, ("[N, 4]",), "bad-argument"),
        Refusal({"eps": -1.0}, ("[N, 4]",), "bad-argument"),
        Refusal({}, ("f64[N, 4]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if self.eps is not None:
            check_positive(self.eps, "eps")
        x = check_dtype(given(inputs[0]), ("float",), help="convert it: cast(x, float)")
        return self.over(context, x)

    def parameters(self) -> Mapping[str, Weight]:
        return {"weight": Weight(self.sizes, "ones")} if self.elementwise_affine else {}

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import by_root_mean_square, leaves, scaled  # loaded where a derivative is asked for

        (scale,) = leaves(tape, "weight")
        return scaled(by_root_mean_square(inputs[0], self.last, self.eps), scale, None).d

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.RMSNorm", self.normalized_shape, **changed(self, "eps", "elementwise_affine"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        scale = tape.param("weight") if self.elementwise_affine else ""
        return _write_rms(tape, str(inputs[0]), scale, len(self.sizes), self.eps)


class LayerNormFunction(LastAxes):
    """Normalises the last axes to mean 0 and variance 1, then scales and shifts by given tensors, whose axes these are.

    PyTorch's, but `normalized_shape` is the weight's shape, or else the last axis, unless given by name.
    Shapes: x [..., *normalized_shape]; weight and bias normalized_shape.
    Source: Ba et al., 2016; `torch.nn.functional.layer_norm`.
    """

    name = "layer_norm"
    tensors = ("x", "weight?", "bias?")
    eps: float = option(1e-5, "Added to the variance.", "float")
    examples = (
        Example({}, ("[B, T, D]", "[D]", "[D]"), ("[B, T, D]",)),
        Example({"eps": 1e-6}, ("[B, T, D]", "[T, D]"), ("[B, T, D]",)),
        Example({"normalized_shape": (3, 4)}, ("[N, 3, 4]", "", "[3, 4]"), ("[N, 3, 4]",)),
        Example({}, ("[1, D]",), ("[1, D]",)),
    )
    refusals = (
        Refusal({}, ("[]",), "rank-mismatch"),
        Refusal({}, ("[N, 4]", "[5]"), "shape-mismatch"),
        Refusal({"normalized_shape": 4}, ("[N, 4]", "[3, 4]"), "rank-mismatch"),
        Refusal({"normalized_shape": 5}, ("[N, 4]",), "shape-mismatch"),
        Refusal({}, ("[N, 4]", "[4]", "[5]"), "shape-mismatch"),
        Refusal({"normalized_shape": ()}, ("[N, 4]",), "bad-argument"),
        Refusal({"eps": 0.0}, ("[N, 4]",), "bad-argument"),
        Refusal({}, ("[N, 4]", "f64[4]"), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.eps, "eps")
        return _bind_function(self, context, inputs)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import normalised, scaled  # loaded where a derivative is asked for

        x, scale, shift = inputs
        return scaled(normalised(x, self.last, self.eps), scale, shift).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, weight, bias = (*inputs, None, None)[:3]
        more = {name: one for name, one in (("weight", weight), ("bias", bias)) if one is not None}
        return tape.call("F.layer_norm", x, self.sizes, **more, **changed(self, "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, scale, shift = (str(one or "") for one in (*inputs, None, None)[:3])
        return _write_layer(tape, x, scale, shift, self.sizes, self.eps)


class RMSNormFunction(LastAxes):
    """Divides by the root of the mean square over the last axes, then scales by a given tensor, whose axes these are.

    PyTorch's, but `normalized_shape` is the weight's shape, or else the last axis, unless given by name.
    Shapes: x [..., *normalized_shape]; weight normalized_shape. Source: Zhang and Sennrich, 2019; `torch.nn.functional.rms_norm`.
    """

    name = "rms_norm"
    tensors = ("x", "weight?")
    eps: float | None = option(
        None, "Added to the mean square; none for the machine epsilon of the type computed in.", "float | none"
    )
    examples = (
        Example({}, ("[B, T, D]", "[D]"), ("[B, T, D]",)),
        Example({"eps": 1e-6}, ("[1, D]",), ("[1, D]",)),
        Example({"normalized_shape": (3, 4)}, ("[N, 3, 4]",), ("[N, 3, 4]",)),
    )
    refusals = (
        Refusal({}, ("[]",), "rank-mismatch"),
        Refusal({}, ("[N, 4]", "[5]"), "shape-mismatch"),
        Refusal({"normalized_shape": 4}, ("[N, 4]", "[3, 4]"), "rank-mismatch"),
        Refusal({"eps": 0.0}, ("[N, 4]",), "bad-argument"),
        Refusal({}, ("[N, 4]", "f64[4]"), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if self.eps is not None:
            check_positive(self.eps, "eps")
        return _bind_function(self, context, inputs)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import by_root_mean_square, scaled  # loaded where a derivative is asked for

        x, scale = inputs
        return scaled(by_root_mean_square(x, self.last, self.eps), scale, None).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, weight = (*inputs, None)[:2]
        more = {} if weight is None else {"weight": weight}
        return tape.call("F.rms_norm", x, self.sizes, **more, **changed(self, "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, scale = (str(one or "") for one in (*inputs, None)[:2])
        return _write_rms(tape, x, scale, len(self.sizes), self.eps)


def _bind_function(op: LastAxesOp, context: Context, inputs: tuple[TensorType | None, ...]) -> LastAxesOp:
    """A function with its shape known from the weight, and its tensors checked against it."""
    x, *rest = inputs
    check_same_dtype(*inputs)
    said: Any = op.normalized_shape
    if said is INFERRED and rest and rest[0] is not None and rest[0].rank > 1:
        op = op.changed(normalized_shape=rest[0].shape)
    bound = op.over(context, given(x))
    for operand, one in enumerate(rest, 1):
        if one is None:
            continue
        check_rank(one, len(bound.sizes), operand=operand)
        for axis, (left, right) in enumerate(zip(one.shape, bound.sizes, strict=True)):
            check_equal(context, left, right, "not the shape that is normalised", operand=operand, axis=axis, other=0)
    return bound


def _write_layer(tape: OnnxTape, x: str, scale: str, shift: str, sizes: tuple[Size, ...], eps: float) -> str:
    """One LayerNormalization; scale and shift may be empty."""
    scale = scale or filled(tape, 1.0, sizes, tape.inputs[0].dtype)
    return tape.node("LayerNormalization", [x, scale, shift] if shift else [x, scale], axis=-len(sizes), epsilon=eps)


def _write_rms(tape: OnnxTape, x: str, scale: str, axes: int, eps: float | None) -> str:
    """The root mean square over the last axes (RMSNormalization came with opset 23)."""
    dtype = tape.inputs[0].dtype
    full = widen(tape, x, dtype)
    square = tape.node("ReduceMean", [tape.node("Mul", [full, full]), tape.ints(list(range(-axes, 0)))], keepdims=1)
    added = tape.scalar(epsilon(tape, dtype) if eps is None else eps, wide(tape, dtype))
    y = narrow(tape, tape.node("Div", [full, tape.node("Sqrt", [tape.node("Add", [square, added])])]), dtype)
    return tape.node("Mul", [y, scale]) if scale else y
