"""The models that others wrote, made as their users make them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn


def torchvision() -> Any:
    """The models of torchvision, beside a PyTorch without its compiled operators: the order of the two imports matters."""
    import_module("tests.oracles.torchvision_cpu")
    return import_module("torchvision.models")


def gpt2(**config: Any) -> nn.Module:
    """GPT-2 of transformers in evaluation mode, without the cache that generation needs."""
    torchvision()
    from transformers import GPT2Config, GPT2LMHeadModel

    made: nn.Module = GPT2LMHeadModel(GPT2Config(use_cache=False, **config))
    return made.eval()


def one_thread() -> None:
    """Threads would measure the neighbours."""
    torch.set_num_threads(1)
