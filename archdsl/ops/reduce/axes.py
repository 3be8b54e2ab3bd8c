"""The axes a reduction runs over: as given, as PyTorch's argument, and what is left of a type."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.batching import first, shifted
from archdsl.ops.checks import FLOATS, check_axes, check_dtype, given
from archdsl.ops.contract import (
    Along,
    Batched,
    Code,
    Context,
    Everywhere,
    OnnxTape,
    Op,
    OpFault,
    Reach,
    Refusal,
    TorchTape,
    option,
)

AXIS_DOC = "an axis, a list of them, or none for all"
KEEP_DOC = "keep the axes, with size 1"


def reduced_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes counted from 0. Raises `axis-out-of-range`; `bad-argument` for an empty list or an axis that comes twice."""
    if axis is None:
        return tuple(range(rank))
    if axis == ():
        said = "an empty list of axes reduces nothing; leave `axis` out to reduce all"
        raise OpFault(said, code="bad-argument", argument="axis")
    return check_axes(axis if isinstance(axis, tuple) else (axis,), rank)


def reduced_shape(shape: tuple[Size, ...], axes: tuple[int, ...], keep: bool) -> tuple[Size, ...]:
    """The shape without these axes, or with 1 in their place."""
    if keep:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def surviving(axis: int, axes: tuple[int, ...], keep: bool) -> Reach:
    """Where an axis goes that is not reduced; over a reduced one the order is of no account."""
    if axis in axes:
        return Everywhere(symmetric=True)
    return Along(axis if keep else axis - sum(1 for one in axes if one < axis))


class Reduction(Op):
    """Takes one or more axes together into one number."""

    family = "reduce"
    alike = "every"
    dtypes: ClassVar[tuple[str, ...]] = FLOATS
    axis: Any = option(None, AXIS_DOC, "int | list[int] | none")
    keepdim: bool = option(False, KEEP_DOC, "bool")
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal({"axis": 2}, ("[N, 3]",), "axis-out-of-range"),
        Refusal({"axis": -1}, ("[]",), "axis-out-of-range"),
        Refusal({"axis": (0, -2)}, ("[N, 3]",), "bad-argument"),
        Refusal({"axis": ()}, ("[N, 3]",), "bad-argument"),
    )

    def result(self, dtype: str) -> str:
        """The dtype of the result."""
        return dtype

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        x = check_dtype(given(inputs[0]), self.dtypes)
        axes = reduced_axes(self.axis, len(x.shape))
        return (TensorType(reduced_shape(x.shape, axes, self.keepdim), self.result(x.dtype)),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        return None if self.axis is None else first(self.changed(axis=shifted(self.axis)), after, inputs, outputs)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return surviving(axis, reduced_axes(self.axis, len(given(inputs[0]).shape)), self.keepdim)

    def named(self, tape: TorchTape, spread: bool = False) -> dict[str, Any]:
        """`dim` and `keepdim` as PyTorch takes them, where they are not its defaults. Without a `dim` many functions refuse
        `keepdim`, and some know no `dim=None`: `spread` names all axes."""
        found: dict[str, Any] = {}
        axis = self.axis
        if axis is None and (spread or self.keepdim):
            axis = tuple(range(len(tape.inputs[0].shape)))
        if axis is not None:
            found["dim"] = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
        if self.keepdim:
            found["keepdim"] = True
        return found

    def reduce(self, tape: OnnxTape, op_type: str, x: str) -> str:
        """One of ONNX's reductions over these axes."""
        axes = reduced_axes(self.axis, len(tape.inputs[0].shape))
        if not axes:
            return x
        return tape.node(op_type, [x, tape.ints(list(axes))], keepdims=int(self.keepdim))


def method(word: str, op: Reduction, tape: TorchTape, x: Code | None) -> Code:
    """`x.mean(dim=1)`."""
    return tape.call(f"{x}.{word}", **op.named(tape))
