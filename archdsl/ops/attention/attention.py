"""The function `attention`: scaled dot products, with masks, a bias, a causal order and a sliding window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.attention.fold import Fold
from archdsl.ops.attention.weigh import Heads, every, positions, weigh
from archdsl.ops.checks import (
    FLOATS,
    check_divides,
    check_dtype,
    check_equal,
    check_finite,
    check_least,
    check_probability,
    check_rank,
    check_same_dtype,
    given,
)
from archdsl.ops.contract import (
    Along,
    Code,
    Context,
    Everywhere,
    Example,
    Gate,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    Refusal,
    TorchTape,
    option,
)

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

QKV = ("[B, 4, T, 8]", "[B, 4, T, 8]", "[B, 4, T, 8]")
CROSS = ("[B, 4, T, 8]", "[B, 2, S, 8]", "[B, 2, S, 6]")


class Attention(Op):
    """Scaled dot products, where true in `mask` = may attend, and a query with nothing to attend gives 0.

    q is `[..., H, T, D]`, k `[..., G, S, D]` and v `[..., G, S, V]`, and the result `[..., H, T, V]`, where G divides H:
    query head h reads head `h // (H / G)` of k and v. Without heads q is `[B, T, D]`. `mask` (bool) and `bias` (added to the
    scores) broadcast to `[..., H, T, S]`; both may be given. `causal`: query i sees the keys j <= i, counted from the first
    of both, also where T is not S (PyTorch's `is_causal`). `window=[l, r]`: query i sees keys i - l to i + r, either end may
    be none; `window=w` is [w - 1, w - 1], so that with `causal` each query sees w keys, itself the last. Everything given
    holds at once. `scale` is 1 / sqrt(D) unless given. `dropout` acts on the weights, in training only. Vaswani et al.
    (2017); grouped queries: Ainslie et al. (2023); windows: Beltagy et al. (2020), Jiang et al. (2023).
    """

    name = "attention"
    family = "attention"
    alike = "every"
    tensors = ("q", "k", "v", "mask?", "bias?")
    random = True
    causal: bool = option(False, "query i sees only the keys j <= i", "bool")
    window: Any = option(None, "how far a query sees: a number, or [left, right]", "size | list[size | none] | none")
    scale: float | None = option(None, "what the dot products are multiplied by", "float | none")
    dropout: float = option(0.0, "probability that a weight is dropped in training", "float")
    examples: ClassVar[tuple[Example, ...]] = (
        Example(inputs=QKV, outputs=("[B, 4, T, 8]",)),
        Example({"causal": True, "dropout": 0.1}, QKV, ("[B, 4, T, 8]",)),
        Example({"causal": True}, CROSS, ("[B, 4, T, 6]",), bind={"T": 5, "S": 3}, note="more queries than keys, grouped heads"),
        Example({"causal": True}, CROSS, ("[B, 4, T, 6]",), bind={"T": 3, "S": 5}),
        Example({"scale": 1.0}, ("[B, T, D]", "[B, S, D]", "[B, S, E]"), ("[B, T, E]",)),
        Example({"scale": -0.5}, ("[2, 1, B, 2, 1, D]", "[2, 1, B, 1, 3, D]", "[2, 1, B, 1, 3, 1]"), ("[2, 1, B, 2, 1, 1]",)),
        Example({}, (*CROSS, "bool[B, 1, 1, S]"), ("[B, 4, T, 6]",)),
        Example({"causal": True}, (*CROSS, "bool[T, S]", "[1, 4, T, S]"), ("[B, 4, T, 6]",), note="mask, bias and order at once"),
        Example({"scale": 1.0}, (*QKV, "", "[4, T, T]"), ("[B, 4, T, 8]",)),
        Example({}, (*QKV, "bool[T]"), ("[B, 4, T, 8]",)),
        Example({}, ("[B, T, D]", "[B, S, D]", "[B, S, E]", "", "[S]"), ("[B, T, E]",)),
        Example({}, (*QKV, "bool[]", "[T]"), ("[B, 4, T, 8]",)),
        Example({"causal": True}, (*QKV, "", "[T]"), ("[B, 4, T, 8]",)),
        Example({"window": 2, "causal": True}, QKV, ("[B, 4, T, 8]",)),
        Example({"window": (1, 0)}, CROSS, ("[B, 4, T, 6]",), bind={"T": 5, "S": 3}, note="the last queries see nothing"),
        Example({"window": (None, 1)}, (*QKV, "bool[T]"), ("[B, 4, T, 8]",)),
        Example({"window": (2, None)}, (*QKV, "", "[T, 1]"), ("[B, 4, T, 8]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal(inputs=("[T, D]", "[T, D]", "[T, D]"), code="rank-mismatch"),
        Refusal(inputs=("[B, T, D]", "[B, 2, T, D]", "[B, 2, T, D]"), code="rank-mismatch"),
        Refusal(inputs=("[2, 4, T, 8]", "[2, 3, T, 8]", "[2, 3, T, 8]")),
        Refusal(inputs=("[B, H, T, 8]", "[B, G, T, 8]", "[B, G, T, 8]"), code="unproved-dimension"),
        Refusal(inputs=("[2, T, 8]", "[3, T, 8]", "[3, T, 8]")),
        Refusal(inputs=("[2, T, 8]", "[2, T, 9]", "[2, T, 8]")),
        Refusal(inputs=("[2, T, 8]", "[2, 4, 8]", "[2, 5, 8]")),
        Refusal(inputs=("i64[2, T, 8]", "i64[2, T, 8]", "i64[2, T, 8]"), code="dtype-mismatch"),
        Refusal(inputs=(*QKV, "[T, T]"), code="dtype-mismatch"),
        Refusal(inputs=(*QKV, "", "f64[T, T]"), code="dtype-mismatch"),
        Refusal(inputs=(*QKV, "bool[3, T, T]")),
        Refusal(inputs=(*QKV, "bool[1, B, 4, T, T]"), code="rank-mismatch"),
        Refusal({"window": 0}, QKV, "bad-argument"),
        Refusal({"window": (None, None)}, QKV, "bad-argument"),
        Refusal({"window": (1, 2, 3)}, QKV, "bad-argument"),
        Refusal({"window": (-1, 2)}, QKV, "bad-argument"),
        Refusal({"dropout": 1.5}, QKV, "bad-argument"),
        Refusal({"scale": float("inf")}, QKV, "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Attention:
        check_probability(self.dropout, "dropout")
        if self.scale is not None:
            check_finite(self.scale, "scale")
        if isinstance(self.window, tuple):
            if len(self.window) != 2 or self.window == (None, None):
                raise OpFault(
                    "`window` wants a number, or [left, right] with a number in it", code="bad-argument", argument="window"
                )
            check_least(tuple(one for one in self.window if one is not None), 0, "window")
        elif self.window is not None:
            check_least(self.window, 1, "window")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        q, k, v, mask, bias = (*inputs, None, None)[:5]
        q, k, v = given(q, "q"), given(k, "k"), given(v, "v")
        rank = check_rank(q, 3, None, wants="[..., heads, T, D]").rank
        check_rank(k, rank, operand=1, wants="many axes as q")
        check_rank(v, rank, operand=2, wants="many axes as q")
        check_dtype(q, FLOATS, wants="a float tensor")
        check_same_dtype(q, k, v)
        for axis in range(rank - 2):
            if rank > 3 and axis == rank - 3:
                check_divides(
                    context, k.shape[axis], q.shape[axis], "the heads of k must divide those of q", operand=1, axis=axis
                )
            else:
                check_equal(
                    context, q.shape[axis], k.shape[axis], "q and k differ in a leading axis", operand=1, axis=axis, other=0
                )
            check_equal(context, k.shape[axis], v.shape[axis], "k and v differ in a leading axis", operand=2, axis=axis, other=1)
        check_equal(context, q.shape[-1], k.shape[-1], "q and k differ in width", operand=1, axis=rank - 1, other=0)
        check_equal(context, k.shape[-2], v.shape[-2], "k and v differ in length", operand=2, axis=rank - 2, other=1)
        table = (*q.shape[:-1], k.shape[-2])
        if mask is not None:
            check_dtype(
                mask, ("bool",), operand=3, wants="a bool mask, true = may attend", help="what is added to the scores is `bias=`"
            )
            check_fits(context, mask, table, 3)
        if bias is not None:
            check_dtype(bias, (q.dtype,), operand=4, wants=f"a bias of the dtype of q, {q.dtype}", help="a bool is `mask=`")
            check_fits(context, bias, table, 4)
        return (TensorType((*q.shape[:-1], v.shape[-1]), q.dtype),)

    def reaches(self) -> tuple[Any, Any]:
        """How far a query sees to the left and to the right; None is to the end."""
        left, right = self.window if isinstance(self.window, tuple) else (None, None)
        if self.window is not None and not isinstance(self.window, tuple):
            left = right = self.window - 1
        return left, 0 if self.causal else right

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        from archdsl.ops.attention.tangents import (  # loaded where a derivative is asked for
            changing,
            every,
            sides_of,
            weighed,
            within,
        )

        q, k, v, mask, bias = inputs
        left, right = self.reaches()
        allowed = every(mask, None if left is None and right is None else within(q, k, left, right))
        headed = q.type.rank > 3
        times = q.type.shape[-3] // k.type.shape[-3] if headed else 1
        weights, rate = weighed(q, sides_of(k, times), allowed, bias, self.scale)
        if not self.dropout:
            return changing(weights, rate).matmul(sides_of(v, times)).d
        # Of unit vectors the result is the weights that are left.
        keys = k.type.shape[-2]
        units = tape.op("eye", n=keys, dtype=q.type.dtype).expand(sizes=(*v.type.shape[:-1], keys))
        plain = [None if one is None else one.plain for one in (q, k, units, mask, bias)]
        made = changing(tape.op("attention", *plain, **dict(self.items())), rate).matmul(sides_of(v, times))
        tape.instead(made.plain)
        return made.d

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        q, k, v, mask, bias = (*inputs, None, None)[:5]
        shapes = [one.shape for one in tape.inputs[:3]]
        more: dict[str, Any] = {}
        left, right = self.reaches()
        parts = [] if mask is None else [mask]
        if self.causal and left is None and mask is None and bias is None:
            more["is_causal"] = True
        elif self.causal and left is None:
            ones = tape.call("torch.ones", shapes[0][-2], shapes[1][-2], dtype=Code("torch.bool"), device=tape.device())
            parts.append(Code(f"{ones}.tril()"))
        elif left is not None or right is not None:
            parts.append(tape.call(tape.helper("window_mask"), shapes[0][-2], shapes[1][-2], left, right, tape.device()))
        allowed = " & ".join(parts)
        if bias is not None and parts:
            barred = f"~({allowed})" if len(parts) > 1 else f"~{allowed}"
            allowed = f'{bias}.masked_fill({barred}, float("-inf"))'
        tables: tuple[TensorType | None, ...] = tape.inputs[3:]
        known = [one.shape for one in tables if one is not None]
        built = len(parts) > (mask is not None)  # the order or the window makes a table of its own
        fold = Fold(shapes[0], [*known, (shapes[0][-2], shapes[1][-2])] if built else known)
        if bias is not None or parts:
            more = {"attn_mask": Code(fold.scores(allowed or str(bias))), **more}
        if self.dropout != 0.0:
            more["dropout_p"] = Code(f"{tape.value(self.dropout)} if {tape.training()} else 0.0")
        if self.scale is not None:
            more["scale"] = self.scale
        if len(shapes[0]) > 3 and shapes[0][-3] != shapes[1][-3]:
            more["enable_gqa"] = True
        q, k, v = (fold.tensor(str(one)) for one in (q, k, v))
        return fold.back(tape, tape.call("F.scaled_dot_product_attention", q, k, v, **more))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        q, k, v, mask, bias = (*inputs, None, None)[:5]
        first, second, third = tape.inputs[:3]
        headed = first.rank > 3
        sizes = Heads(
            first.shape[: -3 if headed else -2], first.shape[-3] if headed else None, second.shape[-3] if headed else None,
            first.shape[-2], second.shape[-2], first.shape[-1], third.shape[-1],
        )  # fmt: skip
        left, right = self.reaches()
        conditions = [] if mask is None else [mask]
        if left is not None or right is not None:
            conditions.append(positions(tape, sizes.queries, sizes.keys, left, right))
        dtype = tape.float if first.dtype == "float" else first.dtype
        empty = mask is not None or bias is not None or self.window is not None
        return weigh(
            tape, str(q), str(k), str(v), sizes, dtype, scale=self.scale, allowed=every(tape, conditions), bias=bias, empty=empty
        )[0]

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        q, k, v = given(inputs[0]), given(inputs[1]), given(inputs[2])
        rows: Size = 1
        for size in q.shape[:-1]:
            rows = rows * size
        return rows * k.shape[-2] * (q.shape[-1] + v.shape[-1])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        q, k, one = given(inputs[0]), given(inputs[1]), given(inputs[operand])
        rank = q.rank
        axis %= one.rank
        if operand >= 3:
            place = axis + rank - one.rank
            table = (*q.shape[:-1], k.shape[-2])
            if one.shape[axis] == 1 and table[place] != 1:
                return Everywhere()
            return self._keys(rank) if place == rank - 1 else Along(place)
        if axis < rank - 2:
            same = axis != rank - 3 or rank == 3 or q.shape[axis] == k.shape[axis] or operand == 0
            return Along(axis) if same else Everywhere()
        if axis == rank - 2:
            return Along(axis) if operand == 0 else self._keys(rank)
        return Along(axis) if operand == 2 else Everywhere()

    def gates(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...]) -> tuple[Gate, ...]:
        keys = operand in (1, 2) and axis == given(inputs[operand]).rank - 2
        tables = [(index, one.rank) for index, one in enumerate(inputs) if index > 2 and one is not None] if keys else []
        return tuple(Gate(index, rank - 1, barred=index == 4) for index, rank in tables if rank > 0)

    def _keys(self, rank: int) -> Reach:
        """Which keys a query depends on."""
        left, right = self.reaches()
        low = -left if isinstance(left, int) else None
        high = right if isinstance(right, int) else None
        return Along(rank - 2, low, high) if low is not None or high is not None else Everywhere()


def check_fits(context: Context, one: TensorType, table: tuple[Size, ...], operand: int) -> None:
    """A mask or a bias broadcasts to the table of scores. Raises `OpFault`."""
    check_rank(one, 0, len(table), operand=operand, wants="[..., heads, T, S]")
    ahead = len(table) - one.rank
    for axis, size in enumerate(one.shape):
        if size != 1:
            check_equal(context, size, table[ahead + axis], "it does not broadcast to the scores", operand=operand, axis=axis)
