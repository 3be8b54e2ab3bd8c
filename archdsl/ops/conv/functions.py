"""Convolutions and transposed convolutions by given weights."""

from __future__ import annotations

from typing import ClassVar, Self

from archdsl.dims.dim import Size, symbol
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_divides, check_equal, check_least, check_rank, check_same_dtype, each, given
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
    option,
)
from archdsl.ops.conv.conv import convolution_macs, write_convolution
from archdsl.ops.conv.transposed import check_output_padding, transposed_macs, transposed_reach, write_transposed
from archdsl.ops.conv.window import LETTERS, Window, read_window
from archdsl.ops.spelling import changed


class WeightedWindow(Op):
    """What convolutions and transposed convolutions by given weights share."""

    axes: ClassVar[int] = 0
    family = "conv"
    alike = "batch"
    channels_last = "wants"
    tensors = ("x", "weight", "bias?")
    floats = True
    groups: Size

    def operands(
        self, context: Context, inputs: tuple[TensorType | None, ...], out_axis: int
    ) -> tuple[TensorType, TensorType, str]:
        """The input, the weight and their dtype, checked; axis `out_axis` of the weight counts results."""
        x = check_rank(given(inputs[0]), self.axes + 2, wants=f"[{LETTERS[self.axes]}]")
        weight = check_rank(given(inputs[1], "weight"), self.axes + 2, operand=1)
        for one in weight.shape[2:]:
            if not isinstance(one, int):
                raise OpFault(f"the size of the window must be a number; got {one}", code="shape-mismatch", operand=1)
        bias = inputs[2] if len(inputs) > 2 else None
        dtype = check_same_dtype(x, weight, bias)
        out = weight.shape[1] * self.groups if out_axis else weight.shape[0]
        if bias is not None:
            check_rank(bias, 1, operand=2, wants="[out]")
            check_equal(context, bias.shape[0], out, "one bias for each channel of the result", operand=2, axis=0, other=1)
        return x, weight, dtype

    def sized(self, weight: TensorType | None) -> Window:
        """The window, its size taken from the weight."""
        return read_window(self, self.axes, tuple(one for one in given(weight).shape[2:] if isinstance(one, int)))


