"""The operators that stand for a solved recurrence: no words of the language, the pass alone makes them."""

from __future__ import annotations

import operator
from typing import ClassVar

from archdsl.dims.shape import TensorType
from archdsl.ir.edit import fresh
from archdsl.ops.checks import given
from archdsl.ops.contract import Code, Context, Op, TorchTape, option, required
from archdsl.passes.scans.formula import Formula, formula_text, given_of


class Solved(Op):
    """Of a recurrence, from its two sequences and its first state […]: the states before the steps and those after them, [T, …],
    and the last.

    The sequences broadcast to [T, …]. ONNX has no such operator: an export keeps the loop.
    """

    family = "recurrent"
    tensors = ("a", "b", "start")
    steps: object = required("how many steps there are", "size")
    reverse: bool = option(False, "from the last step to the first", "bool")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        start = given(inputs[2], "start")
        all = TensorType((self.steps, *start.shape), start.dtype)  # type: ignore[arg-type]
        return (all, all, start)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        for name in self.needs:
            tape.helper(name)
        return tape.call(tape.helper(self.name), *inputs, **({"reverse": True} if self.reverse else {}))

    needs: ClassVar[tuple[str, ...]] = ("recurrence",)
    """The helpers that its own calls."""


class AffineScan(Solved):
    """`h = a * h + b`, element by element."""

    name = "affine_scan"


class MaxPlusScan(Solved):
    """`h = maximum(h + a, b)`, element by element."""

    name = "maxplus_scan"
    needs = ("recurrence", "affine_scan")


class MatrixScan(Op):
    """`h = a @ h + b` of n states together, element by element: the states before the steps, those after, [T, …], and the last,
    n of each.

    The operands are the n * n coefficients, which may be numbers, by rows, the n terms, and the n first states […].
    """

    name = "matrix_scan"
    family = "recurrent"
    tensors = ("*parts",)
    numbers = True
    steps: object = required("how many steps there are", "size")
    size: int = required("how many states", "int")
    reverse: bool = option(False, "from the last step to the first", "bool")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        start = given(inputs[-1], "start")
        all = TensorType((self.steps, *start.shape), start.dtype)  # type: ignore[arg-type]
        return (*(2 * self.size * (all,)), *(self.size * (start,)))

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        tape.helper("recurrence")
        said, n = [str(one) for one in inputs], self.size
        rows = [f"({', '.join(said[at : at + n])})" for at in range(0, n * n + 2 * n, n)]
        matrix = Code(f"({', '.join(rows[:n])})")
        more = {"reverse": True} if self.reverse else {}
        return tape.call(tape.helper(self.name), matrix, Code(rows[n]), Code(rows[n + 1]), **more)


class ContractedScan(Op):
    """`h = a * h + b` element by element, and of each h only its sum with weights over some axes: those of all steps, [T, …], and
    the last h […].

    a and b are formulas of the given tensors; those, and the weights, are [T, …] with all axes of h, or have no axis of steps.
    ONNX has no such operator: an export keeps the loop.
    """

    name = "contracted_scan"
    family = "recurrent"
    tensors = ("start", "weights", "*given")
    steps: object = required("how many steps there are", "size")
    axes: tuple[int, ...] = required("the axes of h that are summed", "list[int]")
    names: tuple[str, ...] = required("what the given tensors are called", "list[str]")
    a: Formula = required("the factor", "formula")
    b: Formula = required("the term", "formula")
    reverse: bool = option(False, "from the last step to the first", "bool")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        start = given(inputs[0], "start")
        kept = tuple(size for axis, size in enumerate(start.shape) if axis not in self.axes)
        return (TensorType((self.steps, *kept), start.dtype), start)  # type: ignore[arg-type]

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        tape.helper("recurrence")
        tape.helper("affine_scan")
        out = fresh(set(self.names), "out")
        places = [f"{out}[{index}]" if self._whole(one, tape.inputs) else "" for index, one in enumerate((self.a, self.b))]
        said = ", ".join(formula_text(one, self.names, tape, to) for one, to in zip((self.a, self.b), places, strict=True))
        coefficients = Code(f"lambda {', '.join((*self.names, out))}: ({said})")
        start, weights, *rest = (str(one) for one in inputs)
        held = Code(f"({', '.join(rest)}{',' if len(rest) == 1 else ''})")
        more: dict[str, object] = {"axes": self.axes, **({"reverse": True} if self.reverse else {})}
        return tape.call(tape.helper("contracted_scan"), coefficients, held, Code(weights), Code(start), **more)

    def _whole(self, formula: Formula, inputs: tuple[TensorType, ...]) -> bool:
        """Whether its values are [T, …] with all of h."""
        start, _, *rest = inputs
        read = [rest[one] for one in given_of(formula)]
        sizes = [{one.shape[axis - start.rank] for one in read if one.rank >= start.rank - axis} for axis in range(start.rank)]
        return any(one.rank > start.rank for one in read) and all(map(operator.contains, sizes, start.shape))
