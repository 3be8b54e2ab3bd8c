"""The live module: the generated source, executed."""

from __future__ import annotations

import hashlib
import linecache
import os
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

import torch

from archdsl.analyses.cost import parameters
from archdsl.ir.graph import Graph
from archdsl.targets.torch.drawing import draw, undrawn
from archdsl.targets.torch.on_meta import OnMeta
from archdsl.targets.torch.source import class_name, print_source
from archdsl.targets.torch.weights import load_weights


def build(
    graph: Graph, *, seed: int = 0, device: str | torch.device = "cpu", dtype: torch.dtype | None = None, weights: Any = None
) -> torch.nn.Module:
    """An instance of the class that `print_source` prints, on `device`, of `dtype` (PyTorch's default without one).

    The first values of a tensor follow from `seed` and its key: what two architectures share starts equal. PyTorch's own
    generator is left as it was. `weights` is a safetensors file or a state dict: `WeightsError` lists every key that does not
    fit. Raises `MemoryError` where the weights are larger than the machine.
    """
    made = _class(graph)
    device = torch.device(device)
    if device.type == "cpu":
        _check_room(graph, dtype or torch.get_default_dtype())
    before = torch.get_default_dtype()
    on_meta = device.type == "meta"
    forked = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=forked), OnMeta() if on_meta else device:
        torch.default_generator.manual_seed(seed)
        if dtype is not None:
            torch.set_default_dtype(dtype)
        try:
            module: torch.nn.Module = made() if on_meta else undrawn(made)
            if not on_meta:
                draw(module, graph, seed)
        finally:
            torch.set_default_dtype(before)
    if weights is not None:
        load_weights(module, weights)
    return module


def _check_room(graph: Graph, dtype: torch.dtype) -> None:
    """A system that runs out of memory ends the process without a word; this says why before."""
    owned, there = parameters(graph), _memory()
    needed = owned * dtype.itemsize if isinstance(owned, int) else 0
    if there is not None and needed > there:
        raise MemoryError(
            f"the weights of {graph.name} take {needed / 2**30:,.0f} GiB, and this machine has {there / 2**30:,.0f} GiB; "
            '`device="meta"` makes the module without them, `compile --to torch,svg,summary` needs none'
        )


def _memory() -> int | None:
    """Bytes of memory that the machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


@lru_cache(maxsize=16)
def _class(graph: Graph) -> Any:
    return getattr(execute(print_source(graph)), class_name(graph))


def execute(source: str) -> ModuleType:
    """The source as an imported module, under a name made from its content: tracebacks, `inspect`, pickling and `torch.compile`
    find it, and the same source is the same module."""
    name = f"archdsl_generated_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    found = sys.modules.get(name)
    if found is not None:
        return found
    path = f"<{name}>"
    code = compile(source, path, "exec", dont_inherit=True)
    module = ModuleType(name)
    module.__file__ = path
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module
