"""Recurrent cells in many spellings: what computes PyTorch's, what nearly does, and the arch around them."""

from __future__ import annotations

from archdsl.compiler import Spec, load
from archdsl.source import Source

HIDDEN, WIDTH = 5, 3
UPDATE = "h = (1 - z) * n + z * h"
GRUS = {
    "a product for all gates": f"""
    rx, zx, nx = a -> W: Linear(15) -> chunk(3, axis=-1)
    rh, zh, nh = h -> U: Linear(15) -> chunk(3, axis=-1)
    r = sigmoid(rx + rh)
    z = sigmoid(zx + zh)
    n = tanh(nx + r * nh)
    {UPDATE}""",
    "a product for each gate": f"""
    r = sigmoid((a -> Wr: Linear(5)) + (h -> Ur: Linear(5)))
    z = sigmoid((a -> Wz: Linear(5)) + (h -> Uz: Linear(5, bias=false)))
    n = tanh((a -> Wn: Linear(5)) + r * (h -> Un: Linear(5)))
    {UPDATE}""",
    "another order, the difference": """
    zx, nx, rx = split(a -> W: Linear(15, bias=false), [5, 5, 5], axis=1)
    nh, rh, zh = h -> U: Linear(15) -> chunk(3, axis=-1)
    n = tanh(sigmoid(rh + rx) * nh + nx)
    h = n + sigmoid(zx + zh) * (h - n)""",
    "the update gate turned round": """
    rz = sigmoid(concat(a, h, axis=-1) -> W: Linear(10))
    n = tanh((a -> Wn: Linear(5)) + rz[:, :5] * (h -> Un: Linear(5)))
    h = lerp(h, n, rz[:, 5:])""",
    "no biases": f"""
    r, z = sigmoid((a -> W: Linear(10, bias=false)) + (h -> U: Linear(10, bias=false))) -> chunk(2, axis=-1)
    n = tanh((a -> Wn: Linear(5, bias=false)) + r * (h -> Un: Linear(5, bias=false)))
    {UPDATE}""",
    "a bias of its own": f"""
    r, z = sigmoid((a -> W: Linear(10, bias=false)) + (h -> U: Linear(10, bias=false)) + b) -> chunk(2, axis=-1)
    n = tanh((a -> Wn: Linear(5)) + r * (h -> Un: Linear(5, bias=false)))
    {UPDATE}""",
    "the input's product before the scan": f"""
    rh, zh, nh = h -> U: Linear(15) -> chunk(3, axis=-1)
    r = sigmoid(p[:, :5] + rh)
    z = sigmoid(p[:, 5:10] + zh)
    n = tanh(p[:, 10:] + r * nh)
    {UPDATE}""",
}
ELMANS = {
    "tanh": "h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)))",
    "relu": "h = relu((h -> U: Linear(5, bias=false)) + (a -> W: Linear(5)))",
    "no less than zero": "h = maximum(0, (a -> W: Linear(5)) + (h -> U: Linear(5)))",
    "side by side": "h = tanh(concat(h, a, axis=-1) -> W: Linear(5))",
    "matrices": "h = tanh(linear(a, w) + h @ u + b[:5])",
    "two inputs": "h = tanh((a -> W: Linear(5)) + (p[:, 2:6] -> V: Linear(5)) + (h -> U: Linear(5)))",
    "the input's product before the scan": "h = tanh(p[:, 4:9] + (h -> U: Linear(5)))",
    "negated": "h = tanh(-(a -> W: Linear(5)) - 2 * (h -> U: Linear(5)))",
    "a curve of the input": "h = tanh((sigmoid(a) * a -> W: Linear(5)) + (h -> U: Linear(5)))",
}
LSTM_STEP = "c = sigmoid(f) * c + sigmoid(i) * tanh(g)\n    h = sigmoid(o) * tanh(c)"
LSTMS = {
    "a product for each gate": f"""
    i = (a -> Wi: Linear(5)) + (h -> Ui: Linear(5))
    f = (a -> Wf: Linear(5)) + (h -> Uf: Linear(5)) + 0 * b[:5]
    g = (a -> Wg: Linear(5)) + (h -> Ug: Linear(5))
    o = (a -> Wo: Linear(5)) + (h -> Uo: Linear(5, bias=false))
    {LSTM_STEP}""",
    "side by side": f"f, i, o, g = concat(a, h, axis=-1) -> W: Linear(20) -> chunk(4, axis=1)\n    {LSTM_STEP}",
    "curves first": """
    gates = (a -> W: Linear(20)) + (h -> U: Linear(20))
    i, f, o = sigmoid(gates[:, :15]) -> chunk(3, axis=-1)
    c = f * c + i * tanh(gates[:, 15:])
    h = o * tanh(c)""",
    "a product of the sum": f"i, f, g, o = (h + tanh(p[:, 3:8]) -> W: Linear(20)) -> chunk(4, axis=1)\n    {LSTM_STEP}",
}
OTHERS = {
    "Cho's GRU": f"""
    r = sigmoid((a -> Wr: Linear(5)) + (h -> Ur: Linear(5)))
    z = sigmoid((a -> Wz: Linear(5)) + (h -> Uz: Linear(5)))
    n = tanh((a -> Wn: Linear(5)) + (r * h -> Un: Linear(5)))
    {UPDATE}""",
    "no reset gate": f"""
    z = sigmoid((a -> Wz: Linear(5)) + (h -> Uz: Linear(5)))
    n = tanh((a -> Wn: Linear(5)) + (h -> Un: Linear(5)))
    {UPDATE}""",
    "a reset gate on all": f"""
    r, z = sigmoid((a -> W: Linear(10)) + (h -> U: Linear(10))) -> chunk(2, axis=-1)
    n = tanh(r * ((a -> Wn: Linear(5)) + (h -> Un: Linear(5))))
    {UPDATE}""",
    "another update": """
    r, z = sigmoid((a -> W: Linear(10)) + (h -> U: Linear(10))) -> chunk(2, axis=-1)
    n = tanh((a -> Wn: Linear(5)) + r * (h -> Un: Linear(5)))
    h = (1 - z) * n + (1 - z) * h""",
    "an update of relu": f"""
    r, z = sigmoid((a -> W: Linear(10)) + (h -> U: Linear(10))) -> chunk(2, axis=-1)
    n = relu((a -> Wn: Linear(5)) + r * (h -> Un: Linear(5)))
    {UPDATE}""",
    "a norm before the curve": "h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)) -> norm: LayerNorm)",
    "a norm of the state": "h = tanh((a -> W: Linear(5)) + (h -> norm: LayerNorm -> U: Linear(5)))",
    "a residual": "h = h + tanh((a -> W: Linear(5)) + (h -> U: Linear(5)))",
    "no product with the input": "h = tanh(a[:, :1] + (h -> U: Linear(5)))",
    "two products with the state": "h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)) + (h -> V: Linear(5)))",
    "a value of each sequence": "h = tanh((a -> W: Linear(5)) + (h -> U: Linear(5)) + s)",
    "coupled gates": """
    f, g, o = (a -> W: Linear(15)) + (h -> U: Linear(15)) -> chunk(3, axis=-1)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(g)
    h = sigmoid(o) * tanh(c)""",
    "peepholes": """
    i, f, g, o = (a -> W: Linear(20)) + (h -> U: Linear(20)) -> chunk(4, axis=-1)
    c = sigmoid(f + b[:5] * c) * c + sigmoid(i + b[5:] * c) * tanh(g)
    h = sigmoid(o) * tanh(c)""",
    "a norm of the memory": """
    i, f, g, o = (a -> W: Linear(20)) + (h -> U: Linear(20)) -> chunk(4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c -> norm: LayerNorm)""",
    "dropout of the state": "h = tanh((a -> W: Linear(5)) + (h -> drop: Dropout(0.1) -> U: Linear(5)))",
}  # fmt: skip


