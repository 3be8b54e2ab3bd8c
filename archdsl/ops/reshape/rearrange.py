"""`rearrange` and `reduce` by einops patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first
from archdsl.ops.checks import FLOATS, INTEGERS, check_dtype, given
from archdsl.ops.contract import Batched, Code, Context, Example, OnnxTape, Op, Reach, Refusal, TorchTape, option, required
from archdsl.ops.reshape.patterns import Layout, after_one, lay_out, read
from archdsl.ops.reshape.plan import write_onnx, write_torch
from archdsl.ops.reshape.solve import check, reach, result, solve

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape


class Rearrange(Op):
    """Axes moved, split and merged by an einops pattern: `rearrange("b t (h d) -> b h t d", h=heads)`.

    A name is an axis, `( )` an axis composed of several (the first one slowest), `1` or `()` an axis of size 1, `...` any number
    of axes; on the right `(...)` merges them. Sizes that the input does not tell are given by name.

    Source: Rogozhnikov, "Einops: Clear and Reliable Tensor Manipulations with Einstein-like Notation", ICLR 2022.
    """

    name = "rearrange"
    moves = True
    linear = ("x",)
    family = "reshape"
    alike = "every"
    keywords = "sizes"
    pattern: str = required("what goes where, `left -> right`", "str")
    sizes: tuple[tuple[str, Size], ...] = option((), "sizes of parts, by their names in the pattern", "list[size]")

    examples = (
        Example({"pattern": "b t (n h d) -> n b h t d", "sizes": (("n", 3), ("h", 4))}, ("[B, T, 96]",), ("[3, B, 4, T, 8]",)),
        Example({"pattern": "b h t d -> b t (h d)"}, ("[B, 4, T, D]",), ("[B, T, 4*D]",)),
        Example({"pattern": "n c h w -> n (h w) c"}, ("[N, 3, H, W]",), ("[N, H*W, 3]",)),
        Example(
            {"pattern": "n (h w) c -> n c h w", "sizes": (("h", 5),)}, ("[N, P, 3]",), ("[N, 3, 5, P // 5]",), ("P % 5 == 0",)
        ),
        Example(
            {"pattern": "n c (h p) (w q) -> n (h w) (p q c)", "sizes": (("p", 2), ("q", 3))}, ("[N, 4, 8, 9]",), ("[N, 12, 24]",)
        ),
        Example({"pattern": "t s h -> 1 h t s"}, ("[T, S, 4]",), ("[1, 4, T, S]",)),
        Example({"pattern": "b 1 ... () -> (...) b 1"}, ("[B, 1, H, W, 1]",), ("[H*W, B, 1]",)),
        Example({"pattern": "... c -> c ..."}, ("[N, H, 3]",), ("[3, N, H]",)),
        Example({"pattern": "(b s) (h d) c -> b (h d) (c s)", "sizes": (("s", 2), ("h", 3))}, ("[2*B, 6, 5]",), ("[B, 6, 10]",)),
    )
    refusals = (
        Refusal({"pattern": "b (h d) -> b h d", "sizes": (("h", 3),)}, ("[B, 8]",)),
        Refusal({"pattern": "b (h d) -> b h d", "sizes": (("h", 3),)}, ("[B, D]",), "unproved-dimension"),
        Refusal({"pattern": "b c -> c b"}, ("[B, 8, 2]",), "rank-mismatch"),
        Refusal({"pattern": "b c d -> c b"}, ("[B, 8, 2]",), "bad-pattern"),
        Refusal({"pattern": "b c"}, ("[B, 8]",), "bad-pattern"),
        Refusal({"pattern": "b (c d) -> b c d"}, ("[B, 8]",), "bad-pattern"),
        Refusal({"pattern": "b (c -> b c"}, ("[B, 8]",), "bad-pattern"),
        Refusal({"pattern": "b c -> b c", "sizes": (("h", 3),)}, ("[B, 8]",), "bad-argument"),
    )

    def layout(self, x: TensorType) -> Layout:
        """The pattern for an input of this rank."""
        return lay_out(read(self.pattern, "rearrange"), x.rank)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        layout, sizes = check(context, read(self.pattern, "rearrange"), x, self.sizes)
        return (TensorType(result(layout, sizes), x.dtype),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(pattern=after_one(self.pattern)), after, inputs, outputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return write_torch(tape, inputs[0] or Code(""), self.layout(tape.inputs[0]), dict(self.sizes))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = tape.inputs[0]
        layout = self.layout(x)
        return write_onnx(tape, inputs[0] or "", layout, solve(layout, x.shape, dict(self.sizes)))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        x = given(inputs[0])
        layout = self.layout(x)
        return reach(layout, solve(layout, x.shape, dict(self.sizes)), axis)


class Reduce(Op):
    """Axes reduced, moved, split and merged by an einops pattern: `reduce("b c (h 2) (w 2) -> b c h w", "mean")`.

    What stands on the left only is reduced. `sum` and `prod` of integers are i64, as in PyTorch.

    Source: Rogozhnikov, "Einops", ICLR 2022.
    """

    name = "reduce"
    precise = True
    family = "reshape"
    alike = "every"
    keywords = "sizes"
    pattern: str = required("what goes where, `left -> right`", "str")
    reduction: str = required("how", "str", choices=("max", "mean", "min", "prod", "sum"))
    sizes: tuple[tuple[str, Size], ...] = option((), "sizes of parts, by their names in the pattern", "list[size]")

    examples = (
        Example({"pattern": "b c (h 2) (w 2) -> b c h w", "reduction": "mean"}, ("[B, 3, 2*H, 2*W]",), ("[B, 3, H, W]",)),
        Example({"pattern": "b c h w -> b c", "reduction": "max"}, ("[B, 3, H, W]",), ("[B, 3]",)),
        Example({"pattern": "b (t s) d -> s (b d)", "reduction": "min", "sizes": (("s", 3),)}, ("[B, 12, D]",), ("[3, B*D]",)),
        Example({"pattern": "b ... -> b 1", "reduction": "prod"}, ("[B, 2, 3]",), ("[B, 1]",)),
        Example({"pattern": "b t d -> b d", "reduction": "sum"}, ("i64[B, T, 1]",), ("i64[B, 1]",), values={0: (0, 9)}),
        Example({"pattern": "b (t s) -> b", "reduction": "sum", "sizes": (("t", 2),)}, ("[B, 6]",), ("[B]",)),
    )
    refusals = (
        Refusal({"pattern": "b d -> b d e", "reduction": "sum"}, ("[B, 8]",), "bad-pattern"),
        Refusal({"pattern": "b (d 3) -> b", "reduction": "sum"}, ("[B, 8]",)),
        Refusal({"pattern": "b (d 3) -> b", "reduction": "sum"}, ("[B, D]",), "unproved-dimension"),
        Refusal({"pattern": "b d e -> b", "reduction": "sum"}, ("[B, D]",), "rank-mismatch"),
        Refusal({"pattern": "b d -> b", "reduction": "sum", "sizes": (("z", 2),)}, ("[B, D]",), "bad-argument"),
        Refusal({"pattern": "b d -> b", "reduction": "mean"}, ("i64[B, D]",), "dtype-mismatch"),
    )

    def layout(self, x: TensorType) -> Layout:
        """The pattern for an input of this rank."""
        return lay_out(read(self.pattern, "reduce"), x.rank)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        layout, sizes = check(context, read(self.pattern, "reduce"), x, self.sizes)
        if self.reduction == "mean":
            check_dtype(x, FLOATS, wants="floats for a mean", help="convert: cast(x, float)")
        check_dtype(x, FLOATS + INTEGERS, wants="numbers")
        whole = x.dtype in INTEGERS and self.reduction in ("sum", "prod") and set(layout.source) != set(layout.target)
        return (TensorType(result(layout, sizes), "i64" if whole else x.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        x = inputs[0]
        layout = self.layout(x.type)
        sizes = solve(layout, x.type.shape, dict(self.sizes))
        source, target = layout.source, layout.target
        gone = [name for name in source if name not in target]
        order = tuple(source.index(name) for name in (*(one for one in target if one in source), *gone))
        parts = x.reshape(sizes=tuple(sizes[name] for name in source)).permute(axis=order)
        if gone:
            kept = tuple(sizes[name] for name in target if name in source)
            parts = getattr(parts.reshape(sizes=(*kept, -1)), self.reduction)(axis=-1)
        return parts.reshape(sizes=tape.outputs[0].type.shape).d

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(pattern=after_one(self.pattern)), after, inputs, outputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return write_torch(tape, inputs[0] or Code(""), self.layout(tape.inputs[0]), dict(self.sizes), self.reduction)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x = tape.inputs[0]
        layout = self.layout(x)
        name = inputs[0] or ""
        if x.dtype != tape.outputs[0].dtype:
            name = tape.node("Cast", [name], to="i64")
        return write_onnx(tape, name, layout, solve(layout, x.shape, dict(self.sizes)), self.reduction)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        x = given(inputs[0])
        layout = self.layout(x)
        return reach(layout, solve(layout, x.shape, dict(self.sizes)), axis)
