"""What a scan means in every form: the loop and the fast form, as a module and in ONNX, at length 1 and more, a module at 0 too.

The references are loops written by hand in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor

from archdsl.compiler import Spec, load
from archdsl.source import Source

B, D = 2, 3
Weights = dict[str, Tensor]
Reference = Callable[[Tensor, Weights], tuple[Tensor, ...]]


def stacked(steps: list[Tensor], like: Tensor) -> Tensor:
    """The yields of all steps along axis 1."""
    return torch.stack(steps, 1) if steps else like.new_zeros(like.shape[0], 0, *like.shape[1:])


def carries(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    a, b, out = x.new_zeros(B, D), x.new_ones(B, D), []
    for u in x.unbind(1):
        a, b = 0.5 * b + u, torch.tanh(a * u)
        out.append(a - b)
    return stacked(out, a), a, b


def several_inputs(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = x.new_zeros(B, D), []
    for t, (u, v) in enumerate(zip(x.unbind(1), torch.sigmoid(x).unbind(1), strict=True)):
        h = v * h + u * float(t)
        out.append(h)
    return (stacked(out, h),)


def backwards(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = x.new_zeros(B, D), []
    for u in reversed(x.unbind(1)):
        h = torch.tanh(h + u)
        out.append(h)
    return stacked(out[::-1], h), h


def affine_backwards(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = x.new_zeros(B, D), []
    for u in reversed(x.unbind(1)):
        h = torch.sigmoid(u) * h + u
        out.append(h)
    return stacked(out[::-1], h), h


def several_yields(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, before, after = x.new_zeros(B, D), [], []
    for u in x.unbind(1):
        before.append(h)
        h = 0.9 * h + u
        after.append(h * u)
    return stacked(before, h), stacked(after, h), h


def until(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, n = x.new_zeros(B, D), x.new_zeros(B)
    for u in x.unbind(1):
        h, n = h + u.abs(), n + 1
        if h.sum() > 3.0:
            break
    return h, n


def nested(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = x.new_zeros(B), []
    for u in x.unbind(1):
        s = h
        for v in u.unbind(1):
            s = torch.tanh(s + v)
        h = 0.5 * h + s
        out.append(h[:, None] * u)
    return (stacked(out, x[:, 0] if x.shape[1] else x.new_zeros(B, D)),)


def no_carries(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    return (torch.tanh(x @ w["fc.weight"].T + w["fc.bias"]),)


def outside(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = w["m"].expand(B, D), []
    for u in x.unbind(1):
        h = torch.tanh(h * w["m"] + u)
        out.append(h + w["m"])
    return (stacked(out, x.new_zeros(B, D)),)


def shared(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = x.new_zeros(B, D), []
    for u in x.unbind(1):
        h = torch.tanh(u @ w["f.weight"].T + h @ w["f.weight"].T + w["p"])
        out.append(h)
    return (stacked(out, h),)


def cell(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h = c = x.new_zeros(B, D)
    out = []
    for u in x.unbind(1):
        i, f, g, o = (u @ w["W.weight"].T + w["W.bias"] + h @ w["U.weight"].T).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        out.append(h)
    return stacked(out, h), c


def one_branch(x: Tensor, w: Weights) -> tuple[Tensor, ...]:
    h, out = x.new_zeros(B, D), []
    for u in x.unbind(1):
        h = h + u
        out.append(h)
    return (stacked(out, h),)


Y, H, C = "y: [B, T, 3]", "h: [B, 3]", "c: [B, 3]"
PROGRAMS: dict[str, tuple[str, str, Reference]] = {
    "carries": (
        f"{Y}, {H}, {C}",
        "y, h, c = scan u in x over axis 1 { carry a = zeros(B, 3); carry b = ones(B, 3); a, b = (0.5 * b + u, tanh(a * u))\n"
        "    yield a - b; final a, b }",
        carries,
    ),
    "several inputs": (
        Y,
        "y = scan u in x, v in sigmoid(x), t in expand(arange(T)[none], B, T) over axis 1 {\n"
        "    carry h = zeros(B, 3); h = v * h + u * cast(t, float)[:, none]; yield h }",
        several_inputs,
    ),
    "reverse": (
        f"{Y}, {H}",
        "y, h = scan u in x over axis 1 reverse { carry h = zeros(B, 3); h = tanh(h + u); yield h; final h }",
        backwards,
    ),
    "affine and reverse": (
        f"{Y}, {H}",
        "y, h = scan u in x over axis 1 reverse { carry h = zeros(B, 3); h = sigmoid(u) * h + u; yield h; final h }",
        affine_backwards,
    ),
    "several yields": (
        f"{Y}, z: [B, T, 3], {H}",
        "y, z, h = scan u in x over axis 1 { carry h = zeros(B, 3); yield h; h = 0.9 * h + u; yield h * u; final h }",
        several_yields,
    ),
    "until": (
        f"{H}, n: [B]",
        "h, n = scan u in x over axis 1 { carry h = zeros(B, 3); carry n = zeros(B); h = h + abs(u); n = n + 1\n"
        "    final h, n; until sum(h) > 3.0 }",
        until,
    ),
    "nested": (
        Y,
        "y = scan u in x over axis 1 { carry h = zeros(B)\n"
        "    s = scan v in u over axis 1 { carry s = h; s = tanh(s + v); final s }\n    h = 0.5 * h + s; yield h[:, none] * u }",
        nested,
    ),
    "no carries": (Y, "y = scan u in x over axis 1 { yield tanh(u -> fc: Linear(3)) }", no_carries),
    "a tensor from outside": (
        Y,
        "param m: [3] = normal\n  y = scan u in x over axis 1 { carry h: [B, 3] = m; h = tanh(h * m + u); yield h + m }",
        outside,
    ),
    "weights shared over time": (
        Y,
        "shared f = Linear(3, bias=false)\n  y = scan u in x over axis 1 { carry h = zeros(B, 3); param p: [3] = normal\n"
        "    h = tanh((u -> f) + (h -> f) + p); yield h }",
        shared,
    ),
    "an LSTM": (
        f"{Y}, {C}",
        "y, c = scan u in x over axis 1 { carry h = zeros(B, 3); carry c = zeros(B, 3)\n"
        "    i, f, g, o = (u -> W: Linear(12)) + (h -> U: Linear(12, bias=false)) -> chunk(4, axis=-1)\n"
        "    c = sigmoid(f) * c + sigmoid(i) * tanh(g); h = sigmoid(o) * tanh(c); yield h; final c }",
        cell,
    ),
    "a choice of configuration": (
        Y,
        "let more = false\n"
        "  y = scan u in x over axis 1 { carry h = zeros(B, 3); if more { h = h * 2 } else { h = h + u }; yield h }",
        one_branch,
    ),
}  # fmt: skip


def program(name: str) -> Spec:
    outputs, body, _ = PROGRAMS[name]
    heads = "\n".join(f"  head {one.split(':')[0]} {{ {one.split(':')[0]} }}" for one in outputs.replace("], ", "];").split(";"))
    return load(Source("case.arch", f"arch A(x: [B, T, 3]) -> {outputs} {{\n  {body}\n{heads}\n}}"))


def outputs_of(made: object) -> tuple[Tensor, ...]:
    return tuple(made) if isinstance(made, tuple) else (made,)  # type: ignore[return-value]


@pytest.mark.parametrize("scan", ["auto", "loop"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_module(name: str, scan: str) -> None:
    module = program(name).build(scan=scan, dtype=torch.float64)
    weights = {key: value.double() for key, value in module.state_dict().items()}
    for length in (0, 1, 2, 7):
        x = torch.randn(B, length, D, dtype=torch.float64, generator=torch.Generator().manual_seed(length))
        wanted = PROGRAMS[name][2](x, weights)
        made = outputs_of(module(x))
        assert len(made) == len(wanted)
        for got, want in zip(made, wanted, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scan", ["auto", "loop"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_onnx(name: str, scan: str) -> None:
    """From length 1: at 0 ONNX Runtime 1.31 divides by zero in `Scan`, and leaves the last states of `LSTM` uninitialised."""
    spec = program(name)
    module = spec.build()
    session = ort.InferenceSession(spec.onnx(weights=module, scan=scan), providers=["CPUExecutionProvider"])
    weights = {key: value.double() for key, value in module.state_dict().items()}
    for length in (1, 2, 7):
        x = torch.randn(B, length, D, dtype=torch.float64, generator=torch.Generator().manual_seed(length))
        wanted = PROGRAMS[name][2](x, weights)
        made = session.run(None, {"x": x.float().numpy()})
        for got, want in zip(made, wanted, strict=True):
            np.testing.assert_allclose(got, want.detach().numpy(), rtol=2e-5, atol=2e-6, err_msg=f"length {length}")


def test_a_choice_by_training_in_a_body_reads_what_is_outside() -> None:
    text = """arch A(x: [B, T, 3], z: [B, 3]) -> y: [B, T, 3] {
  param w: [2, 3] = normal
  scan a in x over axis 1 {
    carry h = zeros(B, 3)
    h = h + a -> {
      if training { q = it * z; scan c in w over axis 0 { carry k = q; k = tanh(k * c); final k } } else { sin(it) * w[0] + z }
    }
    yield h
  }
}"""
    spec = load(Source("<body>", text))
    for scan in ("auto", "loop"):
        module = spec.build(dtype="f64", scan=scan)
        x, z, w = torch.randn(2, 4, 3).double(), torch.randn(2, 3).double(), module.w
        for training in (True, False):
            h, steps = torch.zeros(2, 3).double(), []
            for a in x.unbind(1):
                h = torch.tanh(torch.tanh((h + a) * z * w[0]) * w[1]) if training else torch.sin(h + a) * w[0] + z
                steps.append(h)
            torch.testing.assert_close(module.train(training)(x, z), torch.stack(steps, 1), rtol=1e-12, atol=1e-12)
