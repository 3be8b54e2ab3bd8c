"""Runs a graph with PyTorch, step by step, in float64 and evaluation mode: what proofs are compared with."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from archdsl.analyses.dependence import called
from archdsl.ir.graph import Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Code, Op
from archdsl.targets.torch.tape import Surroundings, Tape

RUNTIME = __import__("archdsl.targets.torch.tape", fromlist=["x"]).__file__.rsplit("/", 1)[0] + "/runtime"


class Running:
    """Modules are made once a graph and label, with random parameters; `sizes` gives the symbols numbers."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes
        self.modules: dict[tuple[int, Any], nn.Module] = {}
        self.tensors: dict[tuple[int, str], torch.Tensor] = {}

    def run(self, graph: Graph, inputs: list[torch.Tensor], home: Graph | None = None) -> list[torch.Tensor]:
        home = home or graph
        values: dict[str, torch.Tensor] = {}
        for member in home.members.values():
            if isinstance(member, Parameter):
                shape = [one if isinstance(one, int) else one.evaluate(self.sizes) for one in member.value.type.shape]
                values[member.value.name] = self.tensors.setdefault(
                    (id(home), member.value.name), torch.randn(shape, dtype=torch.float64)
                )
        values.update(zip((one.name for one in graph.input_values), inputs, strict=True))
        for node in graph.nodes:
            results = self.step(home, node, [self.operand(values, one) for one in node.operands])
            values.update(zip((one.name for one in node.results), results, strict=True))
        return [values[one.value.name] for one in graph.outputs]

    def operand(self, values: dict[str, torch.Tensor], one: Any) -> Any:
        return values[one.name] if isinstance(one, Value) else one

    def step(self, home: Graph, node: Node, operands: list[Any]) -> list[torch.Tensor]:
        if node.scan is not None:
            return self.scan(home, node, operands)
        body = called(home, node)
        assert body is not None
        if isinstance(body, Graph):
            return self.run(body, [one for one in operands if one is not None], home if node.choice else None)
        return self.apply(home, body, node, operands)

    def apply(self, home: Graph, op: Op, node: Node, operands: list[Any]) -> list[torch.Tensor]:
        names: dict[str, Any] = {
            "torch": torch,
            "F": F,
            "nn": nn,
            "math": math,
            "self": SimpleNamespace(training=False),
            **self.sizes,
        }
        lets: list[tuple[str, str]] = []

        def let(code: str, hint: str) -> str:
            lets.append((f"{hint}_{len(lets)}", code))
            return lets[-1][0]

        around = Surroundings(dtype=lambda: "torch.float64", device=lambda: '"cpu"', let=let)
        tape = Tape(tuple(one.type if one else None for one in node.operands), tuple(one.type for one in node.results), around)
        code: list[Code | None] = []
        for index, one in enumerate(operands):
            names[f"x{index}"] = one
            code.append(None if one is None else tape.value(one.number) if isinstance(one, Number) else Code(f"x{index}"))
        if op.layer:
            key = (id(home), node.member)
            assert isinstance(home.members[node.member or ()], Layer)
            if key not in self.modules:
                self.modules[key] = eval(op.module(tape), names).double().eval()
            names["layer"] = self.modules[key]
            code.insert(0, Code("layer"))
        line = op.torch(tape, *code)
        for helper in around.helpers:
            with open(f"{RUNTIME}/{helper}.py") as file:
                exec(file.read(), names)
        for name, text in lets:
            names[name] = eval(text, names)
        result = eval(line, names)
        return list(result) if isinstance(result, (tuple, list)) else [result]

    def scan(self, home: Graph, node: Node, operands: list[Any]) -> list[torch.Tensor]:
        what = node.scan
        assert what is not None
        count = len(what.axes)
        carries = operands[count : count + what.carries]
        captured = operands[count + what.carries :]
        length = operands[0].shape[what.axes[0]]
        kept: list[list[torch.Tensor]] = []
        for at in reversed(range(length)) if what.reverse else range(length):
            slices = [one.select(axis, at) for one, axis in zip(operands, what.axes, strict=False)]
            results = self.run(what.body, [*slices, *carries, *captured], home)
            carries = results[: what.carries]
            kept.append(results[what.carries : what.carries + what.yields])
            if what.until and bool(results[-1]):
                break
        if what.reverse:
            kept.reverse()
        yields = [torch.stack([row[index] for row in kept], axis) for index, axis in enumerate(what.yield_axes)]
        return [*yields, *(carries[index] for index in what.finals)]
