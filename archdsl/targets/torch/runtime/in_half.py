"""A region of mixed precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def in_half(training: bool, dtype: torch.dtype, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """What `call` gives; in training it runs under `torch.autocast` in that type, and its results come back in float32."""
    device = next(one.device.type for one in args if isinstance(one, Tensor))
    with torch.autocast(device, dtype, enabled=training):
        made = call(*args, **more)
    several = made if isinstance(made, tuple) else (made,)
    whole = tuple(one.float() if one.dtype == dtype else one for one in several)
    return whole if isinstance(made, tuple) else whole[0]
