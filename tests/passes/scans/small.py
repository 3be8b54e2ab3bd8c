"""The examples of the language that have scans, small: their configuration and inputs."""

from __future__ import annotations

from pathlib import Path

import torch

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
SMALL = {
    "lstm": {"vocab": 11, "width": 6, "hidden": 5},
    "seq2seq": {"vocab": 11, "width": 6, "hidden": 5},
    "ntm": {"slots": 8},
    "mamba": {"vocab": 11, "width": 8, "depth": 2},
    "rwkv4": {"vocab": 11, "width": 8, "depth": 2},
}


def inputs(name: str, length: int) -> tuple[torch.Tensor, ...]:
    """Random inputs for 3 sequences of this length."""
    torch.manual_seed(length)
    if name == "ntm":
        return (torch.randn(3, length, 9, dtype=torch.float64),)
    words = torch.randint(0, 11, (3, length))
    return (torch.randint(0, 11, (3, 4)), words) if name == "seq2seq" else (words,)
