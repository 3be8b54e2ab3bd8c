"""The function `rotary`: rotary position embedding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, INTEGERS, check_divides, check_dtype, check_equal, check_positive, check_rank, given
from archdsl.ops.contract import Along, Code, Context, Everywhere, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class Rotary(Op):
    """Turn each pair of features by an angle that grows with the position: rotary position embedding; not in PyTorch.

    x is `[..., T, D]` with D even; `positions` is integers or floats that broadcast to `[..., T]`, and 0, 1, 2, … unless
    given. Pair i of D / 2 turns by `position * base ** (-2i / D)`. A pair is features i and i + D / 2 (GPT-NeoX, LLaMA), or,
    `interleaved`, 2i and 2i + 1 (GPT-J, the paper). To turn a part of the features split them first. Su et al., RoFormer
    (2021).
    """

    name = "rotary"
    family = "attention"
    tensors = ("x", "positions?")
    base: float = option(10000.0, "the longest wave is 2 pi times about this", "float")
    interleaved: bool = option(False, "pairs are neighbours", "bool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ("[B, 3, T, 8]",), ("[B, 3, T, 8]",)),
        Example({"base": 500000.0}, ("[T, 6]", "i64[T]"), ("[T, 6]",)),
        Example({"interleaved": True}, ("[B, H, T, 4]", "i64[B, 1, T]"), ("[B, H, T, 4]",)),
        Example({"interleaved": True, "base": 100.0}, ("[B, T, D]", "[1]"), ("[B, T, D]",), facts=("D % 2 == 0",), bind={"D": 6}),
        Example({}, ("[1, 1, 2]",), ("[1, 1, 2]",)),
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({}, ("[T, 5]",)),
        Refusal({}, ("[T, D]",), "unproved-dimension"),
        Refusal({}, ("[8]",), "rank-mismatch"),
        Refusal({}, ("[4, 8]", "i64[5]")),
        Refusal({}, ("[4, 8]", "i64[4, 8]"), "rank-mismatch"),
        Refusal({}, ("[4, 8]", "bool[4]"), "dtype-mismatch"),
        Refusal({}, ("i64[4, 8]",), "dtype-mismatch"),
        Refusal({"base": 0.0}, ("[4, 8]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Rotary:
        check_positive(self.base, "base")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, positions = (*inputs, None)[:2]
        x = check_dtype(check_rank(given(x), 2, None, wants="[..., T, D]"), FLOATS, wants="a float tensor")
        check_divides(context, 2, x.shape[-1], "the features come in pairs", operand=0, axis=x.rank - 1)
        if positions is not None:
            check_dtype(positions, INTEGERS + FLOATS, operand=1, wants="numbers")
            check_rank(positions, 0, x.rank - 1, operand=1, wants="[..., T]")
            for axis, size in enumerate(positions.shape):
                if size != 1:
                    wish = x.shape[x.rank - 1 - positions.rank + axis]
                    check_equal(context, size, wish, "the positions do not broadcast to x", operand=1, axis=axis, other=0)
        return (x,)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x, positions = inputs
        more = {"base": self.base, "interleaved": self.interleaved}
        total = None if x.d is None else x.d.rotary(positions, **more) if positions is not None else x.d.rotary(**more)
        if positions is None or positions.d is None:
            return total
        y, half = tape.outputs[0], x.type.shape[-1] // 2
        rates = (tape.op("arange", bounds=(half,)).cast(dtype=y.type.dtype) * (-math.log(self.base)) / half).exp()
        # A turn changes by itself, turned by a right angle.
        turn = positions.d.unsqueeze(axis=-1) * rates
        if self.interleaved:
            left, right = y.reshape(sizes=(*y.type.shape[:-1], half, 2)).unbind(axis=-1)
            part = tape.op("stack", -right * turn, left * turn, axis=-1).flatten(start=-2)
        else:
            left, right = y.chunk(chunks=2, axis=-1)
            part = tape.op("concat", -right * turn, left * turn, axis=-1)
        return part if total is None else total + part

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        x, positions = (*inputs, None)[:2]
        more: dict[str, Any] = {name: value for name, value in self.items() if value != self.fields[name].default}
        said = [one for one in (x, positions) if one is not None]
        return tape.call(tape.helper("rotary"), *said, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, positions = (str(inputs[0]), (*inputs, None)[1])
        type = tape.inputs[0]
        length, width = type.shape[-2:]
        dtype = tape.float if type.dtype == "float" else type.dtype
        wide = dtype if dtype in ("f32", "f64") else "f32"
        zero, one = tape.scalar(0, "i64"), tape.scalar(1, "i64")
        if positions is None:
            positions = tape.node("Range", [zero, tape.size(length), one])
        steps = tape.node("Cast", [tape.node("Range", [zero, tape.size(width), tape.scalar(2, "i64")])], to=wide)
        power = tape.node("Div", [steps, tape.scalar(-width, wide)])
        rates = tape.node("Pow", [tape.scalar(self.base, wide), power])
        places = tape.node("Unsqueeze", [tape.node("Cast", [positions], to=wide), tape.ints([-1])])
        angles = tape.node("Mul", [places, rates])
        cos, sin = (tape.node("Cast", [tape.node(one, [angles])], to=dtype) for one in ("Cos", "Sin"))
        half = width // 2
        if self.interleaved:
            pairs = tape.node("Reshape", [x, tape.shape((*type.shape[:-1], half, 2))])
            left, right = (tape.node("Gather", [pairs, tape.scalar(side, "i64")], axis=-1) for side in (0, 1))
        else:
            left, right = tape.nodes("Split", [x, tape.shape((half, half))], 2, axis=-1)
        turned = [
            tape.node("Sub", [tape.node("Mul", [left, cos]), tape.node("Mul", [right, sin])]),
            tape.node("Add", [tape.node("Mul", [left, sin]), tape.node("Mul", [right, cos])]),
        ]
        if not self.interleaved:
            return tape.node("Concat", turned, axis=-1)
        apart = [tape.node("Unsqueeze", [one, tape.ints([-1])]) for one in turned]
        return tape.node("Reshape", [tape.node("Concat", apart, axis=-1), tape.shape(type.shape)])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        x, one = given(inputs[0]), given(inputs[operand])
        axis %= one.rank
        place = axis if operand == 0 else axis + x.rank - 1 - one.rank
        spread = operand == 1 and one.shape[axis] == 1 and x.shape[place] != 1
        return Everywhere() if place == x.rank - 1 or spread else Along(place)
