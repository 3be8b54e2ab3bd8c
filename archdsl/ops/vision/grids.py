"""Sampling at the points of a grid: grid_sample and affine_grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.dim import Size, symbol
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_dtype, check_equal, check_least, check_rank, check_same_dtype, given
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

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

PLANE = ("[N, C, 5, 4]", "[N, H, W, 2]")
SPACE = ("[N, C, 5, 4, 3]", "[N, D, H, W, 3]")
MODES = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}


class GridSample(Op):
    """The values of an image at the points of a grid, which run from -1 to 1.

    x is `[N, C, H, W]` and grid `[N, H', W', 2]` with points (x, y), or x `[N, C, D, H, W]` and grid `[N, D', H', W', 3]`;
    the result is `[N, C, H', W']` or `[N, C, D', H', W']`. `bilinear` on volumes is trilinear; `bicubic` is for images.
    Jaderberg et al. (2015).
    """

    name = "grid_sample"
    family = "vision"
    tensors = ("x", "grid")
    mode: str = option("bilinear", "how values between pixels come about", "str", choices=tuple(MODES))
    padding_mode: str = option("zeros", "what lies outside", "str", choices=("zeros", "border", "reflection"))
    align_corners: bool = option(False, "-1 and 1 are the middles of the corner pixels, in place of their outer edges", "bool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, PLANE, ("[N, C, H, W]",)),
        Example({"mode": "nearest", "align_corners": True}, PLANE, ("[N, C, H, W]",)),
        Example({"mode": "bicubic", "padding_mode": "border"}, PLANE, ("[N, C, H, W]",)),
        Example({"mode": "bicubic", "padding_mode": "reflection", "align_corners": True}, PLANE, ("[N, C, H, W]",)),
        Example({"padding_mode": "reflection"}, PLANE, ("[N, C, H, W]",)),
        Example({"padding_mode": "border"}, SPACE, ("[N, C, D, H, W]",)),
        Example({"mode": "nearest", "padding_mode": "reflection"}, SPACE, ("[N, C, D, H, W]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({}, ("[C, 5, 4]", "[H, W, 2]"), "rank-mismatch"),
        Refusal({}, ("[N, C, 5, 4]", "[N, D, H, W, 3]"), "rank-mismatch"),
        Refusal({}, ("[N, C, 5, 4]", "[N, H, W, 3]")),
        Refusal({}, ("[2, C, 5, 4]", "[3, H, W, 2]")),
        Refusal({"mode": "bicubic"}, SPACE, "bad-argument"),
        Refusal({}, ("i64[N, C, 5, 4]", "i64[N, H, W, 2]"), "dtype-mismatch"),
        Refusal({}, ("[N, C, 5, 4]", "f64[N, H, W, 2]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(check_rank(given(inputs[0]), 4, 5, wants="[N, C, H, W]"), FLOATS, wants="a float tensor")
        grid = check_rank(given(inputs[1], "grid"), x.rank, operand=1, wants="many axes as x")
        check_same_dtype(x, grid)
        if self.mode == "bicubic" and x.rank == 5:
            raise OpFault("`bicubic` is for images", code="bad-argument", argument="mode")
        check_equal(context, grid.shape[0], x.shape[0], "x and grid differ in batch", operand=1, axis=0, other=0)
        check_equal(context, grid.shape[-1], x.rank - 2, "a point has as many coordinates as there are spatial axes",
                    operand=1, axis=x.rank - 1)  # fmt: skip
        return (TensorType((*x.shape[:2], *grid.shape[1:-1]), x.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, grid = inputs
        parts = []
        if x.d is not None:
            options = {"mode": self.mode, "padding_mode": self.padding_mode, "align_corners": self.align_corners}
            parts.append(x.d.grid_sample(grid.plain, **options))
        if grid.d is not None and self.mode != "nearest":
            from archdsl.ops.vision.tangents import sampled  # loaded where a derivative is asked for

            parts.append(sampled(self, x, grid).d)
        return sum(parts[1:], parts[0]) if parts else None

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        more = {**changed(self, "mode", "padding_mode"), "align_corners": self.align_corners}
        return tape.call("F.grid_sample", inputs[0], inputs[1], **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        dtype = tape.float if tape.inputs[0].dtype == "float" else tape.inputs[0].dtype
        ones = [str(one) if dtype == "f32" else tape.node("Cast", [str(one)], to="f32") for one in inputs]
        result = tape.node(
            "GridSample", ones, mode=MODES[self.mode], padding_mode=self.padding_mode, align_corners=int(self.align_corners)
        )
        return result if dtype == "f32" else tape.node("Cast", [result], to=dtype)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        rank = given(inputs[0]).rank
        axis %= rank
        if operand == 0:
            return Along(axis) if axis < 2 else Everywhere()
        if axis == rank - 1:
            return Everywhere()
        return Along(axis + 1 if axis else 0)


class AffineGrid(Op):
    """The grid of points that an affine map makes of the pixels of `size`, for `grid_sample`.

    theta is `[N, 2, 3]` and size `[N, C, H, W]`, the result `[N, H, W, 2]`; or `[N, 3, 4]` and `[N, C, D, H, W]` give `[N, D,
    H, W, 3]`. Jaderberg et al. (2015).
    """

    name = "affine_grid"
    linear = ("theta",)
    family = "vision"
    tensors = ("theta",)
    size: Any = required("the shape of the images to be sampled", "list[size]")
    align_corners: bool = option(False, "-1 and 1 are the middles of the corner pixels, in place of their outer edges", "bool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"size": (2, 3, 4, 5)}, ("[2, 2, 3]",), ("[2, 4, 5, 2]",)),
        Example({"size": (2, 3, 4, 1), "align_corners": True}, ("[2, 2, 3]",), ("[2, 4, 1, 2]",)),
        Example({"size": (symbol("N"), 3, symbol("H"), 5), "align_corners": True}, ("[N, 2, 3]",), ("[N, H, 5, 2]",)),
        Example({"size": (1, 1, 2, 3, 4)}, ("[1, 3, 4]",), ("[1, 2, 3, 4, 3]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"size": (2, 3, 4)}, ("[2, 2, 3]",), "bad-argument"),
        Refusal({"size": (2, 3, 4, 0)}, ("[2, 2, 3]",), "bad-argument"),
        Refusal({"size": (2, 3, 4, 5)}, ("[2, 3]",), "rank-mismatch"),
        Refusal({"size": (2, 3, 4, 5)}, ("[3, 2, 3]",)),
        Refusal({"size": (2, 3, 4, 5)}, ("[2, 3, 3]",)),
        Refusal({"size": (2, 3, 4, 5)}, ("[2, 2, 4]",)),
        Refusal({"size": (2, 3, 4, 5)}, ("i64[2, 2, 3]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> AffineGrid:
        if len(self.size) not in (4, 5):
            raise OpFault("`size` wants [N, C, H, W] or [N, C, D, H, W]", code="bad-argument", argument="size")
        check_least(self.size, 1, "size")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        theta = check_dtype(check_rank(given(inputs[0]), 3, wants="[N, 2, 3]"), FLOATS, wants="a float tensor")
        axes = len(self.size) - 2
        for axis, wish in enumerate((self.size[0], axes, axes + 1)):
            check_equal(context, theta.shape[axis], wish, "the map does not fit `size`", operand=0, axis=axis)
        return (TensorType((theta.shape[0], *self.size[2:], axes), theta.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.affine_grid", inputs[0], self.size, align_corners=self.align_corners)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        dtype = tape.float if tape.inputs[0].dtype == "float" else tape.inputs[0].dtype
        sizes = self.size[2:]
        shape = tape.shape(sizes)
        lines = []
        for axis, size in reversed(list(enumerate(sizes))):
            line = tape.node(
                "Unsqueeze", [self._line(tape, size, dtype), tape.ints([one for one in range(len(sizes)) if one != axis])]
            )
            lines.append(tape.node("Expand", [line, shape]))
        lines.append(tape.node("Expand", [tape.scalar(1.0, dtype), shape]))
        points = tape.node("Concat", [tape.node("Unsqueeze", [one, tape.ints([-1])]) for one in lines], axis=-1)
        rows = tape.node("Reshape", [points, tape.ints([1, -1, len(sizes) + 1])])
        moved = tape.node("MatMul", [rows, tape.node("Transpose", [str(inputs[0])], perm=[0, 2, 1])])
        return tape.node("Reshape", [moved, tape.shape(tape.outputs[0].shape)])

    def _line(self, tape: OnnxTape, size: Size, dtype: str) -> str:
        """The coordinates along one axis: from -1 to 1, or half a pixel less; a single one is 0."""
        if size == 1:
            return tape.constant([0.0], dtype)
        steps = tape.node("Range", [tape.scalar(0, "i64"), tape.size(size), tape.scalar(1, "i64")])
        twice = tape.node("Mul", [steps, tape.scalar(2, "i64")])
        last = tape.node("Sub", [tape.size(size), tape.scalar(1, "i64")])
        above, below = tape.node("Sub", [twice, last]), tape.size(size)
        if self.align_corners:
            below = tape.node("Max", [last, tape.scalar(1, "i64")])
        return tape.node("Div", [tape.node("Cast", [one], to=dtype) for one in (above, below)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(0) if axis % 3 == 0 else Everywhere()
