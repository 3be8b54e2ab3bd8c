"""Modules of the project's specs and examples, built as a user builds them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

import archdsl
from archdsl.compiler import Spec

ROOT = Path(__file__).resolve().parents[2]


@cache
def spec(file: str) -> Spec:
    """`resnet` is specs/resnet.arch, `whisper` gallery/whisper.arch, `examples/t5` tests/data/examples/t5.arch."""
    folders = ("tests/data",) if "/" in file else ("specs", "gallery")
    return archdsl.load(next(path for path in (ROOT / one / f"{file}.arch" for one in folders) if path.is_file()))


def build(file: str, arch: str, *, device: str = "cpu", **config: Any) -> nn.Module:
    """The live module in float32; each call gives its optional inputs or not."""
    return spec(file).build(arch, device=device, **config)


def quiet(module: nn.Module) -> nn.Module:
    """Without dropout, so that training mode is a function: only the layers that draw are touched."""
    for one in module.modules():
        if isinstance(one, nn.modules.dropout._DropoutNd):
            one.p = 0.0
        if isinstance(one, nn.MultiheadAttention):
            one.dropout = 0.0
    return module


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every parameter and running statistic drawn anew, no default left: a default hides a dropped or swapped tensor.

    Matrices and kernels keep the size of what passes through them; variances stay positive, as a running variance is.
    """
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict(keep_vars=True).items():
            leaf = name.rpartition(".")[2]
            if not tensor.dtype.is_floating_point:
                tensor.fill_(7)
                continue
            noise = torch.randn(tensor.shape, generator=draw, dtype=torch.float32)
            if leaf == "running_var":
                value = 0.5 + noise.abs()
            elif tensor.ndim < 2:
                value = 0.2 * noise + (1.0 if leaf == "weight" else 0.0)
            else:
                value = noise / max(1, tensor[0].numel()) ** 0.5
            tensor.copy_(value)
    return module
