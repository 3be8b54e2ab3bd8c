"""A reference of its own: the graph walked node by node, each operator's PyTorch line executed, scans as plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archdsl.targets.torch as torch_target
from archdsl.dims.dim import Dim
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node, Path, Scan
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Code, Op
from archdsl.targets.torch.tape import Surroundings, Tape

RUNTIME = File(torch_target.__file__).parent / "runtime"
DTYPES = {"i64": torch.int64, "i32": torch.int32, "bool": torch.bool, "f32": torch.float32, "f64": torch.float64}
State = dict[str, Tensor]


def interpret(graph: Graph, state: State, inputs: list[Tensor], env: dict[str, int], dtype: torch.dtype) -> list[Tensor]:
    """The outputs of an arch in evaluation. `env` are the numbers of its symbols."""

    def tensor(path: Path) -> Tensor:
        key = ".".join(path)
        if key in state:
            return state[key].to(dtype) if state[key].is_floating_point() else state[key]
        member = next(one for path_, one in walk(graph) if path_ == path)
        assert member.init.graph is not None
        return Frame(member.init.graph, None, env, dtype).run(member.init.graph, [])[0]

    with torch.no_grad():
        return Frame(graph, tensor, env, dtype).run(graph, inputs)


def walk(graph: Graph, prefix: Path = ()) -> Any:
    for path, member in graph.members.items():
        if isinstance(member, Parameter):
            yield (*prefix, *path), member
        elif isinstance(member, Call):
            yield from walk(member.graph, (*prefix, *path))


class Frame:
    def __init__(self, owner: Graph, outside: Callable[[Path], Tensor] | None, env: dict[str, int], dtype: torch.dtype) -> None:
        self.owner, self.outside, self.env, self.dtype = owner, outside, env, dtype

    def tensor(self, path: Path) -> Tensor:
        while True:
            path, before = self.owner.ties.get(path, path), path
            for end in range(len(path), 0, -1):
                if path[:end] in self.owner.aliases:
                    path = (*self.owner.aliases[path[:end]], *path[end:])
                    break
            if path == before:
                return self.outside(path)

    def run(self, graph: Graph, inputs: list[Tensor]) -> list[Tensor]:
        values = dict(zip((one.name for one in graph.input_values), inputs, strict=True))
        for path, member in graph.members.items():
            if isinstance(member, Parameter):
                values[member.value.name] = self.tensor(path)
        for node in graph.nodes:
            made = self.step(node, values)
            for value, one in zip(node.results, made, strict=True):
                shape = tuple(size.evaluate(self.env) if isinstance(size, Dim) else size for size in value.type.shape)
                assert tuple(one.shape) == shape, f"{node} gave {tuple(one.shape)}, not {shape}"
                values[value.name] = one
        return [values[one.value.name] for one in graph.outputs if not one.training]

    def step(self, node: Node, values: dict[str, Tensor]) -> list[Tensor]:
        given = [values[one.name] if isinstance(one, Value) else one for one in node.operands]
        if node.op is not None:
            return self.operator(node, node.op, given)
        if node.scan is not None:
            return self.scan(node.scan, given)
        if node.choice is not None:
            return self.run(node.choice.evaluation, given)
        path = node.member
        assert path is not None
        if node.leaf:
            return [self.tensor((*path, *node.leaf.split(".")))]
        if path[0] == "":
            what: Any = dict(self.owner.borrowed)[path[1]]
        else:
            member = self.owner.members[path] if path in self.owner.members else self.owner.members[self.owner.aliases[path]]
            what = member.op if isinstance(member, Layer) else member.graph
        what = node.graph or what
        if isinstance(what, Op):
            return self.operator(node, what, given, path)

        def inner(deep: Path) -> Tensor:
            return self.tensor((*dict(node.lent)[deep[1]], *deep[2:]) if deep[0] == "" else (*path, *deep))

        return Frame(what, inner, self.env, self.dtype).run(what, [one for one in given if one is not None])

    def scan(self, what: Scan, given: list[Any]) -> list[Tensor]:
        count = len(what.axes)
        scanned, carries, captured = given[:count], given[count : count + what.carries], given[count + what.carries :]
        steps = range(scanned[0].shape[what.axes[0]])
        stacks: list[list[Tensor]] = [[] for _ in range(what.yields)]
        for step in reversed(steps) if what.reverse else steps:
            slices = [one.select(axis, step) for one, axis in zip(scanned, what.axes, strict=True)]
            made = self.run(what.body, [*slices, *carries, *captured])
            carries = made[: what.carries]
            for stack, one in zip(stacks, made[what.carries :], strict=False):
                stack.append(one)
            if what.until and bool(made[-1]):
                break
        ordered = [stack[::-1] if what.reverse else stack for stack in stacks]
        yields = [torch.stack(stack, axis) for stack, axis in zip(ordered, what.yield_axes, strict=True)]
        return yields + [carries[one] for one in what.finals]

    def operator(self, node: Node, op: Op, given: list[Any], path: Path | None = None) -> list[Tensor]:
        names: dict[str, Any] = {"torch": torch, "F": F, "nn": nn, "math": math, "DTYPE": self.dtype}
        names["self"] = nn.Identity().eval()
        lines: list[str] = []

        def let(code: str, hint: str) -> str:
            lines.append(f"{hint}_{len(lines)} = {code}")
            return f"{hint}_{len(lines) - 1}"

        around = Surroundings(symbol=lambda name: str(self.env[name]), dtype=lambda: "DTYPE", let=let)
        tape = Tape(tuple(one.type if one else None for one in node.operands), tuple(one.type for one in node.results), around)
        operands: list[Code | None] = []
        for index, one in enumerate(given):
            names[f"x{index}"] = one
            written = tape.value(one.number) if isinstance(one, Number) else None
            operands.append(Code(f"x{index}") if isinstance(one, Tensor) else written)
        constructor = op.module(tape)
        code = op.torch(tape, *([Code("layer"), *operands] if op.layer else operands))
        for helper in around.helpers:
            exec((RUNTIME / f"{helper}.py").read_text(), names)
        if op.layer:
            assert path is not None
            layer = eval(constructor, names).eval().to(self.dtype)
            state = {leaf: self.tensor((*path, *leaf.split("."))) for leaf in op.parameters()}
            layer.load_state_dict(state, strict=True)
            names["layer"] = layer
        for line in lines:
            exec(line, names)
        made = eval(str(code), names)
        made = list(made) if isinstance(made, (tuple, list)) else [made]
        return [one.to(DTYPES.get(value.type.dtype, self.dtype)) for one, value in zip(made, node.results, strict=True)]
