"""Weights of a graph as those of what passes made of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from archdsl.ir.graph import Graph
from archdsl.passes.carrying import Passed
from archdsl.targets.torch.merging.every_call import other_ways
from archdsl.targets.torch.module import build
from archdsl.targets.torch.weights import WeightsError, fitted, read_weights


def carried(before: Graph, passed: Passed, weights: Any, *, seed: int = 0, dtype: torch.dtype | None = None) -> Any:
    """The state dict of `passed.graph` from weights of `before`: a live module, a state dict, a safetensors file, or drawn from
    `seed`, so that the model computes what it would without passes. The weights themselves where no pass changes a tensor.

    Raises `WeightsError`, which lists every key that does not fit `before`.
    """
    if not passed.derived:
        return weights
    if weights is None:
        weights = build(before, seed=seed, dtype=dtype)
    if isinstance(weights, torch.nn.Module):
        return passed.carry({**dict(weights.named_buffers(remove_duplicate=False)), **weights.state_dict()})
    given: Mapping[str, torch.Tensor] = read_weights(weights) if isinstance(weights, (str, Path)) else weights
    return passed.carry(fitted(build(before, device="meta"), given))


def build_passed(
    before: Graph, passed: Passed, graph: Graph, *, seed: int, weights: Any, device: str, dtype: Any
) -> torch.nn.Module:
    """The module of `graph`, which has the tensors of `passed.graph`, with weights of `before` carried into it.

    Tensors that the arch has only where other optional inputs are given are no fault: those of the class that finds out in each
    call fit the one that is made for some of them. `dtype` is a torch dtype, its name, or the language's."""
    kind = _NAMES.get(dtype) or getattr(torch, dtype) if isinstance(dtype, str) else dtype

    def made(weights: Any) -> torch.nn.Module:
        if weights is not None or device != "meta":
            weights = carried(before, passed, weights, seed=seed, dtype=kind)
        return build(graph, seed=seed, weights=weights, device=device, dtype=kind)

    try:
        return made(weights)
    except WeightsError as fault:
        spare = set(fault.extra)
        if spare:
            others = (set(build(one, device="meta").state_dict()) for one in other_ways(before))
            spare.intersection_update(chain.from_iterable(others))
        if not spare:
            raise
    given = read_weights(weights) if isinstance(weights, (str, Path)) else weights
    return made({key: tensor for key, tensor in given.items() if key not in spare})


_NAMES = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
