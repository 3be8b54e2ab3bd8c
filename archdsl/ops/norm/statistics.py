"""ONNX nodes that several normalisations share: statistics in enough precision, and tensors that stand along the channels."""

from __future__ import annotations

from math import prod

from archdsl.dims.dim import Size
from archdsl.dims.shape import TensorType
from archdsl.ops.checks import check_equal, check_rank
from archdsl.ops.contract import Context, OnnxTape, OpFault

HALVES = ("f16", "bf16")


def widen(tape: OnnxTape, x: str, dtype: str) -> str:
    """`x` in f32 where it is of half precision: PyTorch sums those in f32 too."""
    return tape.node("Cast", [x], to="f32") if _concrete(tape, dtype) in HALVES else x


def narrow(tape: OnnxTape, y: str, dtype: str) -> str:
    """The value computed from `widen`, back in `dtype`."""
    return tape.node("Cast", [y], to=dtype) if _concrete(tape, dtype) in HALVES else y


def wide(tape: OnnxTape, dtype: str) -> str:
    """The dtype that `widen` gives."""
    return "f32" if _concrete(tape, dtype) in HALVES else dtype


def epsilon(tape: OnnxTape, dtype: str) -> float:
    """PyTorch's `eps=None`: the machine epsilon of the type that is computed in."""
    return 2.0**-52 if _concrete(tape, dtype) == "f64" else 2.0**-23


def _concrete(tape: OnnxTape, dtype: str) -> str:
    return tape.float if dtype == "float" else dtype


def filled(tape: OnnxTape, value: float, sizes: tuple[Size, ...], dtype: str) -> str:
    """A tensor full of `value`, where ONNX wants one and the author gave none."""
    return tape.node("Expand", [tape.scalar(value, dtype), tape.shape(sizes)])


def batch_statistics(tape: OnnxTape, x: str, type: TensorType, eps: float, scale: str, shift: str) -> str:
    """`x` less its mean over all axes but 1, by its deviation there, then scaled and shifted; both may be empty."""
    axes = tape.ints([axis for axis in range(type.rank) if axis != 1])
    full = widen(tape, x, type.dtype)
    centred = tape.node("Sub", [full, tape.node("ReduceMean", [full, axes], keepdims=1)])
    variance = tape.node("ReduceMean", [tape.node("Mul", [centred, centred]), axes], keepdims=1)
    root = tape.node("Sqrt", [tape.node("Add", [variance, tape.scalar(eps, wide(tape, type.dtype))])])
    y = narrow(tape, tape.node("Div", [centred, root]), type.dtype)
    if scale:
        y = tape.node("Mul", [y, along_channels(tape, scale, type.rank)])
    return tape.node("Add", [y, along_channels(tape, shift, type.rank)]) if shift else y


def along_channels(tape: OnnxTape, values: str, rank: int) -> str:
    """A [C] so shaped that it stands along axis 1 of a tensor of `rank` axes."""
    return tape.node("Unsqueeze", [values, tape.ints(list(range(1, rank - 1)))]) if rank > 2 else values


def check_channels(context: Context, x: TensorType, *tensors: TensorType | None) -> None:
    """Each of the tensors that are given is [C]; they are operands 1, 2, … Raises `rank-mismatch`, `shape-mismatch`."""
    for operand, one in enumerate(tensors, 1):
        if one is not None:
            check_rank(one, 1, operand=operand, wants="[C]")
            check_equal(context, one.shape[0], x.shape[1], "one value for each channel", operand=operand, axis=0, other=0)


def check_several(x: TensorType, sizes: tuple[Size, ...], over: str) -> None:
    """Statistics are of more than one value, as PyTorch asks; symbolic sizes pass. Raises `shape-mismatch`."""
    numbers = [one for one in sizes if isinstance(one, int)]
    if len(numbers) == len(sizes) and prod(numbers) == 1:
        raise OpFault(f"a statistic over {over} would be of one value: {x}", operand=0)
