"""Sizes that sliding windows give: convolution, transposed convolution and pooling, exactly PyTorch's."""

from __future__ import annotations

from typing import Literal

from archdsl.dims.dim import Size, ceil_div, floor_div, minimum
from archdsl.dims.facts import Facts

Padding = Size | Literal["same", "valid"]


def conv_out(
    facts: Facts, size: Size, kernel: Size, stride: Size = 1, padding: Padding = 0, dilation: Size = 1, ceil_mode: bool = False
) -> Size:
    """`floor((size + 2*padding - dilation*(kernel - 1) - 1) / stride) + 1`, a pool's too.

    With `ceil_mode` it is rounded up, and the last window must start inside the input or the left padding. `same` (stride 1)
    keeps the size. The result may come out below 1, which the caller checks.
    """
    if padding == "same":
        return facts.simplify(size)
    if not isinstance(size, int):
        key = (size, kernel, stride, padding, dilation, ceil_mode)
        found = facts.windows.get(key)
        if found is None:
            found = facts.windows[key] = _conv_out(facts, *key)
        return found
    return _conv_out(facts, size, kernel, stride, padding, dilation, ceil_mode)


def _conv_out(facts: Facts, size: Size, kernel: Size, stride: Size, padding: Padding, dilation: Size, ceil_mode: bool) -> Size:
    pad: Size = 0 if isinstance(padding, str) else padding
    span = size + (2 * pad - dilation * (kernel - 1) - 1)
    if not ceil_mode:
        return facts.simplify(floor_div(span, stride) + 1)
    windows = ceil_div(span, stride) + 1
    # The window after the last that starts before the end of the input would be dropped.
    dropped = facts.decide(">=", (windows - 1) * stride, size + pad)
    if dropped is None:
        return facts.simplify(minimum(windows, ceil_div(size + pad, stride)))
    return facts.simplify(windows - 1 if dropped else windows)


def pool_out(
    facts: Facts,
    size: Size,
    kernel: Size,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Size:
    """As `conv_out`, with PyTorch's default for pools: the stride is the kernel."""
    return conv_out(facts, size, kernel, kernel if stride is None else stride, padding, dilation, ceil_mode)


def conv_transpose_out(
    facts: Facts, size: Size, kernel: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, dilation: Size = 1
) -> Size:
    """`(size - 1)*stride - 2*padding + dilation*(kernel - 1) + output_padding + 1`."""
    return facts.simplify((size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1)


def same_padding(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """What `padding="same"` adds before and after (stride 1): the odd one out goes after, as PyTorch does it."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2
