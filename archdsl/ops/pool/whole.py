"""The mean and the maximum over all spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_rank, given
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class GlobalPool(Op):
    """What the global pools share."""

    family = "pool"
    alike = "batch"
    channels_last = "keeps"
    floats = True
    method: ClassVar[str] = ""
    """PyTorch's."""
    node: ClassVar[str] = ""
    """ONNX's where the axes stay."""
    reduction: ClassVar[str] = ""
    """ONNX's where they go."""
    keepdim: bool = option(False, "Whether the spatial axes stay, of size 1.", "bool")

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_rank(given(inputs[0]), 3, None, wants="[N, C, L, ...]")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        return (TensorType((*x.shape[:2], *([1] * (x.rank - 2) if self.keepdim else [])), x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        more: dict[str, Any] = {"keepdim": True} if self.keepdim else {}
        return tape.call(f"{inputs[0]}.{self.method}", dim=tuple(range(2, tape.inputs[0].rank)), **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        if self.keepdim:
            return tape.node(self.node, [str(inputs[0])])
        return tape.node(self.reduction, [str(inputs[0]), tape.ints(list(range(2, tape.inputs[0].rank)))], keepdims=0)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis) if axis < 2 else Everywhere(symmetric=True)


class GlobalAveragePool(GlobalPool):
    """The mean over all spatial axes; PyTorch has no such function.

    Shapes: [N, C, L, ...] gives [N, C], or with `keepdim=true` [N, C, 1, ...]. Source: Lin et al., 2013.
    """

    name = "global_avg_pool"
    linear = ("x",)
    method = "mean"
    node = "GlobalAveragePool"
    reduction = "ReduceMean"
    examples = (
        Example({}, ("[N, C, H, W]",), ("[N, C]",)),
        Example({"keepdim": True}, ("[N, C, D, H, W]",), ("[N, C, 1, 1, 1]",)),
        Example({}, ("[1, 1, 1]",), ("[1, 1]",)),
    )
    refusals = (Refusal({}, ("[N, C]",), "rank-mismatch"),)


class GlobalMaxPool(GlobalPool):
    """The maximum over all spatial axes; PyTorch has no such function.

    Shapes: [N, C, L, ...] gives [N, C], or with `keepdim=true` [N, C, 1, ...]. Source: Oquab et al., 2015.
    """

    name = "global_max_pool"
    method = "amax"
    node = "GlobalMaxPool"
    reduction = "ReduceMax"
    examples = (
        Example({}, ("[N, C, H, W]",), ("[N, C]",)),
        Example({"keepdim": True}, ("[N, C, L]",), ("[N, C, 1]",)),
        Example({}, ("[1, 1, 1]",), ("[1, 1]",)),
    )
    refusals = (Refusal({}, ("[N, C]",), "rank-mismatch"),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        axes = tuple(range(2, inputs[0].type.rank))
        return inputs[0].max(axis=axes, keepdim=self.keepdim).d
