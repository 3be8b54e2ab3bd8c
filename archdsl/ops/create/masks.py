"""Triangles of matrices, and the mask of a causal order."""

from __future__ import annotations

from typing import Self

from archdsl.dims.dim import Size, symbol
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_least, check_rank, given
from archdsl.ops.contract import Along, Code, Context, Example, OnnxTape, Op, OpFault, Reach, Refusal, TorchTape, option, required
from archdsl.ops.create.ranges import counted
from archdsl.ops.spelling import changed

K, T, S = symbol("K"), symbol("T"), symbol("S")


class Triangle(Op):
    """One side of a diagonal of the last two axes; the other is 0."""

    family = "create"
    diagonal: int = option(0, "which diagonal bounds it; above 0 to the right of the main one", "int")
    examples = (
        Example({}, ("[N, 3]",), ("[N, 3]",)),
        Example({"diagonal": 1}, ("[B, 1, N, N]",), ("[B, 1, N, N]",)),
        Example({"diagonal": -1}, ("i64[4, N]",), ("i64[4, N]",)),
        Example({}, ("bool[N, N]",), ("bool[N, N]",)),
        Example({}, ("i32[2, N]",), ("i32[2, N]",)),
    )
    refusals = (Refusal({}, ("[N]",), "rank-mismatch"),)

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (check_rank(given(inputs[0]), 2, None, wants="[..., H, W]"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call(f"{inputs[0]}.{self.name}", **changed(self, "diagonal"))

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        x, dtype = str(inputs[0]), tape.inputs[0].dtype
        through = "i64" if dtype in ("i32", "i16", "i8", "u8") else dtype  # ONNX Runtime has no triangle of narrower integers
        x = x if through == dtype else tape.node("Cast", [x], to=through)
        made = tape.node("Trilu", [x, tape.scalar(self.diagonal, "i64")], upper=int(self.name == "triu"))
        return made if through == dtype else tape.node("Cast", [made], to=dtype)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return Along(axis)


class Tril(Triangle):
    """The lower triangle of the last two axes, with the diagonal; the rest is 0.

    `[..., H, W]` gives the same. Source: PyTorch, `torch.tril`.
    """

    name = "tril"
    linear = ("x",)


class Triu(Triangle):
    """The upper triangle of the last two axes, with the diagonal; the rest is 0.

    `[..., H, W]` gives the same. Source: PyTorch, `torch.triu`.
    """

    name = "triu"
    linear = ("x",)


class CausalMask(Op):
    """True where query t may attend to key s, that is s <= t: `causal_mask(K)` or `causal_mask(T, S)`.

    Gives `bool[K, K]` or `bool[T, S]`; both are counted from the first, as `attention(causal=true)` does. Source: Vaswani et al.
    2017, section 3.2.3.
    """

    name = "causal_mask"
    family = "create"
    tensors = ()
    variadic = "sizes"
    sizes: tuple[Size, ...] = required("queries, and keys where they are not as many", "list[size]")
    examples = (
        Example({"sizes": (4,)}, (), ("bool[4, 4]",)),
        Example({"sizes": (K,)}, (), ("bool[K, K]",)),
        Example({"sizes": (T, S)}, (), ("bool[T, S]",)),
        Example({"sizes": (1, 3)}, (), ("bool[1, 3]",)),
    )
    refusals = (
        Refusal({"sizes": ()}, (), "bad-argument"),
        Refusal({"sizes": (1, 2, 3)}, (), "bad-argument"),
        Refusal({"sizes": (0,)}, (), "bad-argument"),
    )

    def bind(self, context: Context, *inputs: TensorType | None) -> Self:
        if len(self.sizes) not in (1, 2):
            raise OpFault(f"wants one size or two; got {len(self.sizes)}", code="bad-argument", argument="sizes")
        check_least(self.sizes, 1, "sizes")
        return self

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (TensorType((self.sizes[0], self.sizes[-1]), "bool"),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        ones = tape.call("torch.ones", self.sizes[0], self.sizes[-1], dtype=tape.dtype("bool"), device=tape.device())
        return Code(f"{ones}.tril()")

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        rows = tape.node("Unsqueeze", [counted(tape, self.sizes[0], "i64"), tape.ints([1])])
        return tape.node("LessOrEqual", [counted(tape, self.sizes[-1], "i64"), rows])
