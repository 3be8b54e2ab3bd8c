"""Random scan bodies: the plain loop, its fast form and a loop in NumPy over the same text agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl.compiler import load
from archdsl.ir.verify import check
from archdsl.passes.scans.choose import fast_scans
from archdsl.source import Source
from archdsl.targets.torch.module import build

B, H = 2, 3
FUNCTIONS: dict[str, Any] = {
    "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "maximum": np.maximum, "exp": np.exp, "mul": np.multiply,
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A scan over x (and z) with carries h and k, as statements that are both `.arch` and Python."""

    statements: tuple[tuple[str, str], ...]
    yields: tuple[str, ...]
    yield_at: int
    finals: tuple[str, ...]
    reverse: bool
    axis: int

    @property
    def text(self) -> str:
        lines = [f"{name} = {text}" for name, text in self.statements]
        lines.insert(self.yield_at, f"yield {', '.join(self.yields)}")
        shape = "[B, T, 3]" if self.axis == 1 else "[T, B, 3]"
        outs = [f"y{index}" for index in range(len(self.yields) + len(self.finals))]
        heads = "\n".join(f"  head {one} {{ {one} }}" for one in outs)
        final = f"\n    final {', '.join(self.finals)}" if self.finals else ""
        reverse = " reverse" if self.reverse else ""
        return f"""arch A(x: {shape}, z: {shape}, w: [3], m: [3, 3]) {{
  {", ".join(outs)} = scan a in x, b in z over axis {self.axis}{reverse} {{
    carry h = zeros(B, 3)
    carry k = ones(B, 3)
    {chr(10).join("    " + line for line in lines).strip()}{final}
  }}
{heads}
}}
"""

    def run(self, x: np.ndarray, z: np.ndarray, w: np.ndarray, m: np.ndarray) -> list[np.ndarray]:
        """The loop itself."""
        count = x.shape[self.axis]
        known: dict[str, Any] = {**FUNCTIONS, "w": w, "m": m, "h": np.zeros((B, H)), "k": np.ones((B, H))}
        stacks: list[list[np.ndarray]] = [[] for _ in self.yields]
        order = range(count)[::-1] if self.reverse else range(count)
        for t in order:
            known |= {"a": x.take(t, self.axis), "b": z.take(t, self.axis)}
            for at, (name, text) in enumerate((*self.statements, ("", ""))):
                if at == self.yield_at:
                    for stack, one in zip(stacks, self.yields, strict=True):
                        stack.append(np.broadcast_to(eval(one, {}, known), (B, H)))
                if name:
                    known[name] = eval(text, {}, known)
        stacked = [np.stack(one[::-1] if self.reverse else one, self.axis) for one in stacks]
        return [*stacked, *(known[one] for one in self.finals)]


@st.composite
def expressions(draw: st.DrawFn, names: tuple[str, ...], depth: int = 2) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(names))
    left = draw(expressions(names, depth - 1))
    kind = draw(st.sampled_from(["+", "-", "*", "tanh", "sigmoid", "maximum", "@", "number", "neg"]))
    if kind in ("tanh", "sigmoid"):
        return f"{kind}({left})"
    if kind == "@":
        return f"({left} @ m)"
    if kind == "number":
        return f"(0.5 * {left})"
    if kind == "neg":
        return f"(-{left})"
    right = draw(st.one_of(expressions(names, depth - 1), st.just("w")))
    return f"maximum({left}, {right})" if kind == "maximum" else f"({left} {kind} {right})"


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    names: tuple[str, ...] = ("a", "b", "h", "k")
    statements: list[tuple[str, str]] = []
    for index in range(draw(st.integers(0, 3))):
        statements.append((f"v{index}", draw(expressions(names))))
        names = (*names, f"v{index}")
    for carry in draw(st.permutations(["h", "k"])):
        statements.append((carry, f"(0.7 * {draw(expressions(names))} + 0.1 * b)"))
    at = draw(st.integers(len(statements) - 2, len(statements)))
    first = draw(expressions(names))
    second = draw(expressions(names).filter(lambda text: text != first))
    finals = draw(st.sampled_from([(), ("h",), ("k", "h")]))
    return Body(tuple(statements), (first, second), at, finals, draw(st.booleans()), draw(st.sampled_from([0, 1])))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies(), st.sampled_from([1, 2, 5]))
def test_random_bodies_agree_with_numpy(body: Body, length: int) -> None:
    spec = load(Source("<body>", body.text))
    plain = spec.graph()
    fast = check(fast_scans(plain))
    rng = np.random.default_rng(length)
    shape = (B, length, H) if body.axis == 1 else (length, B, H)
    x, z, w, m = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=3), 0.5 * rng.normal(size=(3, 3))
    wanted = body.run(x, z, w, m)
    args = [torch.from_numpy(one) for one in (x, z, w, m)]
    for graph in (plain, fast):
        made = build(graph, dtype=torch.float64)(*args)
        outputs = made if isinstance(made, tuple) else (made,)
        for one, two in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(one.numpy(), two, rtol=1e-9, atol=1e-9)
