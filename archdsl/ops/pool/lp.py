"""Sums of powers over windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_positive
from archdsl.ops.contract import Context, Example, OnnxTape, Refusal, required
from archdsl.ops.pool.window import WindowPool, ceil_field, kernel_field, stride_field, window_size, write_average

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class PowerPool(WindowPool):
    """What the power pools share. As in PyTorch the sum of a window that hangs over the end is scaled up to a whole one."""

    norm_type: float = required("The power.", "float")
    kernel_size: int | tuple[int, ...] = kernel_field()
    stride: int | tuple[int, ...] | None = stride_field()
    ceil_mode: bool = ceil_field()

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_positive(self.norm_type, "norm_type")
        return super().bind(context, *inputs)

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        said, more = super().arguments()
        return (self.norm_type, *said), more

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        powers = inputs[0] ** self.norm_type
        mean = getattr(powers, f"avg_pool{self.axes}d")(
            kernel_size=self.kernel_size, stride=self.stride, ceil_mode=self.ceil_mode
        )
        return ((mean * window_size(self.kernel)) ** (1 / self.norm_type)).d

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        # LpPool takes absolute values, PyTorch does not.
        dtype = tape.inputs[0].dtype
        powers = tape.node("Pow", [str(inputs[0]), tape.scalar(self.norm_type, dtype)])
        mean = write_average(tape, powers, self.attributes(), padded=True)
        total = tape.node("Mul", [mean, tape.scalar(window_size(self.kernel), dtype)])
        return tape.node("Pow", [total, tape.scalar(1 / self.norm_type, dtype)])


class PowerPool1d(PowerPool):
    """The root of the sum of powers of each window of [N, C, L]; PyTorch's without its unbatched form.

    Shapes: [N, C, L] gives [N, C, (L - kernel_size) // stride + 1]. Source: `torch.nn.functional.lp_pool1d`.
    """

    name = "lp_pool1d"
    layer_name = "LPPool1d"
    axes = 1
    examples = (
        Example({"norm_type": 2.0, "kernel_size": 2}, ("[N, C, L]",), ("[N, C, L // 2]",)),
        Example(
            {"norm_type": 3.0, "kernel_size": 3, "stride": 2, "ceil_mode": True},
            ("[N, 2, 8]",),
            ("[N, 2, 4]",),
            values={0: (0.1, 1.0)},
        ),
        Example({"norm_type": 1.0, "kernel_size": (1,)}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )
    refusals = (
        Refusal({"norm_type": 2.0, "kernel_size": 2}, ("[C, L]",), "rank-mismatch"),
        Refusal({"norm_type": 0.0, "kernel_size": 2}, ("[N, C, L]",), "bad-argument"),
        Refusal({"norm_type": 2.0, "kernel_size": 5}, ("[N, C, 4]",), "shape-mismatch"),
    )


class PowerPool2d(PowerPool):
    """The root of the sum of powers of each window of [N, C, H, W]; PyTorch's without its unbatched form.

    Shapes: along each spatial axis (H - kernel_size) // stride + 1. Source: `torch.nn.functional.lp_pool2d`.
    """

    name = "lp_pool2d"
    layer_name = "LPPool2d"
    axes = 2
    examples = (
        Example(
            {"norm_type": 2.0, "kernel_size": 3, "stride": 1}, ("[N, C, H, W]",), ("[N, C, H - 2, W - 2]",), ("H >= 5", "W >= 5")
        ),
        Example({"norm_type": 4.0, "kernel_size": (1, 2), "ceil_mode": True}, ("[N, 2, H, 5]",), ("[N, 2, H, 3]",)),
    )
    refusals = (Refusal({"norm_type": 2.0, "kernel_size": 2}, ("[N, C, L]",), "rank-mismatch"),)


class PowerPool3d(PowerPool):
    """The root of the sum of powers of each window of [N, C, D, H, W]; PyTorch's without its unbatched form.

    Shapes: along each spatial axis (D - kernel_size) // stride + 1. Source: `torch.nn.functional.lp_pool3d`.
    """

    name = "lp_pool3d"
    layer_name = "LPPool3d"
    axes = 3
    whole = True
    examples = (
        Example({"norm_type": 2.0, "kernel_size": (1, 2, 2), "stride": (1, 2, 1)}, ("[N, C, D, 4, 3]",), ("[N, C, D, 2, 2]",)),
        Example({"norm_type": 2.0, "kernel_size": 2, "ceil_mode": True}, ("[1, 1, 3, 2, 2]",), ("[1, 1, 2, 1, 1]",)),
    )
    refusals = (
        Refusal({"norm_type": 2.0, "kernel_size": 2}, ("[N, C, H, W]",), "rank-mismatch"),
        Refusal({"norm_type": 2.0, "kernel_size": 2, "ceil_mode": True}, ("[N, C, 3, 1, 2]",), "shape-mismatch"),
    )
