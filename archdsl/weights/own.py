"""The tensors of a spec's module as a conversion sees them: names, shapes, kinds, and which names are one tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.records import fresh, record


@record
class OwnTensor:
    """A tensor of the `state_dict`. `kind` is `float`, `int` or `bool`; `dtype` is safetensors' word for its type."""

    shape: tuple[int, ...]
    kind: str
    dtype: str
    buffer: bool


@record
class Own:
    """What is to be filled. `groups` are the names that are one tensor, where several are."""

    name: str
    tensors: Mapping[str, OwnTensor]
    groups: tuple[tuple[str, ...], ...] = ()
    configuration: Mapping[str, object] = fresh(default_factory=dict)
    buffers: Callable[[], Mapping[str, Any]] = dict
    """The values of the buffers as the spec makes them, as numpy arrays; asked for only where a map takes one."""

    def group(self, key: str) -> tuple[str, ...]:
        """All names of the tensor with this name."""
        return next((one for one in self.groups if key in one), (key,))


DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
    "int8": "I8", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip


def own_tensors(
    module: Any, name: str, configuration: Mapping[str, object], buffers: Callable[[], Mapping[str, Any]] = dict
) -> Own:
    """The tensors of a live module, which may be on the meta device."""
    from archdsl.files.tensors import kind_of

    parameters = {id(one) for one in module.parameters()}
    state = module.state_dict(keep_vars=True)
    tensors: dict[str, OwnTensor] = {}
    groups: dict[int, list[str]] = {}
    for key, one in state.items():
        dtype = DTYPES[str(one.dtype).removeprefix("torch.")]
        tensors[key] = OwnTensor(tuple(one.shape), kind_of(dtype), dtype, id(one) not in parameters)
        groups.setdefault(id(one), []).append(key)
    shared = tuple(tuple(keys) for keys in groups.values() if len(keys) > 1)
    return Own(name, tensors, shared, configuration, buffers)
