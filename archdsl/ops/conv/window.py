"""The geometry of a sliding window: padding per side, the size of the result, and which inputs a result sees."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Size
from archdsl.ops.checks import check_least, each
from archdsl.ops.contract import Along, Everywhere, OpFault, Reach
from archdsl.records import record

SPATIAL = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
LETTERS = {axes: ", ".join(("N", "C", *names)) for axes, names in SPATIAL.items()}
"""How an input of so many spatial axes is pictured."""


@record
class Window:
    """A window over some spatial axes: for each its kernel, stride, dilation, and the padding before and after."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def pads(self) -> list[int]:
        """ONNX's order: all befores, then all afters."""
        return [*self.before, *self.after]

    @property
    def attributes(self) -> dict[str, list[int]]:
        """As attributes of ONNX's windowed operators; those of no effect are left out."""
        found = {"kernel_shape": list(self.kernel)}
        if any(one != 1 for one in self.stride):
            found["strides"] = list(self.stride)
        if any(one != 1 for one in self.dilation):
            found["dilations"] = list(self.dilation)
        if any(self.pads):
            found["pads"] = self.pads
        return found

    def span(self, axis: int) -> int:
        """How far the window reaches along that spatial axis, from its first position to its last."""
        return self.dilation[axis] * (self.kernel[axis] - 1)

    def result(self, sizes: tuple[Size, ...]) -> tuple[Size, ...]:
        """`floor((L + padding - dilation * (kernel - 1) - 1) / stride) + 1` along each axis.

        Raises `shape-mismatch` where none fits.
        """
        return tuple(self._result(axis, size) for axis, size in enumerate(sizes))

    def _result(self, axis: int, size: Size) -> Size:
        room = size + self.before[axis] + self.after[axis] - self.span(axis) - 1
        if isinstance(room, int) and room < 0:
            raise OpFault(
                f"a kernel that spans {self.span(axis) + 1} does not fit into {size} with padding "
                f"{self.before[axis] + self.after[axis]}",
                operand=0,
                axis=axis + 2,
            )
        return room // self.stride[axis] + 1

    def spread(self, sizes: tuple[Size, ...], more: tuple[int, ...]) -> tuple[Size, ...]:
        """The sizes that a transposed convolution gives, `more` being its output padding."""
        found = []
        for axis, size in enumerate(sizes):
            grown = (size - 1) * self.stride[axis] - self.before[axis] - self.after[axis] + self.span(axis) + more[axis] + 1
            if isinstance(grown, int) and grown < 1:
                raise OpFault(f"the padding leaves nothing: the result would be {grown}", operand=0, axis=axis + 2)
            found.append(grown)
        return tuple(found)

    def reach(self, axis: int) -> Reach:
        """Which input positions a result along that spatial axis sees."""
        if self.stride[axis] != 1:
            return Everywhere()
        return Along(axis + 2, -self.before[axis], self.span(axis) - self.before[axis])


def read_window(op: Any, axes: int, kernel: tuple[int, ...]) -> Window:
    """The window of an operator with `stride`, `padding` and `dilation`, the last two if it has them. Raises `bad-argument`."""
    check_least(kernel, 1, "kernel_size")
    stride = each(op.stride if op.stride is not None else kernel, axes, "stride")
    check_least(stride, 1, "stride")
    dilation = each(getattr(op, "dilation", 1), axes, "dilation")
    check_least(dilation, 1, "dilation")
    padding = getattr(op, "padding", 0)
    if isinstance(padding, str):
        return Window(kernel, stride, dilation, *_named(padding, kernel, stride, dilation))
    sides = each(padding, axes, "padding")
    check_least(sides, 0, "padding")
    return Window(kernel, stride, dilation, sides, sides)


def _named(
    padding: str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`same` keeps the size, with the odd one after; `valid` pads nothing."""
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if padding != "same":
        raise OpFault(f'`padding` is a number, "same" or "valid"; got "{padding}"', code="bad-argument", argument="padding")
    if any(one != 1 for one in stride):
        raise OpFault('`padding="same"` needs stride 1', code="bad-argument", argument="padding")
    spans = [one * (size - 1) for one, size in zip(dilation, kernel, strict=True)]
    return tuple(one // 2 for one in spans), tuple(one - one // 2 for one in spans)
