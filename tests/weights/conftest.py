"""Maps and weights in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from archdsl.files.tensors import Held
from archdsl.source import Source
from archdsl.weights.converting import convert
from archdsl.weights.own import Own, OwnTensor
from archdsl.weights.reading import parse_map

NAMES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "b1": "BOOL"}


def held(array: Any) -> Held:
    """An array as a tensor of a file."""
    made = np.ascontiguousarray(array)
    return Held(NAMES[made.dtype.str[1:]], made.shape if np.ndim(array) else (), memoryview(made.tobytes()))


def owned(tensors: Mapping[str, Any], groups: tuple[tuple[str, ...], ...] = (), **configuration: object) -> Own:
    """An architecture with tensors like these."""
    kinds = {"f": "float", "i": "int", "b": "bool"}
    made = {
        name: OwnTensor(
            np.shape(one),
            kinds[np.asarray(one).dtype.kind],
            NAMES[np.asarray(one).dtype.str[1:]],
            np.asarray(one).dtype.kind != "f",
        )
        for name, one in tensors.items()
    }
    return Own("Net", made, groups, configuration)


def array(one: Any) -> np.ndarray:
    """What was made, as an array."""
    dtype = {code: f"<{name}" for name, code in NAMES.items()}[one.dtype]
    return np.frombuffer(bytes(one.make()), dtype).reshape(one.shape)


@pytest.fixture
def through() -> Callable[..., dict[str, np.ndarray]]:
    """`through(map, own, {name: array})` → the arrays in the other layout."""

    def run(text: str, own: Own, given: Mapping[str, Any], backwards: bool = False) -> dict[str, np.ndarray]:
        made = convert(
            parse_map(Source("map.toml", text)), own, {name: held(one) for name, one in given.items()}, "file", backwards
        )
        return {name: array(one) for name, one in made.tensors.items()}

    return run
