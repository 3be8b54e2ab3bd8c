"""Resampling along one axis in ONNX: positions and weights that `Resize` has no exact mode for."""

from __future__ import annotations

from archdsl.dims.dim import Size
from archdsl.ops.contract import OnnxTape


def steps(tape: OnnxTape, count: Size, dtype: str) -> str:
    """0, 1, … count - 1."""
    found = tape.node("Range", [tape.scalar(0, "i64"), tape.size(count), tape.scalar(1, "i64")])
    return found if dtype == "i64" else tape.node("Cast", [found], to=dtype)


def nearest(tape: OnnxTape, entering: Size, leaving: Size, factor: float | None, exact: bool) -> str:
    """Which input each output is: `floor(o * in / out)`, in whole numbers, or by the factor in f64; `exact` takes the middles."""
    if factor is None:
        place = steps(tape, leaving, "i64")
        scale = tape.node("Mul", [tape.size(entering), tape.scalar(2 if exact else 1, "i64")])
        if exact:
            place = tape.node("Add", [tape.node("Mul", [place, tape.scalar(2, "i64")]), tape.scalar(1, "i64")])
            scale = tape.size(entering)
        below = tape.node("Mul", [tape.size(leaving), tape.scalar(2 if exact else 1, "i64")])
        found = tape.node("Div", [tape.node("Mul", [place, scale]), below])
    else:
        place = steps(tape, leaving, "f64")
        if exact:
            place = tape.node("Add", [place, tape.scalar(0.5, "f64")])
        found = tape.node("Cast", [tape.node("Floor", [tape.node("Mul", [place, tape.scalar(1.0 / factor, "f64")])])], to="i64")
    return tape.node("Min", [found, tape.node("Sub", [tape.size(entering), tape.scalar(1, "i64")])])


def area(tape: OnnxTape, entering: Size, leaving: Size, dtype: str) -> str:
    """Weights [out, in] of the mean over `floor(o * in / out) <= i < ceil((o + 1) * in / out)`."""
    one, above, below = tape.scalar(1, "i64"), tape.size(entering), tape.size(leaving)
    place = tape.node("Unsqueeze", [steps(tape, leaving, "i64"), tape.ints([1])])
    start = tape.node("Div", [tape.node("Mul", [place, above]), below])
    ahead = tape.node("Mul", [tape.node("Add", [place, one]), above])
    stop = tape.node("Div", [tape.node("Add", [ahead, tape.node("Sub", [below, one])]), below])
    index = tape.node("Unsqueeze", [steps(tape, entering, "i64"), tape.ints([0])])
    inside = tape.node("And", [tape.node("GreaterOrEqual", [index, start]), tape.node("Less", [index, stop])])
    width = tape.node("Cast", [tape.node("Sub", [stop, start])], to=dtype)
    return tape.node("Div", [tape.node("Cast", [inside], to=dtype), width])


def smooth(
    tape: OnnxTape, entering: Size, leaving: Size, factor: float | None, cubic: bool, corners: bool, dtype: str,
) -> str:  # fmt: skip
    """Weights [out, in] of the antialiased linear or cubic filter, whose support grows with the shrinking, as Pillow's;
    `corners` changes the scale alone, as PyTorch has it."""
    whole, part = tape.node("Cast", [tape.size(entering)], to=dtype), tape.node("Cast", [tape.size(leaving)], to=dtype)
    one, half = tape.scalar(1.0, dtype), tape.scalar(0.5, dtype)
    if corners:
        gap = tape.node("Max", [tape.node("Sub", [part, one]), one])
        single = tape.node("Equal", [part, one])
        scale = tape.node("Div", [tape.node("Sub", [whole, one]), gap])
        scale = tape.node("Where", [single, tape.scalar(0.0, dtype), scale])
    else:
        scale = tape.scalar(1.0 / factor, dtype) if factor is not None else tape.node("Div", [whole, part])
    wide = tape.node("Max", [scale, one])
    support = tape.node("Mul", [wide, tape.scalar(2.0 if cubic else 1.0, dtype)])
    place = tape.node("Unsqueeze", [steps(tape, leaving, dtype), tape.ints([1])])
    center = tape.node("Mul", [tape.node("Add", [place, half]), scale])
    index = tape.node("Unsqueeze", [steps(tape, entering, dtype), tape.ints([0])])
    low = tape.node("Floor", [tape.node("Add", [tape.node("Sub", [center, support]), half])])
    high = tape.node("Floor", [tape.node("Add", [tape.node("Add", [center, support]), half])])
    inside = tape.node("And", [tape.node("GreaterOrEqual", [index, low]), tape.node("Less", [index, high])])
    distance = tape.node("Div", [tape.node("Add", [tape.node("Sub", [index, center]), half]), wide])
    far = tape.node("Abs", [distance])
    weights = _cubic(tape, far, dtype) if cubic else tape.node("Max", [tape.node("Sub", [one, far]), tape.scalar(0.0, dtype)])
    weights = tape.node("Where", [inside, weights, tape.scalar(0.0, dtype)])
    return tape.node("Div", [weights, tape.node("ReduceSum", [weights, tape.ints([1])], keepdims=1)])


def _cubic(tape: OnnxTape, x: str, dtype: str) -> str:
    """Keys' cubic with a = -1/2, by distance."""

    def polynomial(*coefficients: float) -> str:
        result = tape.scalar(coefficients[0], dtype)
        for one in coefficients[1:]:
            result = tape.node("Add", [tape.node("Mul", [result, x]), tape.scalar(one, dtype)])
        return result

    near, far = polynomial(1.5, -2.5, 0.0, 1.0), polynomial(-0.5, 2.5, -4.0, 2.0)
    outer = tape.node("Where", [tape.node("Less", [x, tape.scalar(2.0, dtype)]), far, tape.scalar(0.0, dtype)])
    return tape.node("Where", [tape.node("Less", [x, tape.scalar(1.0, dtype)]), near, outer])


def along(tape: OnnxTape, x: str, rank: int, axis: int, weights: str) -> str:
    """The weights [out, in] applied to that axis."""
    turned = tape.node("Transpose", [weights], perm=[1, 0])
    if axis == rank - 1:
        return tape.node("MatMul", [x, turned])
    perm = [*range(rank)]
    perm[axis], perm[-1] = rank - 1, axis
    moved = tape.node("MatMul", [tape.node("Transpose", [x], perm=perm), turned])
    return tape.node("Transpose", [moved], perm=perm)
