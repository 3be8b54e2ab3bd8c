"""The function `interpolate`."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from struct import pack, unpack
from typing import Any, ClassVar

from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_dtype, check_least, check_positive, check_rank, each, given
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
from archdsl.ops.spelling import changed
from archdsl.ops.vision.resample import along, area, nearest, smooth

RANKS = {
    "nearest": (3, 5),
    "nearest-exact": (3, 5),
    "area": (3, 5),
    "linear": (3, 3),
    "bilinear": (4, 4),
    "bicubic": (4, 4),
    "trilinear": (5, 5),
}
SMOOTH = ("linear", "bilinear", "bicubic", "trilinear")
IMAGE = ("[N, 3, H, W]",)


class Interpolate(Op):
    """Resize the spatial axes to a size or by a factor.

    x is `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`; `linear` is for the first, `bilinear` and `bicubic` for the second,
    `trilinear` for the third, `nearest`, `nearest-exact` and `area` for all. Just one of `size` and `scale_factor` is given,
    a number or one for each axis; a factor gives `floor(size * factor)`, on a symbolic size it must be a multiple of 1 /
    4096, so that nothing is rounded. `recompute_scale_factor` takes the ratio of the sizes for the positions in place of the
    factor. `antialias` is for `bilinear` and `bicubic`; PyTorch 2.13 on a CPU gives wrong rows for an antialiased width of 1.
    Keys (1981) for the cubic, with a = -0.75, or -0.5 antialiased as in Pillow.
    """

    name = "interpolate"
    linear = ("x",)
    family = "vision"
    channels_last = "keeps"
    size: Any = option(None, "the size that comes out", "size | list[size] | none")
    scale_factor: Any = option(None, "what the sizes are multiplied by", "float | list[float] | none")
    mode: str = option("nearest", "how values between positions come about", "str", choices=tuple(RANKS))
    align_corners: bool = option(False, "the middles of the corner pixels stay, in place of their outer edges", "bool")
    recompute_scale_factor: bool = option(False, "positions go by the ratio of the sizes", "bool")
    antialias: bool = option(False, "blur before shrinking", "bool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"scale_factor": 2.0}, IMAGE, ("[N, 3, 2*H, 2*W]",)),
        Example({"scale_factor": (1.5, 0.5)}, IMAGE, ("[N, 3, 3*H // 2, W // 2]",), bind={"H": 5, "W": 7}),
        Example({"scale_factor": 0.7}, ("[N, C, 10]",), ("[N, C, 7]",), note="in f32 the product is below 7"),
        Example({"size": 7}, ("[N, C, H, 6]",), ("[N, C, 7, 7]",)),
        Example({"size": 14, "mode": "nearest-exact"}, ("[N, C, 6]",), ("[N, C, 14]",)),
        Example({"scale_factor": 2.0, "mode": "nearest-exact"}, ("[N, C, D, H, W]",), ("[N, C, 2*D, 2*H, 2*W]",)),
        Example({"scale_factor": 0.75, "mode": "nearest-exact"}, ("[N, C, 9]",), ("[N, C, 6]",)),
        Example({"scale_factor": 2.5, "mode": "linear"}, ("[N, C, L]",), ("[N, C, 5*L // 2]",)),
        Example({"size": 5, "mode": "linear", "align_corners": True}, ("[N, C, L]",), ("[N, C, 5]",)),
        Example({"scale_factor": 2.0, "mode": "bilinear"}, IMAGE, ("[N, 3, 2*H, 2*W]",)),
        Example({"size": (1, 4), "mode": "bilinear", "align_corners": True}, IMAGE, ("[N, 3, 1, 4]",)),
        Example({"size": (1, 4), "mode": "bilinear"}, ("[N, 3, 5, 9]",), ("[N, 3, 1, 4]",)),
        Example({"scale_factor": 0.7, "mode": "bilinear"}, ("[N, C, 10, 9]",), ("[N, C, 7, 6]",)),
        Example({"scale_factor": 0.7, "mode": "bilinear", "recompute_scale_factor": True}, ("[N, C, 10, 9]",), ("[N, C, 7, 6]",)),
        Example({"size": (4, 9), "mode": "bilinear", "antialias": True}, ("[N, C, 11, 6]",), ("[N, C, 4, 9]",)),
        Example({"size": (4, 3), "mode": "bicubic", "antialias": True, "align_corners": True},
                ("[N, C, 11, W]",), ("[N, C, 4, 3]",)),
        Example({"scale_factor": 0.5, "mode": "bicubic", "antialias": True}, ("[N, C, H, W]",), ("[N, C, H // 2, W // 2]",),
                bind={"H": 9, "W": 6}),
        Example({"scale_factor": 2.0, "mode": "bicubic"}, ("[N, C, 5, 4]",), ("[N, C, 10, 8]",)),
        Example({"size": (3, 8), "mode": "bicubic", "align_corners": True}, IMAGE, ("[N, 3, 3, 8]",)),
        Example({"scale_factor": (2.0, 1.0, 0.5), "mode": "trilinear"}, ("[N, C, 3, 4, 5]",), ("[N, C, 6, 4, 2]",)),
        Example({"size": (2, 3, 4), "mode": "trilinear", "align_corners": True}, ("[N, C, 3, 4, 5]",), ("[N, C, 2, 3, 4]",)),
        Example({"size": (3, 7), "mode": "area"}, IMAGE, ("[N, 3, 3, 7]",)),
        Example({"scale_factor": 0.5, "mode": "area"}, ("[N, C, L]",), ("[N, C, L // 2]",), bind={"L": 7}),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({}, IMAGE, "bad-argument"),
        Refusal({"size": 4, "scale_factor": 2.0}, IMAGE, "bad-argument"),
        Refusal({"size": (4, 4, 4)}, IMAGE, "bad-argument"),
        Refusal({"size": 0}, IMAGE, "bad-argument"),
        Refusal({"scale_factor": -1.0}, IMAGE, "bad-argument"),
        Refusal({"scale_factor": 0.7}, IMAGE, "bad-argument"),
        Refusal({"scale_factor": 0.1}, ("[1, 1, 4]",)),
        Refusal({"scale_factor": 2.0, "mode": "linear"}, IMAGE, "rank-mismatch"),
        Refusal({"scale_factor": 2.0, "align_corners": True}, IMAGE, "bad-argument"),
        Refusal({"scale_factor": 2.0, "antialias": True}, IMAGE, "bad-argument"),
        Refusal({"size": 4, "recompute_scale_factor": True}, IMAGE, "bad-argument"),
        Refusal({"scale_factor": 2.0}, ("i64[1, 1, 4]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Interpolate:
        rank = check_rank(given(inputs[0]), *RANKS[self.mode], wants=f"what `{self.mode}` takes").rank
        if (self.size is None) == (self.scale_factor is None):
            raise OpFault("wants just one of `size` and `scale_factor`", code="bad-argument", argument="size")
        if self.size is not None:
            check_least(each(self.size, rank - 2, "size"), 1, "size")
        else:
            for one in each(self.scale_factor, rank - 2, "scale_factor"):
                check_positive(one, "scale_factor")
        if self.align_corners and self.mode not in SMOOTH:
            raise OpFault(f"`{self.mode}` has no corners to align", code="bad-argument", argument="align_corners")
        if self.antialias and self.mode not in ("bilinear", "bicubic"):
            raise OpFault("is for `bilinear` and `bicubic`", code="bad-argument", argument="antialias")
        if self.recompute_scale_factor and self.size is not None:
            raise OpFault("there is no factor to compute anew", code="bad-argument", argument="recompute_scale_factor")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(given(inputs[0]), FLOATS, wants="a float tensor")
        if self.size is not None:
            return (TensorType((*x.shape[:2], *each(self.size, x.rank - 2, "size")), x.dtype),)
        factors = each(self.scale_factor, x.rank - 2, "scale_factor")
        sizes = [_grown(size, float(one), axis) for axis, (size, one) in enumerate(zip(x.shape[2:], factors, strict=True), 2)]
        return (TensorType((*x.shape[:2], *sizes), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.interpolate", inputs[0], **changed(self, *self.fields))

    def module(self, tape: TorchTape) -> Code:
        sizes = self.size if isinstance(self.size, tuple) else (self.size,)
        if self.antialias or any(isinstance(one, Dim) for one in sizes):
            return Code("")
        return tape.call("nn.Upsample", **changed(self, *(one for one in self.fields if one != "antialias")))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, before, after = str(inputs[0]), tape.inputs[0], tape.outputs[0]
        rank = before.rank
        fixed = self.scale_factor is not None and not self.recompute_scale_factor
        factors = each(self.scale_factor, rank - 2, "scale_factor") if fixed else (None,) * (rank - 2)
        pairs = list(zip(range(2, rank), before.shape[2:], after.shape[2:], factors, strict=True))
        dtype = tape.float if before.dtype == "float" else before.dtype
        if self.mode.startswith("nearest"):
            exact = self.mode == "nearest-exact"
            if all(one is not None and float(one).is_integer() for one in factors):
                how = {"coordinate_transformation_mode": "half_pixel" if exact else "asymmetric",
                       "nearest_mode": "round_prefer_ceil" if exact else "floor"}  # fmt: skip
                return self._resize(
                    tape, x, before, after, [float(one) for one in factors if one is not None], mode="nearest", **how
                )
            for axis, size, new, factor in pairs:
                x = tape.node("Gather", [x, nearest(tape, size, new, factor, exact)], axis=axis)
            return x
        if self.mode == "area" or self.antialias:
            wide = dtype if dtype in ("f32", "f64") else "f32"
            x = x if wide == dtype else tape.node("Cast", [x], to=wide)
            for axis, size, new, factor in pairs:
                weights = area(tape, size, new, wide) if self.mode == "area" else smooth(
                    tape, size, new, factor, self.mode == "bicubic", self.align_corners, wide)  # fmt: skip
                x = along(tape, x, rank, axis, weights)
            return x if wide == dtype else tape.node("Cast", [x], to=dtype)
        scales = [_scale(size, new, float(factor)) for _, size, new, factor in pairs if factor is not None]
        return self._resize(
            tape, x, before, after, scales, mode="cubic" if self.mode == "bicubic" else "linear", cubic_coeff_a=-0.75,
            coordinate_transformation_mode="align_corners" if self.align_corners else "half_pixel",
        )  # fmt: skip

    def _resize(self, tape: OnnxTape, x: str, before: TensorType, after: TensorType, scales: list[float], **how: Any) -> str:
        """A Resize node by the factors, or by the sizes where there are none; ONNX Runtime's has no kernel for f64."""
        dtype = tape.float if before.dtype == "float" else before.dtype
        x = x if dtype == "f32" else tape.node("Cast", [x], to="f32")
        target = [tape.constant([1.0, 1.0, *scales], "f32")] if scales else ["", tape.shape(after.shape)]
        result = tape.node("Resize", [x, "", *target], **how)
        return result if dtype == "f32" else tape.node("Cast", [result], to=dtype)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        axis %= given(inputs[0]).rank
        return Along(axis) if axis < 2 else Everywhere()


def _grown(size: Size, factor: float, axis: int) -> Size:
    if isinstance(size, int):
        if floor(float(size) * factor) < 1:
            raise OpFault(f"{size} times {factor} leaves nothing", operand=0, axis=axis)
        return floor(float(size) * factor)
    exact = Fraction(factor)
    if exact.denominator > 4096:
        raise OpFault(f"`scale_factor` {factor} of the symbolic size {size} would be rounded", code="bad-argument",
                      argument="scale_factor", help="give `size`, or a factor that is a multiple of 1 / 4096")  # fmt: skip
    return size * exact.numerator // exact.denominator


def _scale(size: Size, new: Size, factor: float) -> float:
    """The factor as a float32 that gives the size: it may be rounded to one just too small."""
    (found,) = unpack("f", pack("f", factor))
    if isinstance(size, int) and isinstance(new, int) and floor(size * found) < new:
        (bits,) = unpack("i", pack("f", factor))
        (found,) = unpack("f", pack("i", bits + 1))
    return float(found)
