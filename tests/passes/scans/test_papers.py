"""Recurrences of papers beside plain loops in PyTorch: the form that each gets, its numbers and its gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from archdsl.compiler import load
from archdsl.passes.scans.choose import explained
from archdsl.source import Source

Step = Callable[..., tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]
LEFT, LOOP, GONE = "the loop, of what is left of it", "the loop", "no loop"


def vector(*sizes: int) -> Tensor:
    return torch.zeros(*(sizes or (2, 3)), dtype=torch.float64)


def matrix() -> Tensor:
    return vector(2, 3, 3)


def qrnn(a: Tensor, b: Tensor, p: Tensor, v: Tensor, before: Tensor, c: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    c = b.sigmoid() * c + (1 - b.sigmoid()) * torch.tanh(a @ p + before * v)
    return (a, c), (a.sigmoid() * c,)


def rg_lru(a: Tensor, b: Tensor, p: Tensor, v: Tensor, h: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    decay = -8 * b.sigmoid() * F.softplus(v)
    h = decay.exp() * h + torch.sqrt(1 - torch.exp(2 * decay) + 1e-6) * a
    return (h,), (h,)


def mlstm(
    a: Tensor, b: Tensor, p: Tensor, v: Tensor, c: Tensor, n: Tensor, m: Tensor
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    entering, forget = a.mean(-1, keepdim=True), F.logsigmoid(b.mean(-1, keepdim=True))
    top = torch.maximum(forget + m, entering)
    i, f = torch.exp(entering - top), torch.exp(forget + m - top)
    c, n = f[:, :, None] * c + i[:, :, None] * (b[:, :, None] * a[:, None]), f * n + i * a
    return (c, n, top), ((c @ b[:, :, None])[:, :, 0] / torch.maximum((n * b).sum(-1, keepdim=True).abs(), torch.exp(-top)),)


def slstm(
    a: Tensor, b: Tensor, p: Tensor, v: Tensor, c: Tensor, n: Tensor, h: Tensor, m: Tensor
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    entering, forget = a + h @ p, b + h * v
    top = torch.maximum(forget + m, entering)
    i, f = torch.exp(entering - top), torch.exp(forget + m - top)
    c, n = f * c + i * torch.tanh(a), f * n + i
    h = a.sigmoid() * c / n
    return (c, n, h, top), (h,)


def mamba_2(a: Tensor, b: Tensor, p: Tensor, v: Tensor, s: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    dt = F.softplus(a.mean(-1, keepdim=True))
    s = torch.exp(-dt * torch.exp(v[0:1]))[:, :, None] * s + (dt * b)[:, :, None] * a[:, None]
    return (s,), ((s * b[:, None]).sum(-1) + v * b,)


def delta(a: Tensor, b: Tensor, p: Tensor, v: Tensor, w: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    key = a / a.norm(dim=-1, keepdim=True)
    w = w + 0.5 * (b - (w @ key[:, :, None])[:, :, 0])[:, :, None] * key[:, None]
    return (w,), ((w @ b[:, :, None])[:, :, 0],)


def kalman(a: Tensor, b: Tensor, p: Tensor, v: Tensor, m: Tensor, s: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    s = s + b.sigmoid() + 0.1
    gain = s / (s + 1)
    m, s = m + gain * (a - m), (1 - gain) * s
    return (m, s), (m + s,)


def ctc(a: Tensor, b: Tensor, p: Tensor, v: Tensor, h: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    moved = torch.cat([h.new_full((2, 1), -50.0), h[:, :2]], 1)
    h = torch.logsumexp(torch.stack([h, moved]), 0) + F.log_softmax(a, -1)
    return (h,), (h,)


def viterbi(a: Tensor, b: Tensor, p: Tensor, v: Tensor, h: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    h = (h[:, :, None] + p).amax(1) + a
    return (h,), (h,)


def median(a: Tensor, b: Tensor, p: Tensor, v: Tensor, last: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    last = torch.cat([last[:, 1:], a[:, None]], 1)
    return (last,), (last.sort(1).values[:, 1],)


def held(a: Tensor, b: Tensor, p: Tensor, v: Tensor, h: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    h = torch.where(b > 0, h, a * 0.5 + h * 0.2)
    return (h,), (h,)


def ball(a: Tensor, b: Tensor, p: Tensor, v: Tensor, x: Tensor, speed: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    speed = 0.9 * speed - 0.1 * (x - a)
    return (x + speed, speed), (x + speed,)


def online(a: Tensor, b: Tensor, p: Tensor, v: Tensor, m: Tensor, d: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    top = torch.maximum(m, a)
    d = d * torch.exp(m - top) + torch.exp(a - top)
    return (top, d), (top + torch.log(d),)


PAPERS: dict[str, tuple[str, Step, tuple[Tensor, ...], str]] = {
    "QRNN (Bradbury et al., 2017)": (
        """carry before = zeros(B, 3)
        carry c = zeros(B, 3)
        c = sigmoid(b) * c + (1 - sigmoid(b)) * tanh(a @ p + before * v)
        before = a
        yield sigmoid(a) * c""", qrnn, (vector(), vector()), GONE),
    "RG-LRU (De et al., 2024)": (
        """carry h = zeros(B, 3)
        decay = (-8) * sigmoid(b) * softplus(v)
        h = exp(decay) * h + sqrt(1 - exp(2 * decay) + 1e-6) * a
        yield h""", rg_lru, (vector(),), GONE),
    "mLSTM (Beck et al., 2024)": (
        """carry c = zeros(B, 3, 3)
        carry n = zeros(B, 3)
        carry m = zeros(B, 1)
        entering = mean(a, axis=-1, keepdim=true)
        forget = logsigmoid(mean(b, axis=-1, keepdim=true))
        top = maximum(forget + m, entering)
        i, f = (exp(entering - top), exp(forget + m - top))
        c = f[:, :, none] * c + i[:, :, none] * (b[:, :, none] * a[:, none])
        n = f * n + i * a
        m = top
        yield (c @ b[:, :, none])[:, :, 0] / maximum(abs(sum(n * b, axis=-1, keepdim=true)), exp(-top))""",
        mlstm, (matrix(), vector(), vector(2, 1)), GONE),
    "sLSTM (Beck et al., 2024)": (
        """carry c = zeros(B, 3)
        carry n = zeros(B, 3)
        carry h = zeros(B, 3)
        carry m = zeros(B, 3)
        entering, forget = (a + h @ p, b + h * v)
        top = maximum(forget + m, entering)
        i, f = (exp(entering - top), exp(forget + m - top))
        c = f * c + i * tanh(a)
        n = f * n + i
        h = sigmoid(a) * c / n
        m = top
        yield h""", slstm, (vector(), vector(), vector(), vector()), LEFT),
    "Mamba-2 (Dao and Gu, 2024)": (
        """carry s = zeros(B, 3, 3)
        dt = softplus(mean(a, axis=-1, keepdim=true))
        s = exp(-dt * exp(v[0:1]))[:, :, none] * s + (dt * b)[:, :, none] * a[:, none]
        yield sum(s * b[:, none], axis=-1) + v * b""", mamba_2, (matrix(),), GONE),
    "DeltaNet (Schlag et al., 2021)": (
        """carry w = zeros(B, 3, 3)
        key = a / norm(a, axis=-1, keepdim=true)
        w = w + 0.5 * (b - (w @ key[:, :, none])[:, :, 0])[:, :, none] * key[:, none]
        yield (w @ b[:, :, none])[:, :, 0]""", delta, (matrix(),), LEFT),
    "Kalman's filter": (
        """carry m = zeros(B, 3)
        carry s = ones(B, 3)
        wide = s + sigmoid(b) + 0.1
        gain = wide / (wide + 1)
        m, s = (m + gain * (a - m), (1 - gain) * wide)
        yield m + s""", kalman, (vector(), vector() + 1), LEFT),
    "CTC's forward pass (Graves et al., 2006)": (
        """carry h = zeros(B, 3)
        moved = concat(zeros(B, 1) - 50.0, h[:, 0:2], axis=1)
        h = logsumexp(stack(h, moved, axis=0), axis=0) + log_softmax(a, axis=-1)
        yield h""", ctc, (vector(),), LEFT),
    "Viterbi's best path": (
        """carry h = zeros(B, 3)
        h = max(h[:, :, none] + p, axis=1) + a
        yield h""", viterbi, (vector(),), LOOP),
    "a running median": (
        """carry last = zeros(B, 3, 3)
        last = concat(last[:, 1:], a[:, none], axis=1)
        ordered, _ = sort(last, axis=1)
        yield ordered[:, 1]""", median, (matrix(),), LEFT),
    "a state that is held": ("carry h = zeros(B, 3)\nh = where(b > 0, h, a * 0.5 + h * 0.2)\nyield h", held, (vector(),), GONE),
    "momentum (Polyak, 1964)": (
        """carry place = zeros(B, 3)
        carry speed = zeros(B, 3)
        speed = 0.9 * speed - 0.1 * (place - a)
        place = place + speed
        yield place""", ball, (vector(), vector()), GONE),
    "softmax on the way (Milakov and Gimelshein, 2018)": (
        """carry m = zeros(B, 3) - 30
        carry d = zeros(B, 3)
        top = maximum(m, a)
        d = d * exp(m - top) + exp(a - top)
        m = top
        yield m + log(d)""", online, (vector() - 30, vector()), GONE),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize("reverse", ["", "reverse"])
def test_a_recurrence_of_a_paper(name: str, reverse: str) -> None:
    body, step, starts, form = PAPERS[name]
    lines = "\n".join(f"    {line.strip()}" for line in body.splitlines())
    text = f"""arch A(x: [B, T, 3], z: [B, T, 3], p: [3, 3], v: [3]) {{
  y = scan a in x, b in z over axis 1 {reverse} {{
{lines}
  }}
  head y {{ y }}
}}"""
    spec = load(Source("<body>", text))
    assert [story.form for story in explained(spec.graph())] == [form]
    for fast in (True, False):
        net = spec.build(dtype="f64") if fast else spec.build(dtype="f64", scan="loop")
        for length in (1, 6) if reverse or not fast else (1, 6, 140):
            torch.manual_seed(length)
            shapes = ((2, length, 3), (2, length, 3), (3, 3), (3,))
            given = [torch.randn(*shape, dtype=torch.float64).requires_grad_() for shape in shapes]
            made, wanted = net(*given), walked(step, starts, *given, reverse=bool(reverse))
            torch.testing.assert_close(made, wanted, rtol=1e-9, atol=1e-9)
            share = torch.randn_like(wanted)
            grads = [torch.autograd.grad((one * share).sum(), given, materialize_grads=True) for one in (made, wanted)]
            for a, b in zip(*grads, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def walked(step: Step, carries: tuple[Tensor, ...], x: Tensor, z: Tensor, p: Tensor, v: Tensor, reverse: bool) -> Tensor:
    """The loop as the paper has it."""
    steps = []
    for t in range(x.shape[1])[:: -1 if reverse else 1]:
        carries, (y,) = step(x[:, t], z[:, t], p, v, *carries)
        steps.append(y)
    return torch.stack(steps[::-1] if reverse else steps, 1)
