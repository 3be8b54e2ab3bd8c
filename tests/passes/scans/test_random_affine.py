"""Random bodies that are affine in their carries, large states too: the fast form and a NumPy loop agree."""

from __future__ import annotations

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

B, D, N = 2, 3, 2
KNOWN: dict[str, Any] = {"tanh": np.tanh, "sin": np.sin, "none": None, "sum": np.sum, "exp": np.exp}
SMALL = ("a", "sin(b)", "0.5", "tanh(a)", "w", "(a - b)")
LARGE = ("a[:, :, none]", "m", "sin(a[:, :, none] * m)", "(0.3 * b[:, :, none])", "exp(-1 * (m * m))", "c[:, none, :]")
STATES = {"small": ("zeros(B, 3)", np.zeros((B, D)), SMALL), "large": ("zeros(B, 3, 2)", np.zeros((B, D, N)), LARGE)}
READS = {
    "small": ("h", "h * k", "tanh(h) + a"),
    "large": (
        "sum(h, axis=2)",
        "sum(h * c[:, none, :], axis=2)",
        "tanh(sum(c[:, none, :] * h, axis=2)) + a",
        "sum(h * k, axis=2)",
    ),
}


@st.composite
def updates(draw: st.DrawFn, carries: tuple[str, ...], known: tuple[str, ...]) -> str:
    """A sum of carries by known factors, and of known terms, in any order."""
    factors = [f"({draw(st.sampled_from(known))} * {one})" for one in carries if draw(st.booleans())]
    terms = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2))
    text = draw(st.sampled_from(["h", "k"])) if not factors else ""
    for part in draw(st.permutations([*factors, *terms])):
        text = f"{text} {draw(st.sampled_from('+-'))} {part}" if text else part
    return f"0.5 * ({text})"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(sorted(STATES)), st.booleans(), st.booleans(), st.sampled_from([0, 1, 2, 7]))
def test_random_affine_bodies_agree_with_numpy(data: st.DataObject, kind: str, joint: bool, reverse: bool, length: int) -> None:
    start, zero, known = STATES[kind]
    carries = ("h", "k") if joint else ("h",)
    h, k = data.draw(updates(carries, known)), data.draw(updates(("h", "k") if joint else ("k",), known))
    read = data.draw(st.sampled_from(READS[kind]))
    text = f"""arch A(x: [B, T, 3], z: [B, T, 3], u: [B, T, 2], w: [3], m: [3, 2]) {{
  y, last = scan a in x, b in z, c in u over axis 1 {"reverse" if reverse else ""} {{
    carry h: {"[B, 3]" if kind == "small" else "[B, 3, 2]"} = {start}
    carry k: {"[B, 3]" if kind == "small" else "[B, 3, 2]"} = {start}
    h, k = ({h}, {k})
    yield {read}
    final k
  }}
  head y {{ y }}
  head last {{ last }}
}}"""
    rng = np.random.default_rng(length)
    x, z, u = (rng.normal(size=(B, length, size)) for size in (D, D, N))
    w, m = rng.normal(size=D), rng.normal(size=(D, N))
    names: dict[str, Any] = {**KNOWN, "h": zero, "k": zero, "w": w, "m": m}
    sums = [np.zeros((B, D))] * length
    for t in range(length)[:: -1 if reverse else 1]:
        names |= {"a": x[:, t], "b": z[:, t], "c": u[:, t]}
        names["h"], names["k"] = (np.broadcast_to(eval(one, {}, names), zero.shape) for one in (h, k))
        sums[t] = eval(read, {}, names)
    wanted = np.stack(sums, 1) if sums else np.zeros((B, 0, D))
    plain = load(Source("<body>", text)).graph()
    for graph in (plain, check(fast_scans(plain))):
        y, last = build(graph, dtype=torch.float64)(*map(torch.from_numpy, (x, z, u, w, m)))
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(last.numpy(), names["k"], rtol=1e-9, atol=1e-9)
