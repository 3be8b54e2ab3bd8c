"""The models that others wrote, made as their users make them."""

from __future__ import annotations

import ctypes
from contextlib import suppress
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


def keep_memory() -> None:
    """Have glibc keep what is freed, for both sides: it maps tensors of 32 MiB and more anew each time, and where a page fault is
    slow, as on a virtual machine, that is most of what a length of 16384 would measure."""
    mmap_threshold, trim_threshold = -3, -1  # malloc.h
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, (1 << 31) - 1)
