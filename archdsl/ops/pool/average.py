"""Means over windows."""

from __future__ import annotations

from typing import Any, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Context, Example, OnnxTape, OpFault, Refusal, option
from archdsl.ops.pool.window import WindowPool, ceil_field, kernel_field, stride_field, window_size, write_average


class AveragePool(WindowPool):
    """What the average pools share."""

    kernel_size: int | tuple[int, ...] = kernel_field()
    stride: int | tuple[int, ...] | None = stride_field()
    padding: int | tuple[int, ...] = option(0, "Zeros added on both sides.", "int | list[int]")
    ceil_mode: bool = ceil_field()
    count_include_pad: bool = option(True, "Whether the padding counts as values.", "bool")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return write_average(tape, str(inputs[0]), self.attributes(), padded=self.count_include_pad)


class DividedPool(AveragePool):
    """Average pools that can be told what to divide by."""

    divisor_override: int | None = option(None, "What each window's sum is divided by, instead of its count.", "int | none")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if self.divisor_override == 0:
            raise OpFault("`divisor_override` is 0", code="bad-argument", argument="divisor_override")
        return super().bind(context, *inputs)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        if self.divisor_override is None:
            return super().onnx(tape, *inputs)
        x, window, type = str(inputs[0]), self.window, tape.inputs[0]
        # Padded by hand, so that every window is whole and its mean times its size is its sum.
        over = [step - 1 if self.ceil_mode else 0 for step in window.stride]
        after = [pad + more for pad, more in zip(window.after, over, strict=True)]
        if any((*window.before, *after)):
            x = tape.node("Pad", [x, tape.ints([0, 0, *window.before, 0, 0, *after])])
        # Negated between the two: ONNX Runtime merges a Pad into the pool after it, and then finds the padding too large.
        x = tape.node("Neg", [x])
        attributes: dict[str, Any] = {name: one for name, one in window.attributes.items() if name != "pads"}
        y = write_average(tape, x, attributes, padded=True)
        y = tape.node("Mul", [y, tape.scalar(-window_size(self.kernel) / self.divisor_override, type.dtype)])
        if not any(over):
            return y
        axes = list(range(2, type.rank))
        return tape.node("Slice", [y, tape.ints([0] * self.axes), tape.shape(tape.outputs[0].shape[2:]), tape.ints(axes)])


class AveragePool1d(AveragePool):
    """The mean of each window of [N, C, L]; PyTorch's without its unbatched form.

    Shapes: [N, C, L] gives [N, C, (L + 2*padding - kernel_size) // stride + 1]. Source: `torch.nn.functional.avg_pool1d`.
    """

    name = "avg_pool1d"
    linear = ("x",)
    layer_name = "AvgPool1d"
    axes = 1
    examples = (
        Example({"kernel_size": 2}, ("[N, C, L]",), ("[N, C, L // 2]",)),
        Example({"kernel_size": 3, "stride": 1, "padding": 1}, ("[N, C, L]",), ("[N, C, L]",)),
        Example({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, ("[N, 2, 8]",), ("[N, 2, 5]",)),
        Example({"kernel_size": 4, "stride": 3, "padding": 2, "count_include_pad": False}, ("[N, 2, 8]",), ("[N, 2, 3]",)),
        Example({"kernel_size": (1,)}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )
    refusals = (
        Refusal({"kernel_size": 2}, ("[C, L]",), "rank-mismatch"),
        Refusal({"kernel_size": 5}, ("[N, C, 4]",), "shape-mismatch"),
        Refusal({"kernel_size": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "stride": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"kernel_size": 2, "padding": 2}, ("[N, C, L]",), "bad-argument"),
    )


class AveragePool2d(DividedPool):
    """The mean of each window of [N, C, H, W]; PyTorch's without its unbatched form.

    Shapes: along each spatial axis (H + 2*padding - kernel_size) // stride + 1. Source: `torch.nn.functional.avg_pool2d`.
    """

    name = "avg_pool2d"
    linear = ("x",)
    layer_name = "AvgPool2d"
    axes = 2
    examples = (
        Example({"kernel_size": 2}, ("[N, C, H, W]",), ("[N, C, H // 2, W // 2]",), ("H >= 5",)),
        Example(
            {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False, "ceil_mode": True},
            ("[N, C, H, 6]",),
            ("[N, C, H // 2 + 1, 4]",),
        ),
        Example(
            {"kernel_size": (3, 2), "stride": (1, 3), "padding": (1, 0), "ceil_mode": True}, ("[N, 2, H, 9]",), ("[N, 2, H, 3]",)
        ),
        Example({"kernel_size": 3, "stride": 1, "padding": 1, "divisor_override": 5}, ("[N, 2, H, W]",), ("[N, 2, H, W]",)),
        Example(
            {"kernel_size": 3, "stride": 2, "padding": 1, "divisor_override": -4, "ceil_mode": True},
            ("[N, 2, H, 1]",),
            ("[N, 2, H // 2 + 1, 1]",),
        ),
    )
    refusals = (
        Refusal({"kernel_size": 2}, ("[N, C, L]",), "rank-mismatch"),
        Refusal({"kernel_size": 2, "divisor_override": 0}, ("[N, C, H, W]",), "bad-argument"),
    )


class AveragePool3d(DividedPool):
    """The mean of each window of [N, C, D, H, W]; PyTorch's without its unbatched form.

    Shapes: along each spatial axis (D + 2*padding - kernel_size) // stride + 1. Source: `torch.nn.functional.avg_pool3d`.
    """

    name = "avg_pool3d"
    linear = ("x",)
    layer_name = "AvgPool3d"
    axes = 3
    whole = True
    examples = (
        Example(
            {"kernel_size": 3, "stride": 1, "padding": 1},
            ("[N, C, D, H, W]",),
            ("[N, C, D, H, W]",),
            ("D >= 3", "H >= 3", "W >= 3"),
        ),
        Example(
            {"kernel_size": 2, "padding": (1, 0, 1), "count_include_pad": False, "ceil_mode": True},
            ("[N, 2, 3, 5, 2]",),
            ("[N, 2, 2, 3, 2]",),
        ),
        Example({"kernel_size": (1, 2, 2), "divisor_override": 3, "ceil_mode": True}, ("[N, 1, D, 5, 4]",), ("[N, 1, D, 3, 2]",)),
    )
    refusals = (
        Refusal({"kernel_size": 2}, ("[N, C, H, W]",), "rank-mismatch"),
        Refusal({"kernel_size": 3, "padding": 1}, ("[N, C, D, H, 2]",), "shape-mismatch"),
    )
