"""The recurrent specs and the standard library's recurrences, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archdsl
from tests.passes.streaming.running import agree, onnx_agrees, spec

SPECS = Path(__file__).resolve().parents[3] / "specs"
LAYERS = {"features": 5, "hidden": 6}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_layers(name: str, layers: int) -> None:
    model = archdsl.load(SPECS / f"{name}.arch")
    torch.manual_seed(0)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    outputs = len(model.graph(name.upper(), **LAYERS).outputs)
    agree(model, (x,), (1,), (1, None, None)[:outputs], name=name.upper(), layers=layers, **LAYERS)


def test_a_sequence_without_a_batch() -> None:
    x = torch.randn(7, 8, dtype=torch.float64)
    agree(archdsl.load(SPECS / "rnn.arch"), (x,), (0,), (0,), name="VanillaRNN")


@pytest.mark.parametrize("name", ["mamba", "rwkv4"])
def test_language_models(name: str) -> None:
    model = archdsl.load(SPECS / f"{name}.arch")
    words = torch.randint(0, 11, (2, 9), generator=torch.Generator().manual_seed(0))
    agree(model, (words,), (1,), (1,), name={"mamba": "Mamba", "rwkv4": "RWKV4"}[name], vocab=11, width=32, depth=2)


@pytest.mark.parametrize("zoh", [True, False])
def test_s4d(zoh: bool) -> None:
    x = torch.randn(2, 9, 8, dtype=torch.float64)
    agree(archdsl.load(SPECS / "s4d.arch"), (x,), (1,), (1,), name="S4D", width=8, state=6, zoh=zoh)


BLOCKS = {
    "ChoGRU(4)": "recurrent",
    "PeepholeLSTM(4)": "recurrent",
    "MinGRU(4)": "recurrent",
    "Stacked(MinGRU(4), layers=2, p=0.1)": "recurrent",
    "LSTM(4, layers=2)": "recurrent",
    "MambaMixer(state=3)": "ssm",
    "RWKVTimeMix": "ssm",
    "RWKVChannelMix": "ssm",
    "LinearAttention(heads=2)": "ssm",
}


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_of_the_standard_library(block: str) -> None:
    names = {word for word in block.replace("(", " ").replace(",", " ").split() if word[0].isupper()}
    use = f"use std.{BLOCKS[block]} {{ {', '.join(sorted(names))} }}"
    walk = "" if block != "RWKVChannelMix" else "\n  scan u in it over axis 1 { yield u }"
    model = spec(f"{use}\narch A(x: [B, T, 4]) -> y: [B, T, 4] {{\n  cell: {block}{walk}\n  head y\n}}")
    torch.manual_seed(0)
    agree(model, (torch.randn(2, 6, 4, dtype=torch.float64),), (1,), (1,))
    onnx_agrees(model, (torch.randn(2, 6, 4),), (1,), (1,))
