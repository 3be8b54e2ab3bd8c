"""`cdist`, `pairwise_distance` and `cosine_similarity`: how far vectors are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_axis, check_dtype, check_equal, check_positive, check_rank, check_same_dtype, given
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option
from archdsl.ops.product.batch import broadcast_axes, broadcast_reach
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


def _pair(inputs: tuple[TensorType | None, ...]) -> tuple[TensorType, TensorType]:
    x1, x2 = check_dtype(given(inputs[0], "x1"), FLOATS, wants="floats"), given(inputs[1], "x2")
    check_same_dtype(x1, x2)
    return x1, x2


def _norm(tape: OnnxTape, x: str, dtype: str, p: float, axis: int, keepdim: bool = False) -> str:
    """The p-norm along an axis."""
    if p in (1, 2):
        return tape.node(f"ReduceL{int(p)}", [x, tape.ints([axis])], keepdims=int(keepdim))
    powers = tape.node("Pow", [tape.node("Abs", [x]), tape.scalar(p, dtype)])
    total = tape.node("ReduceSum", [powers, tape.ints([axis])], keepdims=int(keepdim))
    return tape.node("Pow", [total, tape.scalar(1 / p, dtype)])


class Cdist(Op):
    """The distance of each row of `x1` to each row of `x2`: `cdist(x1, x2)`.

    [..., P, M] and [..., R, M] give [..., P, R]; batches broadcast.

    Source: PyTorch `torch.cdist`.
    """

    name = "cdist"
    precise = True
    family = "product"
    alike = "every"
    tensors = ("x1", "x2")
    floats = True
    p: float = option(2.0, "the norm", "float")

    examples = (
        Example({}, ("[P, M]", "[R, M]"), ("[P, R]",)),
        Example({"p": 1.0}, ("[B, 1, 4]", "[R, 4]"), ("[B, 1, R]",)),
        Example({"p": 3.0}, ("[B, P, 1]", "[B, 2, 1]"), ("[B, P, 2]",)),
    )
    refusals = (
        Refusal({}, ("[P, 3]", "[R, 4]")),
        Refusal({}, ("[P, K]", "[R, M]"), "unproved-dimension"),
        Refusal({}, ("[2, P, 3]", "[4, R, 3]")),
        Refusal({}, ("[3]", "[R, 3]"), "rank-mismatch"),
        Refusal({}, ("[P, 3]", "f64[R, 3]"), "dtype-mismatch"),
        Refusal({"p": 0.0}, ("[P, 3]", "[R, 3]"), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x1, x2 = _pair(inputs)
        check_positive(self.p, "p")
        check_rank(x1, 2, None)
        check_rank(x2, 2, None, operand=1)
        check_equal(context, x1.shape[-1], x2.shape[-1], "the rows differ in length", operand=1, axis=x2.rank - 1, other=0)
        return (TensorType((*broadcast_axes(context, x1, x2, 2), x1.shape[-2], x2.shape[-2]), x1.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, y = inputs
        apart = x.unsqueeze(axis=-2) - y.unsqueeze(axis=-3)
        return apart.norm(p=self.p, axis=-1).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.cdist", inputs[0], inputs[1], **changed(self, "p"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        left = tape.node("Unsqueeze", [inputs[0] or "", tape.ints([-2])])
        right = tape.node("Unsqueeze", [inputs[1] or "", tape.ints([-3])])
        return _norm(tape, tape.node("Sub", [left, right]), tape.outputs[0].dtype, self.p, -1)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        one, result = given(inputs[operand]), outputs[0]
        if axis == one.rank - 1:
            return Everywhere()
        if axis == one.rank - 2:
            return Along(result.rank - 2 + operand)
        return broadcast_reach(one, axis, result, axis - one.rank + result.rank)


class PairwiseDistance(Op):
    """The norm of `x1 - x2 + eps` along the last axis: `pairwise_distance(x1, x2)`; the shapes are broadcast.

    Source: PyTorch `torch.nn.functional.pairwise_distance`.
    """

    name = "pairwise_distance"
    precise = True
    family = "product"
    alike = "every"
    tensors = ("x1", "x2")
    floats = True
    p: float = option(2.0, "the norm", "float")
    eps: float = option(1e-6, "added to each difference", "float")
    keepdim: bool = option(False, "keep the last axis, of size 1", "bool")

    examples = (
        Example({}, ("[N, M]", "[N, M]"), ("[N]",)),
        Example({"p": 1.0, "keepdim": True}, ("[N, 1, 4]", "[T, 4]"), ("[N, T, 1]",)),
        Example({"p": 3.0, "eps": 0.25}, ("[N, 3]", "[1, 3]"), ("[N]",)),
    )
    refusals = (
        Refusal({}, ("[2, 3]", "[4, 3]")),
        Refusal({}, ("[N, 3]", "[M, 3]"), "unproved-dimension"),
        Refusal({}, ("[N, 3]", "f64[N, 3]"), "dtype-mismatch"),
        Refusal({}, ("[]", "[]"), "rank-mismatch"),
        Refusal({"p": -1.0}, ("[N, 3]", "[N, 3]"), "bad-argument"),
        Refusal({"eps": 0.0}, ("[N, 3]", "[N, 3]"), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x1, x2 = _pair(inputs)
        check_positive(self.p, "p")
        check_positive(self.eps, "eps")
        check_rank(x1, 1, None)
        check_rank(x2, 1, None, operand=1)
        shape = broadcast_axes(context, x1, x2, 0)
        return (TensorType((*shape[:-1], *((1,) if self.keepdim else ())), x1.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return (inputs[0] - inputs[1] + self.eps).norm(p=self.p, axis=-1, keepdim=self.keepdim).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.pairwise_distance", inputs[0], inputs[1], **changed(self, "p", "eps", "keepdim"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        dtype = tape.outputs[0].dtype
        apart = tape.node("Sub", [inputs[0] or "", inputs[1] or ""])
        return _norm(tape, tape.node("Add", [apart, tape.scalar(self.eps, dtype)]), dtype, self.p, -1, self.keepdim)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        one, result = given(inputs[operand]), outputs[0]
        if axis == one.rank - 1:
            return Everywhere()
        return broadcast_reach(one, axis, result, axis - (one.rank - 1) + result.rank - self.keepdim)


class CosineSimilarity(Op):
    """The cosine of the angle between vectors along an axis: `cosine_similarity(x1, x2, axis=-1)`; the shapes are broadcast.

    `axis` is one of the broadcast shape. Each norm is taken to be at least `eps`.

    Source: PyTorch `torch.nn.functional.cosine_similarity`.
    """

    name = "cosine_similarity"
    precise = True
    family = "product"
    alike = "every"
    tensors = ("x1", "x2")
    floats = True
    axis: int = option(1, "the axis of the vectors", "int")
    eps: float = option(1e-8, "the least norm", "float")

    examples = (
        Example({}, ("[N, M]", "[N, M]"), ("[N]",)),
        Example({"axis": -1}, ("[N, 1, 4]", "[T, 4]"), ("[N, T]",)),
        Example({"axis": -2, "eps": 2.5}, ("[N, 3, 1]", "[N, 3, T]"), ("[N, T]",)),
        Example({"axis": 0}, ("[N]", "[4, N]"), ("[N]",), note="an axis that only one of them has"),
    )
    refusals = (
        Refusal({}, ("[2, 3]", "[4, 3]")),
        Refusal({}, ("[N, 3]", "[M, 3]"), "unproved-dimension"),
        Refusal({}, ("[N, 3]", "f64[N, 3]"), "dtype-mismatch"),
        Refusal({"axis": 2}, ("[N, 3]", "[N, 3]"), "axis-out-of-range"),
        Refusal({"eps": 0.0}, ("[N, 3]", "[N, 3]"), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x1, x2 = _pair(inputs)
        check_positive(self.eps, "eps")
        shape = broadcast_axes(context, x1, x2, 0)
        axis = check_axis(self.axis, len(shape))
        return (TensorType((*shape[:axis], *shape[axis + 1 :]), x1.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        rank = tape.outputs[0].type.rank + 1
        axis = check_axis(self.axis, rank)
        lengths = [one.type.shape[axis - rank] for one in inputs if one.type.rank >= rank - axis]
        shape = list(tape.outputs[0].type.shape)
        shape.insert(axis, next((one for one in lengths if one != 1), 1))
        wide = [one.expand(sizes=tuple(shape)) for one in inputs]  # a stretched axis counts in the norm as often as it is read
        x, y = (one / one.norm(axis=self.axis, keepdim=True).clamp(min=self.eps) for one in wide)
        return (x * y).sum(axis=self.axis).d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("F.cosine_similarity", inputs[0], inputs[1], **changed(self, "axis", "eps"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        dtype, rank = tape.outputs[0].dtype, tape.outputs[0].rank + 1
        back, eps = check_axis(self.axis, rank) - rank, tape.scalar(self.eps, dtype)
        lengths = [one.shape[back] if one.rank >= -back else 1 for one in tape.inputs]
        units: list[str] = []
        for name, length in zip(inputs, lengths, strict=True):
            wide = name or ""
            if length == 1 and lengths[0] != lengths[1]:
                # an axis that is stretched counts in the norm as often as it is read
                both = tape.node("Add", [one or "" for one in inputs])
                wide = tape.node("Expand", [wide, tape.node("Shape", [both])])
            units.append(tape.node("Div", [wide, tape.node("Max", [_norm(tape, wide, dtype, 2, back, True), eps])]))
        return tape.node("ReduceSum", [tape.node("Mul", units), tape.ints([back])], keepdims=0)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        one, rank = given(inputs[operand]), outputs[0].rank + 1
        target, gone = axis - one.rank + rank, check_axis(self.axis, rank)
        if target == gone:
            return Everywhere()
        return broadcast_reach(one, axis, outputs[0], target - (target > gone))
