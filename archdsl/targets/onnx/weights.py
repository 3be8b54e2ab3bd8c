"""Where an export takes its weights from: a live module, a state dict, or a safetensors file."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from archdsl.dims.shape import TensorType
from archdsl.targets.onnx.tensors import onnx_dtype

_SAFE = {
    "F64": ir.DataType.DOUBLE, "F32": ir.DataType.FLOAT, "F16": ir.DataType.FLOAT16, "BF16": ir.DataType.BFLOAT16,
    "I64": ir.DataType.INT64, "I32": ir.DataType.INT32, "I16": ir.DataType.INT16, "I8": ir.DataType.INT8, "U8": ir.DataType.UINT8,
    "BOOL": ir.DataType.BOOL,
}  # fmt: skip
_MAX_HEADER = 100_000_000


class WeightsDoNotFit(ValueError):
    """The weights lack tensors of the graph, or have some of another shape. `str()` lists them all."""


@dataclass(frozen=True)
class Held:
    """A tensor as ONNX keeps it: its bytes, little end first."""

    dtype: ir.DataType
    shape: tuple[int, ...]
    data: memoryview


class Weights:
    """Tensors by their keys in the `state_dict`; each is read when it is asked for."""

    def __init__(self, found: Mapping[str, Any], origin: str) -> None:
        self._found = found
        self.origin = origin

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def shape(self, key: str) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(int(one) for one in self._found[key].shape)

    def is_float(self, key: str) -> bool:
        """Whether the tensor is of a float type."""
        tensor = self._found[key]
        if isinstance(tensor, Held):
            return tensor.dtype.is_floating_point()
        return bool(tensor.dtype.kind in "fV" if isinstance(tensor, np.ndarray) else tensor.is_floating_point())

    def equal(self, one: str, other: str) -> bool:
        """Whether two tensors are one, or have the same elements."""
        if self._found[one] is self._found[other]:
            return True
        left, right = (np.frombuffer(hold(self._found[key], key).data, np.uint8) for key in (one, other))
        return left.ctypes.data == right.ctypes.data or bool(np.array_equal(left, right))

    def held(self, key: str, type: TensorType, program: str) -> Held:
        """The tensor, converted to the dtype of its type where it has another. ValueError where it has no data."""
        return convert(hold(self._found[key], key), onnx_dtype(type.dtype, program))


def open_weights(given: Any) -> Weights:
    """The weights of a live module (also of its buffers that are not saved), of a mapping, or of a safetensors file."""
    if given is None:
        raise ValueError("an export needs weights: a module, a state dict, or the path of a safetensors file")
    if isinstance(given, (str, os.PathLike)):
        return Weights(read_safetensors(Path(given)), f"the file {Path(given).name}")
    if hasattr(given, "named_parameters"):
        parameters = dict(given.named_parameters(remove_duplicate=False))
        return Weights({**parameters, **dict(given.named_buffers(remove_duplicate=False))}, "the module")
    if isinstance(given, Mapping):
        return Weights(given, "the state dict")
    raise ValueError(f"weights are a module, a state dict or the path of a safetensors file; this is a {type(given).__name__}")


def hold(tensor: Any, key: str) -> Held:
    """A torch tensor, a numpy array or a `Held`, not copied where its elements lie in order."""
    if isinstance(tensor, Held):
        return tensor
    if isinstance(tensor, np.ndarray):
        return Held(ir.DataType.from_numpy(tensor.dtype), tensor.shape, raw(np.ascontiguousarray(tensor).reshape(-1)))
    if tensor.is_meta:
        raise ValueError(f"`{key}` is on the meta device and has no values; build on another device, or give a safetensors file")
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    name = str(flat.dtype).removeprefix("torch.").upper()
    name = {"FLOAT32": "FLOAT", "FLOAT64": "DOUBLE"}.get(name, name)
    if name not in ir.DataType.__members__:
        raise ValueError(f"`{key}` is of {flat.dtype}, which this export does not know; convert it to torch.float32")
    dtype = ir.DataType[name]
    return Held(dtype, tuple(tensor.shape), memoryview(flat.view(torch.uint8).numpy()))


def convert(held: Held, dtype: ir.DataType) -> Held:
    """The tensor in another dtype."""
    if held.dtype == dtype:
        return held
    array: Any = np.frombuffer(held.data, dtype=held.dtype.numpy()).astype(dtype.numpy())
    return Held(dtype, held.shape, raw(array))


def raw(array: Any) -> memoryview:
    """The bytes of a flat array."""
    return memoryview(array.view(np.uint8))


def read_safetensors(path: Path) -> dict[str, Held]:
    """The tensors of a safetensors file, mapped, not read. Raises `OSError`, and ValueError where it is none."""
    with path.open("rb") as file:
        start = file.read(8)
        size = int.from_bytes(start, "little")
        if len(start) < 8 or size > _MAX_HEADER:
            raise ValueError(f"{path.name} is no safetensors file")
        try:
            entries = json.loads(file.read(size))
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[8 + size :]
            return {key: _entry(one, view) for key, one in entries.items() if key != "__metadata__"}
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"{path.name} is no safetensors file: {fault}") from None


def _entry(about: Mapping[str, Any], view: memoryview) -> Held:
    start, end = about["data_offsets"]
    dtype, shape = _SAFE[about["dtype"]], tuple(about["shape"])
    wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not 0 <= start <= end <= len(view) or end - start != wanted:
        raise ValueError("a tensor lies outside the file")
    return Held(dtype, shape, view[start:end])
