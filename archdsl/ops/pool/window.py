"""What the pools over windows share: the window, ceil_mode, the call, and which inputs a result sees."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from archdsl.dims.dim import Size, minimum
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_rank, each, given
from archdsl.ops.contract import Along, Code, Context, OnnxTape, Op, OpFault, Reach, TorchTape, option, required
from archdsl.ops.conv.window import LETTERS, Window, read_window
from archdsl.ops.spelling import changed


class WindowPool(Op):
    """A pool over windows of [N, C, *spatial].

    Subclasses state their arguments in PyTorch's order, since functions take them by position.
    """

    family = "pool"
    alike = "batch"
    channels_last = "keeps"
    floats = True
    axes: ClassVar[int] = 0
    """How many spatial axes."""
    layer_name: ClassVar[str] = ""
    """PyTorch's module."""
    whole: ClassVar[bool] = False
    """Whether the input may not be smaller than the window, whatever the padding, as in PyTorch's averages over three axes."""
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None
    ceil_mode: bool

    @property
    def kernel(self) -> tuple[int, ...]:
        """The size of the window along each axis."""
        return each(self.kernel_size, self.axes, "kernel_size")

    @property
    def window(self) -> Window:
        """The window."""
        return read_window(self, self.axes, self.kernel)

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        window = self.window
        check_rank(given(inputs[0]), self.axes + 2, wants=f"[{LETTERS[self.axes]}]")
        for pad, size in zip(window.before, window.kernel, strict=True):
            if 2 * pad > size:
                raise OpFault(
                    f"`padding` is at most half of the window; got {pad} of {size}", code="bad-argument", argument="padding"
                )
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        window = self.window
        if self.whole:
            none = (0,) * self.axes
            Window(window.kernel, window.stride, window.dilation, none, none).result(x.shape[2:])
        sizes = (
            tuple(_ceiled(window, axis, size) for axis, size in enumerate(x.shape[2:]))
            if self.ceil_mode
            else window.result(x.shape[2:])
        )
        return (TensorType((*x.shape[:2], *sizes), x.dtype),)

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What stands by position, and what by name, in PyTorch's call."""
        names = [
            name
            for name in ("stride", "padding", "dilation", "ceil_mode", "count_include_pad", "divisor_override")
            if name in self.fields
        ]
        kernel = self.kernel_size
        if self.axes == 1 and isinstance(kernel, tuple):  # lp_pool1d takes no tuple
            kernel = kernel[0]
        return (kernel,), changed(self, *names)

    def module(self, tape: TorchTape) -> Code:
        said, more = self.arguments()
        return tape.call(f"nn.{self.layer_name}", *said, **more)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        said, more = self.arguments()
        return tape.call(f"F.{self.name}", inputs[0], *said, **more)

    def attributes(self) -> dict[str, Any]:
        """The window as attributes of an ONNX pool."""
        return {**self.window.attributes, **({"ceil_mode": 1} if self.ceil_mode else {})}

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis) if axis < 2 else self.window.reach(axis - 2)


def kernel_field() -> Any:
    """The size of the window."""
    return required("Size of the window.", "int | list[int]")


def stride_field() -> Any:
    """Its step."""
    return option(None, "Step of the window; its size unless given.", "int | list[int] | none")


def ceil_field() -> Any:
    """Whether the last window may be cut off."""
    return option(False, "Whether a window may hang over the end, as long as it starts inside.", "bool")


def _ceiled(window: Window, axis: int, size: Size) -> Size:
    """How many windows there are where the last may hang over the end, but starts in the input or the padding before it."""
    step, before = window.stride[axis], window.before[axis]
    reach = window.span(axis) + 1
    count: Size = (size + 2 * before - reach + step - 1) // step + 1
    if before + step > reach:
        count = minimum(count, (size + before + step - 1) // step)
    if isinstance(count, int) and count < 1:
        raise OpFault(f"a window that spans {reach} does not fit into {size} with padding {2 * before}", operand=0, axis=axis + 2)
    return count


def window_size(kernel: tuple[int, ...]) -> int:
    """How many positions a window has."""
    total = 1
    for one in kernel:
        total *= one
    return total


def write_average(tape: OnnxTape, x: str, attributes: dict[str, Any], *, padded: bool) -> str:
    """One AveragePool; `padded` counts the padding as values."""
    return tape.node("AveragePool", [x], **attributes, **({"count_include_pad": 1} if padded and "pads" in attributes else {}))
