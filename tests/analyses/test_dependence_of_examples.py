"""The published architectures keep what they claim, and lose it with the usual slips."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.analyses.dependence import causal, independent
from archdsl.compiler import load

EXAMPLES = Path(__file__).parents[1] / "data" / "examples"
CLAIMS = [("gpt2", "GPT2", "tokens"), ("mamba", "Mamba", "tokens"), ("rwkv4", "RWKV", "tokens"), ("t5", "T5", "target")]
SLIPS = {
    "gpt2": ("attention(q, k, v, causal=true, dropout=p)", "attention(q, k, v, dropout=p)"),
    "mamba": ("padding=kernel - 1, groups=inner) -> it[:, :, :T]", "padding=kernel - 1, groups=inner) -> it[:, :, 1:T + 1]"),
    "rwkv4": ("concat(zeros_like(x[:, :1]), x[:, :-1], axis=1)", "concat(x[:, 1:], zeros_like(x[:, :1]), axis=1)"),
    "t5": ("causal=causal, scale=1.0", "scale=1.0"),
}


@pytest.mark.parametrize(("name", "arch", "tokens"), CLAIMS)
def test_language_models_are_causal(name: str, arch: str, tokens: str) -> None:
    graph = load(EXAMPLES / f"{name}.arch").graph(arch)
    verdict = causal(graph, "logits", tokens, 1)
    assert verdict.proved, verdict.reason
    assert independent(graph, "logits", tokens, 0).proved


@pytest.mark.parametrize(("name", "arch", "tokens"), CLAIMS)
def test_a_slip_is_found_and_placed(name: str, arch: str, tokens: str, tmp_path: Path) -> None:
    text = (EXAMPLES / f"{name}.arch").read_text()
    right, wrong = SLIPS[name]
    assert right in text
    file = tmp_path / f"{name}.arch"
    unclaimed = "".join(line for line in text.splitlines(keepends=True) if not line.strip().startswith("causal("))
    file.write_text(unclaimed.replace(right, wrong))
    verdict = causal(load(file).graph(arch), "logits", tokens, 1)
    assert not verdict.proved
    assert verdict.span is not None
    assert verdict.span.text in wrong or wrong in verdict.span.text, verdict
