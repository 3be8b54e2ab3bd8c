"""Group normalisation, as a layer and as a function of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_divides, check_dtype, check_least, check_positive, check_rank, check_same_dtype, fill, given
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
from archdsl.ops.norm.statistics import along_channels, check_channels, check_several, filled
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class GroupNorm(Op):
    """Normalises groups of channels of each sample to mean 0 and variance 1, then scales and shifts each channel.

    Shapes: x [N, C, ...]; weight and bias [C]. Source: Wu and He, 2018; `torch.nn.GroupNorm`.
    """

    name = "GroupNorm"
    family = "norm"
    alike = "batch"
    channels_last = "keeps"
    precise = True
    layer = True
    floats = True
    num_groups: Size = required("How many groups; divides the channels.", "size")
    num_channels: Size = inferred("Size of axis 1.")
    eps: float = option(1e-5, "Added to the variance.", "float")
    affine: bool = option(True, "Whether each channel is scaled and shifted.", "bool")
    bias: bool = option(True, "Whether `affine` shifts too.", "bool")
    examples = (
        Example({"num_groups": 2}, ("[N, 4, H, W]",), ("[N, 4, H, W]",)),
        Example({"num_groups": 1, "eps": 1e-3, "num_channels": 3}, ("[N, 3, L]",), ("[N, 3, L]",)),
        Example({"num_groups": 3, "affine": False}, ("[N, 6]",), ("[N, 6]",)),
        Example({"num_groups": 4, "bias": False}, ("[1, 4, 1, W]",), ("[1, 4, 1, W]",)),
        Example({"num_groups": 2}, ("[N, C, L]",), ("[N, C, L]",), ("C % 2 == 0",)),
    )
    refusals = (
        Refusal({"num_groups": 2}, ("[4]",), "rank-mismatch"),
        Refusal({"num_groups": 2}, ("[N, 3, L]",), "shape-mismatch"),
        Refusal({"num_groups": 2}, ("[N, C, L]",), "unproved-dimension"),
        Refusal({"num_groups": 2, "num_channels": 6}, ("[N, 4, L]",), "shape-mismatch"),
        Refusal({"num_groups": 4}, ("[1, 4, 1]",), "shape-mismatch"),
        Refusal({"num_groups": 0}, ("[N, 4, L]",), "bad-argument"),
        Refusal({"num_groups": 2, "eps": 0.0}, ("[N, 4, L]",), "bad-argument"),
        Refusal({"num_groups": 2}, ("f64[N, 4, L]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        x = _check(context, given(inputs[0]), self.num_groups, self.eps)
        check_dtype(x, ("float",), help="convert it: cast(x, float)")
        return fill(context, self, "num_channels", x.shape[1], axis=1)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def parameters(self) -> Mapping[str, Weight]:
        found = {"weight": Weight((self.num_channels,), "ones")} if self.affine else {}
        return {**found, "bias": Weight((self.num_channels,), "zeros")} if self.affine and self.bias else found

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import channels, leaves, normalised, scaled  # loaded where a derivative is asked for

        x, shift = inputs[0], None
        (scale,) = leaves(tape, "weight")
        groups = x.reshape(sizes=(x.type.shape[0], self.num_groups, -1))
        made = normalised(groups, (2,), self.eps).reshape(sizes=x.type.shape)
        return scaled(made, scale, shift, channels(x)).d

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.GroupNorm", self.num_groups, self.num_channels, **changed(self, "eps", "affine", "bias"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        scale = tape.param("weight") if self.affine else ""
        shift = tape.param("bias") if self.affine and self.bias else ""
        return _write(tape, str(inputs[0]), scale, shift, self.num_groups, self.eps)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(0) if axis == 0 else Everywhere()


class GroupNormFunction(Op):
    """Normalises groups of channels of each sample to mean 0 and variance 1, then scales and shifts by given tensors.

    Shapes: x [N, C, ...]; weight and bias [C]. Source: Wu and He, 2018; `torch.nn.functional.group_norm`.
    """

    name = "group_norm"
    family = "norm"
    alike = "batch"
    channels_last = "keeps"
    precise = True
    tensors = ("x", "weight?", "bias?")
    floats = True
    num_groups: Size = required("How many groups; divides the channels.", "size")
    eps: float = option(1e-5, "Added to the variance.", "float")
    examples = (
        Example({"num_groups": 2}, ("[N, C, H, W]", "[C]", "[C]"), ("[N, C, H, W]",), ("C % 2 == 0",)),
        Example({"num_groups": 1, "eps": 1e-3}, ("[1, 3]",), ("[1, 3]",)),
        Example({"num_groups": 4}, ("[N, 4, L]", "", "[4]"), ("[N, 4, L]",)),
    )
    refusals = (
        Refusal({"num_groups": 2}, ("[4]",), "rank-mismatch"),
        Refusal({"num_groups": 2}, ("[N, 3, L]",), "shape-mismatch"),
        Refusal({"num_groups": 2}, ("[N, C, L]",), "unproved-dimension"),
        Refusal({"num_groups": 2}, ("[N, 4, L]", "[3]"), "shape-mismatch"),
        Refusal({"num_groups": 2}, ("[N, 4, L]", "[4, 1]"), "rank-mismatch"),
        Refusal({"num_groups": 4}, ("[1, 4, 1]",), "shape-mismatch"),
        Refusal({"num_groups": 0}, ("[N, 4, L]",), "bad-argument"),
        Refusal({"num_groups": 2, "eps": -1.0}, ("[N, 4, L]",), "bad-argument"),
        Refusal({"num_groups": 2}, ("[N, 4, L]", "f64[4]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = _check(context, given(inputs[0]), self.num_groups, self.eps)
        check_same_dtype(*inputs)
        check_channels(context, x, *inputs[1:])
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import channels, normalised, scaled  # loaded where a derivative is asked for

        x, scale, shift = inputs
        groups = x.reshape(sizes=(x.type.shape[0], self.num_groups, -1))
        made = normalised(groups, (2,), self.eps).reshape(sizes=x.type.shape)
        return scaled(made, scale, shift, channels(x)).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, weight, bias = (*inputs, None, None)[:3]
        if weight is None and bias is not None:  # PyTorch 2.13 has no gradient for a bias alone
            weight = Code(f"torch.ones_like({bias})")
        more = {name: one for name, one in (("weight", weight), ("bias", bias)) if one is not None}
        return tape.call("F.group_norm", x, self.num_groups, **more, **changed(self, "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, scale, shift = (str(one or "") for one in (*inputs, None, None)[:3])
        return _write(tape, x, scale, shift, self.num_groups, self.eps)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand:
            return Along(1)
        return Along(0) if axis == 0 else Everywhere()


def _check(context: Context, x: TensorType, groups: Size, eps: float) -> TensorType:
    """The input, whose channels the groups divide. Raises `rank-mismatch`, `shape-mismatch`, `bad-argument`."""
    check_positive(eps, "eps")
    check_least(groups, 1, "num_groups")
    check_rank(x, 2, None, wants="[N, C, ...]")
    size = check_divides(context, groups, x.shape[1], "`num_groups` must divide the channels", operand=0, axis=1)
    check_several(x, (x.shape[0], size, *x.shape[2:]), "one group")
    return x


def _write(tape: OnnxTape, x: str, scale: str, shift: str, groups: Size, eps: float) -> str:
    """Groups as the channels of an InstanceNormalization, since ONNX Runtime's GroupNormalization is less precise.

    Scale and shift may be empty.
    """
    type = tape.inputs[0]
    flat = tape.node("Reshape", [x, tape.shape([type.shape[0], groups, type.numel() // (type.shape[0] * groups)])])
    ones, zeros = (filled(tape, value, (groups,), type.dtype) for value in (1.0, 0.0))
    y = tape.node("InstanceNormalization", [flat, ones, zeros], epsilon=eps)
    y = tape.node("Reshape", [y, tape.shape(type.shape)])
    if scale:
        y = tape.node("Mul", [y, along_channels(tape, scale, type.rank)])
    return tape.node("Add", [y, along_channels(tape, shift, type.rank)]) if shift else y
