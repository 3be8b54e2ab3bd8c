"""Sliding patches as columns, and their sum back: unfold and fold."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_divides, check_dtype, check_equal, check_least, check_rank, each, given
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
    required,
)
from archdsl.ops.spelling import changed

WINDOW = ("kernel_size", "dilation", "padding", "stride")


class Patches(Op):
    """What unfold and fold share: a window over two axes, and how often it fits."""

    family = "vision"
    kernel_size: Any = required("height and width of a patch", "int | list[int]")
    dilation: Any = option(1, "distance between the pixels of a patch", "int | list[int]")
    padding: Any = option(0, "zeros on either side", "int | list[int]")
    stride: Any = option(1, "distance between patches", "int | list[int]")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        for name, low in (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1)):
            check_least(each(getattr(self, name), 2, name), low, name)
        return self

    def both(self, name: str) -> tuple[int, int]:
        """An argument for height and width."""
        first, second = each(getattr(self, name), 2, name)
        return first, second

    def counts(self, sizes: tuple[Size, Size], operand: int = 0) -> tuple[Size, Size]:
        """How many patches fit along each axis. Raises `OpFault`."""
        found: list[Size] = []
        window = (self.both(name) for name in WINDOW)
        for axis, (size, kernel, dilation, padding, stride) in enumerate(zip(sizes, *window, strict=True)):
            room = size + 2 * padding - dilation * (kernel - 1) - 1
            if isinstance(room, int) and room < 0:
                raise OpFault(f"no patch of {dilation * (kernel - 1) + 1} fits into {size}", operand=operand, axis=axis + 2)
            found.append(room // stride + 1)
        return found[0], found[1]

    def spelled(self) -> dict[str, Any]:
        """The arguments after the kernel that differ from their defaults."""
        return changed(self, "dilation", "padding", "stride")

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(0) if axis % given(inputs[0]).rank == 0 else Everywhere()


class Unfold(Patches):
    """Every patch as a column: `[N, C, H, W]` to `[N, C * kh * kw, L]`, patches in rows, channels outermost; im2col."""

    name = "unfold"
    linear = ("x",)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, ("[N, 3, H, W]",), ("[N, 12, (H - 1)*(W - 1)]",), bind={"H": 5, "W": 4}),
        Example(
            {"kernel_size": (3, 1), "dilation": (2, 1), "padding": (1, 0), "stride": (2, 3)}, ("[N, C, 7, 8]",), ("[N, 3*C, 9]",)
        ),
        Example({"kernel_size": 1, "padding": 1, "stride": 2}, ("[1, 1, 1, 2]",), ("[1, 1, 4]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"kernel_size": 2}, ("[3, H, W]",), "rank-mismatch"),
        Refusal({"kernel_size": 5}, ("[N, 3, 4, 4]",)),
        Refusal({"kernel_size": 2}, ("i64[N, 3, 4, 4]",), "dtype-mismatch"),
        Refusal({"kernel_size": 0}, ("[N, 3, 4, 4]",), "bad-argument"),
        Refusal({"kernel_size": (2, 2, 2)}, ("[N, 3, 4, 4]",), "bad-argument"),
        Refusal({"kernel_size": 2, "dilation": 0}, ("[N, 3, 4, 4]",), "bad-argument"),
        Refusal({"kernel_size": 2, "padding": -1}, ("[N, 3, 4, 4]",), "bad-argument"),
        Refusal({"kernel_size": 2, "stride": 0}, ("[N, 3, 4, 4]",), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(check_rank(given(inputs[0]), 4, wants="[N, C, H, W]"), FLOATS, wants="a float tensor")
        rows, columns = self.counts((x.shape[2], x.shape[3]))
        height, width = self.both("kernel_size")
        return (TensorType((x.shape[0], x.shape[1] * (height * width), rows * columns), x.dtype),)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.Unfold", self.kernel_size, **self.spelled())

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.unfold", inputs[0], self.kernel_size, **self.spelled())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = str(inputs[0])
        shape = tape.inputs[0].shape
        top, left = self.both("padding")
        if top or left:
            x = tape.node("Pad", [x, tape.ints([0, 0, top, left, 0, 0, top, left])])
        counts = self.counts((shape[2], shape[3]))
        for side, (kernel, dilation, stride) in enumerate(
            zip(*(self.both(one) for one in ("kernel_size", "dilation", "stride")), strict=True)
        ):
            inside = tape.constant([[one * dilation] for one in range(kernel)], "i64")
            starts = tape.node("Range", [tape.scalar(0, "i64"), tape.size(counts[side]), tape.scalar(1, "i64")])
            index = tape.node("Add", [inside, tape.node("Mul", [starts, tape.scalar(stride, "i64")])])
            x = tape.node("Gather", [x, index], axis=2 + 2 * side)
        return tape.node("Reshape", [tape.node("Transpose", [x], perm=[0, 1, 2, 4, 3, 5]), tape.shape(tape.outputs[0].shape)])


class Fold(Patches):
    """The sum of patches, each where it belongs: `[N, C * kh * kw, L]` to `[N, C, H, W]` of `output_size` H, W; col2im."""

    name = "fold"
    linear = ("x",)
    output_size: Any = required("height and width of the result", "size | list[size]")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"output_size": (4, 5), "kernel_size": 2}, ("[N, 12, 12]",), ("[N, 3, 4, 5]",)),
        Example({"output_size": (7, 8), "kernel_size": (3, 1), "dilation": (2, 1), "padding": (1, 0), "stride": (2, 3)},
                ("[N, 3*C, 9]",), ("[N, C, 7, 8]",)),
        Example({"output_size": 5, "kernel_size": 2, "stride": 2}, ("[N, 4, 4]",), ("[N, 1, 5, 5]",), note="last row 0"),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"output_size": 4, "kernel_size": 2}, ("[3, 9]",), "rank-mismatch"),
        Refusal({"output_size": 4, "kernel_size": 2}, ("[N, 5, 9]",)),
        Refusal({"output_size": 4, "kernel_size": 2}, ("[N, C, 9]",), "unproved-dimension"),
        Refusal({"output_size": 4, "kernel_size": 2}, ("[N, 4, 8]",)),
        Refusal({"output_size": 4, "kernel_size": 5}, ("[N, 25, 1]",)),
        Refusal({"output_size": 4, "kernel_size": 2}, ("i64[N, 4, 9]",), "dtype-mismatch"),
        Refusal({"output_size": 0, "kernel_size": 2}, ("[N, 4, 9]",), "bad-argument"),
        Refusal({"output_size": (4, 4, 4), "kernel_size": 2}, ("[N, 4, 9]",), "bad-argument"),
        Refusal({"output_size": 4, "kernel_size": 2, "stride": 0}, ("[N, 4, 9]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(each(self.output_size, 2, "output_size"), 1, "output_size")
        return super().bind(context, *inputs)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(check_rank(given(inputs[0]), 3, wants="[N, C * kh * kw, L]"), FLOATS, wants="a float tensor")
        height, width = self.both("kernel_size")
        channels = check_divides(context, height * width, x.shape[1], "a channel is a whole patch", operand=0, axis=1)
        sizes = self.both("output_size")
        rows, columns = self.counts(sizes)
        check_equal(context, x.shape[2], rows * columns, "the number of patches does not fit `output_size`", operand=0, axis=2)
        return (TensorType((x.shape[0], channels, *sizes), x.dtype),)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.Fold", self.output_size, self.kernel_size, **self.spelled())

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.fold", inputs[0], self.output_size, self.kernel_size, **self.spelled())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        result = tape.outputs[0].shape
        dtype = tape.float if tape.inputs[0].dtype == "float" else tape.inputs[0].dtype
        wide = dtype if dtype == "f64" else "f32"
        height, width = self.both("kernel_size")
        top, left = self.both("padding")
        sizes = (result[2], result[3])
        rows, columns = self.counts(sizes)
        count = height * width
        whole: list[Size] = [result[0] * result[1], count, rows, columns]
        x = tape.node("Reshape", [str(inputs[0]), tape.shape(whole)])
        x = x if wide == dtype else tape.node("Cast", [x], to=wide)
        spots = [
            [[[float(row * width + column == one) for column in range(width)] for row in range(height)]] for one in range(count)
        ]
        x = tape.node(
            "ConvTranspose", [x, tape.constant(spots, wide)],
            strides=list(self.both("stride")), dilations=list(self.both("dilation")),
        )  # fmt: skip
        window = (self.both(name) for name in ("kernel_size", "dilation", "stride"))
        rest: list[Size] = []
        for size, many, pad, kernel, dilation, stride in zip(sizes, (rows, columns), (top, left), *window, strict=True):
            rest.append(size + pad - (many - 1) * stride - dilation * (kernel - 1) - 1)
        x = tape.node("Pad", [x, tape.shape([0, 0, -top, -left, 0, 0, *rest])])
        x = x if wide == dtype else tape.node("Cast", [x], to=dtype)
        return tape.node("Reshape", [x, tape.shape(result)])


Fold.fields = {"output_size": Fold.fields["output_size"], **Fold.fields}  # stands first by position, as in PyTorch
