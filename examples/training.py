"""What the experiments share: images of stripes in four directions under much noise, and a short training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 16


def stripes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """`count` noisy images [count, 1, 16, 16] of stripes, and which of four directions each has."""
    draw = torch.Generator().manual_seed(seed)
    kinds = torch.randint(0, 4, (count,), generator=draw)
    phase = torch.rand(count, 1, 1, generator=draw) * 2 * math.pi
    angle = (kinds * math.pi / 4)[:, None, None]
    across, down = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="xy")
    waves = torch.sin((across * angle.cos() + down * angle.sin()) * 1.2 + phase)
    return (waves + 2 * torch.randn(count, SIZE, SIZE, generator=draw))[:, None], kinds


def train(module: nn.Module, steps: int, rate: float = 3e-3) -> float:
    """Trains for some steps of 64 images; the share of 512 other images that it then gets right."""
    optimizer = torch.optim.AdamW(module.parameters(), rate)
    module.train()
    for step in range(steps):
        images, kinds = stripes(64, seed=step)
        optimizer.zero_grad()
        F.cross_entropy(module(images), kinds).backward()
        optimizer.step()
    return score(module)


@torch.no_grad()
def score(module: nn.Module) -> float:
    """The share of 512 images, which are in no training, that a module gets right."""
    images, kinds = stripes(512, seed=10_000)
    return float((module.eval()(images).argmax(1) == kinds).float().mean())
