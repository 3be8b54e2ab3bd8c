"""Batch normalisation, as layers and as a function of its tensors."""

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
from archdsl.ops.norm.statistics import batch_statistics, check_channels, check_several, filled
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class BatchNorm(Op):
    """What the batch normalisations share. In evaluation they use the running statistics, unless they keep none."""

    family = "norm"
    alike = "batch"
    channels_last = "keeps"
    precise = True
    layer = True
    floats = True
    ranks: ClassVar[tuple[int, int]] = (0, 0)
    wants: ClassVar[str] = ""
    num_features: Size = inferred("Size of axis 1.")
    eps: float = option(1e-5, "Added to the variance.", "float")
    momentum: float | None = option(
        0.1, "Share of a new batch in the running statistics; none for the plain average.", "float | none"
    )
    affine: bool = option(True, "Whether each channel is scaled and shifted.", "bool")
    track_running_stats: bool = option(True, "Whether running statistics are kept and used in evaluation.", "bool")
    bias: bool = option(True, "Whether `affine` shifts too.", "bool")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.eps, "eps")
        if self.momentum is not None:
            check_finite(self.momentum, "momentum")
        x = check_rank(given(inputs[0]), *self.ranks, wants=self.wants)
        check_dtype(x, ("float",), help="convert it: cast(x, float)")
        if not self.track_running_stats:
            check_several(x, (x.shape[0], *x.shape[2:]), "all axes but 1")
        return fill(context, self, "num_features", x.shape[1], axis=1)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def parameters(self) -> Mapping[str, Weight]:
        return channel_weights(self.num_features, self.affine, self.bias, self.track_running_stats)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import of_channels  # loaded where a derivative is asked for

        axes = tuple(axis for axis in range(inputs[0].type.rank) if axis != 1)
        return of_channels(tape, inputs[0], axes, self.eps, self.track_running_stats)

    def module(self, tape: TorchTape) -> Code:
        more = changed(self, "eps", "momentum", "affine", "track_running_stats", "bias")
        return tape.call(f"nn.{self.name}", self.num_features, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        scale = tape.param("weight") if self.affine else ""
        shift = tape.param("bias") if self.affine and self.bias else ""
        if not self.track_running_stats:
            return batch_statistics(tape, str(inputs[0]), tape.inputs[0], self.eps, scale, shift)
        return write_running(tape, str(inputs[0]), tape.param("running_mean"), tape.param("running_var"), scale, shift, self.eps)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis) if axis == 1 or self.track_running_stats else Everywhere()


def channel_weights(channels: Size, affine: bool, bias: bool, running: bool) -> Mapping[str, Weight]:
    """The tensors of a normalisation with one value for each channel."""
    found: dict[str, Weight] = {}
    if affine:
        found["weight"] = Weight((channels,), "ones")
    if affine and bias:
        found["bias"] = Weight((channels,), "zeros")
    if running:
        found["running_mean"] = Weight((channels,), "zeros", buffer=True)
        found["running_var"] = Weight((channels,), "ones", buffer=True)
        found["num_batches_tracked"] = Weight((), "zeros", buffer=True, dtype="i64")
    return found


def write_running(tape: OnnxTape, x: str, mean: str, var: str, scale: str, shift: str, eps: float) -> str:
    """One BatchNormalization by given statistics; scale and shift may be empty."""
    type = tape.inputs[0]
    scale = scale or filled(tape, 1.0, (type.shape[1],), type.dtype)
    shift = shift or filled(tape, 0.0, (type.shape[1],), type.dtype)
    return tape.node("BatchNormalization", [x, scale, shift, mean, var], epsilon=eps)


class BatchNorm1d(BatchNorm):
    """Normalises each channel of [N, C] or [N, C, L] by its statistics over the batch.

    Shapes: x as given; weight, bias and running statistics [C]. Source: Ioffe and Szegedy, 2015; `torch.nn.BatchNorm1d`.
    """

    name = "BatchNorm1d"
    ranks = (2, 3)
    wants = "[N, C] or [N, C, L]"
    examples = (
        Example({}, ("[N, 3]",), ("[N, 3]",)),
        Example({"eps": 1e-3, "momentum": None, "num_features": 4}, ("[N, 4, L]",), ("[N, 4, L]",)),
        Example({"affine": False}, ("[1, 2, 1]",), ("[1, 2, 1]",)),
        Example({"track_running_stats": False, "bias": False}, ("[N, 3]",), ("[N, 3]",)),
        Example({"track_running_stats": False, "affine": False, "momentum": 0.01}, ("[N, 3, L]",), ("[N, 3, L]",)),
    )
    refusals = (
        Refusal({}, ("[N]",), "rank-mismatch"),
        Refusal({}, ("[N, C, H, W]",), "rank-mismatch"),
        Refusal({"num_features": 3}, ("[N, 4]",), "shape-mismatch"),
        Refusal({"track_running_stats": False}, ("[1, 4]",), "shape-mismatch"),
        Refusal({"eps": 0.0}, ("[N, 4]",), "bad-argument"),
        Refusal({"momentum": float("nan")}, ("[N, 4]",), "bad-argument"),
        Refusal({}, ("f64[N, 4]",), "dtype-mismatch"),
    )


