"""What the ONNX tests share: random weights and inputs, ONNX Runtime, and the comparison by criterion C."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor

from archdsl.dims.dim import Dim
from archdsl.ir.graph import Graph
from archdsl.targets.agreement import compare
from archdsl.targets.onnx.model import export
from tests.targets.onnx.interpreter import DTYPES, State, interpret

ort.set_default_logger_severity(4)


def random_state(graph: Graph, seed: int = 0) -> State:
    """Values for every saved tensor, statistics too."""
    make = torch.Generator().manual_seed(seed)
    state: State = {}
    for path, one in graph.tensors():
        if not one.persistent:
            continue
        shape = [int(size) for size in one.type.shape]
        drawn = torch.randn(shape, generator=make) / max(1, math.prod(shape[1:])) ** 0.5
        drawn = drawn.abs() + 0.5 if path[-1] == "running_var" else drawn
        state[".".join(path)] = drawn if one.type.dtype == "float" else torch.zeros(shape, dtype=DTYPES[one.type.dtype])
    return state


def random_inputs(graph: Graph, env: dict[str, int], high: int = 5, seed: int = 1) -> list[Tensor]:
    """Values for the inputs; integers are below `high`."""
    make = torch.Generator().manual_seed(seed)
    out = []
    for one in graph.input_values:
        shape = [size.evaluate(env) if isinstance(size, Dim) else size for size in one.type.shape]
        if one.type.dtype == "float":
            out.append(torch.randn(shape, generator=make))
        else:
            top = 2 if one.type.dtype == "bool" else high
            out.append(torch.randint(0, top, shape, generator=make).to(DTYPES[one.type.dtype]))
    return out


def session(data: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def names_below(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """What subgraphs read."""
    found: set[str] = set()
    for graph in (one.g for node in nodes for one in node.attribute if one.type == onnx.AttributeProto.GRAPH):
        found |= {name for one in graph.node for name in one.input} | {one.name for one in graph.output} | names_below(graph.node)
    return found


def checked(data: bytes) -> onnx.ModelProto:
    """The model, approved by the checker."""
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    for body in (model.graph, *model.functions):
        nodes = [one.name for one in body.node]
        assert len(set(nodes)) == len(nodes)
        results = [one if isinstance(one, str) else one.name for one in body.output]
        read = {name for one in body.node for name in one.input} | names_below(body.node) | set(results)
        assert all(read.intersection(one.output) for one in body.node), "a node that nothing reads"
    return model


def assert_agrees(graph: Graph, envs: list[dict[str, int]], high: int = 5) -> onnx.ModelProto:
    """ONNX Runtime, with functions and without, gives what the interpreter does, for each choice of numbers."""
    state = random_state(graph)
    data = export(graph, state)
    flat = export(graph, state, inline=True)
    model = checked(data)
    checked(flat)
    assert export(graph, state) == data
    runs = [session(data), session(flat)]
    names = [one.name for one in graph.inputs if one.value is not None]
    kept = [one.name or one.value.name for one in graph.outputs if not one.training]
    for one in runs:
        assert [put.name for put in one.get_inputs()] == names
        assert [put.name for put in one.get_outputs()] == kept
    for env in envs:
        inputs = random_inputs(graph, env, min([high, *env.values()]) if high < 0 else high)
        near = interpret(graph, state, inputs, env, torch.float32)
        exact = interpret(graph, state, [one.double() if one.is_floating_point() else one for one in inputs], env, torch.float64)
        for one in runs:
            results = one.run(None, {name: np.asarray(value) for name, value in zip(names, inputs, strict=True)})
            for index, result in enumerate(results):
                verdict = compare(result, near[index].numpy(), exact[index].numpy().astype(np.float64))
                assert verdict, f"{graph.name} output {kept[index]} at {env}: {verdict}"
    return model
