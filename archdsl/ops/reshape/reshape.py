"""`reshape`, `flatten` and `unflatten`: the same elements in order, in another shape."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first, shifted
from archdsl.ops.checks import check_axis, check_divides, check_equal, given
from archdsl.ops.contract import (
    Along,
    Batched,
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
from archdsl.ops.reshape.plan import reshape_onnx


def product(sizes: tuple[Size, ...]) -> Size:
    """The number of elements."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def fill(context: Context, total: Size, sizes: tuple[Size, ...], axis: int | None) -> tuple[Size, ...]:
    """The sizes with their one -1 worked out, proved to have `total` elements. `axis`: the one they replace, for the message."""
    if any(isinstance(size, int) and (size == 0 or size < -1) for size in sizes):
        raise OpFault("a size is at least 1, or -1 for the one to work out", code="bad-argument", argument="sizes")
    open_at = [index for index, size in enumerate(sizes) if size == -1]
    if len(open_at) > 1:
        raise OpFault("only one size may be -1", code="bad-argument", argument="sizes")
    known = product(tuple(size for size in sizes if size != -1))
    if not open_at:
        check_equal(context, total, known, "the numbers of elements differ", operand=0, axis=axis, argument="sizes")
        return sizes
    rest = check_divides(context, known, total, "the sizes given do not fit", operand=0, axis=axis, argument="sizes")
    return tuple(rest if size == -1 else size for size in sizes)


class Reshaping(Op):
    """What the operators of this file share: ONNX nodes and reach follow from the two shapes."""

    alike = "every"

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return reshape_onnx(tape, inputs[0] or "", tape.inputs[0].shape, tape.outputs[0].shape)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        old, new = given(inputs[0]).shape, outputs[0].shape
        before = product(old[:axis])
        for index, size in enumerate(new):
            if size == old[axis] and product(new[:index]) == before:
                return Along(index)
        return Everywhere()


