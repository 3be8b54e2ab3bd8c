"""A graph as an ONNX model: its inputs and outputs by name, blocks as functions, weights inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx
import onnx_ir as ir

from archdsl import __version__
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Path
from archdsl.passes.streaming.start import without_starts
from archdsl.targets.onnx.body import Body, span_of
from archdsl.targets.onnx.buffers import Constants
from archdsl.targets.onnx.fitting import fit
from archdsl.targets.onnx.functions import DOMAIN, Functions
from archdsl.targets.onnx.names import Names
from archdsl.targets.onnx.tape import IR_VERSION, GraphTape
from archdsl.targets.onnx.weights import Held, Weights, WeightsDoNotFit, open_weights
from archdsl.targets.onnx.wire import model_pieces


@dataclass
class Exported:
    """A model without its weights, and the weights by their names."""

    proto: onnx.ModelProto
    initializers: list[tuple[str, Held]]


def export(graph: Graph, weights: Any, *, dtype: str = "f32", inline: bool = False) -> bytes:
    """The model of an arch as bytes; the same graph and weights give the same bytes.

    `weights` is a live module, a state dict, or the path of a safetensors file. `dtype` is the program's float type; weights of
    another are converted. Blocks become local functions, with `inline` they are written in place. Raises `WeightsDoNotFit`, which
    lists what is missing, `ModelTooLarge` beyond 2 GiB, ValueError where the weights have no values.
    """
    made = make(graph, open_weights(weights), dtype, inline)
    return b"".join(model_pieces(made.proto, made.initializers))


def make(graph: Graph, weights: Weights, dtype: str, inline: bool) -> Exported:
    """The model and its weights, apart."""
    if any(one.carried for one in graph.inputs):
        graph = without_starts(graph)
    names = Names()
    inputs = {one.value.name: names.fresh(one.name) for one in graph.inputs if one.value is not None}
    kept = [one for one in graph.outputs if not one.training]
    outputs = [names.fresh(one.name or one.value.name) for one in kept]
    tape = GraphTape({}, float=dtype, names=names)
    constants = Constants(graph, weights, names, dtype)
    found: dict[Path, tuple[str, TensorType]] = {}

    def lookup(path: Path, type: TensorType) -> str:
        if path not in found:
            made = constants.value(path)
            if made is not None:
                return tape.add_value(made)
            shown = names.fresh(".".join(path))
            tape.add_value(ir.Value(name=shown), shown)
            found[path] = (shown, type)
        return found[path][0]

    functions = None if inline else Functions(dtype)
    body = Body(graph, tape, lookup, functions)
    for value in graph.input_values:
        shown = inputs[value.name]
        tape.add_input(shown, value.type, shown)
        body.names[value.name] = shown
    results = body.run(graph)
    given: list[ir.Value] = []
    for result, one, shown in zip(results, kept, outputs, strict=True):
        made = tape.output(result, shown, one.value.type)
        made.name = shown
        given.append(made)
    tape.written[:0] = constants.written
    main = tape.graph(graph.name, given)
    if functions is not None:
        main.opset_imports[DOMAIN] = 1
    model = ir.Model(
        main, ir_version=IR_VERSION, producer_name="archdsl", producer_version=__version__, doc_string=graph.doc or None,
        functions=functions.all() if functions else (), metadata_props=about(graph),
    )  # fmt: skip
    return Exported(ir.to_proto(model), fit(graph, found, weights, dtype))


def about(graph: Graph) -> dict[str, str]:
    """What a model says of itself: where it was written, and what its inputs must keep."""
    said = {"archdsl.arch": graph.name, **span_of(graph.span)}
    for index, door in enumerate(graph.doors):
        left = f"{door.left} % {door.right} == 0" if door.op == "%" else f"{door.left} {door.op} {door.right}"
        said[f"archdsl.require.{index}"] = f"{left}: {door.message}" if door.message else left
    return said


__all__ = ["Exported", "WeightsDoNotFit", "export", "make"]
