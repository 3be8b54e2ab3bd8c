"""Blocks over sequences: results and gradients against a function of the same parameters, and ONNX models at several lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import archdsl
from archdsl.source import Source
from tests.oracles.comparing import EXACT, call_ours, near
from tests.oracles.running import agrees, session
from tests.std.building import normal, randomised

Written = Callable[..., Any]


class Block:
    """One use of blocks of the standard library in an arch with this header."""

    def __init__(self, use: str, header: str, body: str) -> None:
        self.spec = archdsl.load(Source("test.arch", f"use {use}\narch Under{header} {{\n  {body}\n}}\n"))
        self.module: Any = randomised(self.spec.build("Under"))

    def parameters(self) -> dict[str, Tensor]:
        return dict(self.module.named_parameters())

    def computes(self, written: Written, *inputs: Tensor) -> None:
        """Results and gradients of inputs and parameters are those of `written`, to 1e-9; by name it gets the parameters, by
        position the inputs."""
        inputs = tuple(one.clone().requires_grad_() for one in inputs)
        named = self.parameters()
        ours, theirs = self.module(*inputs), written(named, *inputs)
        pairs = [(ours, theirs)] if isinstance(ours, Tensor) else list(zip(ours, theirs, strict=True))
        leaves = {**named, **{f"input {index}": one for index, one in enumerate(inputs)}}
        for index, (mine, wanted) in enumerate(pairs):
            near(mine, wanted, f"result {index}", EXACT)
            weight = normal(*wanted.shape, seed=2)
            grads = [
                torch.autograd.grad((one * weight).sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
                for one in (mine, wanted)
            ]
            for name, left, right in zip(leaves, *grads, strict=True):
                assert left is not None or right is None, name
                if left is not None:
                    near(left, torch.zeros_like(left) if right is None else right, f"gradient of {name} by {index}", EXACT)

    def runs_in_onnx(self, *shapes: tuple[int, ...]) -> None:
        """One ONNX model gives what the PyTorch module gives, under criterion C, for inputs of each of these shapes."""
        running = session(self.spec.onnx("Under", weights=self.module.float()))
        name = running.get_inputs()[0].name
        for shape in shapes:
            agrees(running, self.module, call_ours, {name: normal(*shape).float()})
        self.module.double()


def library(module: torch.nn.Module) -> Written:
    """A module of PyTorch as a function of parameters that bear its names; of last states that stand in a tuple, each one."""
    module.double()

    def call(named: dict[str, Tensor], *inputs: Tensor) -> Any:
        starts = inputs[1:]
        start = () if not starts else (starts if len(starts) == 2 else starts[0],)
        module.load_state_dict(named, strict=True)
        result, last = torch.func.functional_call(module, named, (inputs[0], *start))
        return (result, *last) if isinstance(last, tuple) else (result, last)

    return call
