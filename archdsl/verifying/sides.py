"""The products of one arch, ready to run: the live module, its source from a file, the compiled module, ONNX Runtime."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.files.writing import write_all
from archdsl.ir.graph import Graph
from archdsl.passes.deployment.widening import halves
from archdsl.targets.onnx.external import model_files
from archdsl.targets.torch.source import class_name

Inputs = Mapping[str, Tensor]
Run = Callable[[Inputs], list[Any]]
"""From inputs by name to numpy arrays, one an output."""


class NotHere(Exception):
    """A product that cannot be run on this machine, and why."""


def apply(module: nn.Module, graph: Graph, inputs: Inputs) -> list[Tensor]:
    """The outputs of a module in evaluation; optional inputs go by keyword."""
    given = [one for one in graph.inputs if one.value is not None]
    result = module(
        *(inputs[one.name] for one in given if not one.keyword), **{one.name: inputs[one.name] for one in given if one.keyword}
    )
    return [result] if isinstance(result, Tensor) else [one for one in result if one is not None]  # training heads are absent


def module_run(module: nn.Module, graph: Graph) -> Run:
    """A module's run, without gradients."""

    def run(inputs: Inputs) -> list[Any]:
        with torch.no_grad():
            return [one.numpy() for one in apply(module, graph, inputs)]

    return run


def from_file(source: str, graph: Graph, folder: Path, module: nn.Module) -> nn.Module:
    """The class of the generated source, written to a file and imported afresh, with the module's weights."""
    path = folder / "model.py"
    path.write_text(source, encoding="utf-8")
    made = _imported(path)
    fresh = getattr(made, class_name(graph))()
    if not isinstance(fresh, nn.Module):
        raise TypeError(f"{class_name(graph)} is no module")
    fresh.load_state_dict(module.state_dict())
    return fresh.eval()


def _imported(path: Path) -> ModuleType:
    name = f"archdsl_verified_{path.parent.name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


def compiled_run(module: nn.Module, graph: Graph) -> Run:
    """`torch.compile(fullgraph=True)` with dynamic shapes."""
    torch.compiler.reset()
    return module_run(torch.compile(module, fullgraph=True, dynamic=True), graph)  # type: ignore[arg-type]


def _reference_run(data: Any) -> Run:
    """The model in ONNX's own reference, since ONNX Runtime computes nothing in bfloat16 on a processor."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_from_string(data))
    return lambda inputs: list(evaluator.run(None, {name: value.numpy() for name, value in inputs.items()}))


def onnx_run(graph: Graph, module: nn.Module, folder: Path) -> Run:
    """ONNX Runtime on one thread, with the module's weights. Raises `NotHere` where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise NotHere("onnxruntime is not installed: pip install 'archdsl[run]'") from None
    path = folder / "model.onnx"
    files = model_files(path, graph, module)
    if "bf16" in halves(graph):
        return _reference_run(b"".join(files[path]))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if len(files) == 1:
        what: Any = b"".join(files[path])
    else:
        what = str(path)
        write_all(files)
    session = onnxruntime.InferenceSession(what, options, providers=["CPUExecutionProvider"])

    def run(inputs: Inputs) -> list[Any]:
        return list(session.run(None, {name: value.numpy() for name, value in inputs.items()}))

    return run
