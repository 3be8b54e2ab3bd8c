"""The leaky rectifier whose slope is learned or given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_equal, check_least, check_rank, check_same_dtype, given
from archdsl.ops.contract import (
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    OnnxTape,
    Op,
    Reach,
    Refusal,
    TorchTape,
    Weight,
    option,
)
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class PReLU(Op):
    """`x` where it is positive, else `weight * x`; PyTorch's, but its first value is told by `init=`, as any tensor's.

    Shapes: any; with `num_parameters` other than 1, that is the size of axis 1. Source: He et al., 2015; `torch.nn.PReLU`.
    """

    name = "PReLU"
    family = "activation"
    alike = "batch"
    channels_last = "keeps"
    layer = True
    floats = True
    num_parameters: Size = option(1, "How many slopes: 1, or one for each channel (axis 1).", "size")
    examples = (
        Example({}, ("[N, C, H, W]",), ("[N, C, H, W]",)),
        Example({"num_parameters": 3}, ("[N, 3, H, W]",), ("[N, 3, H, W]",)),
        Example({"num_parameters": 4}, ("[N, 4]",), ("[N, 4]",)),
        Example({}, ("[1]",), ("[1]",)),
        Example({}, ("[]",), ("[]",)),
    )
    refusals = (
        Refusal({"num_parameters": 3}, ("[N]",), "rank-mismatch"),
        Refusal({"num_parameters": 3}, ("[N, 4]",), "shape-mismatch"),
        Refusal({"num_parameters": 0}, ("[N, 4]",), "bad-argument"),
        Refusal({}, ("f64[N]",), "dtype-mismatch"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.num_parameters, 1, "num_parameters")
        x = check_dtype(given(inputs[0]), ("float",), help="convert it: cast(x, float)")
        _check_slopes(context, x, self.num_parameters, argument="num_parameters")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def parameters(self) -> Mapping[str, Weight]:
        return {"weight": Weight((self.num_parameters,), "constant")}

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        slopes = tape.param("weight").reshape(sizes=along_channels(self.num_parameters, inputs[0].type.rank))
        return (inputs[0].plain > 0).where(inputs[0].d, slopes * inputs[0].d)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.PReLU", *changed(self, "num_parameters").values())

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return _write(tape, str(inputs[0]), tape.param("weight"), self.num_parameters)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)


class PReLUFunction(Op):
    """`x` where it is positive, else `weight * x`, for a given weight.

    Shapes: x any; weight [1], or [C] for x [N, C, ...]. Source: He et al., 2015; `torch.nn.functional.prelu`.
    """

    name = "prelu"
    family = "activation"
    alike = "batch"
    channels_last = "keeps"
    tensors = ("x", "weight")
    floats = True
    examples = (
        Example({}, ("[N, C, L]", "[C]"), ("[N, C, L]",)),
        Example({}, ("[N, T, D]", "[1]"), ("[N, T, D]",)),
        Example({}, ("[1]", "[1]"), ("[1]",)),
    )
    refusals = (
        Refusal({}, ("[N, C]", "[1, C]"), "rank-mismatch"),
        Refusal({}, ("[N]", "[3]"), "rank-mismatch"),
        Refusal({}, ("[N, 4]", "[3]"), "shape-mismatch"),
        Refusal({}, ("[N, 4]", "f64[4]"), "dtype-mismatch"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, weight = given(inputs[0]), check_rank(given(inputs[1], "weight"), 1, operand=1, wants="[1] or [C]")
        check_same_dtype(x, weight)
        _check_slopes(context, x, weight.shape[0])
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, weight = inputs
        slopes = weight.reshape(sizes=along_channels(weight.type.shape[0], x.type.rank))
        return (x > 0).where(x, slopes * x).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.prelu", inputs[0], inputs[1])

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return _write(tape, str(inputs[0]), str(inputs[1]), tape.inputs[1].shape[0])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand == 0:
            return Along(axis)
        return Everywhere() if given(inputs[1]).shape[0] == 1 else Along(1)


def along_channels(count: Size, rank: int) -> tuple[Size, ...]:
    """The shape of one slope, or of one for each channel, beside a tensor of that rank."""
    return (count, *(1 for _ in range(rank - 2))) if count != 1 else ()


def _check_slopes(context: Context, x: TensorType, slopes: Size, argument: str | None = None) -> None:
    """One slope, or as many as axis 1 of `x` is long."""
    if slopes != 1:
        check_rank(x, 2, None, wants="[N, C, ...]")
        check_equal(context, x.shape[1], slopes, "one slope for each channel", operand=0, axis=1, argument=argument)


def _write(tape: OnnxTape, x: str, weight: str, slopes: Size) -> str:
    """PRelu, the slopes shaped to stand along axis 1."""
    after = len(tape.inputs[0].shape) - 2
    if slopes == 1:
        weight = tape.node("Squeeze", [weight, tape.ints([0])])
    elif after > 0:
        weight = tape.node("Unsqueeze", [weight, tape.ints(list(range(1, after + 1)))])
    return tape.node("PRelu", [x, weight])
