"""Pixels to channels and back, and channels among groups."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_divides, check_least, check_rank, given
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, required


class PixelShuffle(Op):
    """Spread blocks of `upscale_factor ** 2` channels over the pixels: `[..., C * r * r, H, W]` to `[..., C, H * r, W * r]`.

    Shi et al. (2016).
    """

    name = "pixel_shuffle"
    linear = ("x",)
    family = "vision"
    channels_last = "keeps"
    upscale_factor: Any = required("how many times higher and wider", "size")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"upscale_factor": 2}, ("[N, 12, H, W]",), ("[N, 3, 2*H, 2*W]",)),
        Example({"upscale_factor": 3}, ("[2, N, 9*C, H, 1]",), ("[2, N, C, 3*H, 3]",)),
        Example({"upscale_factor": 1}, ("i64[C, H, W]",), ("i64[C, H, W]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"upscale_factor": 2}, ("[N, 6, H, W]",)),
        Refusal({"upscale_factor": 2}, ("[N, C, H, W]",), "unproved-dimension"),
        Refusal({"upscale_factor": 2}, ("[H, W]",), "rank-mismatch"),
        Refusal({"upscale_factor": 0}, ("[4, H, W]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> PixelShuffle:
        check_least(self.upscale_factor, 1, "upscale_factor")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_rank(given(inputs[0]), 3, None, wants="[..., C, H, W]")
        r = self.upscale_factor
        channels = check_divides(context, r * r, x.shape[-3], "the channels come in blocks", operand=0, axis=x.rank - 3)
        return (TensorType((*x.shape[:-3], channels, x.shape[-2] * r, x.shape[-1] * r), x.dtype),)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.PixelShuffle", self.upscale_factor)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.pixel_shuffle", inputs[0], self.upscale_factor)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        shape, result, r = tape.inputs[0].shape, tape.outputs[0].shape, self.upscale_factor
        lead = len(shape) - 3
        split = tape.node("Reshape", [str(inputs[0]), tape.shape((*shape[:-3], result[-3], r, r, shape[-2], shape[-1]))])
        perm = [*range(lead + 1), lead + 3, lead + 1, lead + 4, lead + 2]
        return tape.node("Reshape", [tape.node("Transpose", [split], perm=perm), tape.shape(result)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return _leading(axis, given(inputs[0]).rank)


class PixelUnshuffle(Op):
    """Gather blocks of pixels into channels: `[..., C, H * r, W * r]` to `[..., C * r * r, H, W]`.

    The inverse of `pixel_shuffle`. Shi et al. (2016).
    """

    name = "pixel_unshuffle"
    linear = ("x",)
    family = "vision"
    channels_last = "keeps"
    downscale_factor: Any = required("how many times lower and narrower", "size")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"downscale_factor": 2}, ("[N, 3, 2*H, 6]",), ("[N, 12, H, 3]",)),
        Example({"downscale_factor": 3}, ("[2, N, C, H, W]",), ("[2, N, 9*C, H // 3, W // 3]",), ("H % 3 == 0", "W % 3 == 0"),
                bind={"H": 6, "W": 9}),
        Example({"downscale_factor": 1}, ("i64[C, H, W]",), ("i64[C, H, W]",)),
    )  # fmt: skip
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"downscale_factor": 2}, ("[N, 6, 4, 5]",)),
        Refusal({"downscale_factor": 2}, ("[N, C, H, W]",), "unproved-dimension"),
        Refusal({"downscale_factor": 2}, ("[H, W]",), "rank-mismatch"),
        Refusal({"downscale_factor": 0}, ("[4, H, W]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> PixelUnshuffle:
        check_least(self.downscale_factor, 1, "downscale_factor")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_rank(given(inputs[0]), 3, None, wants="[..., C, H, W]")
        r = self.downscale_factor
        height, width = (
            check_divides(context, r, x.shape[axis], "the pixels come in blocks", operand=0, axis=x.rank + axis)
            for axis in (-2, -1)
        )
        return (TensorType((*x.shape[:-3], x.shape[-3] * r * r, height, width), x.dtype),)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.PixelUnshuffle", self.downscale_factor)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.pixel_unshuffle", inputs[0], self.downscale_factor)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        shape, result, r = tape.inputs[0].shape, tape.outputs[0].shape, self.downscale_factor
        lead = len(shape) - 3
        split = tape.node("Reshape", [str(inputs[0]), tape.shape((*shape[:-2], result[-2], r, result[-1], r))])
        perm = [*range(lead + 1), lead + 2, lead + 4, lead + 1, lead + 3]
        return tape.node("Reshape", [tape.node("Transpose", [split], perm=perm), tape.shape(result)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return _leading(axis, given(inputs[0]).rank)


class ChannelShuffle(Op):
    """Deal the channels of `groups` groups out in turn: channel `g * (C / groups) + c` comes to `c * groups + g`.

    x is `[N, C, ...]` with at least one axis more. Zhang et al., ShuffleNet (2018).
    """

    name = "channel_shuffle"
    linear = ("x",)
    family = "vision"
    channels_last = "keeps"
    groups: Any = required("how many groups the channels are", "size")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"groups": 2}, ("[N, 6, H, W]",), ("[N, 6, H, W]",)),
        Example({"groups": 3}, ("[N, 3*C, L]",), ("[N, 3*C, L]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"groups": 4}, ("[N, 6, H, W]",)),
        Refusal({"groups": 2}, ("[N, C, H, W]",), "unproved-dimension"),
        Refusal({"groups": 2}, ("[N, 6]",), "rank-mismatch"),
        Refusal({"groups": 0}, ("[N, 6, H, W]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> ChannelShuffle:
        check_least(self.groups, 1, "groups")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_rank(given(inputs[0]), 3, None, wants="[N, C, ...]")
        check_divides(context, self.groups, x.shape[1], "the channels come in groups", operand=0, axis=1)
        return (x,)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.ChannelShuffle", self.groups)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.channel_shuffle", inputs[0], self.groups)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        shape = tape.inputs[0].shape
        split = (shape[0], self.groups, shape[1] // self.groups, *shape[2:])
        apart = tape.node("Reshape", [str(inputs[0]), tape.shape(split)])
        dealt = tape.node("Transpose", [apart], perm=[0, 2, 1, *range(3, len(split))])
        return tape.node("Reshape", [dealt, tape.shape(shape)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        axis %= given(inputs[0]).rank
        return Everywhere() if axis == 1 else Along(axis)


def _leading(axis: int, rank: int) -> Reach:
    axis %= rank
    return Along(axis) if axis < rank - 3 else Everywhere()
