"""Channels last: an image as it is, laid out in memory as convolutions like it."""

from __future__ import annotations

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_rank, given
from archdsl.ops.contract import Batched, Code, Context, Example, OnnxTape, Refusal, TorchTape
from archdsl.ops.pointwise.elementwise import EVERY, Elementwise


class ChannelsLast(Elementwise):
    """x itself, laid out in memory with the channels of each pixel side by side, as are then the weights of convolutions.

    Of shape [N, C, H, W], which the result has: nothing that can be computed from it changes, and ONNX has nothing of it. The
    pass `channels-last` puts it where a stack of convolutions begins. Source: PyTorch, `torch.channels_last`.
    """

    name = "channels_last"
    linear = ("x",)
    channels_last = "makes"
    dtypes = EVERY
    examples = (
        Example({}, ("[N, 3, H, W]",), ("[N, 3, H, W]",)),
        Example({}, ("[1, C, 4, 1]",), ("[1, C, 4, 1]",)),
        Example({}, ("u8[N, 3, 8, 8]",), ("u8[N, 3, 8, 8]",)),
    )
    refusals = (Refusal({}, ("[N, C, L]",), "rank-mismatch"),)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        check_rank(given(inputs[0]), 4, wants="[N, C, H, W]")
        return super().infer(context, *inputs)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return None  # it is for four axes alone

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(f"{inputs[0]}.contiguous(memory_format=torch.channels_last)")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return str(inputs[0])
