"""Scans of every kind, inside functions and outside, at several lengths."""

from __future__ import annotations

import pytest

from archdsl.compiler import load
from archdsl.source import Source
from tests.targets.onnx.agree import assert_agrees

LENGTHS = [{"B": 1, "T": 1}, {"B": 2, "T": 3}, {"B": 3, "T": 9}]

SUM = "scan u in x over axis 1 { carry s = zeros(B, 4); "
BODIES = {
    "running sum": SUM + "s = s + u; yield s }",
    "backwards": SUM.replace("{", "reverse {") + "s = 0.5 * s + u; yield s }",
    "yields before and after": "a, b = " + SUM + "yield s; s = s + u; yield s }\n  a - 2 * b",
    "axis -1": """transpose(1, 2)
  y = scan u in it over axis -1 { carry s = zeros(B, 4); s = tanh(s + u); yield s }
  transpose(y, 1, 2)""",
    "axis 0, inputs of different ranks": """transpose(0, 1)
  y = scan u in it, t in arange(T) over axis 0 { carry s = zeros(B, 4); s = s * 0.9 + u * cast(t, float); yield s }
  transpose(y, 0, 1)""",
    "a map": "scan u in x over axis 1 { yield u * 2 + 1 }",
    "two inputs": "scan u in x, v in x * 2 over axis 1 { carry s = zeros(B, 4); s = s * sigmoid(v) + u; yield s }",
    "finals in the order stated": "y, r, s = "
    + SUM
    + """carry r: [B, 1] = 1
    s = s + u; r = r * 0.5; yield u + r; final r; final s }
  y + s[:, none, :] * r[:, none, :]""",
    "final alone": "s = " + SUM + "s = 0.7 * s + u; final s }\n  x * s[:, none, :]",
    "weights": SUM + "s = tanh((u -> W: Linear(4)) + (s -> U: Linear(4, bias=false))); yield s }",
    "captured": "m = mean(x, axis=1)\n  scan u in x over axis 1 { carry h = m; h = h * m + u * T; yield h - m }",
    "nested": SUM
    + """
    r = scan w in u over axis 1 { carry q: [B] = 0; q = q + w; final q }
    s = s + r[:, none] * u; yield s }""",
    "simultaneous": SUM + "carry b = zeros(B, 4); s, b = (b + u, s); yield s - b }",
    "a block in a step": SUM + "s = (u + s -> cell: Cell); yield s }",
}


def program(body: str) -> str:
    return f"""
block Cell(x: [B, D]) -> [B, D] {{ fc: Linear(D); tanh }}
block Step(x: [B, T, 4]) -> [B, T, 4] {{
  {body}
}}
arch A(x: [B, T, 4]) -> y: [B, T, 4] {{ step: Step }}
"""


@pytest.mark.parametrize("name", BODIES)
def test_scan(name: str) -> None:
    assert_agrees(load(Source("scan.arch", program(BODIES[name]))).graph(), LENGTHS)


@pytest.mark.parametrize("reverse", ["", "reverse "])
def test_until(reverse: str) -> None:
    """The step where the condition first holds is taken, and none after it."""
    body = (
        "s, n = "
        + SUM.replace("{", f"{reverse}{{")
        + """carry n: [] = 0
    s = s + abs(u); n = n + 1; final s, n; until n >= 2 }
  x + s[:, none, :] * n"""
    )
    assert_agrees(load(Source("scan.arch", program(body))).graph(), LENGTHS)
