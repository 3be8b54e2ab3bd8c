"""Arithmetic of two tensors, or a tensor and a number: what stands behind `+ - * / // % **`, a row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from archdsl.ops.checks import FLOATS
from archdsl.ops.contract import Code, OnnxTape, TorchTape
from archdsl.ops.pointwise.elementwise import NUMERIC, both, widely
from archdsl.ops.pointwise.rows import row

_TWO = ("x", "y")


class _Any(TypedDict):
    tensors: tuple[str, ...]
    dtypes: tuple[str, ...]


def _fractional(t: OnnxTape) -> bool:
    return t.inputs[0].dtype in FLOATS


def _remainder(t: OnnxTape, x: str, y: str) -> str:
    if not _fractional(t):
        return widely(t, "Mod", [x, y], t.inputs[0].dtype)
    rest = t.node("Mod", [x, y], fmod=1)
    return t.node("Where", [_apart(t, rest, y), t.node("Add", [rest, y]), rest])


def _apart(t: OnnxTape, rest: str, y: str) -> str:
    """Whether a remainder of division towards zero has not the sign of the divisor."""
    return t.node("Less", [t.node("Mul", [t.node("Sign", [rest]), t.node("Sign", [y])]), t.scalar(0.0, "float")])


def _floor_divide(t: OnnxTape, x: str, y: str) -> str:
    if not _fractional(t):
        dtype = t.inputs[0].dtype
        return widely(t, "Div", [widely(t, "Sub", [x, _remainder(t, x, y)], dtype), y], dtype)
    # The difference is a multiple of y but for rounding, so that the nearest whole number is the quotient; floor(x / y) is not.
    whole = t.node("Round", [t.node("Div", [t.node("Sub", [x, _remainder(t, x, y)]), y])])
    zero = t.node("Equal", [y, t.scalar(0.0, "float")])
    return t.node("Where", [zero, t.node("Div", [x, y]), whole])


def _fmod(t: OnnxTape, x: str, y: str) -> str:
    return widely(t, "Mod", [x, y], t.inputs[0].dtype, fmod=1)


def _atan2(t: OnnxTape, y: str, x: str) -> str:
    zero, pi = t.scalar(0.0, "float"), 3.141592653589793
    both_zero = t.node("And", [t.node("Equal", [x, zero]), t.node("Equal", [y, zero])])
    slope = t.node("Where", [both_zero, zero, t.node("Atan", [t.node("Div", [y, x])])])
    turn = t.node("Where", [t.node("Less", [y, zero]), t.scalar(-pi, "float"), t.scalar(pi, "float")])
    return t.node("Add", [slope, t.node("Where", [t.node("Less", [x, zero]), turn, zero])])


def _hypot(t: OnnxTape, x: str, y: str) -> str:
    # Scaled by the larger side, so that the squares do not overflow.
    a, b = t.node("Abs", [x]), t.node("Abs", [y])
    top = t.node("Max", [a, b])
    scale = t.node("Where", [t.node("Equal", [top, t.scalar(0.0, "float")]), t.scalar(1.0, "float"), top])
    sides = [t.node("Div", [one, scale]) for one in (a, b)]
    return t.node("Mul", [top, t.node("Sqrt", [t.node("Add", [t.node("Mul", [one, one]) for one in sides])])])


def _logaddexp(t: OnnxTape, x: str, y: str) -> str:
    apart = t.node("Abs", [t.node("Sub", [x, y])])
    more = t.node("Add", [t.node("Max", [x, y]), t.node("Softplus", [t.node("Neg", [apart])])])
    # Equal infinities have no difference.
    return t.node("Where", [t.node("Equal", [x, y]), both(t, "Add", x, 0.6931471805599453), more])


def _xlogy(t: OnnxTape, x: str, y: str) -> str:
    zero = t.scalar(0.0, "float")
    nothing = t.node("And", [t.node("Equal", [x, zero]), t.node("Not", [t.node("IsNaN", [y])])])
    return t.node("Where", [nothing, zero, t.node("Mul", [x, t.node("Log", [y])])])


def _copysign(t: OnnxTape, x: str, y: str) -> str:
    size = t.node("Abs", [x])
    return t.node("Where", [t.node("Less", [y, t.scalar(0.0, "float")]), t.node("Neg", [size]), size])


def _power(tape: TorchTape, x: Code, y: Code) -> str:
    return f"({x}) ** {y}" if x.startswith("-") else f"{x} ** {y}"


def _tensor(tape: TorchTape, x: Code) -> str:
    """The first input; what has no axes may be a number, which PyTorch takes on the right alone."""
    return x if tape.inputs[0].shape else f"torch.as_tensor({x})"


def _torch_fmod(tape: TorchTape, x: Code, y: Code) -> str:
    return f"torch.fmod({_tensor(tape, x)}, {y})"


def _torch_remainder(tape: TorchTape, x: Code, y: Code) -> str:
    return f"{_tensor(tape, x) if tape.inputs[0].dtype in FLOATS else x} % {y}"


def _torch_floor_divide(tape: TorchTape, x: Code, y: Code) -> str:
    if tape.inputs[0].dtype in FLOATS:  # `//` on floats has no derivative in PyTorch
        return f'torch.div({_tensor(tape, x)}, {y}, rounding_mode="floor")'
    return f"{x} // {y}"


def _extreme(word: str, bound: str) -> Callable[[TorchTape, Code, Code], str]:
    """`torch.maximum` takes no numbers, `clamp` takes both; what has no axes may be a number."""

    def write(tape: TorchTape, x: Code, y: Code) -> str:
        if tape.inputs[0].shape and tape.inputs[1].shape:
            return f"torch.{word}({x}, {y})"
        tensor, other = (x, y) if tape.inputs[0].shape or not is_number(x) else (y, x)
        return f"{tensor}.clamp({bound}={other})"

    return write


def is_number(code: Code) -> bool:
    """Whether it is a literal."""
    return code.lstrip("-(")[:1].isdigit()


def _chosen(d: Any, own: Any, x: Any, y: Any) -> Any:
    """The tangent where its input is the result, half of it where both are."""
    return own.where(d, x.eq(y).where(d * 0.5, 0))


def _along_base(d: Any, x: Any, y: Any, z: Any) -> Any:
    rate = y * x ** (y - 1)
    return d * (rate if y.number is not None else y.eq(0).where(0, rate))


def _along_exponent(d: Any, x: Any, y: Any, z: Any) -> Any:
    """Of 0 ** y nothing changes, where it is not infinite."""
    return d * z * x.log() if x.number is not None else d * x.eq(0).logical_and(y >= 0).where(0, z * x.log())


_N = __name__
_ANY: _Any = {"tensors": _TWO, "dtypes": NUMERIC}
_APART = {0: (-6, 7), 1: (1, 5)}

Add = row(_N, "add", "The sum: `x + y`.", "{0} + {1}", "Add", **_ANY, tangent=(lambda d, x, y, z: d, lambda d, x, y, z: d))
Sub = row(
    _N, "sub", "The difference: `x - y`.", "{0} - {1}", "Sub", **_ANY, tangent=(lambda d, x, y, z: d, lambda d, x, y, z: -d)
)
Mul = row(
    _N,
    "mul",
    "The product, element by element: `x * y`.",
    "{0} * {1}",
    "Mul",
    **_ANY,
    tangent=(lambda d, x, y, z: d * y, lambda d, x, y, z: x * d),
)
Div = row(
    _N,
    "div",
    "The quotient, always of floats: `x / y`.",
    "{0} / {1}",
    "Div",
    tensors=_TWO,
    domains={1: (0.5, 3.0)},
    tangent=(lambda d, x, y, z: d / y, lambda d, x, y, z: -d * z / y),
)
FloorDivide = row(
    _N,
    "floor_divide",
    "The quotient rounded down: `x // y`.",
    _torch_floor_divide,
    _floor_divide,
    **_ANY,
    domains=_APART,
    constant=True,
)
Remainder = row(
    _N,
    "remainder",
    "What is left of floor division, with the sign of y: `x % y`.",
    _torch_remainder,
    _remainder,
    **_ANY,
    domains=_APART,
    tangent=(lambda d, x, y, z: d, lambda d, x, y, z: -d * x.floor_divide(y)),
)
Atan2 = row(
    _N,
    "atan2",
    "The angle in radians of the point with these coordinates, y first.",
    "torch.atan2({0}, {1})",
    _atan2,
    tensors=("y", "x"),
    numbers=False,
    tangent=(lambda d, y, x, z: d * x / (x * x + y * y), lambda d, y, x, z: -d * y / (x * x + y * y)),
)
Hypot = row(
    _N,
    "hypot",
    "The hypotenuse, without overflow.",
    "torch.hypot({0}, {1})",
    _hypot,
    tensors=_TWO,
    numbers=False,
    tangent=(lambda d, x, y, z: d * x / z, lambda d, x, y, z: d * y / z),
)
Logaddexp = row(
    _N,
    "logaddexp",
    "log(exp(x) + exp(y)), without overflow.",
    "torch.logaddexp({0}, {1})",
    _logaddexp,
    tensors=_TWO,
    numbers=False,
    tangent=(lambda d, x, y, z: d * (x - z).exp(), lambda d, x, y, z: d * (y - z).exp()),
    precise=True,
)
Copysign = row(
    _N,
    "copysign",
    "The size of x with the sign of y, where a zero counts as positive.",
    "torch.copysign({0}, {1})",
    _copysign,
    tensors=_TWO,
    numbers=False,
    tangent=(lambda d, x, y, z: d * (x * z).sign(), None),
)
Xlogy = row(
    _N,
    "xlogy",
    "x log(y), and 0 where x is 0.",
    "torch.xlogy({0}, {1})",
    _xlogy,
    tensors=_TWO,
    numbers=False,
    domains={1: (0.1, 4.0)},
    tangent=(lambda d, x, y, z: d * y.log(), lambda d, x, y, z: d * x / y),
    precise=True,
)
Fmod = row(
    _N,
    "fmod",
    "What is left of division towards zero, with the sign of x.",
    _torch_fmod,
    _fmod,
    **_ANY,
    domains=_APART,
    tangent=(lambda d, x, y, z: d, lambda d, x, y, z: -d * (x / y).trunc()),
)
Maximum = row(
    _N,
    "maximum",
    "The larger of two tensors, or of a tensor and a number.",
    _extreme("maximum", "min"),
    "Max",
    **_ANY,
    tangent=(lambda d, x, y, z: _chosen(d, x > y, x, y), lambda d, x, y, z: _chosen(d, x < y, x, y)),
)
Minimum = row(
    _N,
    "minimum",
    "The smaller of two tensors, or of a tensor and a number.",
    _extreme("minimum", "max"),
    "Min",
    **_ANY,
    tangent=(lambda d, x, y, z: _chosen(d, x < y, x, y), lambda d, x, y, z: _chosen(d, x > y, x, y)),
)
Pow = row(
    _N,
    "pow",
    "The power: `x ** y`.",
    _power,
    "Pow",
    **_ANY,
    domains={0: (1, 4), 1: (0, 4)},
    tangent=(_along_base, _along_exponent),
    precise=True,
)
