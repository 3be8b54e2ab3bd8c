"""Stochastic depth."""

from __future__ import annotations

from torch import Tensor, nn


class DropPath(nn.Module):
    """In training, zero whole samples with probability `p` and scale the others by 1 / (1 - p) (Huang et al., 2016)."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """[N, ...] to the same."""
        if not self.training or self.p == 0.0:
            return x
        keep = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p)) if self.p < 1.0 else x * keep

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        return f"p={self.p}"
