"""Means and maxima over windows that are as long as the wanted size of the result asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_least, check_rank, each, given
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
    required,
)
from archdsl.ops.conv.window import LETTERS

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class AdaptivePool(Op):
    """What the adaptive pools share: result i along an axis is of positions floor(i * L / O) up to ceil((i + 1) * L / O)."""

    family = "pool"
    alike = "batch"
    channels_last = "keeps"
    floats = True
    axes: ClassVar[int] = 0
    layer_name: ClassVar[str] = ""
    mean: ClassVar[bool] = True
    """Whether the mean is taken, or else the maximum."""
    output_size: Any = required(
        "Sizes of the spatial axes of the result; in a list, none leaves an axis as it is.", "size | list[size | none]"
    )

    @property
    def wanted(self) -> tuple[Size | None, ...]:
        """The size for each spatial axis."""
        return each(self.output_size, self.axes, "output_size")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.wanted, 1, "output_size")
        if self.axes == 1 and self.wanted[0] is None:
            raise OpFault("`output_size` must be given", code="bad-argument", argument="output_size")
        check_rank(given(inputs[0]), self.axes + 2, wants=f"[{LETTERS[self.axes]}]")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        sizes = (size if one is None else one for one, size in zip(self.wanted, x.shape[2:], strict=True))
        return (TensorType((*x.shape[:2], *sizes), x.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.pool.tangents import adaptive, of_largest  # loaded where a derivative is asked for

        x = inputs[0]
        return of_largest(x, adaptive(x, tape.outputs[0].type.shape[2:]))

    def module(self, tape: TorchTape) -> Code:
        return tape.call(f"nn.{self.layer_name}", self.output_size)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"F.{self.name}", inputs[0], self.output_size)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, sizes = str(inputs[0]), tape.inputs[0].shape[2:]
        if all(one == 1 for one in self.wanted):
            return tape.node("GlobalAveragePool" if self.mean else "GlobalMaxPool", [x])
        steps = [_step(one, size) for one, size in zip(self.wanted, sizes, strict=True)]
        if all(steps):
            return tape.node("AveragePool" if self.mean else "MaxPool", [x], kernel_shape=steps, strides=steps)
        for axis, (one, size) in enumerate(zip(self.wanted, sizes, strict=True), 2):
            if one is None or one == size:
                continue
            if one == 1:
                x = tape.node("ReduceMean" if self.mean else "ReduceMax", [x, tape.ints([axis])], keepdims=1)
            else:
                x = self._along(tape, x, axis, size, one)
        return x

    def _along(self, tape: OnnxTape, x: str, axis: int, size: Size, wanted: Size) -> str:
        """Pool one axis, whatever its length, by a table of which position belongs to which result."""
        rank, dtype = tape.inputs[0].rank, tape.inputs[0].dtype
        swap = list(range(rank))
        swap[axis], swap[-1] = swap[-1], swap[axis]
        if axis != rank - 1:
            x = tape.node("Transpose", [x], perm=swap)
        inside, count = _windows(tape, size, wanted)
        if self.mean:
            share = tape.node("Div", [tape.node("Cast", [inside], to=dtype), tape.node("Cast", [count], to=dtype)])
            y = tape.node("MatMul", [x, tape.node("Transpose", [share], perm=[1, 0])])
        else:
            rows = tape.node("Unsqueeze", [x, tape.ints([-2])])
            chosen = tape.node("Where", [inside, rows, tape.scalar(float("-inf"), dtype)])
            y = tape.node("ReduceMax", [chosen, tape.ints([-1])], keepdims=0)
        return tape.node("Transpose", [y], perm=swap) if axis != rank - 1 else y

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if axis < 2:
            return Along(axis)
        wanted = self.wanted[axis - 2]
        if wanted is None or wanted == given(inputs[0]).shape[axis]:
            return Along(axis)
        return Everywhere(symmetric=wanted == 1)


def _step(wanted: Size | None, size: Size) -> int:
    """The size of the windows where they are all alike, else 0."""
    if wanted is None or wanted == size:
        return 1
    alike = isinstance(wanted, int) and isinstance(size, int) and size % wanted == 0
    return size // wanted if alike and isinstance(size, int) and isinstance(wanted, int) else 0


def _windows(tape: OnnxTape, size: Size, wanted: Size) -> tuple[str, str]:
    """Which of `size` positions belong to which result, bool [wanted, size], and how many to each, i64 [wanted, 1]."""
    zero, one, length, count = tape.size(0), tape.size(1), tape.size(size), tape.size(wanted)
    index = tape.node("Unsqueeze", [tape.node("Range", [zero, count, one]), tape.ints([1])])
    start = tape.node("Div", [tape.node("Mul", [index, length]), count])
    above = tape.node("Add", [tape.node("Mul", [tape.node("Add", [index, one]), length]), tape.node("Sub", [count, one])])
    end = tape.node("Div", [above, count])
    position = tape.node("Range", [zero, length, one])
    late = tape.node("GreaterOrEqual", [position, start])
    inside = tape.node("And", [late, tape.node("Less", [position, end])])
    return inside, tape.node("Sub", [end, start])


class AdaptiveAveragePool1d(AdaptivePool):
    """The mean over windows of [N, C, L] such that the result is of a given size; PyTorch's without its unbatched form.

    Shapes: [N, C, L] gives [N, C, output_size]. Source: `torch.nn.functional.adaptive_avg_pool1d`.
    """

    name = "adaptive_avg_pool1d"
    linear = ("x",)
    layer_name = "AdaptiveAvgPool1d"
    axes = 1
    examples = (
        Example({"output_size": 1}, ("[N, C, L]",), ("[N, C, 1]",)),
        Example({"output_size": 3}, ("[N, 2, L]",), ("[N, 2, 3]",)),
        Example({"output_size": 4}, ("[N, 2, 8]",), ("[N, 2, 4]",)),
        Example({"output_size": 5}, ("[1, 1, 1]",), ("[1, 1, 5]",)),
    )
    refusals = (
        Refusal({"output_size": 1}, ("[C, L]",), "rank-mismatch"),
        Refusal({"output_size": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"output_size": (1, 1)}, ("[N, C, L]",), "bad-argument"),
        Refusal({"output_size": (None,)}, ("[N, C, L]",), "bad-argument"),
    )


class AdaptiveAveragePool2d(AdaptivePool):
    """The mean over windows of [N, C, H, W] such that the result is of a given size; PyTorch's without its unbatched form.

    Shapes: [N, C, H, W] gives [N, C, *output_size]. Source: `torch.nn.functional.adaptive_avg_pool2d`.
    """

    name = "adaptive_avg_pool2d"
    linear = ("x",)
    layer_name = "AdaptiveAvgPool2d"
    axes = 2
    examples = (
        Example({"output_size": 1}, ("[N, C, H, W]",), ("[N, C, 1, 1]",)),
        Example({"output_size": (7, 3)}, ("[N, 2, H, W]",), ("[N, 2, 7, 3]",)),
        Example({"output_size": (None, 1)}, ("[N, 2, H, W]",), ("[N, 2, H, 1]",)),
        Example({"output_size": (4, None)}, ("[N, 2, 8, 3]",), ("[N, 2, 4, 3]",)),
        Example({"output_size": 2}, ("[1, 1, 1, 5]",), ("[1, 1, 2, 2]",)),
    )
    refusals = (
        Refusal({"output_size": 1}, ("[N, C, L]",), "rank-mismatch"),
        Refusal({"output_size": (1, 0)}, ("[N, C, H, W]",), "bad-argument"),
    )


class AdaptiveAveragePool3d(AdaptivePool):
    """The mean over windows of [N, C, D, H, W] such that the result is of a given size; PyTorch's without its unbatched form.

    Shapes: [N, C, D, H, W] gives [N, C, *output_size]. Source: `torch.nn.functional.adaptive_avg_pool3d`.
    """

    name = "adaptive_avg_pool3d"
    linear = ("x",)
    layer_name = "AdaptiveAvgPool3d"
    axes = 3
    examples = (
        Example({"output_size": (2, 1, None)}, ("[N, C, D, H, W]",), ("[N, C, 2, 1, W]",)),
        Example({"output_size": 1}, ("[N, 1, 4, H, W]",), ("[N, 1, 1, 1, 1]",)),
        Example({"output_size": 3}, ("[1, 1, 6, 4, 3]",), ("[1, 1, 3, 3, 3]",)),
    )
    refusals = (Refusal({"output_size": 1}, ("[N, C, H, W]",), "rank-mismatch"),)


class AdaptiveMaxPool1d(AdaptivePool):
    """The maximum over windows of [N, C, L], for a result of a given size; PyTorch's without unbatched form and indices.

    Shapes: [N, C, L] gives [N, C, output_size]. Source: `torch.nn.functional.adaptive_max_pool1d`.
    """

    name = "adaptive_max_pool1d"
    layer_name = "AdaptiveMaxPool1d"
    axes = 1
    mean = False
    examples = (
        Example({"output_size": 1}, ("[N, C, L]",), ("[N, C, 1]",)),
        Example({"output_size": 3}, ("[N, 2, L]",), ("[N, 2, 3]",)),
        Example({"output_size": 4}, ("[1, 1, 8]",), ("[1, 1, 4]",)),
    )
    refusals = (
        Refusal({"output_size": 1}, ("[C, L]",), "rank-mismatch"),
        Refusal({"output_size": 0}, ("[N, C, L]",), "bad-argument"),
        Refusal({"output_size": (None,)}, ("[N, C, L]",), "bad-argument"),
    )


class AdaptiveMaxPool2d(AdaptivePool):
    """The maximum over windows of [N, C, H, W], for a result of a given size; PyTorch's without unbatched form and indices.

    Shapes: [N, C, H, W] gives [N, C, *output_size]. Source: `torch.nn.functional.adaptive_max_pool2d`.
    """

    name = "adaptive_max_pool2d"
    layer_name = "AdaptiveMaxPool2d"
    axes = 2
    mean = False
    examples = (
        Example({"output_size": 1}, ("[N, C, H, W]",), ("[N, C, 1, 1]",)),
        Example({"output_size": (7, 3)}, ("[N, 2, H, W]",), ("[N, 2, 7, 3]",)),
        Example({"output_size": (None, 1)}, ("[N, 2, H, W]",), ("[N, 2, H, 1]",)),
        Example({"output_size": 2}, ("[1, 1, 1, 5]",), ("[1, 1, 2, 2]",)),
    )
    refusals = (
        Refusal({"output_size": 1}, ("[N, C, L]",), "rank-mismatch"),
        Refusal({"output_size": (1, 1, 1)}, ("[N, C, H, W]",), "bad-argument"),
    )


class AdaptiveMaxPool3d(AdaptivePool):
    """The maximum over windows of [N, C, D, H, W], for a result of a given size; PyTorch's without unbatched form and indices.

    Shapes: [N, C, D, H, W] gives [N, C, *output_size]. Source: `torch.nn.functional.adaptive_max_pool3d`.
    """

    name = "adaptive_max_pool3d"
    layer_name = "AdaptiveMaxPool3d"
    axes = 3
    mean = False
    examples = (
        Example({"output_size": (2, 1, None)}, ("[N, C, D, H, W]",), ("[N, C, 2, 1, W]",)),
        Example({"output_size": 3}, ("[1, 1, 6, 4, 3]",), ("[1, 1, 3, 3, 3]",)),
    )
    refusals = (Refusal({"output_size": 1}, ("[N, C, H, W]",), "rank-mismatch"),)
