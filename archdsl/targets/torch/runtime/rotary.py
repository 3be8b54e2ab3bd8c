"""Rotary position embedding."""

import torch


def rotary(
    x: torch.Tensor, positions: torch.Tensor | None = None, base: float = 10000.0, interleaved: bool = False
) -> torch.Tensor:
    """Turn each pair of features of `x` [..., T, D] by position * base ** (-2i / D) (Su et al., 2021), angles in f32."""
    wide = torch.promote_types(x.dtype, torch.float32)
    if positions is None:
        positions = torch.arange(x.shape[-2], device=x.device)
    rates = base ** (torch.arange(0, x.shape[-1], 2, device=x.device, dtype=wide) / -x.shape[-1])
    angles = positions[..., None].to(wide) * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    if interleaved:
        left, right = x[..., 0::2], x[..., 1::2]
        return torch.stack((left * cos - right * sin, left * sin + right * cos), dim=-1).flatten(-2)
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, left * sin + right * cos), dim=-1)
