"""Elementary functions of one tensor, a row each."""

from __future__ import annotations

import math
from typing import Any

from archdsl.ops.checks import FLOATS
from archdsl.ops.contract import OnnxTape
from archdsl.ops.pointwise.elementwise import NUMERIC, both, widely
from archdsl.ops.pointwise.rows import Recipe, row


def _expm1(t: OnnxTape, x: str) -> str:
    # exp(x) - 1 loses all digits near 0; tanh(x / 2) (exp(x) + 1) is the same function and loses none.
    return t.node("Mul", [t.node("Tanh", [both(t, "Mul", x, 0.5)]), both(t, "Add", t.node("Exp", [x]), 1.0)])


def _log1p(t: OnnxTape, x: str) -> str:
    # log(1 + x) loses digits near 0, where 2 atanh(x / (2 + x)) does not.
    small = t.node("Less", [t.node("Abs", [x]), t.scalar(0.5, "float")])
    near = both(t, "Mul", t.node("Atanh", [t.node("Div", [x, both(t, "Add", x, 2.0)])]), 2.0)
    return t.node("Where", [small, near, t.node("Log", [both(t, "Add", x, 1.0)])])


def _trunc(t: OnnxTape, x: str) -> str:
    if t.inputs[0].dtype not in FLOATS:
        return x
    return t.node("Mul", [t.node("Sign", [x]), t.node("Floor", [t.node("Abs", [x])])])


def _floats_only(op_type: str) -> Recipe:
    """Rounding leaves integers as they are, and ONNX's takes none."""
    return lambda t, x: t.node(op_type, [x]) if t.inputs[0].dtype in FLOATS else x


def _over_log(base: float) -> Recipe:
    return lambda t, x: both(t, "Mul", t.node("Log", [x]), 1.0 / math.log(base))


def _exp2(t: OnnxTape, x: str) -> str:
    return t.node("Pow", [t.scalar(2.0, t.inputs[0].dtype), x])


def _is_finite(t: OnnxTape, x: str) -> str:
    return t.node("Not", [t.node("Or", [t.node("IsNaN", [x]), t.node("IsInf", [x])])])


def _frac(t: OnnxTape, x: str) -> str:
    return t.node("Sub", [x, _trunc(t, x)])


def _rsqrt(t: OnnxTape, x: str) -> str:
    return t.node("Reciprocal", [t.node("Sqrt", [x])])


def _erfc(t: OnnxTape, x: str) -> str:
    return t.node("Sub", [t.scalar(1.0, t.inputs[0].dtype), t.node("Erf", [x])])


def _square(t: OnnxTape, x: str) -> str:
    return widely(t, "Mul", [x, x], t.inputs[0].dtype)


def _sinc(t: OnnxTape, x: str) -> str:
    dtype = t.inputs[0].dtype
    angle = both(t, "Mul", x, math.pi, dtype)
    middle, one = t.node("Equal", [x, t.scalar(0.0, dtype)]), t.scalar(1.0, dtype)
    return t.node("Where", [middle, one, t.node("Div", [t.node("Sin", [angle]), t.node("Where", [middle, one, angle])])])


def _along_sinc(d: Any, x: Any, y: Any) -> Any:
    middle = x.eq(0)
    return d * middle.where(0, ((math.pi * x).cos() - y) / middle.where(1, x))


_N = __name__
_SPECIAL = (-math.inf, math.inf)

