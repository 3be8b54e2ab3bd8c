"""Random weights and inputs that show differences: nothing at its default, and nothing that blows up."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from archdsl.analyses.sizes import number
from archdsl.ir.graph import Graph
from archdsl.verifying.bindings import Binding
from archdsl.verifying.indices import INTEGERS, limits

DTYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "float": torch.float32,
    "i64": torch.int64, "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool,
}  # fmt: skip
UNBOUNDED = 6
"""Integers that are no positions are drawn below this."""


def randomise(module: nn.Module, seed: int) -> None:
    """New values for every parameter and every running statistic; each tied tensor once. Constants of the program stay."""
    make = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, weight in module.named_parameters():
            weight.copy_(_weight(tuple(weight.shape), make))
        for name, buffer in module.named_buffers():
            leaf = name.rpartition(".")[2]
            if leaf == "running_var":
                buffer.copy_(torch.rand(buffer.shape, generator=make) + 0.5)
            elif leaf == "running_mean":
                buffer.copy_(torch.randn(buffer.shape, generator=make) * 0.3)


def _weight(shape: tuple[int, ...], make: torch.Generator) -> Tensor:
    """About one for each output: vectors around a half, matrices by their fan-in."""
    drawn = torch.randn(shape, generator=make)
    if len(shape) < 2:
        return drawn * 0.3 + 0.5
    return drawn / math.sqrt(max(1, math.prod(shape[1:])))


def draw_inputs(graph: Graph, binding: Binding, seed: int) -> dict[str, Tensor]:
    """Values for the inputs that are given, by name: positions within what they are positions in, masks with both kinds."""
    make = torch.Generator().manual_seed(seed)
    bounds = limits(graph)
    drawn: dict[str, Tensor] = {}
    for one in graph.inputs:
        if one.value is None:
            continue
        shape = [number(size, binding) for size in one.value.type.shape]
        dtype = one.value.type.dtype
        if dtype == "bool":
            drawn[one.name] = torch.rand(shape, generator=make) < 0.7
        elif dtype in INTEGERS:
            high = min((number(size, binding) for size in bounds.get(one.value.name, ())), default=UNBOUNDED)
            drawn[one.name] = torch.randint(0, high, shape, generator=make).to(DTYPES[dtype])
        else:
            drawn[one.name] = torch.randn(shape, generator=make).to(DTYPES[dtype])
    return drawn


def widened(inputs: Mapping[str, Tensor], graph: Graph) -> dict[str, Tensor]:
    """The inputs of the program's float type in float64."""
    own = {one.name for one in graph.inputs if one.value is not None and one.value.type.dtype == "float"}
    return {name: value.double() if name in own else value for name, value in inputs.items()}
