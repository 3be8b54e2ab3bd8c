"""`expand` to sizes or by an einops pattern, and `expand_as`."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_equal, given
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
from archdsl.ops.reshape.patterns import Layout, Pattern, lay_out, read
from archdsl.ops.reshape.plan import write_onnx, write_torch
from archdsl.ops.reshape.solve import check, reach, result, solve


class Expand(Op):
    """Repeats along new axes and axes of size 1: to sizes, `expand(x, B, D)`, or by a pattern, `expand("b d -> b t d", t=4)`.

    Sizes are aligned at the last axis; -1 keeps an axis. A pattern (einops calls it `repeat`) names new axes on the right, whose
    sizes are given by name or stand as numbers.

    Source: PyTorch `Tensor.expand`; Rogozhnikov, "Einops", ICLR 2022.
    """

    name = "expand"
    moves = True
    linear = ("x",)
    family = "reshape"
    alike = "every"
    variadic = "sizes"
    keywords = "named"
    sizes: tuple[Size | str, ...] = required("the sizes of the result, or one pattern", "size | str")
    named: tuple[tuple[str, Size], ...] = option((), "sizes of new axes, by their names in the pattern", "list[size]")

    examples = (
        Example({"sizes": (5, -1, 3)}, ("[B, 1]",), ("[5, B, 3]",)),
        Example({"sizes": (4, 7)}, ("[]",), ("[4, 7]",)),
        Example({"sizes": ("b d -> b t d",), "named": (("t", 4),)}, ("[B, D]",), ("[B, 4, D]",)),
        Example({"sizes": ("b (c d) -> b (d 2) 3 c",), "named": (("c", 2),)}, ("[B, 2*D]",), ("[B, 2*D, 3, 2]",)),
        Example({"sizes": ("b 1 d -> b t d",), "named": (("t", 3),)}, ("[B, 1, D]",), ("[B, 3, D]",)),
        Example({"sizes": ("... -> ... k",), "named": (("k", 3),)}, ("[N, 1]",), ("[N, 1, 3]",)),
    )
    refusals = (
        Refusal({"sizes": (5,)}, ("[B, 1]",), "rank-mismatch"),
        Refusal({"sizes": (2, 5)}, ("[2, 4]",)),
        Refusal({"sizes": (2, 5)}, ("[B, 5]",), "unproved-dimension"),
        Refusal({"sizes": (-1, 5)}, ("[5]",), "bad-argument"),
        Refusal({"sizes": (-2, 5)}, ("[5]",), "bad-argument"),
        Refusal({"sizes": (2, 5), "named": (("t", 4),)}, ("[5]",), "bad-argument"),
        Refusal({"sizes": ("b d -> b t d", 4)}, ("[B, D]",), "bad-argument"),
        Refusal({"sizes": ("b d -> b t d",)}, ("[B, D]",), "bad-pattern"),
        Refusal({"sizes": ("b d -> b",)}, ("[B, D]",), "bad-pattern"),
    )

    @property
    def pattern(self) -> Pattern | None:
        """The pattern, where one is given."""
        return read(self.sizes[0], "expand") if self.sizes and isinstance(self.sizes[0], str) else None

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        try:
            pattern = self.pattern
            if pattern is None:
                return (TensorType(self._widened(context, x), x.dtype),)
            if len(self.sizes) > 1:
                raise OpFault("sizes beside a pattern are given by name", code="bad-argument", argument="sizes", help="as in t=4")
            layout, sizes = check(context, pattern, x, self.named)
        except OpFault as problem:
            problem.argument = "sizes" if problem.argument == "pattern" else problem.argument
            raise
        return (TensorType(result(layout, sizes), x.dtype),)

    def _widened(self, context: Context, x: TensorType) -> tuple[Size, ...]:
        """The shape for plain sizes."""
        if self.named:
            raise OpFault(
                "names belong to a pattern", code="bad-argument", argument=self.named[0][0], help='as in "b d -> b t d"'
            )
        added = len(self.sizes) - x.rank
        if added < 0:
            raise OpFault(f"{len(self.sizes)} sizes for {x}", code="rank-mismatch", operand=0, argument="sizes")
        shape: list[Size] = []
        for index, size in enumerate(self.sizes):
            if isinstance(size, str):
                raise OpFault("a pattern stands alone", code="bad-argument", argument="sizes")
            old = x.shape[index - added] if index >= added else None
            if isinstance(size, int) and (size < -1 or size == 0 or (size == -1 and old is None)):
                reason = "a new axis needs its size" if size == -1 else f"a size is at least 1; got {size}"
                raise OpFault(reason, code="bad-argument", argument="sizes")
            if old is None or old == 1:
                shape.append(1 if size == -1 else size)
            elif size == -1:
                shape.append(old)
            else:
                check_equal(
                    context, old, size, f"axis {index - added} is not of size 1", operand=0, axis=index - added, argument="sizes"
                )
                shape.append(size)
        return tuple(shape)

    def _layout(self, x: TensorType) -> Layout | None:
        pattern = self.pattern
        return None if pattern is None else lay_out(pattern, x.rank)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        layout = self._layout(tape.inputs[0])
        if layout is None:
            return tape.call(f"{inputs[0]}.expand", *self.sizes)
        return write_torch(tape, inputs[0] or Code(""), layout, dict(self.named))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        layout = self._layout(tape.inputs[0])
        name = inputs[0] or ""
        if layout is None:
            return tape.node("Expand", [name, tape.shape(tape.outputs[0].shape)])
        return write_onnx(tape, name, layout, solve(layout, tape.inputs[0].shape, dict(self.named)))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        x = given(inputs[0])
        layout = self._layout(x)
        if layout is None:
            return widened_reach(x, outputs[0], axis)
        return reach(layout, solve(layout, x.shape, dict(self.named)), axis)


def widened_reach(x: TensorType, result: TensorType, axis: int) -> Reach:
    """An axis that was broadcast is read everywhere; any other keeps its positions."""
    target = axis + result.rank - x.rank
    return Along(target) if x.shape[axis] != 1 or result.shape[target] == 1 else Everywhere()


class ExpandAs(Op):
    """Repeats `x` to the shape of `other`, whose values do not matter.

    Source: PyTorch `Tensor.expand_as`.
    """

    name = "expand_as"
    linear = ("x",)
    family = "reshape"
    alike = "every"
    tensors = ("x", "other")

    examples = (
        Example({}, ("[B, 1]", "[3, B, 5]"), ("[3, B, 5]",)),
        Example({}, ("[]", "i64[N]"), ("[N]",)),
    )
    refusals = (
        Refusal({}, ("[3, 4]", "[4]"), "rank-mismatch"),
        Refusal({}, ("[3]", "[2, 4]")),
        Refusal({}, ("[N]", "[M]"), "unproved-dimension"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x, other = given(inputs[0]), given(inputs[1], "other")
        added = other.rank - x.rank
        if added < 0:
            raise OpFault(f"{x} has more axes than {other}", code="rank-mismatch", operand=0, other=1)
        for axis, size in enumerate(x.shape):
            if size != 1:
                check_equal(context, size, other.shape[axis + added], "the sizes differ", operand=0, axis=axis, other=1)
        return (TensorType(other.shape, x.dtype),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return Code(f"{inputs[0]}.expand_as({inputs[1]})")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return tape.node("Expand", [inputs[0] or "", tape.node("Shape", [inputs[1] or ""])])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand == 1:
            return Along(axis)
        return widened_reach(given(inputs[0]), outputs[0], axis)
