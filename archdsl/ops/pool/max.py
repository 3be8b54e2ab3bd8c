"""Maxima over windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import given
from archdsl.ops.contract import Context, Example, OnnxTape, OpFault, Refusal, option
from archdsl.ops.pool.window import WindowPool, ceil_field, kernel_field, stride_field

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class MaxPool(WindowPool):
    """What the max pools share."""

    kernel_size: int | tuple[int, ...] = kernel_field()
    stride: int | tuple[int, ...] | None = stride_field()
    padding: int | tuple[int, ...] = option(0, "Positions added on both sides, which are never the maximum.", "int | list[int]")
    dilation: int | tuple[int, ...] = option(1, "Distance between the positions of a window.", "int | list[int]")
    ceil_mode: bool = ceil_field()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        window = self.window
        for axis, size in enumerate(given(inputs[0]).shape[2:]):
            step = window.dilation[axis]
            if isinstance(size, int) and window.before[axis] and size < step:  # PyTorch then writes outside its memory
                raise OpFault(f"a window of dilation {step} may lie in the padding of {size} alone", operand=0, axis=axis + 2)
        return super().infer(context, *inputs)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.pool.tangents import of_largest, sliding  # loaded where a derivative is asked for

        x = inputs[0]
        return of_largest(x, sliding(x, self.window, tape.outputs[0].type.shape[2:]))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("MaxPool", [str(inputs[0])], **self.attributes())


class MaxPool1d(MaxPool):
    """The maximum of each window of [N, C, L]; PyTorch's without its unbatched form and `return_indices`.

    Shapes: [N, C, L] gives [N, C, (L + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1].
    Source: `torch.nn.functional.max_pool1d`.
    """

    name = "max_pool1d"
    layer_name = "MaxPool1d"
    axes = 1
    examples = (
        Example({"kernel_size": 2}, ("[N, C, L]",), ("[N, C, L // 2]",), ("L >= 7",)),
        Example({"kernel_size": 3, "stride": 1, "padding": 1}, ("[N, C, L]",), ("[N, C, L]",)),
        Example({"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}, ("[N, 2, 8]",), ("[N, 2, 4]",)),
        Example({"kernel_size": 3, "stride": 5, "ceil_mode": True}, ("[1, 1, 11]",), ("[1, 1, 3]",)),
        Example({"kernel_size": 3, "stride": 2, "ceil_mode": True}, ("[N, C, L]",), ("[N, C, L // 2]",), ("L >= 7",)),
        Example({"kernel_size": (1,)}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )
    refusals = (
        Refusal({"kernel_size": 2}, ("[C, L]",), "rank-mismatch"),
        Refusal({"kernel_size": 5}, ("[N, C, 4]",), "shape-mismatch"),
        Refusal({"kernel_size": 9, "stride": 2, "ceil_mode": True}, ("[N, C, 4]",), "shape-mismatch"),
        Refusal({"kernel_size": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": (2, 2)}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "stride": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "dilation": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "padding": -1}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "padding": 2}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "padding": 1, "dilation": 2}, ("[N, C, 1]",), "shape-mismatch"),
    )


class MaxPool2d(MaxPool):
    """The maximum of each window of [N, C, H, W]; PyTorch's without its unbatched form and `return_indices`.

    Shapes: along each spatial axis (H + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.
    Source: `torch.nn.functional.max_pool2d`.
    """

    name = "max_pool2d"
    layer_name = "MaxPool2d"
    axes = 2
    examples = (
        Example(
            {"kernel_size": 3, "stride": 2, "padding": 1}, ("[N, C, H, W]",), ("[N, C, (H - 1) // 2 + 1, (W - 1) // 2 + 1]",)
        ),
        Example(
            {"kernel_size": (3, 2), "stride": (1, 3), "padding": (1, 0), "dilation": (1, 2)}, ("[N, 2, H, 9]",), ("[N, 2, H, 3]",)
        ),
        Example({"kernel_size": 2, "ceil_mode": True}, ("[N, 2, H, W]",), ("[N, 2, (H + 1) // 2, (W + 1) // 2]",)),
        Example({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, ("[1, 1, 1, 6]",), ("[1, 1, 1, 4]",)),
    )
    refusals = (
        Refusal({"kernel_size": 2}, ("[N, C, L]",), "rank-mismatch"),
        Refusal({"kernel_size": 2, "padding": (1, 2)}, ("[N, C, H, W]",), "bad-argument"),
    )


class MaxPool3d(MaxPool):
    """The maximum of each window of [N, C, D, H, W]; PyTorch's without its unbatched form and `return_indices`.

    Shapes: along each spatial axis (D + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.
    Source: `torch.nn.functional.max_pool3d`.
    """

    name = "max_pool3d"
    layer_name = "MaxPool3d"
    axes = 3
    examples = (
        Example({"kernel_size": 3, "stride": 1, "padding": 1}, ("[N, C, D, H, W]",), ("[N, C, D, H, W]",)),
        Example(
            {"kernel_size": (1, 2, 2), "stride": (1, 2, 1), "dilation": (1, 1, 2), "ceil_mode": True},
            ("[N, 2, D, 5, 4]",),
            ("[N, 2, D, 3, 2]",),
        ),
    )
    refusals = (Refusal({"kernel_size": 2}, ("[N, C, H, W]",), "rank-mismatch"),)