Neg = row(_N, "neg", "The negative.", "-{0}", "Neg", dtypes=NUMERIC, tangent=lambda d, x, y: -d, at={0.0: 0.0})
Abs = row(
    _N, "abs", "The absolute value.", "{0}.abs()", "Abs", dtypes=NUMERIC, tangent=lambda d, x, y: d * x.sign(), at={0.0: 0.0}
)
Sign = row(_N, "sign", "-1, 0 or 1: the sign.", "torch.sign({0})", "Sign", dtypes=NUMERIC, constant=True)
Square = row(
    _N, "square", "x times x.", "{0}.square()", _square, dtypes=NUMERIC, tangent=lambda d, x, y: d * (2 * x), at={0.0: 0.0}
)
Floor = row(
    _N,
    "floor",
    "The largest whole number that is not above x.",
    "torch.floor({0})",
    _floats_only("Floor"),
    dtypes=NUMERIC,
    constant=True,
)
Ceil = row(
    _N,
    "ceil",
    "The smallest whole number that is not below x.",
    "torch.ceil({0})",
    _floats_only("Ceil"),
    dtypes=NUMERIC,
    constant=True,
)
Round = row(
    _N,
    "round",
    "The nearest whole number, of two the even one.",
    "torch.round({0})",
    _floats_only("Round"),
    dtypes=NUMERIC,
    constant=True,
)
Trunc = row(_N, "trunc", "The whole number towards zero.", "torch.trunc({0})", _trunc, dtypes=NUMERIC, constant=True)
Frac = row(_N, "frac", "What is right of the point, with the sign of x.", "torch.frac({0})", _frac, tangent=lambda d, x, y: d)
Exp = row(
    _N, "exp", "e to the power x.", "torch.exp({0})", "Exp", tangent=lambda d, x, y: d * y, precise=True, at={-math.inf: 0.0}
)
Exp2 = row(
    _N,
    "exp2",
    "2 to the power x.",
    "torch.exp2({0})",
    _exp2,
    tangent=lambda d, x, y: d * y * math.log(2),
    precise=True,
    at={-math.inf: 0.0},
)
Expm1 = row(
    _N, "expm1", "exp(x) - 1, exact also near 0.", "torch.expm1({0})", _expm1, tangent=lambda d, x, y: d * (y + 1), precise=True
)
Log = row(
    _N,
    "log",
    "The natural logarithm.",
    "torch.log({0})",
    "Log",
    domain=(0.05, 9.0),
    tangent=lambda d, x, y: d / x,
    precise=True,
    at={0.0: -math.inf},
)
Log2 = row(
    _N,
    "log2",
    "The logarithm to base 2.",
    "torch.log2({0})",
    _over_log(2),
    domain=(0.05, 9.0),
    tangent=lambda d, x, y: d / (x * math.log(2)),
    precise=True,
    at={0.0: -math.inf},
)
Log10 = row(
    _N,
    "log10",
    "The logarithm to base 10.",
    "torch.log10({0})",
    _over_log(10),
    domain=(0.05, 9.0),
    tangent=lambda d, x, y: d / (x * math.log(10)),
    precise=True,
)
Log1p = row(
    _N,
    "log1p",
    "log(1 + x), exact also near 0.",
    "torch.log1p({0})",
    _log1p,
    domain=(-0.9, 4.0),
    tangent=lambda d, x, y: d / (x + 1),
    precise=True,
)
Sqrt = row(
    _N,
    "sqrt",
    "The square root.",
    "torch.sqrt({0})",
    "Sqrt",
    domain=(0.05, 9.0),
    tangent=lambda d, x, y: d / (2 * y),
    at={0.0: 0.0},
)
Rsqrt = row(
    _N,
    "rsqrt",
    "One divided by the square root.",
    "torch.rsqrt({0})",
    _rsqrt,
    domain=(0.05, 9.0),
    tangent=lambda d, x, y: d * (-0.5 * y / x),
    precise=True,
)
Reciprocal = row(
    _N,
    "reciprocal",
    "One divided by x.",
    "torch.reciprocal({0})",
    "Reciprocal",
    domain=(0.1, 4.0),
    tangent=lambda d, x, y: d * (-y * y),
    precise=True,
)
Sin = row(
    _N, "sin", "The sine of an angle in radians.", "torch.sin({0})", "Sin", tangent=lambda d, x, y: d * x.cos(), precise=True
)
Cos = row(
    _N, "cos", "The cosine of an angle in radians.", "torch.cos({0})", "Cos", tangent=lambda d, x, y: -d * x.sin(), precise=True
)
Tan = row(
    _N,
    "tan",
    "The tangent of an angle in radians.",
    "torch.tan({0})",
    "Tan",
    domain=(-1.4, 1.4),
    tangent=lambda d, x, y: d * (1 + y * y),
    precise=True,
)
Asin = row(
    _N,
    "asin",
    "The angle in radians whose sine is x.",
    "torch.asin({0})",
    "Asin",
    domain=(-0.95, 0.95),
    tangent=lambda d, x, y: d * (1 - x * x).rsqrt(),
    precise=True,
)
Acos = row(
    _N,
    "acos",
    "The angle in radians whose cosine is x.",
    "torch.acos({0})",
    "Acos",
    domain=(-0.95, 0.95),
    tangent=lambda d, x, y: -d * (1 - x * x).rsqrt(),
    precise=True,
)
Atan = row(
    _N, "atan", "The angle in radians whose tangent is x.", "torch.atan({0})", "Atan", tangent=lambda d, x, y: d / (1 + x * x)
)
Sinh = row(_N, "sinh", "The hyperbolic sine.", "torch.sinh({0})", "Sinh", tangent=lambda d, x, y: d * x.cosh(), precise=True)
Cosh = row(_N, "cosh", "The hyperbolic cosine.", "torch.cosh({0})", "Cosh", tangent=lambda d, x, y: d * x.sinh(), precise=True)
Asinh = row(
    _N,
    "asinh",
    "The inverse of the hyperbolic sine.",
    "torch.asinh({0})",
    "Asinh",
    tangent=lambda d, x, y: d * (x * x + 1).rsqrt(),
    precise=True,
)
Acosh = row(
    _N,
    "acosh",
    "The inverse of the hyperbolic cosine.",
    "torch.acosh({0})",
    "Acosh",
    domain=(1.1, 6.0),
    tangent=lambda d, x, y: d * (x * x - 1).rsqrt(),
    precise=True,
)
Atanh = row(
    _N,
    "atanh",
    "The inverse of the hyperbolic tangent.",
    "torch.atanh({0})",
    "Atanh",
    domain=(-0.95, 0.95),
    tangent=lambda d, x, y: d / (1 - x * x),
    precise=True,
)
Erf = row(
    _N,
    "erf",
    "The error function.",
    "torch.erf({0})",
    "Erf",
    tangent=lambda d, x, y: d * (-x * x).exp() * (2 / math.sqrt(math.pi)),
)
Erfc = row(
    _N,
    "erfc",
    "1 - erf(x); in ONNX computed so, with an absolute, not a relative, error of the float type.",
    "torch.erfc({0})",
    _erfc,
    tangent=lambda d, x, y: d * (-x * x).exp() * (-2 / math.sqrt(math.pi)),
)
Isnan = row(_N, "isnan", "Whether it is no number.", "torch.isnan({0})", "IsNaN", result="bool", domain=_SPECIAL)
Isinf = row(_N, "isinf", "Whether it is infinite.", "torch.isinf({0})", "IsInf", result="bool", domain=_SPECIAL)
Isfinite = row(
    _N,
    "isfinite",
    "Whether it is neither infinite nor no number.",
    "torch.isfinite({0})",
    _is_finite,
    result="bool",
    domain=_SPECIAL,
)
Sinc = row(_N, "sinc", "sin(pi x) / (pi x), 1 at 0.", "torch.sinc({0})", _sinc, tangent=_along_sinc, precise=True)
