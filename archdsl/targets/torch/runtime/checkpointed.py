"""Activation checkpointing of a module with running statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint


def checkpointed(module: nn.Module, *inputs: Any) -> Any:
    """The module's results; what it computes on the way is computed again in the backward pass (Chen et al., 2016)."""
    contexts = lambda: (nullcontext(), buffers_kept(module))  # noqa: E731
    return checkpoint(module, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def buffers_kept(module: nn.Module) -> Iterator[None]:
    """What is computed again counts once in the running statistics."""
    before = [(one, one.clone()) for one in module.buffers()]
    try:
        yield
    finally:
        for one, value in before:
            one.data.copy_(value)
