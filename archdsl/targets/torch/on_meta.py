"""Modules without numbers: on `meta` nothing needs to be drawn or filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._device import DeviceContext, _device_constructors

_METHODS = (
    "bernoulli_",
    "copy_",
    "exponential_",
    "fill_",
    "fill_diagonal_",
    "log_normal_",
    "normal_",
    "random_",
    "uniform_",
    "zero_",
)
FILLING: frozenset[Callable[..., Any]] = frozenset(
    [getattr(Tensor, name) for name in _METHODS]
    + [getattr(nn.init, name) for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")]
)
"""What gives a tensor its values in place and returns it."""


class OnMeta(DeviceContext):
    """`with OnMeta():` is `with torch.device("meta"):` where filling a tensor does nothing.

    PyTorch works out the shapes of a fill on meta through its decompositions in Python, at ten times the cost of an empty tensor;
    a ResNet-152 of torchvision spends most of its time there.
    """

    def __init__(self) -> None:
        super().__init__(torch.device("meta"))
        self.constructors: frozenset[Callable[..., Any]] = frozenset(_device_constructors())

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in FILLING:
            return args[0] if args else (kwargs or {})["tensor"]
        named = kwargs or {}
        if func in self.constructors and named.get("device") is None:
            named["device"] = self.device
        return func(*args, **named)
