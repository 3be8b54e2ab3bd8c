"""Activations without arguments, a row each."""

from __future__ import annotations

import math
from typing import Any

from archdsl.ops.contract import OnnxTape
from archdsl.ops.pointwise.elementwise import NUMERIC, both, widely
from archdsl.ops.pointwise.rows import row


def _relu(t: OnnxTape, x: str) -> str:
    dtype = t.inputs[0].dtype
    return t.node("Relu", [x]) if dtype == "float" else widely(t, "Max", [x, t.scalar(0, dtype)], dtype)


def _relu6(t: OnnxTape, x: str) -> str:
    return t.node("Clip", [x, t.scalar(0.0, t.inputs[0].dtype), t.scalar(6.0, t.inputs[0].dtype)])


def _silu(t: OnnxTape, x: str) -> str:
    return t.node("Mul", [x, t.node("Sigmoid", [x])])


def _logsigmoid(t: OnnxTape, x: str) -> str:
    return t.node("Neg", [t.node("Softplus", [t.node("Neg", [x])])])


def _hardsigmoid(t: OnnxTape, x: str) -> str:
    return t.node("HardSigmoid", [x], alpha=1 / 6, beta=0.5)


def _tanhshrink(t: OnnxTape, x: str) -> str:
    return t.node("Sub", [x, t.node("Tanh", [x])])


def _softsign(t: OnnxTape, x: str) -> str:
    return t.node("Div", [x, both(t, "Add", t.node("Abs", [x]), 1.0, t.inputs[0].dtype)])


def _along_silu(d: Any, x: Any, y: Any) -> Any:
    share = x.sigmoid()
    return d * (share * (1 + x * (1 - share)))


def _along_mish(d: Any, x: Any, y: Any) -> Any:
    bent = x.softplus().tanh()
    return d * (bent + x * x.sigmoid() * (1 - bent * bent))


_N = __name__
_SCALE, _ALPHA = 1.0507009873554805, 1.6732632423543772
"""SELU's numbers."""
_SIXTH = 0.1666666716337204
"""The slope that PyTorch gives hardsigmoid in every float type: a sixth in float32."""

Relu = row(
    _N,
    "relu",
    "max(x, 0) (Nair and Hinton 2010).",
    "F.relu({0})",
    _relu,
    module="nn.ReLU()",
    dtypes=NUMERIC,
    tangent=lambda d, x, y: (x > 0).where(d, 0),
    at={0.0: 0.0, -math.inf: 0.0},
)
Relu6 = row(
    _N,
    "relu6",
    "x within 0 and 6 (Howard et al. 2017).",
    "F.relu6({0})",
    _relu6,
    module="nn.ReLU6()",
    domain=(-4, 9),
    tangent=lambda d, x, y: (x > 0).logical_and(x < 6).where(d, 0),
)
Selu = row(
    _N,
    "selu",
    "The scaled exponential unit (Klambauer et al. 2017).",
    "F.selu({0})",
    "Selu",
    module="nn.SELU()",
    tangent=lambda d, x, y: d * (x > 0).where(_SCALE, y + _SCALE * _ALPHA),
)
Silu = row(
    _N,
    "silu",
    "x * sigmoid(x), also called swish (Elfwing et al. 2017).",
    "F.silu({0})",
    _silu,
    module="nn.SiLU()",
    tangent=_along_silu,
)
Mish = row(_N, "mish", "x * tanh(softplus(x)) (Misra 2019).", "F.mish({0})", "Mish", module="nn.Mish()", tangent=_along_mish)
Sigmoid = row(
    _N,
    "sigmoid",
    "1 / (1 + exp(-x)).",
    "torch.sigmoid({0})",
    "Sigmoid",
    module="nn.Sigmoid()",
    tangent=lambda d, x, y: d * (y * (1 - y)),
    at={-math.inf: 0.0},
)
Tanh = row(
    _N, "tanh", "The hyperbolic tangent.", "torch.tanh({0})", "Tanh", module="nn.Tanh()", tangent=lambda d, x, y: d * (1 - y * y)
)
Logsigmoid = row(
    _N,
    "logsigmoid",
    "log(sigmoid(x)), without overflow.",
    "F.logsigmoid({0})",
    _logsigmoid,
    module="nn.LogSigmoid()",
    tangent=lambda d, x, y: d * (-x).sigmoid(),
    precise=True,
)
Hardsigmoid = row(
    _N, "hardsigmoid", "x / 6 + 1/2 within 0 and 1 (Howard et al. 2019).", "F.hardsigmoid({0})", _hardsigmoid,
    module="nn.Hardsigmoid()", domain=(-5, 5), tangent=lambda d, x, y: (x > -3).logical_and(x < 3).where(d * _SIXTH, 0),
)  # fmt: skip
Hardswish = row(
    _N, "hardswish", "x * hardsigmoid(x) (Howard et al. 2019).", "F.hardswish({0})", "HardSwish", module="nn.Hardswish()",
    domain=(-5, 5), tangent=lambda d, x, y: d * (x < 3).where((x > -3).where(x / 3 + 0.5, 0), 1),
)  # fmt: skip
Tanhshrink = row(
    _N,
    "tanhshrink",
    "x - tanh(x).",
    "F.tanhshrink({0})",
    _tanhshrink,
    module="nn.Tanhshrink()",
    tangent=lambda d, x, y: d * (x - y).square(),
)
Softsign = row(
    _N,
    "softsign",
    "x / (1 + abs(x)).",
    "F.softsign({0})",
    _softsign,
    module="nn.Softsign()",
    tangent=lambda d, x, y: d / (1 + x.abs()).square(),
)
