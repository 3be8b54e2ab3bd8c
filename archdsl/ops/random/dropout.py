"""Dropout in its kinds: by element, by channel, by sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_probability, check_rank, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

ALPHA = 1.7580993408473766
"""Minus what selu tends to far below 0 (Klambauer et al., 2017)."""


class Drop(Op):
    """What the dropouts share: they draw in training, and are the identity in evaluation and ONNX."""

    family = "random"
    alike = "every"
    channels_last = "keeps"
    layer = True
    random = True
    moves = True
    floats = True
    ranks: ClassVar[tuple[int, int | None]] = (0, None)
    """Fewest and most axes of the input."""
    p: float = option(0.5, "Probability of an element (or channel, or sample) to be dropped.", "float", positional=True)

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_probability(self.p)
        check_rank(given(inputs[0]), *self.ranks)
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        kept = tape.again(inputs[0].plain.ones_like())
        tape.instead(inputs[0].plain * kept)
        return inputs[0].d * kept

    def module(self, tape: TorchTape) -> Code:
        return tape.call(f"nn.{self.name}", *changed(self, "p").values())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return str(inputs[0])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)


class Dropout(Drop):
    """In training, zeroes each element with probability `p` and scales the others by 1 / (1 - p).

    Shapes: any. Source: Srivastava et al., 2014; `torch.nn.Dropout`.
    """

    name = "Dropout"
    examples = (
        Example({"p": 0.1}, ("[N, T, D]",), ("[N, T, D]",)),
        Example({}, ("[]",), ("[]",)),
        Example({"p": 0.0}, ("[1, W]",), ("[1, W]",)),
        Example({"p": 1.0}, ("[N]",), ("[N]",)),
    )
    refusals = (Refusal({"p": 1.5}, ("[N]",), "bad-argument"), Refusal({"p": -0.1}, ("[N]",), "bad-argument"))


class Dropout1d(Drop):
    """In training, zeroes whole channels of [N, C, L] with probability `p` and scales the others by 1 / (1 - p).

    PyTorch's without its unbatched form. Source: Tompson et al., 2015; `torch.nn.Dropout1d`.
    """

    name = "Dropout1d"
    ranks = (3, 3)
    examples = (Example({"p": 0.2}, ("[N, C, L]",), ("[N, C, L]",)), Example({}, ("[1, 1, 1]",), ("[1, 1, 1]",)))
    refusals = (Refusal({"p": 2.0}, ("[N, C, L]",), "bad-argument"), Refusal({}, ("[C, L]",), "rank-mismatch"))


class Dropout2d(Drop):
    """In training, zeroes whole channels of [N, C, H, W] with probability `p` and scales the others by 1 / (1 - p).

    PyTorch's without its unbatched form. Source: Tompson et al., 2015; `torch.nn.Dropout2d`.
    """

    name = "Dropout2d"
    ranks = (4, 4)
    examples = (Example({"p": 0.2}, ("[N, C, H, W]",), ("[N, C, H, W]",)), Example({}, ("[1, 1, 1, 1]",), ("[1, 1, 1, 1]",)))
    refusals = (Refusal({"p": 2.0}, ("[N, C, H, W]",), "bad-argument"), Refusal({}, ("[N, C, L]",), "rank-mismatch"))


class Dropout3d(Drop):
    """In training, zeroes whole channels of [N, C, D, H, W] with probability `p` and scales the others by 1 / (1 - p).

    PyTorch's without its unbatched form. Source: Tompson et al., 2015; `torch.nn.Dropout3d`.
    """

    name = "Dropout3d"
    ranks = (5, 5)
    examples = (
        Example({"p": 0.2}, ("[N, C, D, H, W]",), ("[N, C, D, H, W]",)),
        Example({}, ("[1, 1, 1, 1, 1]",), ("[1, 1, 1, 1, 1]",)),
    )
    refusals = (Refusal({"p": 2.0}, ("[N, C, D, H, W]",), "bad-argument"), Refusal({}, ("[N, C, H, W]",), "rank-mismatch"))


class SelfNormalising(Drop):
    """What the dropouts for selu share: in training x becomes `a x + b`, or, dropped, a constant."""

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, d = inputs[0].plain, inputs[0].d
        kept = tape.again(x.ones_like()) > 0  # what is dropped is below 0, or is 0 where all is
        left = 1 - self.p
        scale = ((ALPHA * ALPHA * self.p + 1) * left) ** -0.5 if left else 0.0
        shift, dropped = ALPHA * scale * self.p, -ALPHA * scale * left
        tape.instead(tape.training(lambda x, kept: kept.where(x * scale + shift, dropped), lambda x, kept: x * 1, x, kept))
        return tape.training(lambda d, kept: kept.where(d * scale, 0), lambda d, kept: d * 1, d, kept)


class AlphaDropout(SelfNormalising):
    """In training, drops elements with probability `p` such that mean and variance of selu's results are kept.

    Shapes: any. Source: Klambauer et al., 2017; `torch.nn.AlphaDropout`.
    """

    name = "AlphaDropout"
    examples = (Example({"p": 0.05}, ("[N, D]",), ("[N, D]",)), Example({}, ("[1]",), ("[1]",)))
    refusals = (Refusal({"p": -1.0}, ("[N]",), "bad-argument"),)


class FeatureAlphaDropout(SelfNormalising):
    """In training, drops whole channels of [N, C, ...] such that mean and variance of selu's results are kept.

    Source: Klambauer et al., 2017; `torch.nn.FeatureAlphaDropout`.
    """

    name = "FeatureAlphaDropout"
    ranks = (2, None)
    examples = (Example({"p": 0.05}, ("[N, C, H, W]",), ("[N, C, H, W]",)), Example({}, ("[1, 1]",), ("[1, 1]",)))
    refusals = (Refusal({"p": -1.0}, ("[N, C]",), "bad-argument"), Refusal({}, ("[N]",), "rank-mismatch"))


class DropPath(Drop):
    """In training, zeroes whole samples with probability `p` and scales the others by 1 / (1 - p): stochastic depth.

    Shapes: [N, ...]. PyTorch has no such layer. Source: Huang et al., 2016.
    """

    name = "DropPath"
    ranks = (1, None)
    examples = (
        Example({"p": 0.1}, ("[N, T, D]",), ("[N, T, D]",)),
        Example({}, ("[1, C, 1, W]",), ("[1, C, 1, W]",)),
        Example({"p": 1.0}, ("[N]",), ("[N]",)),
    )
    refusals = (Refusal({"p": 1.01}, ("[N]",), "bad-argument"), Refusal({}, ("[]",), "rank-mismatch"))

    def module(self, tape: TorchTape) -> Code:
        return tape.call(tape.helper("DropPath"), *changed(self, "p").values())
