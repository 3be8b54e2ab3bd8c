"""The problems of a weight map and its weights, for the goldens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archdsl import load
from archdsl.files.tensors import Held, read_tensors
from archdsl.problems.problem import Problem
from archdsl.weights.converting import convert
from archdsl.weights.growing.grow import grow
from archdsl.weights.own import own_tensors
from archdsl.weights.reading import read_map


def held(table: Mapping[str, Any]) -> dict[str, Held]:
    """`{"a.bias": [4], "b=0": [2]}` as float32 tensors that count up, or are one number everywhere."""
    found = {}
    for key, shape in table.items():
        name, _, value = key.partition("=")
        count = int(np.prod(shape))
        data = np.full(count, float(value), "<f4") if value else np.arange(count, dtype="<f4") + len(name)
        found[name] = Held("F32", tuple(shape), memoryview(data.tobytes()))
    return found


def convert_case(files: Mapping[str, bytes]) -> tuple[Problem, ...]:
    """What converting the weights of a golden raises. The files lie in the working folder."""
    if "weights.safetensors" in files:
        read_tensors("weights.safetensors")
        return ()
    map = read_map("map.toml")
    spec = load(Path("case.arch"))
    name = spec.names[-1]
    own = own_tensors(spec.build(name, device="meta"), name, dict(spec.graph(name).config), lambda: _buffers(spec, name))
    back = "back.json" in files
    given = held(json.loads(files["back.json" if back else "weights.json"]))
    convert(map, own, given, "theirs.safetensors", back)
    return ()


def grow_case(spec: Any, changed: bytes) -> tuple[Problem, ...]:
    """What it raises to carry the weights of the last arch to another configuration with the same function."""
    name = spec.names[-1]
    grow(spec.graph(name), spec.graph(name, **json.loads(changed)), spec.build(name).state_dict())
    return ()


def _buffers(spec: Any, name: str) -> dict[str, Any]:
    return {key: one.numpy() for key, one in spec.build(name).named_buffers()}
