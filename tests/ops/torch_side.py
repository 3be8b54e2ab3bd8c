"""An example run by PyTorch: the operator's own line, executed."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from archdsl.dims.shape import TensorType
from archdsl.ops.contract import Code
from archdsl.targets.torch import tape as torch_tape
from tests.ops.cases import Case

RUNTIME = torch_tape.__file__.rsplit("/", 1)[0] + "/runtime"
DTYPES = {name: getattr(torch, text.removeprefix("torch.")) for name, text in torch_tape.DTYPES.items()}


class Program:
    """The PyTorch form of a case for one choice of numbers. `source` is what is executed."""

    def __init__(self, case: Case, env: dict[str, int], dtype: torch.dtype) -> None:
        self.case = case
        self.dtype = dtype
        self.names: dict[str, Any] = {"torch": torch, "F": F, "nn": nn, "math": math, **env}
        self.names["self"] = SimpleNamespace(training=False)
        lines: list[str] = []

        def let(code: str, hint: str) -> str:
            lines.append(f"{hint}_{len(lines)} = {code}")
            return f"{hint}_{len(lines) - 1}"

        floats = [index for index, one in enumerate(case.raw) if isinstance(one, TensorType) and one.dtype == "float"]
        dtype_of = f"x{floats[0]}.dtype" if floats else "DTYPE"
        device = f"x{floats[0]}.device" if floats else '"cpu"'
        around = torch_tape.Surroundings(dtype=lambda: dtype_of, device=lambda: device, let=let)
        self.names["DTYPE"] = dtype
        tape = torch_tape.Tape(case.types, case.outputs, around)
        self.module: nn.Module | None = None
        operands: list[Code | None] = []
        for index, one in enumerate(case.raw):
            tensor = isinstance(one, TensorType)
            operands.append(None if one is None else Code(f"x{index}") if tensor else tape.value(one))
        constructor = case.op.module(tape)
        if case.op.layer:
            operands.insert(0, Code("layer"))
        result = case.op.torch(tape, *operands)
        for helper in around.helpers:
            with open(f"{RUNTIME}/{helper}.py") as file:
                exec(compile(file.read(), f"{helper}.py", "exec"), self.names)
        if case.op.layer:
            self.module = eval(constructor, self.names).eval()
        elif constructor:
            self.twin = eval(constructor, self.names)
        params = ", ".join(f"x{index}" for index, one in enumerate(case.raw) if isinstance(one, TensorType))
        self.source = f"def forward({params}):\n" + "".join(f"    {line}\n" for line in lines) + f"    return {result}\n"
        exec(self.source, self.names)
        self.inserted = constructor

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Give the module these parameters, and make it of the program's dtype."""
        if self.module is not None:
            self.module.to(self.dtype)
            self.module.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
            self.names["layer"] = self.module

    def tensors(self, arrays: list[np.ndarray | None]) -> list[torch.Tensor]:
        """The arrays as tensors, floats in the program's dtype."""
        out = []
        for array, one in zip(arrays, self.case.raw, strict=True):
            if array is not None and isinstance(one, TensorType):
                tensor = torch.from_numpy(np.array(array))
                out.append(tensor.to(self.dtype if one.dtype == "float" else DTYPES[one.dtype]))
        return out

    def run(self, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        """Its results."""
        made = self.names["forward"](*tensors)
        return list(made) if isinstance(made, (tuple, list)) else [made]


def random_state(module: nn.Module | None, seed: int = 1) -> dict[str, np.ndarray]:
    """Random values for all that a module owns, running statistics too; variances are positive, counters stay."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, value in (module.state_dict() if module is not None else {}).items():
        shape = tuple(value.shape)
        if not value.is_floating_point():
            state[name] = value.numpy()
        elif "var" in name:
            state[name] = rng.uniform(0.5, 2.0, shape).astype(np.float32)
        else:
            state[name] = (rng.standard_normal(shape) * 0.7).astype(np.float32)
    return state