class BatchNorm2d(BatchNorm):
    """Normalises each channel of [N, C, H, W] by its statistics over the batch.

    Shapes: x as given; weight, bias and running statistics [C]. Source: Ioffe and Szegedy, 2015; `torch.nn.BatchNorm2d`.
    """

    name = "BatchNorm2d"
    ranks = (4, 4)
    wants = "[N, C, H, W]"
    examples = (
        Example({}, ("[N, 3, H, W]",), ("[N, 3, H, W]",)),
        Example({"eps": 1e-3, "momentum": 0.01, "num_features": 4, "bias": False}, ("[1, 4, 1, 1]",), ("[1, 4, 1, 1]",)),
        Example({"affine": False, "momentum": None}, ("[N, 2, H, 1]",), ("[N, 2, H, 1]",)),
        Example({"track_running_stats": False}, ("[N, 3, H, W]",), ("[N, 3, H, W]",)),
    )
    refusals = (Refusal({}, ("[N, C]",), "rank-mismatch"), Refusal({"eps": -1.0}, ("[N, 3, H, W]",), "bad-argument"))


class BatchNorm3d(BatchNorm):
    """Normalises each channel of [N, C, D, H, W] by its statistics over the batch.

    Shapes: x as given; weight, bias and running statistics [C]. Source: Ioffe and Szegedy, 2015; `torch.nn.BatchNorm3d`.
    """

    name = "BatchNorm3d"
    ranks = (5, 5)
    wants = "[N, C, D, H, W]"
    examples = (
        Example({}, ("[N, 3, D, H, W]",), ("[N, 3, D, H, W]",)),
        Example({"eps": 1e-3, "momentum": None, "num_features": 4}, ("[1, 4, 1, 1, 1]",), ("[1, 4, 1, 1, 1]",)),
        Example({"affine": False}, ("[N, 2, D, H, W]",), ("[N, 2, D, H, W]",)),
        Example({"track_running_stats": False, "bias": False}, ("[N, 3, 2, H, W]",), ("[N, 3, 2, H, W]",)),
    )
    refusals = (Refusal({}, ("[N, C, H, W]",), "rank-mismatch"),)


class BatchNormFunction(Op):
    """Normalises each channel by given statistics or the batch's; PyTorch's, but those given stay and get no gradient.

    With `training=true` the statistics are the batch's. Shapes: x [N, C, ...]; running_mean, running_var, weight, bias [C].
    Source: Ioffe and Szegedy, 2015; `torch.nn.functional.batch_norm`.
    """

    name = "batch_norm"
    family = "norm"
    alike = "batch"
    channels_last = "keeps"
    precise = True
    tensors = ("x", "running_mean?", "running_var?", "weight?", "bias?")
    floats = True
    training: bool = option(False, "Whether the batch's statistics are used; the running ones may then be left out.", "bool")
    eps: float = option(1e-5, "Added to the variance.", "float")
    examples = (
        Example({}, ("[N, C, H, W]", "[C]", "[C]", "[C]", "[C]"), ("[N, C, H, W]",), values={2: (0.5, 2.0)}),
        Example({"eps": 1e-3}, ("[N, 3]", "[3]", "[3]"), ("[N, 3]",), values={2: (0.5, 2.0)}),
        Example({"training": True}, ("[N, C, L]", "", "", "[C]", "[C]"), ("[N, C, L]",)),
        Example({"training": True}, ("[N, 1]",), ("[N, 1]",)),
    )
    refusals = (
        Refusal({}, ("[N, 3]",), "absent-input"),
        Refusal({}, ("[N]", "[3]", "[3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[3]", "[1, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3]", "[3]", "[4]"), "shape-mismatch"),
        Refusal({"training": True}, ("[1, 3]",), "shape-mismatch"),
        Refusal({"eps": 0.0}, ("[N, 3]", "[3]", "[3]"), "bad-argument"),
        Refusal({}, ("[N, 3]", "[3]", "f64[3]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        check_positive(self.eps, "eps")
        x = check_rank(given(inputs[0]), 2, None, wants="[N, C, ...]")
        check_same_dtype(*inputs)
        check_channels(context, x, *inputs[1:])
        if self.training:
            check_several(x, (x.shape[0], *x.shape[2:]), "all axes but 1")
        elif any(one is None for one in (*inputs, None, None)[1:3]):
            raise OpFault("`running_mean` and `running_var` must be given, or `training=true`", code="absent-input")
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.norm.tangents import (  # loaded where a derivative is asked for
            by_statistics,
            channels,
            normalised,
            scaled,
        )

        x, mean, variance, scale, shift = inputs
        if self.training:
            made = normalised(x, tuple(axis for axis in range(x.type.rank) if axis != 1), self.eps)
        else:
            made = by_statistics(x, mean.plain, variance.plain, self.eps)
        return scaled(made, scale, shift, channels(x)).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, mean, var, weight, bias = (*inputs, None, None, None, None)[:5]
        more = {name: one for name, one in (("weight", weight), ("bias", bias)) if one is not None}
        # In training PyTorch would update them in place, and it refuses those that have a gradient.
        running = (None, None) if self.training else (Code(f"{mean}.detach()"), Code(f"{var}.detach()"))
        return tape.call("F.batch_norm", x, *running, **more, **changed(self, "training", "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, mean, var, scale, shift = (str(one or "") for one in (*inputs, None, None, None, None)[:5])
        if self.training:
            return batch_statistics(tape, x, tape.inputs[0], self.eps, scale, shift)
        return write_running(tape, x, mean, var, scale, shift, self.eps)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand:
            return Along(1)
        return Everywhere() if self.training and axis != 1 else Along(axis)
