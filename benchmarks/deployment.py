"""Deployment passes: passed models beside eager ones, what is written by hand beside the operators, ONNX beside torch's."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archdsl
from archdsl.source import Source
from benchmarks.measuring import Action, Row, compare, interleave

DEPLOYED = (
    "remove-dropout", "fuse-layer-norm", "fuse-rms-norm", "fuse-gelu", "fuse-attention", "fuse-qkv", "fuse-swiglu",
    "fold-batchnorm",
)  # fmt: skip
"""Everything that makes a trained model smaller or faster and keeps its function."""
SESSIONS = 6
"""Of ONNX Runtime, for each model."""
HEADS = "(q: [B, 12, T, 64], k: [B, 12, T, 64], v: [B, 12, T, 64])"
WIDE = "(x: [B, T, 768])"
BY_HAND = {
    "attention": (HEADS, "softmax(q @ transpose(k, -2, -1) / 8, axis=-1) @ v", "attention(q, k, v)"),
    "causal attention": (
        HEADS,
        'softmax(where(tril(ones(T, T, dtype=bool)), einsum("b h t d, b h s d -> b h t s", q, k) * 0.125, -1e30), axis=-1) @ v',
        "attention(q, k, v, causal=true)",
    ),
    "layer norm": (
        WIDE,
        "param w = w: [768] = ones\nparam b = b: [768] = zeros\nm = mean(x, axis=-1, keepdim=true)\n"
        "(x - m) / sqrt(mean((x - m) ** 2, axis=-1, keepdim=true) + 1e-5) * w + b",
        "param w = w: [768] = ones\nparam b = b: [768] = zeros\nlayer_norm(x, w, b)",
    ),
    "RMS norm": (
        WIDE,
        "param w = w: [768] = ones\nx * rsqrt(mean(x * x, axis=-1, keepdim=true) + 1e-6) * w",
        "param w = w: [768] = ones\nrms_norm(x, w, eps=1e-6)",
    ),
    "GELU": (WIDE, "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x ** 3)))", 'gelu(x, approximate="tanh")'),
}


def measure(quick: bool) -> list[Row]:
    """One thread, no gradients, the same weights on both sides. Time is the processor's: neighbours take turns on it."""
    from benchmarks.references import one_thread

    one_thread()
    rounds = 2 if quick else 15
    rows = [by_hand(name, *texts, rounds=rounds, length=32 if quick else 512) for name, texts in BY_HAND.items()]
    for name in ("ResNet50", "ViTB16", "GPT2"):
        rows += beside(name, quick, rounds)
    return rows


def timed(what: str, ours: Action, theirs: Action, target: float, rounds: int, beside: str) -> Row:
    return compare("deployment", what, ours, theirs, beside=beside, target=target, rounds=rounds, clock=time.process_time)


def by_hand(name: str, header: str, hand: str, fused: str, *, rounds: int, length: int) -> Row:
    """What is written by hand, after the passes, beside the operator."""
    import torch

    sides = []
    for text, passes in ((hand, DEPLOYED), (fused, ())):
        spec = archdsl.load(Source("by_hand.arch", f"arch Net{header} {{\n{text}\n}}"))
        module = spec.build(passes=passes).eval()
        shape = (1, 12, length, 64) if header == HEADS else (1, length, 768)
        inputs = [torch.randn(shape) for _ in range(3 if header == HEADS else 1)]
        sides.append(running(module, *inputs))
    return timed(f"{name} by hand, T={length}", sides[0], sides[1], 1.03, rounds, "the operator")


def running(module: Any, *inputs: Any) -> Callable[[], object]:
    """A call without gradients."""
    import torch

    def call() -> object:
        with torch.inference_mode():
            return module(*inputs)

    return call


def beside(name: str, quick: bool, rounds: int) -> list[Row]:
    """One architecture: the module beside eager, the ONNX model beside that of `torch.onnx.export`."""
    import onnx
    import torch

    file, config, theirs, x = reference(name, quick)
    theirs.eval()
    spec, state = archdsl.load(f"specs/{file}.arch"), theirs.state_dict()
    ours = spec.build(name, weights=state, passes=DEPLOYED, **config).eval()
    rows = [timed(f"{name}, passed", running(ours, x), running(theirs, x), 1.02, rounds, "eager")]
    del ours
    if name == "ResNet50":
        ours = spec.build(name, weights=state, passes=(*DEPLOYED, "channels-last"), **config).eval()
        rows.append(timed(f"{name}, passed, channels last", running(ours, x), running(theirs, x), 1.0, rounds, "eager"))
        del ours
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "theirs.onnx")
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(theirs, (x,), str(path), dynamo=True, optimize=True, verbose=False, external_data=False)
        models = [spec.onnx(name, weights=state, passes=DEPLOYED, inline=True, **config), path.read_bytes()]
    counts = [len(onnx.load_from_string(one).graph.node) for one in models]
    told = "torch.onnx.export(dynamo=True, optimize=True)"
    # A count is told as milliseconds, for want of a column.
    rows.append(Row("deployment", f"{name}, ONNX nodes", (counts[0] / 1e3,), (counts[1] / 1e3,), 1.0, told))
    ours_of, theirs_of = in_sessions(models, x, rounds)
    rows.append(Row("deployment", f"{name}, ONNX Runtime", ours_of, theirs_of, 1.02, told))
    return rows


def in_sessions(models: list[bytes], x: Any, rounds: int) -> tuple[tuple[float, ...], ...]:
    """Seconds a run of each model, over several sessions of each, opened in turn: one and the same model differs by some per cent
    from session to session, by where its weights come to lie."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(min(SESSIONS, rounds)):
        runs: dict[int, Action] = {}
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            runs[side] = on_onnx(onnxruntime.InferenceSession(models[side], options), x)
        for side, times in enumerate(interleave(runs[0], runs[1], -(-rounds // SESSIONS), time.process_time)):
            found[side].extend(times)
    return tuple(found[0]), tuple(found[1])


def on_onnx(session: Any, x: Any) -> Callable[[], object]:
    """A run of a session."""
    inputs = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, inputs)


def reference(name: str, quick: bool) -> tuple[str, dict[str, Any], Any, Any]:
    """The spec's file and configuration, the other library's model, and an input."""
    import torch

    from benchmarks.references import gpt2, torchvision

    torch.manual_seed(0)
    if name == "GPT2":
        depth = 2 if quick else 12
        return "gpt2", {"depth": depth}, gpt2(n_layer=depth), torch.randint(50257, (1, 16 if quick else 128))
    image = torch.randn(1, 3, 64 if quick and name == "ResNet50" else 224, 64 if quick and name == "ResNet50" else 224)
    if name == "ResNet50":
        return "resnet", {}, torchvision().resnet50(), image
    return "vit", {}, torchvision().vit_b_16(), image
