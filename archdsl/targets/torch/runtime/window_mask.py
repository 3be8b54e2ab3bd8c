"""The mask of sliding-window attention."""

import torch


def window_mask(queries: int, keys: int, left: int | None, right: int | None, device: torch.device) -> torch.Tensor:
    """A bool [queries, keys]: true where key j lies in [i - left, i + right] of query i; None is unbounded."""
    distance = torch.arange(keys, device=device) - torch.arange(queries, device=device)[:, None]
    allowed = torch.ones_like(distance, dtype=torch.bool)
    if left is not None:
        allowed = allowed & (distance >= -left)
    if right is not None:
        allowed = allowed & (distance <= right)
    return allowed
