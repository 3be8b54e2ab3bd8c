"""Grouped convolutions in ONNX where the number of groups is known only when the model runs: one matrix product a group.

ONNX's Conv has its groups as a number in the file. Where each sample of a batch has weights of its own, as in StyleGAN2, the
groups are as many as the batch; so the windows are gathered, and multiplied by the weights group by group.
"""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.ops.contract import OnnxTape
from archdsl.ops.conv.window import Window


def write_grouped(tape: OnnxTape, x: str, weight: str, bias: str, window: Window, groups: Size) -> str:
    """A convolution: x [N, groups * C, *S] and weight [groups * out, C, *K] give [N, groups * out, *L]; `bias` may be empty."""
    channels = tape.inputs[1].shape[1]
    sizes = tape.outputs[0].shape
    if any(window.pads):
        x = tape.node("Pad", [x, tape.ints([0, 0, *window.before, 0, 0, *window.after])])
    flat = tape.node("Reshape", [weight, tape.shape([groups, -1, channels * _count(window)])])
    return _products(tape, x, flat, bias, window, groups, channels, sizes)


def write_grouped_transposed(
    tape: OnnxTape, x: str, weight: str, bias: str, window: Window, more: tuple[int, ...], groups: Size
) -> str:
    """A transposed convolution: x [N, groups * C, *S] and weight [groups * C, out, *K] give [N, groups * out, *L].

    It is a convolution by the mirrored window of the input with `stride - 1` zeros after each position.
    """
    axes = len(window.kernel)
    shape, out = tape.inputs[0].shape, tape.inputs[1].shape[1]
    channels = shape[1] // groups
    for axis, stride in enumerate(window.stride):
        at, rank = 2 * axis + 3, axes + 3 + axis
        x = tape.node("Unsqueeze", [x, tape.ints([at])])
        x = tape.node("Pad", [x, tape.ints([0] * rank + [stride - 1 if one == at else 0 for one in range(rank)])])
    spread = [size * stride for size, stride in zip(shape[2:], window.stride, strict=True)]
    x = tape.node("Reshape", [x, tape.shape([*shape[:2], *spread])])
    edges = [window.span(axis) for axis in range(axes)]
    before = [edge - pad for edge, pad in zip(edges, window.before, strict=True)]
    after = [
        edge - pad + one - stride + 1 for edge, pad, one, stride in zip(edges, window.after, more, window.stride, strict=True)
    ]
    x = tape.node("Pad", [x, tape.ints([0, 0, *before, 0, 0, *after])])
    weight = tape.node("Reshape", [weight, tape.shape([groups, channels, out, *window.kernel])])
    weight = tape.node("Transpose", [weight], perm=[0, 2, 1, *range(3, axes + 3)])
    for axis, kernel in enumerate(window.kernel):
        if kernel > 1:
            weight = tape.node("Gather", [weight, tape.ints(list(range(kernel))[::-1])], axis=axis + 3)
    flat = tape.node("Reshape", [weight, tape.shape([groups, out, channels * _count(window)])])
    once = Window(window.kernel, (1,) * axes, window.dilation, (0,) * axes, (0,) * axes)
    return _products(tape, x, flat, bias, once, groups, channels, tape.outputs[0].shape)


def _products(
    tape: OnnxTape, x: str, flat: str, bias: str, window: Window, groups: Size, channels: Size, sizes: tuple[Size, ...]
) -> str:
    """The windows of x, which is padded, times weights [groups, out, C * K], as a tensor of `sizes`."""
    axes = len(window.kernel)
    for axis, (kernel, dilation, stride) in enumerate(zip(window.kernel, window.dilation, window.stride, strict=True)):
        inside = tape.constant([[one * dilation] for one in range(kernel)], "i64")
        starts = tape.node("Range", [tape.scalar(0, "i64"), tape.size(sizes[axis + 2]), tape.scalar(1, "i64")])
        index = tape.node("Add", [inside, tape.node("Mul", [starts, tape.scalar(stride, "i64")])])
        x = tape.node("Gather", [x, index], axis=2 + 2 * axis)
    kernels = [2 + 2 * axis for axis in range(axes)]
    x = tape.node("Transpose", [x], perm=[0, 1, *kernels, *(one + 1 for one in kernels)])
    x = tape.node("Reshape", [x, tape.shape([sizes[0], groups, channels * _count(window), -1])])
    y = tape.node("Reshape", [tape.node("MatMul", [flat, x]), tape.shape(sizes)])
    if not bias:
        return y
    return tape.node("Add", [y, tape.node("Unsqueeze", [bias, tape.ints(list(range(1, axes + 1)))])])


def _count(window: Window) -> int:
    count = 1
    for one in window.kernel:
        count *= one
    return count
