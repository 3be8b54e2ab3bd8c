"""Modules of one block of the standard library, with random parameters and statistics, in float64."""

from __future__ import annotations

from typing import Any

import torch

import archdsl
from archdsl.source import Source


def made(use: str, header: str, body: str, **options: Any) -> torch.nn.Module:
    """`body` in an arch with this header and this import, in evaluation mode; keys are those of the labels in `body`."""
    text = f"use {use}\narch Under{header} {{\n  {body}\n}}\n"
    module: torch.nn.Module = archdsl.load(Source("test.arch", text)).build("Under", **options)
    return randomised(module)


def randomised(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Every parameter and running statistic drawn anew, none left at what it starts as."""
    draw = torch.Generator().manual_seed(seed)
    module.double().eval()
    with torch.no_grad():
        for name, one in (*module.named_parameters(), *module.named_buffers()):
            if one.is_floating_point():
                one.copy_(torch.randn(one.shape, generator=draw, dtype=one.dtype) * 0.5)
                if name.endswith("running_var"):
                    one.abs_().add_(0.5)
    return module


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def same(first: torch.Tensor, second: torch.Tensor) -> None:
    """Equal to what reordering the sums leaves in float64."""
    torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-9)


def agree(module: torch.nn.Module, reference: torch.nn.Module, *inputs: torch.Tensor, **more: Any) -> None:
    """The reference has exactly these keys and computes the same with them: the results and the gradients of the first input."""
    reference.double().eval()
    reference.load_state_dict(module.state_dict(), strict=True)
    first = [one.clone().requires_grad_() for one in inputs[:1]]
    ours, theirs = module(*first, *inputs[1:]), reference(*first, *inputs[1:], **more)
    same(ours, theirs)
    weight = normal(*ours.shape, seed=2)
    same(*(torch.autograd.grad((one * weight).sum(), first[0])[0] for one in (ours, theirs)))
