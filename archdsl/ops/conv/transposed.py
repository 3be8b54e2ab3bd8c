"""Transposed convolution layers over one, two and three spatial axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_divides, check_dtype, check_least, check_rank, each, fill, given
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
    required,
)
from archdsl.ops.conv.window import LETTERS, Window, read_window
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class TransposedConvolution(Op):
    """What the transposed convolutions share. Shapes: x [N, C, *spatial]; weight [C, out // groups, *kernel], bias [out]."""

    axes: ClassVar[int] = 0
    family = "conv"
    alike = "batch"
    channels_last = "wants"
    layer = True
    floats = True
    in_channels: Size = inferred("Size of axis 1.")
    out_channels: Size = required("Size of axis 1 of the result.", "size")
    kernel_size: int | tuple[int, ...] = required("Size of the window.", "int | list[int]")
    stride: int | tuple[int, ...] = option(1, "Step of the window, in the result.", "int | list[int]")
    padding: int | tuple[int, ...] = option(0, "Positions taken off both sides of the result.", "int | list[int]")
    output_padding: int | tuple[int, ...] = option(
        0, "Positions added after the result, fewer than stride or dilation.", "int | list[int]"
    )
    groups: Size = option(1, "Number of groups of channels, each convolved by itself.", "size")
    bias: bool = option(True, "Whether a bias is added.", "bool")
    dilation: int | tuple[int, ...] = option(1, "Distance between the positions of a window.", "int | list[int]")

    @property
    def kernel(self) -> tuple[int, ...]:
        """The size of the window along each axis."""
        return each(self.kernel_size, self.axes, "kernel_size")

    @property
    def window(self) -> Window:
        """The window."""
        return read_window(self, self.axes, self.kernel)

    @property
    def more(self) -> tuple[int, ...]:
        """The output padding of each axis."""
        return each(self.output_padding, self.axes, "output_padding")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.out_channels, 1, "out_channels")
        check_least(self.groups, 1, "groups")
        check_output_padding(self.window, self.more)
        x = check_rank(given(inputs[0]), self.axes + 2, wants=f"[{LETTERS[self.axes]}]")
        check_dtype(x, ("float",), help="convert it: cast(x, float)")
        check_divides(context, self.groups, x.shape[1], "`groups` must divide the input's channels", operand=0, axis=1)
        check_divides(context, self.groups, self.out_channels, "`groups` must divide `out_channels`", argument="out_channels")
        return fill(context, self, "in_channels", x.shape[1], axis=1)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        return (TensorType((x.shape[0], self.out_channels, *self.window.spread(x.shape[2:], self.more))),)

    def parameters(self) -> Mapping[str, Weight]:
        shape = self.in_channels, self.out_channels // self.groups, *self.kernel
        weight = {"weight": Weight(shape, "kaiming_uniform", window=self.axes)}
        return {**weight, "bias": Weight((self.out_channels,), "uniform")} if self.bias else weight

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        more = {name: getattr(self, name) for name in ("stride", "padding", "output_padding", "groups", "dilation")}
        return tape.op(f"conv_transpose{self.axes}d", inputs[0].d, tape.param("weight"), **more)

    def module(self, tape: TorchTape) -> Code:
        more = changed(self, "stride", "padding", "output_padding", "groups", "bias", "dilation")
        return tape.call(f"nn.{self.name}", self.in_channels, self.out_channels, self.kernel_size, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        bias = tape.param("bias") if self.bias else ""
        return write_transposed(tape, str(inputs[0]), tape.param("weight"), bias, self.window, self.more, self.groups)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return transposed_macs(given(inputs[0]), self.out_channels // self.groups, self.kernel)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if axis == 1:
            each_alone = self.groups == self.in_channels and self.out_channels == self.in_channels
            return Along(1) if each_alone else Everywhere()
        return Along(0) if axis == 0 else transposed_reach(self.window, axis - 2)


def check_output_padding(window: Window, more: tuple[int, ...]) -> None:
    """Output padding is below stride or dilation along each axis. Raises `bad-argument`."""
    check_least(more, 0, "output_padding")
    for one, stride, dilation in zip(more, window.stride, window.dilation, strict=True):
        if one >= max(stride, dilation):
            raise OpFault(
                f"`output_padding` must be less than stride or dilation, here {max(stride, dilation)}; got {one}",
                code="bad-argument",
                argument="output_padding",
            )


def transposed_reach(window: Window, axis: int) -> Reach:
    """Which input positions a result along that spatial axis sees: those that put it into their window."""
    if window.stride[axis] != 1:
        return Everywhere()
    return Along(axis + 2, window.before[axis] - window.span(axis), window.before[axis])


def write_transposed(tape: OnnxTape, x: str, weight: str, bias: str, window: Window, more: tuple[int, ...], groups: Any) -> str:
    """One ConvTranspose; `bias` may be empty."""
    if isinstance(groups, Dim):
        from archdsl.ops.conv.many_groups import write_grouped_transposed

        return write_grouped_transposed(tape, x, weight, bias, window, more, groups)
    extra: dict[str, Any] = {} if groups == 1 else {"group": groups}
    if any(one >= step for one, step in zip(more, window.stride, strict=True)):
        return _write_far(tape, x, weight, bias, window, more, extra)
    if any(more):
        extra["output_padding"] = list(more)
    return tape.node("ConvTranspose", [x, weight, bias] if bias else [x, weight], **window.attributes, **extra)


def _write_far(
    tape: OnnxTape, x: str, weight: str, bias: str, window: Window, more: tuple[int, ...], extra: dict[str, Any]
) -> str:
    """Output padding of a stride or more, which ONNX Runtime refuses: less is taken off the end, then zeros are added."""
    kept = tuple(min(one, pad) for one, pad in zip(more, window.after, strict=True))
    after = tuple(pad - one for one, pad in zip(kept, window.after, strict=True))
    narrower = Window(window.kernel, window.stride, window.dilation, window.before, after)
    y = tape.node("ConvTranspose", [x, weight], **narrower.attributes, **extra)
    beyond = [one - part for one, part in zip(more, kept, strict=True)]
    if any(beyond):
        y = tape.node("Pad", [y, tape.ints([0] * (len(more) + 4) + beyond)])
    if not bias:
        return y
    return tape.node("Add", [y, tape.node("Unsqueeze", [bias, tape.ints(list(range(1, len(more) + 1)))])])


def transposed_macs(x: TensorType, channels: Size, kernel: tuple[int, ...]) -> Size:
    """Multiply-accumulates: each value of `x` goes into a window of so many `channels`."""
    total = x.numel() * channels
    for one in kernel:
        total = total * one
    return total


class ConvTranspose1d(TransposedConvolution):
    """A transposed convolution over [N, C, L]; PyTorch's without its unbatched form and `padding_mode`, always zeros.

    Shapes: x [N, C, L] gives [N, out, (L - 1)*stride - 2*padding + dilation*(kernel - 1) + output_padding + 1];
    weight [C, out // groups, kernel], bias [out]. Source: `torch.nn.ConvTranspose1d`.
    """

    name = "ConvTranspose1d"
    axes = 1
    examples = (
        Example({"out_channels": 4, "kernel_size": 3}, ("[N, 3, L]",), ("[N, 4, L + 2]",)),
        Example(
            {"out_channels": 6, "kernel_size": 4, "stride": 2, "padding": 1, "groups": 2, "bias": False},
            ("[B, 4, T]",),
            ("[B, 6, 2*T]",),
        ),
        Example(
            {"out_channels": 2, "kernel_size": 3, "stride": 3, "output_padding": 2, "dilation": 2, "in_channels": 1},
            ("[N, 1, L]",),
            ("[N, 2, 3*L + 4]",),
        ),
        Example(
            {"out_channels": 3, "kernel_size": 3, "padding": 2, "groups": 3}, ("[N, 3, L]",), ("[N, 3, L - 2]",), ("L >= 7",)
        ),
        Example({"out_channels": 1, "kernel_size": 1}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
        Example(
            {"out_channels": 2, "kernel_size": 3, "dilation": 3, "padding": 1, "output_padding": 2},
            ("[N, 1, L]",),
            ("[N, 2, L + 6]",),
        ),
    )
    refusals = (
        Refusal({"out_channels": 4, "kernel_size": 3}, ("[3, L]",), "rank-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 1, "padding": 2}, ("[N, 3, 4]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "in_channels": 2}, ("[N, 3, L]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 2}, ("[N, 3, L]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 2}, ("[N, C, L]",), "unproved-dimension"),
        Refusal({"out_channels": 3, "kernel_size": 3, "groups": 2}, ("[N, 4, L]",), "shape-mismatch"),
        Refusal({"out_channels": 0, "kernel_size": 3}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": (3, 3)}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 0}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "output_padding": 1}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "output_padding": -1}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3}, ("f64[N, 3, L]",), "dtype-mismatch"),
    )


class ConvTranspose2d(TransposedConvolution):
    """A transposed convolution over [N, C, H, W]; PyTorch's without its unbatched form and `padding_mode`, always zeros.

    Shapes: x [N, C, H, W] gives [N, out, …], along each axis (H - 1)*stride - 2*padding + dilation*(kernel - 1) +
    output_padding + 1;
    weight [C, out // groups, *kernel], bias [out]. Source: `torch.nn.ConvTranspose2d`.
    """

    name = "ConvTranspose2d"
    axes = 2
    examples = (
        Example({"out_channels": 4, "kernel_size": 2, "stride": 2}, ("[N, 8, H, W]",), ("[N, 4, 2*H, 2*W]",)),
        Example(
            {
                "out_channels": 6,
                "kernel_size": (3, 2),
                "stride": (2, 3),
                "padding": (1, 0),
                "output_padding": (1, 2),
                "groups": 2,
                "bias": False,
            },
            ("[N, 4, 5, W]",),
            ("[N, 6, 10, 3*W + 1]",),
        ),
        Example(
            {"out_channels": 3, "kernel_size": 3, "dilation": (1, 2), "in_channels": 2}, ("[N, 2, 1, 4]",), ("[N, 3, 3, 8]",)
        ),
    )
    refusals = (
        Refusal({"out_channels": 4, "kernel_size": 3}, ("[N, 3, L]",), "rank-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "stride": 2, "output_padding": (1, 2)}, ("[N, 3, H, W]",), "bad-argument"),
    )


class ConvTranspose3d(TransposedConvolution):
    """A transposed convolution over [N, C, D, H, W]; PyTorch's without its unbatched form and `padding_mode`, always zeros.

    Shapes: x [N, C, D, H, W] gives [N, out, …], along each axis (D - 1)*stride - 2*padding + dilation*(kernel - 1) +
    output_padding + 1;
    weight [C, out // groups, *kernel], bias [out]. Source: `torch.nn.ConvTranspose3d`.
    """

    name = "ConvTranspose3d"
    axes = 3
    examples = (
        Example({"out_channels": 2, "kernel_size": 2, "stride": 2}, ("[N, 3, D, H, W]",), ("[N, 2, 2*D, 2*H, 2*W]",)),
        Example(
            {
                "out_channels": 4,
                "kernel_size": 3,
                "stride": (1, 2, 2),
                "padding": 1,
                "output_padding": (0, 1, 1),
                "groups": 2,
                "bias": False,
                "dilation": (2, 1, 1),
                "in_channels": 2,
            },
            ("[N, 2, 3, 1, W]",),
            ("[N, 4, 5, 2, 2*W]",),
        ),
    )
    refusals = (Refusal({"out_channels": 4, "kernel_size": 3}, ("[N, 3, H, W]",), "rank-mismatch"),)
