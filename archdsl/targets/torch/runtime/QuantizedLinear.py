"""A linear layer in 8-bit integers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class QuantizedLinear(nn.Module):
    """`x @ weight.T + bias` with `weight` of int8, a `scale` for each row, and x as uint8 by its own range in each call."""

    weight: Tensor
    scale: Tensor
    bias: nn.Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_features)) if bias else None)
        self.register_buffer("weight", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(out_features))

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)  # zero is a value of its own
        step = torch.where(high > low, (high - low) / 255, 1.0)
        zero = (-low / step).round()
        steps = ((x / step).round() + zero).clamp(0, 255) - zero
        y = nn.functional.linear(steps, self.weight.to(x.dtype)) * (step * self.scale)
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        rows, columns = self.weight.shape
        return f"in_features={columns}, out_features={rows}, bias={self.bias is not None}"
