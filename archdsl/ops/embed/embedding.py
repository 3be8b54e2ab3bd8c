"""The look-up of rows in a table, as a layer and as a function of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_least, check_positive, check_rank, given
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
    Weight,
    option,
    required,
)
from archdsl.ops.spelling import changed

if TYPE_CHECKING:
    from archdsl.ops.tangent import TangentTape

INDICES = ("i64", "i32")


class Lookup(Op):
    """What the layer and the function share: how rows are renormed, and which row gets no gradient."""

    family = "embed"
    alike = "every"
    padding_idx: int | None = option(None, "The row that gets no gradient (and starts as zeros).", "int | none")
    max_norm: float | None = option(None, "Rows that are longer are shortened to this norm, in the table itself.", "float | none")
    norm_type: float = option(2.0, "The p of that norm.", "float")
    scale_grad_by_freq: bool = option(False, "Whether a row's gradient is divided by how often it comes in the batch.", "bool")

    def check(self, x: TensorType, rows: Size) -> None:
        """The indices are integers, the arguments within range. Raises `dtype-mismatch`, `bad-argument`."""
        check_dtype(x, INDICES, wants="integer indices", help="convert them: cast(x, i64)")
        if self.max_norm is not None:
            check_positive(self.max_norm, "max_norm")
        check_positive(self.norm_type, "norm_type")
        if self.padding_idx is not None and isinstance(rows, int) and not -rows <= self.padding_idx < rows:
            raise OpFault(f"there is no row {self.padding_idx} among {rows}", code="bad-argument", argument="padding_idx")

    def write(self, tape: OnnxTape, table: str, x: str) -> str:
        """The rows of `table` that `x` names; those longer than `max_norm` shortened."""
        rows = tape.node("Gather", [table, x], axis=0)
        if self.max_norm is None:
            return rows
        power, last = tape.scalar(self.norm_type, "float"), tape.ints([-1])
        total = tape.node("ReduceSum", [tape.node("Pow", [tape.node("Abs", [rows]), power]), last], keepdims=1)
        norm = tape.node("Pow", [total, tape.scalar(1 / self.norm_type, "float")])
        most = tape.scalar(self.max_norm, "float")
        # PyTorch's embedding_renorm_ adds 1e-7 to the norm it divides by.
        factor = tape.node("Div", [most, tape.node("Add", [norm, tape.scalar(1e-7, "float")])])
        long = tape.node("Greater", [norm, most])
        return tape.node("Mul", [rows, tape.node("Where", [long, factor, tape.scalar(1.0, "float")])])

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis) if operand == 0 else Everywhere()


class Embedding(Lookup):
    """Rows of a learned table by their indices; PyTorch's without `sparse`.

    Shapes: x of integers [...] gives [..., embedding_dim]; weight [num_embeddings, embedding_dim]. Source: `torch.nn.Embedding`.
    """

    name = "Embedding"
    layer = True
    num_embeddings: Size = required("How many rows.", "size")
    embedding_dim: Size = required("Size of a row.", "size")
    examples = (
        Example({"num_embeddings": 11, "embedding_dim": 4}, ("i64[B, T]",), ("[B, T, 4]",), values={0: (0, 11)}),
        Example({"num_embeddings": 5, "embedding_dim": 3, "padding_idx": 0}, ("i32[N]",), ("[N, 3]",), values={0: (0, 5)}),
        Example(
            {"num_embeddings": 5, "embedding_dim": 1, "padding_idx": -1, "scale_grad_by_freq": True},
            ("i64[]",),
            ("[1]",),
            values={0: (0, 5)},
        ),
        Example(
            {"num_embeddings": 7, "embedding_dim": 4, "max_norm": 1.5}, ("i64[B, 1, T]",), ("[B, 1, T, 4]",), values={0: (0, 7)}
        ),
        Example(
            {"num_embeddings": 7, "embedding_dim": 4, "max_norm": 2.0, "norm_type": 1.0},
            ("i64[B]",),
            ("[B, 4]",),
            values={0: (0, 7)},
        ),
    )
    refusals = (
        Refusal({"num_embeddings": 5, "embedding_dim": 3}, ("[N]",), "dtype-mismatch"),
        Refusal({"num_embeddings": 0, "embedding_dim": 3}, ("i64[N]",), "bad-argument"),
        Refusal({"num_embeddings": 5, "embedding_dim": 0}, ("i64[N]",), "bad-argument"),
        Refusal({"num_embeddings": 5, "embedding_dim": 3, "padding_idx": 5}, ("i64[N]",), "bad-argument"),
        Refusal({"num_embeddings": 5, "embedding_dim": 3, "max_norm": 0.0}, ("i64[N]",), "bad-argument"),
        Refusal({"num_embeddings": 5, "embedding_dim": 3, "norm_type": -1.0}, ("i64[N]",), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        check_least(self.num_embeddings, 1, "num_embeddings")
        check_least(self.embedding_dim, 1, "embedding_dim")
        self.check(given(inputs[0]), self.num_embeddings)
        return self

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return (self.num_embeddings,)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((*given(inputs[0]).shape, self.embedding_dim)),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        # Renorming and counting are of one call's indices.
        if after[0] is None or self.max_norm is not None or self.scale_grad_by_freq:
            return None
        return Batched(self, (after[0],), after[0] + 1)

    def parameters(self) -> Mapping[str, Weight]:
        return {"weight": Weight((self.num_embeddings, self.embedding_dim), "normal")}

    def module(self, tape: TorchTape) -> Code:
        more = changed(self, "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq")
        return tape.call("nn.Embedding", self.num_embeddings, self.embedding_dim, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.write(tape, tape.param("weight"), str(inputs[0]))


class EmbeddingFunction(Lookup):
    """Rows of a given table by their indices; PyTorch's without `sparse`.

    Shapes: x of integers [...], weight [rows, size] give [..., size]. Source: `torch.nn.functional.embedding`.
    """

    name = "embedding"
    tensors = ("x", "weight")
    examples = (
        Example({}, ("i64[B, T]", "[V, D]"), ("[B, T, D]",), values={0: (0, "V")}),
        Example({"padding_idx": 2}, ("i32[N]", "[5, 3]"), ("[N, 3]",), values={0: (0, 5)}),
        Example({"padding_idx": -5, "scale_grad_by_freq": True}, ("i64[]", "[5, 1]"), ("[1]",), values={0: (0, 5)}),
        Example({"max_norm": 1.0, "norm_type": 3.0}, ("i64[1, N]", "[5, 3]"), ("[1, N, 3]",), values={0: (0, 5)}),
    )
    refusals = (
        Refusal({}, ("[N]", "[5, 3]"), "dtype-mismatch"),
        Refusal({}, ("i64[N]", "[5]"), "rank-mismatch"),
        Refusal({"padding_idx": 5}, ("i64[N]", "[5, 3]"), "bad-argument"),
        Refusal({"max_norm": -1.0}, ("i64[N]", "[5, 3]"), "bad-argument"),
        Refusal({"norm_type": 0.0}, ("i64[N]", "[5, 3]"), "bad-argument"),
        Refusal({"max_norm": 1.0}, ("i64[N]", "i64[5, 3]"), "dtype-mismatch"),
    )

    def positions(self, operand: int, inputs: tuple[TensorType | None, ...]) -> tuple[Size, ...]:
        return given(inputs[1]).shape[:1] if operand == 0 else ()

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = given(inputs[0])
        weight = check_rank(given(inputs[1], "weight"), 2, operand=1, wants="[rows, size]")
        self.check(x, weight.shape[0])
        if self.max_norm is not None:
            check_dtype(weight, ("float",), operand=1, help="leave out `max_norm`")
        return (TensorType((*x.shape, weight.shape[1]), weight.dtype),)

    def tangent(self, tape: TangentTape, *inputs: Any, **more: Any) -> Any:
        # Rows that were shortened are shortened in the table, for which there is no derivative.
        return tape.op("embedding", inputs[0], inputs[1].d, padding_idx=self.padding_idx)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        more = changed(self, "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq")
        # The table is renormed in place, so it gets a copy: no value of a graph may change under its readers.
        table = Code(f"{inputs[1]}.clone()") if self.max_norm is not None else inputs[1]
        return tape.call("F.embedding", inputs[0], table, **more)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        return self.write(tape, str(inputs[1]), str(inputs[0]))

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        if operand == 1 and axis == 1 and self.max_norm is None:
            return Along(len(given(inputs[0]).shape))
        return super().reach(operand, axis, inputs, outputs)
