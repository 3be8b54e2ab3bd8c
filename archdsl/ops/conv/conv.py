"""Convolution layers over one, two and three spatial axes."""

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

MODES = ("zeros", "reflect", "replicate", "circular")


class Convolution(Op):
    """What the convolution layers share. Shapes: x [N, C, *spatial]; weight [out, C // groups, *kernel], bias [out]."""

    axes: ClassVar[int] = 0
    """How many spatial axes."""
    family = "conv"
    alike = "batch"
    channels_last = "wants"
    layer = True
    floats = True
    in_channels: Size = inferred("Size of axis 1.")
    out_channels: Size = required("Size of axis 1 of the result.", "size")
    kernel_size: int | tuple[int, ...] = required("Size of the window.", "int | list[int]")
    stride: int | tuple[int, ...] = option(1, "Step of the window.", "int | list[int]")
    padding: int | str | tuple[int, ...] = option(
        0, 'Positions added on both sides, `"same"` to keep the size (stride 1), or `"valid"` for none.', "int | str | list[int]"
    )
    dilation: int | tuple[int, ...] = option(1, "Distance between the positions of a window.", "int | list[int]")
    groups: Size = option(1, "Number of groups of channels, each convolved by itself.", "size")
    bias: bool = option(True, "Whether a bias is added.", "bool")
    padding_mode: str = option(
        "zeros", "What is added: zeros, or the input reflected, replicated or wrapped.", "str", choices=MODES
    )

    @property
    def kernel(self) -> tuple[int, ...]:
        """The size of the window along each axis."""
        return each(self.kernel_size, self.axes, "kernel_size")

    @property
    def window(self) -> Window:
        """The window, padding resolved."""
        known = self.__dict__.get("_window")
        if known is None:
            known = self.__dict__["_window"] = read_window(self, self.axes, self.kernel)
        return known

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.out_channels, 1, "out_channels")
        check_least(self.groups, 1, "groups")
        window = self.window
        if self.padding_mode not in MODES:
            raise OpFault(f"`padding_mode` is one of {', '.join(MODES)}", code="bad-argument", argument="padding_mode")
        x = check_rank(given(inputs[0]), self.axes + 2, wants=f"[{LETTERS[self.axes]}]")
        check_dtype(x, ("float",), help="convert it: cast(x, float)")
        check_divides(context, self.groups, x.shape[1], "`groups` must divide the input's channels", operand=0, axis=1)
        check_divides(context, self.groups, self.out_channels, "`groups` must divide `out_channels`", argument="out_channels")
        self._check_mode(window, x.shape[2:])
        return fill(context, self, "in_channels", x.shape[1], axis=1)

    def _check_mode(self, window: Window, sizes: tuple[Size, ...]) -> None:
        """Reflecting needs one position more than the padding, wrapping as many; a symbolic size is left to run time."""
        need = {"reflect": 1, "circular": 0}.get(self.padding_mode)
        if need is None:
            return
        for axis, size in enumerate(sizes):
            most = max(window.before[axis], window.after[axis])
            if isinstance(size, int) and size < most + need:
                raise OpFault(
                    f'padding of {most} by "{self.padding_mode}" needs a size of at least {most + need}; got {size}',
                    operand=0,
                    axis=axis + 2,
                )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        return (TensorType((x.shape[0], self.out_channels, *self.window.result(x.shape[2:]))),)

    def parameters(self) -> Mapping[str, Weight]:
        shape = self.out_channels, self.in_channels // self.groups, *self.kernel
        weight = {"weight": Weight(shape, "kaiming_uniform", window=self.axes)}
        return {**weight, "bias": Weight((self.out_channels,), "uniform")} if self.bias else weight

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        d, padding = inputs[0].d, self.padding
        if self.padding_mode != "zeros" and any(self.window.pads):
            sides = zip(reversed(self.window.before), reversed(self.window.after), strict=True)
            d, padding = d.pad(pad=tuple(one for pair in sides for one in pair), mode=self.padding_mode), 0
        more = {"stride": self.stride, "padding": padding, "dilation": self.dilation, "groups": self.groups}
        return tape.op(f"conv{self.axes}d", d, tape.param("weight"), **more)

    def module(self, tape: TorchTape) -> Code:
        more = changed(self, "stride", "padding", "dilation", "groups", "bias", "padding_mode")
        kind = tape.helper("GroupedConv1d") if self.axes == 1 and self.groups != 1 else f"nn.{self.name}"
        return tape.call(kind, self.in_channels, self.out_channels, self.kernel_size, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, window = str(inputs[0]), self.window
        if self.padding_mode != "zeros" and any(window.pads):
            mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[self.padding_mode]
            x = tape.node("Pad", [x, tape.ints([0, 0, *window.before, 0, 0, *window.after])], mode=mode)
            none = (0,) * self.axes
            window = Window(window.kernel, window.stride, window.dilation, none, none)
        return write_convolution(tape, x, tape.param("weight"), tape.param("bias") if self.bias else "", window, self.groups)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return convolution_macs(outputs[0], self.in_channels // self.groups, self.kernel)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if axis == 1:
            each_alone = self.groups == self.in_channels and self.out_channels == self.in_channels
            return Along(1) if each_alone else Everywhere()
        if axis == 0:
            return Along(0)
        window = self.window
        wraps = self.padding_mode in ("reflect", "circular") and (window.before[axis - 2] or window.after[axis - 2])
        found = window.reach(axis - 2)
        if wraps or not isinstance(found, Along):
            return Everywhere()
        # A replicated edge stands in for positions outside, so it may be nearer, or further back, than they are.
        return Along(axis, None, max(found.high or 0, 0)) if self.padding_mode == "replicate" else found


def write_convolution(tape: OnnxTape, x: str, weight: str, bias: str, window: Window, groups: Any) -> str:
    """One Conv; `bias` may be empty."""
    if isinstance(groups, Dim):
        from archdsl.ops.conv.many_groups import write_grouped

        return write_grouped(tape, x, weight, bias, window, groups)
    grouped = {} if groups == 1 else {"group": groups}
    return tape.node("Conv", [x, weight, bias] if bias else [x, weight], **window.attributes, **grouped)


def convolution_macs(y: TensorType, channels: Size, kernel: tuple[int, ...]) -> Size:
    """Multiply-accumulates of a convolution with result `y`, each of whose values sees so many `channels`."""
    total = y.numel() * channels
    for one in kernel:
        total = total * one
    return total


class Conv1d(Convolution):
    """A convolution over [N, C, L]; PyTorch's without its unbatched form.

    Shapes: x [N, C, L] gives [N, out, (L + 2*padding - dilation*(kernel - 1) - 1) // stride + 1]; weight [out, C // groups,
    kernel],
    bias [out]. With `padding="same"` an even span puts the odd position after. Source: `torch.nn.Conv1d`.
    """

    name = "Conv1d"
    axes = 1
    examples = (
        Example({"out_channels": 4, "kernel_size": 3}, ("[N, 3, L]",), ("[N, 4, L - 2]",), ("L >= 7",)),
        Example(
            {"out_channels": 6, "kernel_size": 4, "padding": 3, "groups": 6, "bias": False}, ("[B, 6, T]",), ("[B, 6, T + 3]",)
        ),
        Example({"out_channels": 4, "kernel_size": 4, "padding": "same", "dilation": 3}, ("[N, 2, L]",), ("[N, 4, L]",)),
        Example(
            {"out_channels": 4, "kernel_size": (5,), "stride": 3, "in_channels": 2, "padding": (2,)},
            ("[N, 2, 17]",),
            ("[N, 4, 6]",),
        ),
        Example(
            {"out_channels": 2, "kernel_size": 3, "padding": 2, "padding_mode": "circular"}, ("[N, 1, L]",), ("[N, 2, L + 2]",)
        ),
        Example(
            {"out_channels": 2, "kernel_size": 4, "padding": "same", "padding_mode": "reflect"}, ("[N, 2, L]",), ("[N, 2, L]",)
        ),
        Example(
            {"out_channels": 2, "kernel_size": 2, "padding": 3, "padding_mode": "replicate"}, ("[N, 2, L]",), ("[N, 2, L + 5]",)
        ),
        Example({"out_channels": 1, "kernel_size": 1, "padding": "valid"}, ("[1, 1, 1]",), ("[1, 1, 1]",)),
    )
    refusals = (
        Refusal({"out_channels": 4, "kernel_size": 3}, ("[3, L]",), "rank-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 5}, ("[N, 3, 4]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "in_channels": 2}, ("[N, 3, L]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 2}, ("[N, 3, L]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 2}, ("[N, C, L]",), "unproved-dimension"),
        Refusal({"out_channels": 3, "kernel_size": 3, "groups": 2}, ("[N, 4, L]",), "shape-mismatch"),
        Refusal({"out_channels": 0, "kernel_size": 3}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 0}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": (3, 3)}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "stride": 0}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "dilation": 0}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 0}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "padding": -1}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "padding": "full"}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "padding": "same", "stride": 2}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "padding_mode": "wrap"}, ("[N, 3, L]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 9, "padding": 4, "padding_mode": "reflect"}, ("[N, 3, 4]",), "shape-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": 3}, ("f64[N, 3, L]",), "dtype-mismatch"),
    )


