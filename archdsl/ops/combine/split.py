"""`split`, `chunk` and `unbind`: one tensor into several."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first, shifted
from archdsl.ops.checks import check_axis, check_divides, check_equal, check_least, given
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
from archdsl.ops.spelling import unpacked


def _named(axis: Any) -> dict[str, Any]:
    return {} if axis == 0 else {"dim": axis}


class Split(Op):
    """Takes a tensor apart into parts of these sizes: `split(x, [M, 1], axis=-1)`; unlike PyTorch's, not into parts of one size.

    Source: PyTorch `torch.split`; for equal parts see `chunk`.
    """

    name = "split"
    linear = ("x",)
    family = "combine"
    alike = "every"
    sizes: tuple[Size, ...] | int = required("the size of each part; together they are the axis", "list[size] | size")
    axis: int = option(0, "the axis to take apart", "int")

    examples = (
        Example({"sizes": (2, 1, 3), "axis": -1}, ("[B, 6]",), ("[B, 2]", "[B, 1]", "[B, 3]")),
        Example({"sizes": (4,)}, ("[4, N]",), ("[4, N]",)),
        Example({"sizes": (1, 2), "axis": 1}, ("i64[N, 3, 1]",), ("i64[N, 1, 1]", "i64[N, 2, 1]")),
    )
    refusals = (
        Refusal({"sizes": 2}, ("[4, N]",), "bad-argument"),
        Refusal({"sizes": ()}, ("[4, N]",), "bad-argument"),
        Refusal({"sizes": (4, 0)}, ("[4, N]",), "bad-argument"),
        Refusal({"sizes": (1, 2)}, ("[4, N]",)),
        Refusal({"sizes": (1, 2)}, ("[N]",), "unproved-dimension"),
        Refusal({"sizes": (1, 3), "axis": 2}, ("[4, N]",), "axis-out-of-range"),
    )

    def parts(self) -> tuple[Size, ...]:
        """The sizes. Raises `bad-argument` for a number alone."""
        if not isinstance(self.sizes, tuple):
            count = self.sizes
            raise OpFault(
                f"split({count}) may mean {count} parts or parts of size {count}",
                code="bad-argument", argument="sizes",
                help=f"write chunk({count}) for {count} equal parts, or split([…]) with the size of each",
            )  # fmt: skip
        return self.sizes

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        parts = self.parts()
        axis = check_axis(self.axis, x.rank)
        if not parts:
            raise OpFault("at least one part is needed", code="bad-argument", argument="sizes")
        check_least(parts, 1, "sizes")
        total: Size = 0
        for size in parts:
            total = total + size
        check_equal(
            context, x.shape[axis], total, f"the parts do not make up axis {axis}", operand=0, axis=axis, argument="sizes"
        )
        return tuple(TensorType((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype) for size in parts)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return unpacked(tape, tape.call(f"{inputs[0]}.split", self.sizes, **_named(self.axis)))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        parts = self.parts()
        if len(parts) == 1:
            return [tape.node("Identity", [inputs[0] or ""])]
        return tape.nodes("Split", [inputs[0] or "", tape.shape(parts)], len(parts), axis=self.axis)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class Chunk(Op):
    """Takes a tensor apart into equal parts: `chunk(x, 3, axis=-1)`; unlike PyTorch's, their number must divide the axis.

    Source: PyTorch `torch.chunk`.
    """

    name = "chunk"
    linear = ("x",)
    family = "combine"
    alike = "every"
    chunks: int = required("how many parts", "int")
    axis: int = option(0, "the axis to take apart", "int")

    examples = (
        Example({"chunks": 4, "axis": -1}, ("[B, 4*H]",), ("[B, H]",) * 4),
        Example({"chunks": 2}, ("[N, 1]",), ("[N // 2, 1]",) * 2, ("N % 2 == 0",)),
        Example({"chunks": 1, "axis": 1}, ("[N, 3]",), ("[N, 3]",)),
    )
    refusals = (
        Refusal({"chunks": 4}, ("[6, N]",)),
        Refusal({"chunks": 4}, ("[N]",), "unproved-dimension"),
        Refusal({"chunks": 0}, ("[6, N]",), "bad-argument"),
        Refusal({"chunks": 2, "axis": -3}, ("[6, N]",), "axis-out-of-range"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        axis = check_axis(self.axis, x.rank)
        check_least(self.chunks, 1, "chunks")
        said = f"{self.chunks} equal parts of axis {axis}"
        size = check_divides(context, self.chunks, x.shape[axis], said, operand=0, axis=axis, argument="chunks")
        return (TensorType((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype),) * self.chunks

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return unpacked(tape, tape.call(f"{inputs[0]}.chunk", self.chunks, **_named(self.axis)))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        if self.chunks == 1:
            return [tape.node("Identity", [inputs[0] or ""])]
        return tape.nodes("Split", [inputs[0] or ""], self.chunks, axis=self.axis, num_outputs=self.chunks)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Everywhere() if axis == check_axis(self.axis, outputs[0].rank) else Along(axis)


class Unbind(Op):
    """Takes a tensor apart along an axis, which disappears: `source, target = unbind(edges, 0)`.

    The size of the axis must be a number.

    Source: PyTorch `torch.unbind`.
    """

    name = "unbind"
    linear = ("x",)
    family = "combine"
    alike = "every"
    axis: int = option(0, "the axis to take apart", "int")

    examples = (
        Example({}, ("i64[2, E]",), ("i64[E]", "i64[E]")),
        Example({"axis": -2}, ("[N, 3, 1]",), ("[N, 1]",) * 3),
        Example({"axis": 1}, ("[N, 1]",), ("[N]",)),
    )
    refusals = (
        Refusal({}, ("[N, 3]",)),
        Refusal({"axis": 2}, ("[N, 3]",), "axis-out-of-range"),
    )

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        axis = check_axis(self.axis, x.rank)
        size = x.shape[axis]
        if not isinstance(size, int):
            raise OpFault(f"how many parts axis {axis} has must be a number; it is {size}", operand=0, axis=axis, argument="axis")
        return (TensorType((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype),) * size

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return unpacked(tape, tape.call(f"{inputs[0]}.unbind", self.axis))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> list[str]:
        axes, count = tape.ints([self.axis]), len(tape.outputs)
        if count == 1:
            return [tape.node("Squeeze", [inputs[0] or "", axes])]
        parts = tape.nodes("Split", [inputs[0] or ""], count, axis=self.axis, num_outputs=count)
        return [tape.node("Squeeze", [part, axes]) for part in parts]

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        gone = check_axis(self.axis, given(inputs[0]).rank)
        return Everywhere() if axis == gone else Along(axis - (axis > gone))