class ConvolutionFunction(WeightedWindow):
    """What the convolutions by given weights share."""

    stride: int | tuple[int, ...] = option(1, "Step of the window.", "int | list[int]")
    padding: int | str | tuple[int, ...] = option(
        0, 'Positions added on both sides, `"same"` to keep the size (stride 1), or `"valid"` for none.', "int | str | list[int]"
    )
    dilation: int | tuple[int, ...] = option(1, "Distance between the positions of a window.", "int | list[int]")
    groups: Size = option(1, "Number of groups of channels, each convolved by itself.", "size")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.groups, 1, "groups")
        read_window(self, self.axes, (1,) * self.axes)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, weight, dtype = self.operands(context, inputs, 0)
        check_divides(context, self.groups, weight.shape[0], "`groups` must divide the results of the weight", operand=1, axis=0)
        check_equal(
            context,
            x.shape[1],
            weight.shape[1] * self.groups,
            "the weight wants another number of channels",
            operand=0,
            axis=1,
            other=1,
        )
        return (TensorType((x.shape[0], weight.shape[0], *self.sized(weight).result(x.shape[2:])), dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        more = changed(self, "stride", "padding", "dilation", "groups")
        return tape.call(f"F.{self.name}", *(one for one in inputs if one is not None), **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        bias = (inputs[2] if len(inputs) > 2 else None) or ""
        return write_convolution(tape, str(inputs[0]), str(inputs[1]), bias, self.sized(tape.inputs[1]), self.groups)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return convolution_macs(outputs[0], given(inputs[1]).shape[1], self.sized(inputs[1]).kernel)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand:
            return Along(1) if axis == 0 else Everywhere()
        if axis == 1:
            return Everywhere()
        return Along(0) if axis == 0 else self.sized(inputs[1]).reach(axis - 2)


class TransposedFunction(WeightedWindow):
    """What the transposed convolutions by given weights share."""

    stride: int | tuple[int, ...] = option(1, "Step of the window, in the result.", "int | list[int]")
    padding: int | tuple[int, ...] = option(0, "Positions taken off both sides of the result.", "int | list[int]")
    output_padding: int | tuple[int, ...] = option(
        0, "Positions added after the result, fewer than stride or dilation.", "int | list[int]"
    )
    groups: Size = option(1, "Number of groups of channels, each convolved by itself.", "size")
    dilation: int | tuple[int, ...] = option(1, "Distance between the positions of a window.", "int | list[int]")

    @property
    def more(self) -> tuple[int, ...]:
        """The output padding of each axis."""
        return each(self.output_padding, self.axes, "output_padding")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.groups, 1, "groups")
        check_output_padding(read_window(self, self.axes, (1,) * self.axes), self.more)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, weight, dtype = self.operands(context, inputs, 1)
        check_equal(
            context, x.shape[1], weight.shape[0], "the weight wants another number of channels", operand=0, axis=1, other=1
        )
        check_divides(context, self.groups, x.shape[1], "`groups` must divide the input's channels", operand=0, axis=1)
        sizes = self.sized(weight).spread(x.shape[2:], self.more)
        return (TensorType((x.shape[0], weight.shape[1] * self.groups, *sizes), dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        more = changed(self, "stride", "padding", "output_padding", "groups", "dilation")
        return tape.call(f"F.{self.name}", *(one for one in inputs if one is not None), **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        bias = (inputs[2] if len(inputs) > 2 else None) or ""
        return write_transposed(tape, str(inputs[0]), str(inputs[1]), bias, self.sized(tape.inputs[1]), self.more, self.groups)

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        return transposed_macs(given(inputs[0]), given(inputs[1]).shape[1], self.sized(inputs[1]).kernel)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand or axis == 1:
            return Along(1) if operand == 2 else Everywhere()
        return Along(0) if axis == 0 else transposed_reach(self.sized(inputs[1]), axis - 2)


class Conv1dFunction(ConvolutionFunction):
    """A convolution of [N, C, L] by a given weight; PyTorch's without its unbatched form.

    Shapes: x [N, C, L], weight [out, C // groups, kernel], bias [out] give [N, out, …]. Source: `torch.nn.functional.conv1d`.
    """

    name = "conv1d"
    linear = ("x bias", "weight")
    axes = 1
    examples = (
        Example({}, ("[N, 3, L]", "[4, 3, 3]", "[4]"), ("[N, 4, L - 2]",), ("L >= 7",)),
        Example({"stride": 3, "padding": 2, "dilation": 2, "groups": 2}, ("[N, 4, 11]", "[6, 2, 3]"), ("[N, 6, 4]",)),
        Example({"padding": "same"}, ("[N, C, L]", "[K, C, 4]"), ("[N, K, L]",)),
        Example({"padding": (1,)}, ("[1, 1, 1]", "[1, 1, 3]"), ("[1, 1, 1]",)),
    )
    refusals = (
        Refusal({}, ("[3, L]", "[4, 3, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3, L]", "[4, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3, L]", "[4, 3, K]"), "shape-mismatch"),
        Refusal({}, ("[N, 3, L]", "[4, 2, 3]"), "shape-mismatch"),
        Refusal({"groups": 2}, ("[N, 4, L]", "[3, 2, 3]"), "shape-mismatch"),
        Refusal({}, ("[N, 3, L]", "[4, 3, 3]", "[5]"), "shape-mismatch"),
        Refusal({}, ("[N, 3, L]", "[4, 3, 3]", "[4, 1]"), "rank-mismatch"),
        Refusal({}, ("[N, 3, 4]", "[4, 3, 5]"), "shape-mismatch"),
        Refusal({"padding": "same", "stride": 2}, ("[N, 3, L]", "[4, 3, 3]"), "bad-argument"),
        Refusal({"groups": 0}, ("[N, 3, L]", "[4, 3, 3]"), "bad-argument"),
        Refusal({}, ("[N, 3, L]", "f64[4, 3, 3]"), "dtype-mismatch"),
    )


class Conv2dFunction(ConvolutionFunction):
    """A convolution of [N, C, H, W] by a given weight; PyTorch's without its unbatched form.

    Shapes: x [N, C, H, W], weight [out, C // groups, *kernel], bias [out] give [N, out, …]. Source: `torch.nn.functional.conv2d`.
    """

    name = "conv2d"
    linear = ("x bias", "weight")
    axes = 2
    examples = (
        Example({}, ("[N, 3, H, W]", "[4, 3, 1, 1]", "[4]"), ("[N, 4, H, W]",)),
        Example(
            {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2},
            ("[N, 4, 9, 8]", "[6, 2, 3, 2]"),
            ("[N, 6, 5, 6]",),
        ),
        Example({"padding": "same"}, ("[N, C, H, W]", "[K, C, 4, 3]"), ("[N, K, H, W]",)),
        Example(
            {"stride": (2, 1), "padding": 1, "groups": symbol("N")},
            ("[1, 3*N, 7, W]", "[4*N, 3, 3, 2]", "[4*N]"),
            ("[1, 4*N, 4, W + 1]",),
            note="weights for each sample",
        ),
    )
    refusals = (
        Refusal({}, ("[N, 3, L]", "[4, 3, 3, 3]"), "rank-mismatch"),
        Refusal({"padding": (1, 1, 1)}, ("[N, 3, H, W]", "[4, 3, 3, 3]"), "bad-argument"),
    )


class Conv3dFunction(ConvolutionFunction):
    """A convolution of [N, C, D, H, W] by a given weight; PyTorch's without its unbatched form.

    Shapes: x [N, C, D, H, W], weight [out, C // groups, *kernel], bias [out] give [N, out, …].
    Source: `torch.nn.functional.conv3d`.
    """

    name = "conv3d"
    linear = ("x bias", "weight")
    axes = 3
    examples = (
        Example({"padding": 1}, ("[N, 3, D, H, W]", "[4, 3, 3, 3, 3]", "[4]"), ("[N, 4, D, H, W]",)),
        Example({"stride": 2, "groups": 2, "dilation": 2}, ("[N, 2, 5, 6, 7]", "[4, 1, 2, 2, 2]"), ("[N, 4, 2, 2, 3]",)),
    )
    refusals = (Refusal({}, ("[N, 3, H, W]", "[4, 3, 3, 3, 3]"), "rank-mismatch"),)


class ConvTranspose1dFunction(TransposedFunction):
    """A transposed convolution of [N, C, L] by a given weight; PyTorch's without its unbatched form.

    Shapes: x [N, C, L], weight [C, out // groups, kernel], bias [out] give [N, out, …].
    Source: `torch.nn.functional.conv_transpose1d`.
    """

    name = "conv_transpose1d"
    linear = ("x bias", "weight")
    axes = 1
    examples = (
        Example({}, ("[N, 3, L]", "[3, 4, 3]", "[4]"), ("[N, 4, L + 2]",)),
        Example(
            {"stride": 3, "padding": 1, "output_padding": 1, "dilation": 2, "groups": 2},
            ("[N, 4, L]", "[4, 3, 3]"),
            ("[N, 6, 3*L + 1]",),
        ),
        Example({}, ("[1, 1, 1]", "[1, 1, 1]"), ("[1, 1, 1]",)),
        Example(
            {"padding": 3, "dilation": 2, "groups": symbol("N")}, ("[B, 2*N, L]", "[2*N, 1, 3]"), ("[B, N, L - 2]",), ("L >= 7",)
        ),
    )
    refusals = (
        Refusal({}, ("[3, L]", "[3, 4, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, 3, L]", "[2, 4, 3]"), "shape-mismatch"),
        Refusal({"groups": 2}, ("[N, 3, L]", "[3, 4, 3]"), "shape-mismatch"),
        Refusal({"output_padding": 1}, ("[N, 3, L]", "[3, 4, 3]"), "bad-argument"),
        Refusal({"groups": 0}, ("[N, 3, L]", "[3, 4, 3]"), "bad-argument"),
        Refusal({"groups": 2}, ("[N, 4, L]", "[4, 3, 3]", "[3]"), "shape-mismatch"),
        Refusal({"padding": 2}, ("[N, 3, 1]", "[3, 4, 3]"), "shape-mismatch"),
        Refusal({}, ("[N, 3, L]", "f64[3, 4, 3]"), "dtype-mismatch"),
    )


class ConvTranspose2dFunction(TransposedFunction):
    """A transposed convolution of [N, C, H, W] by a given weight; PyTorch's without its unbatched form.

    Shapes: x [N, C, H, W], weight [C, out // groups, *kernel], bias [out] give [N, out, …].
    Source: `torch.nn.functional.conv_transpose2d`.
    """

    name = "conv_transpose2d"
    linear = ("x bias", "weight")
    axes = 2
    examples = (
        Example({"stride": 2}, ("[N, 3, H, W]", "[3, 4, 2, 2]", "[4]"), ("[N, 4, 2*H, 2*W]",)),
        Example(
            {"stride": (1, 3), "padding": (0, 1), "output_padding": (0, 2), "groups": 2, "dilation": (2, 1)},
            ("[N, 4, 3, W]", "[4, 2, 3, 3]"),
            ("[N, 4, 7, 3*W]",),
        ),
        Example(
            {"stride": 2, "padding": (1, 0), "output_padding": (1, 0), "groups": symbol("N")},
            ("[1, 3*N, H, 5]", "[3*N, 2, 3, 4]", "[2*N]"),
            ("[1, 2*N, 2*H, 12]",),
            note="weights for each sample",
        ),
    )
    refusals = (Refusal({}, ("[N, 3, L]", "[3, 4, 2, 2]"), "rank-mismatch"),)


class ConvTranspose3dFunction(TransposedFunction):
    """A transposed convolution of [N, C, D, H, W] by a given weight; PyTorch's without its unbatched form.

    Shapes: x [N, C, D, H, W], weight [C, out // groups, *kernel], bias [out] give [N, out, …].
    Source: `torch.nn.functional.conv_transpose3d`.
    """

    name = "conv_transpose3d"
    linear = ("x bias", "weight")
    axes = 3
    examples = (
        Example({"stride": 2}, ("[N, 3, D, 2, 3]", "[3, 4, 2, 2, 2]", "[4]"), ("[N, 4, 2*D, 4, 6]",)),
        Example(
            {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "dilation": 2},
            ("[N, 2, 3, 2, 2]", "[2, 1, 2, 2, 2]"),
            ("[N, 2, 6, 4, 4]",),
        ),
    )
    refusals = (Refusal({}, ("[N, 3, H, W]", "[3, 4, 2, 2, 2]"), "rank-mismatch"),)
