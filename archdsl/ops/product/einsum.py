"""`einsum`: products summed over named axes."""

from __future__ import annotations

from typing import ClassVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_dtype, check_equal, check_same_dtype, given
from archdsl.ops.contract import (
    Along,
    Batched,
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
    required,
)
from archdsl.ops.product.batch import NUMBERS
from archdsl.ops.product.terms import LETTERS, lay_out, read

Names = tuple[str, ...]


class Einsum(Op):
    """Products summed over the axes that the result lacks: `einsum("b e n, b n -> b e", h, c)`; unlike PyTorch's, axes are words.

    A word means one size wherever it stands; twice in one operand it is the diagonal. The axes of `...` are broadcast, and stay.
    The result is always written.

    Source: PyTorch `torch.einsum`; Rogozhnikov, "Einops", ICLR 2022, for words.
    """

    name = "einsum"
    linear = ("*xs",)
    family = "product"
    alike = "every"
    tensors = ("*xs",)
    pattern_first: ClassVar[bool] = True
    pattern: str = required("the axes of each tensor, `->`, the axes of the result", "str")

    examples = (
        Example({"pattern": "b k m, b m -> b k"}, ("[B, K, M]", "[B, M]"), ("[B, K]",)),
        Example({"pattern": "batch h t d, batch h s d -> batch h t s"}, ("[B, 2, T, D]", "[B, 2, S, D]"), ("[B, 2, T, S]",)),
        Example({"pattern": "i, j -> j i"}, ("[N]", "[M]"), ("[M, N]",)),
        Example({"pattern": "n i i c -> c n"}, ("[N, K, K, 1]",), ("[1, N]",)),
        Example({"pattern": "... i j, ... j k -> ... i k"}, ("[B, 1, T, 3]", "[H, 3, 4]"), ("[B, H, T, 4]",)),
        Example(
            {"pattern": "a b, b c, c d -> a d"},
            ("[A, 3]", "[3, C]", "[C, D]"),
            ("[A, D]",),
            bind={"A": 7, "C": 5, "D": 2},
            note="PyTorch counts no multiplication where a summed axis is of size 1",
        ),  # fmt: skip
        Example({"pattern": "a b ->"}, ("[A, B]",), ("[]",)),
        Example({"pattern": "n k, k -> n"}, ("i64[N, 3]", "i64[3]"), ("i64[N]",)),
    )
    refusals = (
        Refusal({"pattern": "b i, b i -> b"}, ("[B, 3]", "[B, 4]")),
        Refusal({"pattern": "b i, b i -> b"}, ("[B, N]", "[B, M]"), "unproved-dimension"),
        Refusal({"pattern": "b i, b i -> b"}, ("[B, N]", "[B, N, 1]"), "rank-mismatch"),
        Refusal({"pattern": "b i, b i"}, ("[B, N]", "[B, N]"), "bad-pattern"),
        Refusal({"pattern": "b i, b i -> b k"}, ("[B, N]", "[B, N]"), "bad-pattern"),
        Refusal({"pattern": "b i -> b"}, ("[B, N]", "[B, N]"), "bad-pattern"),
        Refusal({"pattern": "b (i j), b i -> b"}, ("[B, N]", "[B, N]"), "bad-pattern"),
        Refusal({"pattern": "... i, ... i -> ..."}, ("[2, 4]", "[3, 4]")),
        Refusal({"pattern": "b i, b i -> b"}, ("[B, N]", "i64[B, N]"), "dtype-mismatch"),
    )

    def axes(self, inputs: tuple[TensorType | None, ...]) -> tuple[list[Names], Names]:
        """The names of each operand's axes and of the result's."""
        return lay_out(read(self.pattern), [given(one, "xs").rank for one in inputs])

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        operands, result = self.axes(inputs)
        types = [check_dtype(given(one, "xs"), NUMBERS, operand=index, wants="numbers") for index, one in enumerate(inputs)]
        dtype = check_same_dtype(*types)
        sizes: dict[str, Size] = {}
        first: dict[str, int] = {}
        for operand, (names, one) in enumerate(zip(operands, types, strict=True)):
            for axis, (name, size) in enumerate(zip(names, one.shape, strict=True)):
                stretched = name.startswith("...") and 1 in (size, sizes.get(name))
                if name not in sizes or (stretched and sizes[name] == 1):
                    sizes[name], first[name] = size, operand
                elif not stretched:
                    self._check(context, name, sizes[name], size, operand, axis, first[name])
        return (TensorType(tuple(sizes[name] for name in result), dtype),)

    def _check(self, context: Context, name: str, known: Size, size: Size, operand: int, axis: int, other: int) -> None:
        """One word is one size; the fault points at the operand's term."""
        said = "the axes of `...` differ" if name.startswith("...") else f"`{name}` has two sizes"
        term = read(self.pattern).operands[operand]
        try:
            check_equal(context, known, size, said, operand=operand, axis=axis, other=other, argument="pattern")
        except OpFault as fault:
            word = next((one for one in term.words if one.text == name), None)
            fault.offset = (word.start, word.end) if word else (term.start, term.end)
            raise

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.einsum", read(self.pattern).compact(), *inputs)

    def onnx(self, tape: OnnxTape, *inputs: str | None) -> str:
        operands, result = self.axes(tape.inputs)
        letters = read(self.pattern).letters()
        free = iter(one for one in LETTERS if one not in letters.values())
        letters.update({name: next(free) for name in result if name.startswith("...")})
        sizes = dict(zip(result, tape.outputs[0].shape, strict=True))
        narrow = tape.outputs[0].dtype == "bf16" or (tape.outputs[0].dtype == "float" and tape.float == "bf16")
        terms, tensors = [], []
        for tensor, names, one in zip(inputs, operands, tape.inputs, strict=True):
            # an axis of `...` that is stretched is left out: ONNX Runtime takes a letter to be one size
            gone = [
                axis for axis, name in enumerate(names) if name.startswith("...") and one.shape[axis] == 1 and sizes[name] != 1
            ]
            there = tape.node("Squeeze", [tensor or "", tape.ints(gone)]) if gone else tensor or ""
            # ONNX's Einsum takes no bfloat16
            tensors.append(tape.node("Cast", [there], to="f32") if narrow else there)
            terms.append("".join(letters[name] for axis, name in enumerate(names) if axis not in gone))
        equation = f"{','.join(terms)}->{''.join(letters[name] for name in result)}"
        made = tape.node("Einsum", tensors, equation=equation)
        return tape.node("Cast", [made], to=tape.outputs[0].dtype) if narrow else made

    def macs(self, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Size:
        operands, result = self.axes(inputs)
        sizes: dict[str, Size] = dict(zip(result, outputs[0].shape, strict=True))
        for names, one in zip(operands, inputs, strict=True):
            for name, size in zip(names, given(one).shape, strict=True):
                sizes.setdefault(name, size)
        total: Size = 0
        left = set(operands[0])
        for index, names in enumerate(operands[1:], 1):
            later = set(result).union(*operands[index + 1 :])
            right, summed = set(names), (left & set(names)) - later
            # what only one side has and nobody wants is summed before they meet
            if summed:
                count: Size = 1
                for name in sorted(summed | ((left | right) & later)):
                    count = count * sizes[name]
                total = total + count
            left = (left | right) & later
        return total

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        equation = read(self.pattern)
        if any(term.ellipsis for term in equation.operands):
            return None
        words = {word.text for term in equation.operands for word in term.words}
        step = next(name for name in ("t", "step", *(f"step_{count}" for count in range(len(words)))) if name not in words)
        terms = [" ".join(word.text for word in term.words) for term in (*equation.operands, equation.result)]
        told = [term if one is None else f"{step} {term}".strip() for term, one in zip(terms, (*after, 0), strict=True)]
        op = self.changed(pattern=f"{', '.join(told[:-1])} -> {told[-1]}")
        places = tuple(None if one is None else given(x).rank for one, x in zip(after, inputs, strict=True))
        return Batched(op, places, outputs[0].rank)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        operands, result = self.axes(inputs)
        name = operands[operand][axis]
        if name not in result:
            alone = sum(names.count(name) for names in operands) == 1
            return Everywhere(symmetric=alone)
        target = result.index(name)
        stretched = name.startswith("...") and given(inputs[operand]).shape[axis] == 1 and outputs[0].shape[target] != 1
        return Everywhere() if stretched else Along(target)

    def gates(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...]) -> tuple[Gate, ...]:
        operands, result = self.axes(inputs)
        name = operands[operand][axis]
        others = [(index, one) for index, one in enumerate(operands) if index != operand and name in one]
        return tuple(Gate(index, one.index(name)) for index, one in others) if name not in result else ()
