"""`pad`: more elements, or fewer, at the ends of the last axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, check_dtype, check_least, check_rank, check_size_at_least, given
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

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

ONNX_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class Pad(Op):
    """Pads the ends of the last axes, the last axis first: `pad([left, right, top, bottom])`.

    `constant` puts in `value`, and a negative size cuts off; `reflect` mirrors without the edge (less than the axis), `replicate`
    repeats the edge, `circular` goes round (at most the axis). These three take 2, 4 or 6 sizes, for 2-3, 3-4, 4-5 axes.

    Source: PyTorch `torch.nn.functional.pad`.
    """

    name = "pad"
    family = "combine"
    channels_last = "keeps"
    pad: tuple[Size, ...] = required("two sizes for each axis, the last axis first: before, after", "list[size]")
    mode: str = option("constant", "what is put in", "str", choices=("constant", "reflect", "replicate", "circular"))
    value: float = option(0, "the constant put in", "int | float")

    examples = (
        Example({"pad": (1, 2)}, ("[N, T]",), ("[N, T + 3]",)),
        Example({"pad": (0, 1, 2, -1), "value": -1.5}, ("[N, H, 4]",), ("[N, H + 1, 5]",), ("H >= 2",)),
        Example({"pad": (1, 0, 0, 0), "value": 7}, ("i64[1, T]",), ("i64[1, T + 1]",)),
        Example({"pad": (1, 2), "mode": "reflect"}, ("[N, 3, 5]",), ("[N, 3, 8]",)),
        Example({"pad": (1, 2, 0, 3), "mode": "reflect"}, ("[N, 3, H, 5]",), ("[N, 3, H + 3, 8]",), ("H >= 4",)),
        Example({"pad": (1, 2, 3, 0), "mode": "replicate"}, ("[N, 3, H, W]",), ("[N, 3, H + 3, W + 3]",)),
        Example({"pad": (2, 1), "mode": "circular"}, ("[N, 3, T]",), ("[N, 3, T + 3]",), ("T >= 2",)),
    )
    refusals = (
        Refusal({"pad": (1,)}, ("[N, 4]",), "bad-argument"),
        Refusal({"pad": (1, 1, 1, 1)}, ("[N]",), "rank-mismatch"),
        Refusal({"pad": (-2, -2)}, ("[N, 4]",)),
        Refusal({"pad": (-2, 0)}, ("[N]",), "unproved-dimension"),
        Refusal({"pad": (1, 1), "value": 0.5}, ("i64[N]",), "dtype-mismatch"),
        Refusal({"pad": (4, 1), "mode": "reflect"}, ("[N, 3, 4]",)),
        Refusal({"pad": (4, 1), "mode": "reflect"}, ("[N, 3, T]",), "unproved-dimension"),
        Refusal({"pad": (5, 1), "mode": "circular"}, ("[N, 3, 4]",)),
        Refusal({"pad": (-1, 1), "mode": "replicate"}, ("[N, 3, 4]",), "bad-argument"),
        Refusal({"pad": (1, 1), "mode": "replicate"}, ("[N, 3, 4, 5]",), "rank-mismatch"),
        Refusal({"pad": (1, 1), "mode": "reflect"}, ("i64[N, 3, 4]",), "dtype-mismatch"),
        Refusal({"pad": (1, 1), "mode": "reflect", "value": 1.0}, ("[N, 3, 4]",), "bad-argument"),
    )

    def ends(self, rank: int) -> dict[int, tuple[Size, Size]]:
        """Before and after, by axis."""
        return {rank - 1 - index // 2: (self.pad[index], self.pad[index + 1]) for index in range(0, len(self.pad), 2)}

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        if len(self.pad) % 2 or not self.pad:
            raise OpFault(f"two sizes an axis are needed; got {len(self.pad)}", code="bad-argument", argument="pad")
        count = len(self.pad) // 2
        if self.mode == "constant":
            check_rank(x, count, None)
            if x.dtype not in FLOATS and self.value != int(self.value):
                raise OpFault(f"the value {self.value} does not fit {x}", code="dtype-mismatch", operand=0, argument="value")
        else:
            self._check_mode(x, count)
        shape = list(x.shape)
        for axis, (before, after) in self.ends(x.rank).items():
            size = x.shape[axis]
            shape[axis] = size + before + after
            for end in (before, after):
                if self.mode in ("reflect", "circular"):
                    least = end + 1 if self.mode == "reflect" else end
                    check_size_at_least(context, size, least, f"axis {axis} must be longer for a {self.mode} padding of {end}",
                                        operand=0, axis=axis, argument="pad")  # fmt: skip
                if isinstance(end, int) and end < 0:
                    check_size_at_least(
                        context, shape[axis], 1, f"something must be left of axis {axis}", operand=0, axis=axis, argument="pad"
                    )
        return (TensorType(tuple(shape), x.dtype),)

    def _check_mode(self, x: TensorType, count: int) -> None:
        """What PyTorch asks of the modes that read the input."""
        if count > 3:
            raise OpFault(f"mode {self.mode} pads at most 3 axes", code="bad-argument", argument="pad")
        check_rank(x, count + 1, count + 2)
        check_least(self.pad, 0, "pad")
        check_dtype(x, FLOATS, wants=f"floats for the mode {self.mode}")
        if self.value != 0:
            raise OpFault("a value goes with the mode constant", code="bad-argument", argument="value")

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        return inputs[0].d.pad(pad=self.pad, mode=self.mode)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        said: dict[str, Any] = {}
        if self.mode != "constant":
            said["mode"] = self.mode
        if self.value != 0:
            said["value"] = self.value
        return tape.call("F.pad", inputs[0], self.pad, **said)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        rank, dtype = tape.inputs[0].rank, tape.inputs[0].dtype
        ends = self.ends(rank)
        pads = [ends.get(axis, (0, 0))[0] for axis in range(rank)] + [ends.get(axis, (0, 0))[1] for axis in range(rank)]
        operands = [inputs[0] or "", tape.shape(pads)]
        if self.mode == "constant":
            operands.append(tape.scalar(bool(self.value) if dtype == "bool" else self.value, dtype))
        return tape.node("Pad", operands, mode=ONNX_MODES[self.mode])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        before, after = self.ends(outputs[0].rank).get(axis, (0, 0))
        if before == 0 and after == 0:
            return Along(axis)
        if self.mode == "constant" and isinstance(before, int):
            return Along(axis, -before, -before)
        return Everywhere()
