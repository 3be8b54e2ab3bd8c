"""What all pointwise operators share: broadcasting, dtypes, and where an axis goes."""

from __future__ import annotations

from typing import ClassVar

from archdsl.dims.broadcast import BroadcastFault, broadcast
from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import FLOATS, INTEGERS, check_dtype, check_same_dtype, given
from archdsl.ops.contract import Along, Batched, Context, Everywhere, OnnxTape, Op, OpFault, Reach

NUMERIC = (*FLOATS, *INTEGERS)
EVERY = (*NUMERIC, "bool")
NARROW = ("i16", "i8", "u8")
"""Integers that ONNX Runtime has few kernels for."""


def joint_shape(context: Context, *inputs: TensorType) -> tuple[Size, ...]:
    """The shape that all inputs stretch to. Raises `shape-mismatch`, `unproved-dimension`."""
    try:
        return broadcast(context.facts, [one.shape for one in inputs])
    except BroadcastFault as fault:
        left, right = inputs[fault.operand], inputs[fault.other]
        raise OpFault(
            f"cannot broadcast {left} and {right}: axis {fault.axis} is {fault.left} and {fault.right}",
            code="unproved-dimension" if fault.missing else "shape-mismatch", operand=fault.operand, other=fault.other,
            axis=fault.axis, missing=fault.missing,
        ) from None  # fmt: skip


class Elementwise(Op):
    """Each element of the result is made of the elements of the inputs at its place, after broadcasting."""

    family = "pointwise"
    alike = "every"
    channels_last = "keeps"
    dtypes: ClassVar[tuple[str, ...]] = FLOATS
    """The dtypes that it takes; all inputs have one."""
    result: ClassVar[str] = ""
    """The dtype of the result; empty for that of the inputs."""

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        types = [given(one, name) for one, name in zip(inputs, self.tensors, strict=True)]
        for index, one in enumerate(types):
            check_dtype(one, self.dtypes, operand=index, help="convert it: cast(x, float)" if one.dtype == "bool" else None)
        dtype = check_same_dtype(*types)
        return (TensorType(joint_shape(context, *types), self.result or dtype),)

    def batched(
        self, after: tuple[int | None, ...], inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
    ) -> Batched | None:
        place = max(one for one in after if one is not None)
        return Batched(self, (place,) * len(after), place)

    def reach(self, operand: int, axis: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> Reach:
        return same_place(operand, axis, inputs, outputs[0])


def same_place(operand: int, axis: int, inputs: tuple[TensorType | None, ...], output: TensorType) -> Reach:
    """Where an axis goes in broadcasting: to the same one counted from the end, or, stretched from size 1, everywhere."""
    mine = given(inputs[operand])
    target = axis + len(output.shape) - len(mine.shape)
    return Everywhere() if mine.shape[axis] == 1 and output.shape[target] != 1 else Along(target)


def widely(tape: OnnxTape, op_type: str, inputs: list[str], dtype: str, result: str = "", **attributes: object) -> str:
    """A node on integers of any width: narrow ones are computed in int32 and wrap as they come back."""
    if dtype not in NARROW:
        return tape.node(op_type, inputs, **attributes)
    wide = [tape.node("Cast", [one], to="i32") for one in inputs]
    made = tape.node(op_type, wide, **attributes)
    return made if result == "bool" else tape.node("Cast", [made], to=result or dtype)


def both(tape: OnnxTape, op_type: str, x: str, value: float, dtype: str = "float") -> str:
    """A node of a tensor and a number: `Add(x, 1.0)`."""
    return tape.node(op_type, [x, tape.scalar(value, dtype)])


def own_dtype(tape: OnnxTape) -> str:
    """The dtype that the first input of the operator at hand has."""
    return tape.inputs[0].dtype
