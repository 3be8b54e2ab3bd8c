"""Memory of a graph in bytes: parameters, buffers, and the results of all steps."""

from __future__ import annotations

from archdsl.analyses.cost import called_graph
from archdsl.analyses.live import live_nodes
from archdsl.dims.dim import Size
from archdsl.ir.graph import Graph

BYTES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "u8": 1, "bool": 1}


def width(dtype: str, program: str = "f32") -> int:
    """Bytes of one number of that dtype; `float` is the program's own."""
    return BYTES[program if dtype == "float" else dtype]


def tensor_bytes(graph: Graph, buffers: bool = False, program: str = "f32") -> Size:
    """Bytes of all parameters, or of all buffers; a tied tensor counts once."""
    total: Size = 0
    for _, one in graph.tensors():
        if one.buffer == buffers:
            total = total + one.type.numel() * width(one.type.dtype, program)
    return total


def activation_bytes(graph: Graph, program: str = "f32") -> Size:
    """Bytes of all results of one evaluation pass, each kept: what training holds for the backward pass, at most.

    Views count as copies; a scan's body counts once a step.
    """
    return _activations(graph, program, {})


def _activations(graph: Graph, program: str, memo: dict[int, Size], owner: Graph | None = None) -> Size:
    if id(graph) in memo:
        return memo[id(graph)]
    home = owner or graph
    total: Size = 0
    for node in live_nodes(graph):
        inner = called_graph(home, node)
        if inner is not None:
            total = total + _activations(inner, program, memo)
        elif node.scan is not None:
            total = total + _activations(node.scan.body, program, memo, home) * node.scan.length
        elif node.choice is not None:
            total = total + _activations(node.choice.evaluation, program, memo, home)
        else:
            for one in node.results:
                total = total + one.type.numel() * width(one.type.dtype, program)
    memo[id(graph)] = total
    return total
