"""Tensors of files as torch's, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archdsl.files.tensors import Held, Made
from archdsl.problems.problem import ArchError
from archdsl.source import Source, Span
from archdsl.weights.own import DTYPES
from archdsl.weights.problems import WeightsDoNotFit

if TYPE_CHECKING:
    import torch


def from_file(given: Mapping[str, Held], file: str) -> dict[str, torch.Tensor]:
    """The tensors of a file as a state dict, in memory of their own. Raises `weights-do-not-fit` for a type that torch lacks."""
    import torch

    types = {word: getattr(torch, name) for name, word in DTYPES.items()}
    found = {}
    for name, one in given.items():
        if one.dtype not in types:
            why = f"`{name}` has elements of the type {one.dtype}, which no architecture has"
            raise ArchError((WeightsDoNotFit(at=Span(Source(file, ""), 0, 0), why=why),))
        data = (
            torch.frombuffer(bytearray(one.data), dtype=types[one.dtype])
            if one.data.nbytes
            else torch.empty(0, dtype=types[one.dtype])
        )
        found[name] = data.reshape(one.shape)
    return found


def to_file(state: Mapping[str, torch.Tensor]) -> dict[str, Made]:
    """A state dict as tensors to be written."""
    return {
        name: Made(DTYPES[str(one.dtype).removeprefix("torch.")], tuple(one.shape), _Bytes(one)) for name, one in state.items()
    }


class _Bytes:
    """A tensor's bytes, made when they are written."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def __call__(self) -> bytes:
        import torch

        return bytes(self.tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