def spec(body: str, axis: int = 1, reverse: str = "", given: str = "h", final: str = "h") -> Spec:
    """An arch whose scan has this body: of `a` and of `p`, a product that is made before the scan; matrices w and u, a bias b."""
    shape = f"[B, T, {WIDTH}]" if axis == 1 else f"[T, B, {WIDTH}]"
    memory = "carry c = tanh(s)" if "c = " in body.replace("nc =", "") else ""
    final = f"{final}, c" if memory else final
    names = [f"y{index}" for index in range(1 + len(final.split(",")))]
    heads = "\n".join(f"  head {one} {{ {one} }}" for one in names)
    walked = "a in x, p in before" if "p[" in body else "a in x"
    before = "before = x -> P: Linear(15)" if "p[" in body else ""
    matrices = [name for name in ("w", "u", "b") if f"({name}" in body or f" {name}" in body or f"{name})" in body]
    text = f"""arch A(x: {shape}, s: [B, {HIDDEN}]) {{
  param w: [{HIDDEN}, {WIDTH}] = normal(std=0.5)
  param u: [{HIDDEN}, {HIDDEN}] = normal(std=0.5)
  param b: [{2 * HIDDEN}] = normal(std=0.5)
  {before}
  {", ".join(names)} = scan {walked} over axis {axis} {reverse} {{
    carry h = s
    {memory}
    {body}
    yield {given}
    final {final}
  }}
{heads}
}}"""
    for name in {"w", "u", "b"} - set(matrices):
        text = "\n".join(line for line in text.splitlines() if not line.startswith(f"  param {name}:"))
    return load(Source("<body>", text))
