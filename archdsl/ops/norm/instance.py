"""Instance normalisation, as layers and as a function of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_finite, check_positive, check_rank, check_same_dtype, fill, given
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
    Weight,
    inferred,
    option,
)
from archdsl.ops.norm.batch import channel_weights, write_running
from archdsl.ops.norm.statistics import check_channels, check_several, filled
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class InstanceNorm(Op):
    """What the instance normalisations share. With running statistics they use these in evaluation."""

    family = "norm"
    alike = "batch"
    empty_batch = False
    precise = True
    layer = True
    floats = True
    rank: ClassVar[int] = 0
    wants: ClassVar[str] = ""
    num_features: Size = inferred("Size of axis 1.")
    eps: float = option(1e-5, "Added to the variance.", "float")
    momentum: float = option(0.1, "Share of a new batch in the running statistics.", "float")
    affine: bool = option(False, "Whether each channel is scaled and shifted.", "bool")
    track_running_stats: bool = option(False, "Whether running statistics are kept and used in evaluation.", "bool")
    bias: bool = option(True, "Whether `affine` shifts too.", "bool")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.eps, "eps")
        check_finite(self.momentum, "momentum")
        x = check_rank(given(inputs[0]), self.rank, wants=self.wants)
        check_dtype(x, ("float",), help="convert it: cast(x, float)")
        if not self.track_running_stats:
            check_several(x, x.shape[2:], "the spatial axes")
        return fill(context, self, "num_features", x.shape[1], axis=1)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def parameters(self) -> Mapping[str, Weight]:
        return channel_weights(self.num_features, self.affine, self.bias, self.track_running_stats)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import of_channels  # loaded where a derivative is asked for

        axes = tuple(range(2, inputs[0].type.rank))
        return of_channels(tape, inputs[0], axes, self.eps, self.track_running_stats)

    def module(self, tape: TorchTape) -> Code:
        more = changed(self, "eps", "momentum", "affine", "track_running_stats", "bias")
        return tape.call(f"nn.{self.name}", self.num_features, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        scale = tape.param("weight") if self.affine else ""
        shift = tape.param("bias") if self.affine and self.bias else ""
        if self.track_running_stats:
            return write_running(
                tape, str(inputs[0]), tape.param("running_mean"), tape.param("running_var"), scale, shift, self.eps
            )
        return _write(tape, str(inputs[0]), scale, shift, self.eps)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis) if axis < 2 or self.track_running_stats else Everywhere()


def _write(tape: OnnxTape, x: str, scale: str, shift: str, eps: float) -> str:
    """One InstanceNormalization; scale and shift may be empty."""
    type = tape.inputs[0]
    scale = scale or filled(tape, 1.0, (type.shape[1],), type.dtype)
    shift = shift or filled(tape, 0.0, (type.shape[1],), type.dtype)
    return tape.node("InstanceNormalization", [x, scale, shift], epsilon=eps)


class InstanceNorm1d(InstanceNorm):
    """Normalises each channel of each sample of [N, C, L]; PyTorch's without its unbatched form.

    Shapes: x as given; weight, bias and running statistics [C]. Source: Ulyanov et al., 2016; `torch.nn.InstanceNorm1d`.
    """

    name = "InstanceNorm1d"
    rank = 3
    wants = "[N, C, L]"
    examples = (
        Example({}, ("[N, 3, L]",), ("[N, 3, L]",)),
        Example({"affine": True, "eps": 1e-3, "num_features": 4}, ("[N, 4, L]",), ("[N, 4, L]",)),
        Example({"track_running_stats": True, "affine": True, "momentum": 0.2, "bias": False}, ("[N, 2, 1]",), ("[N, 2, 1]",)),
        Example({"track_running_stats": True}, ("[1, 2, L]",), ("[1, 2, L]",)),
    )
    refusals = (
        Refusal({}, ("[C, L]",), "rank-mismatch"),
        Refusal({"num_features": 3}, ("[N, 4, L]",), "shape-mismatch"),
        Refusal({}, ("[N, 4, 1]",), "shape-mismatch"),
        Refusal({"eps": 0.0}, ("[N, 4, L]",), "bad-argument"),
        Refusal({"momentum": float("inf")}, ("[N, 4, L]",), "bad-argument"),
        Refusal({}, ("f64[N, 4, L]",), "dtype-mismatch"),
    )


class InstanceNorm2d(InstanceNorm):
    """Normalises each channel of each sample of [N, C, H, W]; PyTorch's without its unbatched form.

    Shapes: x as given; weight, bias and running statistics [C]. Source: Ulyanov et al., 2016; `torch.nn.InstanceNorm2d`.
    """

    name = "InstanceNorm2d"
    rank = 4
    wants = "[N, C, H, W]"
    examples = (
        Example({}, ("[N, 3, H, W]",), ("[N, 3, H, W]",)),
        Example({"affine": True, "eps": 1e-3, "bias": False, "num_features": 1}, ("[N, 1, H, 1]",), ("[N, 1, H, 1]",)),
        Example({"track_running_stats": True, "momentum": 0.2}, ("[N, 2, 1, W]",), ("[N, 2, 1, W]",)),
    )
    refusals = (Refusal({}, ("[N, C, L]",), "rank-mismatch"), Refusal({}, ("[N, 4, 1, 1]",), "shape-mismatch"))


class InstanceNorm3d(InstanceNorm):
    """Normalises each channel of each sample of [N, C, D, H, W]; PyTorch's without its unbatched form.

    Shapes: x as given; weight, bias and running statistics [C]. Source: Ulyanov et al., 2016; `torch.nn.InstanceNorm3d`.
    """

    name = "InstanceNorm3d"
    rank = 5
    wants = "[N, C, D, H, W]"
    examples = (
        Example({}, ("[N, 3, 2, H, W]",), ("[N, 3, 2, H, W]",)),
        Example({"affine": True, "eps": 1e-3, "bias": False, "num_features": 1}, ("[N, 1, D, 1, 2]",), ("[N, 1, D, 1, 2]",)),
        Example({"track_running_stats": True, "momentum": 0.2}, ("[N, 2, 1, 1, W]",), ("[N, 2, 1, 1, W]",)),
    )
    refusals = (Refusal({}, ("[N, C, H, W]",), "rank-mismatch"),)


class InstanceNormFunction(Op):
    """Normalises each channel of each sample; PyTorch's, but statistics that are given stay and get no gradient.

    With `use_input_stats=false` the statistics are those given. Shapes: x [N, C, L, ...]; running_mean, running_var, weight,
    bias [C].
    Source: Ulyanov et al., 2016; `torch.nn.functional.instance_norm`.
    """

    name = "instance_norm"
    family = "norm"
    alike = "batch"
    precise = True
    tensors = ("x", "running_mean?", "running_var?", "weight?", "bias?")
    floats = True
    use_input_stats: bool = option(True, "Whether the input's own statistics are used; false for the running ones.", "bool")
    eps: float = option(1e-5, "Added to the variance.", "float")
    examples = (
        Example({}, ("[N, C, H, W]", "", "", "[C]", "[C]"), ("[N, C, H, W]",)),
        Example({"eps": 1e-3}, ("[1, 1, L]",), ("[1, 1, L]",)),
        Example({"use_input_stats": False}, ("[N, C, L]", "[C]", "[C]"), ("[N, C, L]",), values={2: (0.5, 2.0)}),
    )
    refusals = (
        Refusal({}, ("[N, C]",), "rank-mismatch"),
        Refusal({}, ("[N, 3, 1]",), "shape-mismatch"),
        Refusal({"use_input_stats": False}, ("[N, 3, L]",), "absent-input"),
        Refusal({}, ("[N, 3, L]", "", "", "[4]"), "shape-mismatch"),
        Refusal({}, ("[N, 3, L]", "", "", "[3, 1]"), "rank-mismatch"),
        Refusal({"eps": 0.0}, ("[N, 3, L]",), "bad-argument"),
        Refusal({}, ("[N, 3, L]", "", "", "f64[3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        check_positive(self.eps, "eps")
        x = check_rank(given(inputs[0]), 3, None, wants="[N, C, L, ...]")
        check_same_dtype(*inputs)
        check_channels(context, x, *inputs[1:])
        if self.use_input_stats:
            check_several(x, x.shape[2:], "the spatial axes")
        elif any(one is None for one in (*inputs, None, None)[1:3]):
            raise OpFault("`running_mean` and `running_var` must be given, or `use_input_stats=true`", code="absent-input")
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import (  # loaded where a derivative is asked for
            by_statistics,
            channels,
            normalised,
            scaled,
        )

        x, mean, variance, scale, shift = inputs
        if self.use_input_stats:
            made = normalised(x, tuple(range(2, x.type.rank)), self.eps)
        else:
            made = by_statistics(x, mean.plain, variance.plain, self.eps)
        return scaled(made, scale, shift, channels(x)).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, mean, var, weight, bias = (*inputs, None, None, None, None)[:5]
        named = [("weight", weight), ("bias", bias)]
        if not self.use_input_stats:  # else PyTorch would update them in place; it refuses those that have a gradient
            named = [("running_mean", Code(f"{mean}.detach()")), ("running_var", Code(f"{var}.detach()")), *named]
        more = {name: one for name, one in named if one is not None}
        return tape.call("F.instance_norm", x, **more, **changed(self, "use_input_stats", "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, mean, var, scale, shift = (str(one or "") for one in (*inputs, None, None, None, None)[:5])
        if self.use_input_stats:
            return _write(tape, x, scale, shift, self.eps)
        return write_running(tape, x, mean, var, scale, shift, self.eps)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand:
            return Along(1)
        return Along(axis) if axis < 2 or not self.use_input_stats else Everywhere()
