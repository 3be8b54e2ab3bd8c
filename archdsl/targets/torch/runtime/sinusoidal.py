"""Sinusoidal positions (Vaswani et al. 2017)."""

import torch
from torch import Tensor


def sinusoidal(length: int, width: int, base: float = 10000.0, *, dtype: torch.dtype, device: torch.device | str) -> Tensor:
    """[length, width]: column 2i is sin(t / base^(2i / width)), column 2i + 1 its cosine."""
    step = torch.arange(length, dtype=torch.float64, device=device)
    rate = base ** (torch.arange(0, width, 2, dtype=torch.float64, device=device) / width)
    angle = step[:, None] / rate
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1).to(dtype)