class Conv2d(Convolution):
    """A convolution over [N, C, H, W]; PyTorch's without its unbatched form.

    Shapes: x [N, C, H, W] gives [N, out, …], along each spatial axis (H + 2*padding - dilation*(kernel - 1) - 1) // stride + 1;
    weight [out, C // groups, *kernel], bias [out]. With `padding="same"` an even span puts the odd position after.
    Source: `torch.nn.Conv2d`.
    """

    name = "Conv2d"
    axes = 2
    examples = (
        Example(
            {"out_channels": 4, "kernel_size": 7, "stride": 2, "padding": 3, "bias": False},
            ("[N, 3, H, W]",),
            ("[N, 4, (H - 1) // 2 + 1, (W - 1) // 2 + 1]",),
        ),
        Example(
            {"out_channels": 6, "kernel_size": (3, 2), "groups": 2, "dilation": (1, 2), "in_channels": 4},
            ("[N, 4, 8, 9]",),
            ("[N, 6, 6, 7]",),
        ),
        Example(
            {"out_channels": 4, "kernel_size": (4, 3), "padding": "same", "dilation": (3, 1)},
            ("[N, 2, H, W]",),
            ("[N, 4, H, W]",),
        ),
        Example(
            {"out_channels": 3, "kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect", "stride": (1, 3)},
            ("[N, 3, 5, 7]",),
            ("[N, 3, 5, 3]",),
        ),
        Example(
            {"out_channels": 3, "kernel_size": 4, "padding": "same", "padding_mode": "circular"},
            ("[N, 2, H, W]",),
            ("[N, 3, H, W]",),
        ),
        Example(
            {"out_channels": 1, "kernel_size": 3, "padding": 1, "padding_mode": "replicate"}, ("[1, 1, 1, W]",), ("[1, 1, 1, W]",)
        ),
        Example({"out_channels": 2, "kernel_size": 1, "padding": "valid"}, ("[N, 2, 1, 1]",), ("[N, 2, 1, 1]",)),
    )
    refusals = (
        Refusal({"out_channels": 4, "kernel_size": 3}, ("[N, 3]",), "rank-mismatch"),
        Refusal({"out_channels": 4, "kernel_size": (3, 3, 3)}, ("[N, 3, H, W]",), "bad-argument"),
        Refusal({"out_channels": 4, "kernel_size": 3, "groups": 2}, ("[N, 3, H, W]",), "shape-mismatch"),
    )