class Reshape(Reshaping):
    """The same elements in row-major order in another shape: `reshape(B, -1, 4)`; one size may be -1.

    Source: PyTorch `torch.reshape`.
    """

    name = "reshape"
    linear = ("x",)
    family = "reshape"
    variadic = "sizes"
    sizes: tuple[Size, ...] = required("the shape of the result; one -1 is worked out", "size")

    examples = (
        Example({"sizes": (-1, 6)}, ("[B, 2, 3]",), ("[B, 6]",)),
        Example({"sizes": (2, -1, 3)}, ("[4, N, 9]",), ("[2, 6*N, 3]",)),
        Example({"sizes": ()}, ("[1, 1]",), ("[]",)),
        Example({"sizes": (4, -1)}, ("[H, W, 3]",), ("[4, 3*H*W // 4]",), ("H % 4 == 0",)),
    )
    refusals = (
        Refusal({"sizes": (2, 5)}, ("[3, 4]",)),
        Refusal({"sizes": (5, -1)}, ("[3, 4]",)),
        Refusal({"sizes": (5, -1)}, ("[3, N]",), "unproved-dimension"),
        Refusal({"sizes": (-1, -1)}, ("[3, 4]",), "bad-argument"),
        Refusal({"sizes": (-2, 6)}, ("[3, 4]",), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        return (TensorType(fill(context, x.numel(), self.sizes, None), x.dtype),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(sizes=(-1, *outputs[0].shape)), after, inputs, outputs)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        if not self.sizes:
            return Code(f"{inputs[0]}.reshape(())")
        return tape.call(f"{inputs[0]}.reshape", *self.sizes)


class Flatten(Reshaping):
    """Merges the axes from `start` to `end`, both included, into one: `flatten(1)`.

    Source: PyTorch `torch.flatten` (there `start_dim`, `end_dim`).
    """

    name = "flatten"
    linear = ("x",)
    family = "reshape"
    start: int = option(0, "the first axis to merge", "int", positional=True)
    end: int = option(-1, "the last axis to merge", "int", positional=True)

    examples = (
        Example({"start": 1}, ("[N, 3, H, W]",), ("[N, 3*H*W]",)),
        Example({"start": -3, "end": -2}, ("[N, 3, H, W]",), ("[N, 3*H, W]",)),
        Example({}, ("[]",), ("[1]",)),
        Example({}, ("i64[1, N]",), ("i64[N]",)),
        Example({"start": 1, "end": 1}, ("[N, 3]",), ("[N, 3]",)),
    )
    refusals = (
        Refusal({"start": 2}, ("[N, 3]",), "axis-out-of-range"),
        Refusal({"start": 2, "end": 1}, ("[N, 3, 4]",), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        rank = max(x.rank, 1)
        start = check_axis(self.start, rank, argument="start")
        end = check_axis(self.end, rank, argument="end")
        if start > end:
            raise OpFault(f"`start` {self.start} comes after `end` {self.end}", code="bad-argument", argument="start")
        return (TensorType((*x.shape[:start], product(x.shape[start : end + 1]), *x.shape[end + 1 :]), x.dtype),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        if not given(inputs[0]).rank:  # a number becomes a vector of one
            return None
        return first(self.changed(start=shifted(self.start), end=shifted(self.end)), after, inputs, outputs)

    def module(self, tape: TorchTape) -> Code:
        said: dict[str, Any] = {}
        if self.start != 1:
            said["start_dim"] = self.start
        if self.end != -1:
            said["end_dim"] = self.end
        return tape.call("nn.Flatten", **said)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        if self.end != -1:
            return tape.call(f"{inputs[0]}.flatten", self.start, self.end)
        return tape.call(f"{inputs[0]}.flatten", *(() if self.start == 0 else (self.start,)))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, y = tape.inputs[0], tape.outputs[0]
        if x.rank > 2 and y.rank == 2:
            return tape.node("Flatten", [inputs[0] or ""], axis=x.rank - 1 if check_axis(self.start, x.rank) == 0 else 1)
        return super().onnx(tape, *inputs)


class Unflatten(Reshaping):
    """Splits an axis into several of these sizes: `unflatten(1, [heads, -1])`; one size may be -1.

    Source: PyTorch `torch.unflatten`.
    """

    name = "unflatten"
    linear = ("x",)
    family = "reshape"
    axis: int = required("the axis to split", "int")
    sizes: tuple[Size, ...] = required("the sizes of its parts; one -1 is worked out", "list[size]")

    examples = (
        Example({"axis": 1, "sizes": (3, -1)}, ("[N, 12, H]",), ("[N, 3, 4, H]",)),
        Example({"axis": -1, "sizes": (-1, 2)}, ("[N, T]",), ("[N, T // 2, 2]",), ("T % 2 == 0",)),
        Example({"axis": 0, "sizes": (1, 6, 2)}, ("[12]",), ("[1, 6, 2]",)),
    )
    refusals = (
        Refusal({"axis": 2, "sizes": (2, 3)}, ("[N, 6]",), "axis-out-of-range"),
        Refusal({"axis": 1, "sizes": (2, 4)}, ("[N, 6]",)),
        Refusal({"axis": 1, "sizes": (2, -1)}, ("[N, T]",), "unproved-dimension"),
        Refusal({"axis": 1, "sizes": (-1, -1)}, ("[N, 6]",), "bad-argument"),
        Refusal({"axis": 1, "sizes": ()}, ("[N, 6]",), "bad-argument"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        axis = check_axis(self.axis, x.rank)
        if not self.sizes:
            raise OpFault("the axis needs at least one part", code="bad-argument", argument="sizes")
        return (TensorType((*x.shape[:axis], *fill(context, x.shape[axis], self.sizes, axis), *x.shape[axis + 1 :]), x.dtype),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def module(self, tape: TorchTape) -> Code:
        return tape.call("nn.Unflatten", self.axis, self.sizes)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.unflatten", self.axis, self.sizes)