class Conv3d(Convolution):
    """A convolution over [N, C, D, H, W]; PyTorch's without its unbatched form.

    Shapes: x [N, C, D, H, W] gives [N, out, …], along each spatial axis (D + 2*padding - dilation*(kernel - 1) - 1) // stride
    + 1;
    weight [out, C // groups, *kernel], bias [out]. With `padding="same"` an even span puts the odd position after.
    Source: `torch.nn.Conv3d`.
    """

    name = "Conv3d"
    axes = 3
    examples = (
        Example({"out_channels": 4, "kernel_size": 3, "padding": 1}, ("[N, 2, D, H, W]",), ("[N, 4, D, H, W]",)),
        Example(
            {"out_channels": 4, "kernel_size": (1, 3, 2), "stride": (1, 2, 3), "groups": 2, "bias": False},
            ("[N, 2, 2, 7, 8]",),
            ("[N, 4, 2, 3, 3]",),
        ),
        Example(
            {"out_channels": 2, "kernel_size": 2, "padding": "same", "dilation": 2, "in_channels": 1},
            ("[N, 1, 4, 5, 6]",),
            ("[N, 2, 4, 5, 6]",),
        ),
        Example(
            {"out_channels": 2, "kernel_size": 3, "padding": 1, "padding_mode": "circular"},
            ("[N, 1, 3, 1, W]",),
            ("[N, 2, 3, 1, W]",),
        ),
        Example(
            {"out_channels": 2, "kernel_size": 2, "padding": "same", "padding_mode": "reflect"},
            ("[N, 1, 3, H, W]",),
            ("[N, 2, 3, H, W]",),
        ),
        Example(
            {"out_channels": 1, "kernel_size": (1, 3, 3), "padding": (0, 1, 1), "padding_mode": "replicate"},
            ("[N, 1, 1, H, W]",),
            ("[N, 1, 1, H, W]",),
        ),
    )
    refusals = (Refusal({"out_channels": 4, "kernel_size": 3}, ("[N, 3, H, W]",), "rank-mismatch"),)
