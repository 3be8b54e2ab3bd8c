"""Our ONNX models in ONNX Runtime, against a module in PyTorch under criterion C."""

from __future__ import annotations

import onnxruntime as ort
import torch
from torch import nn

from archdsl.targets.agreement import compare
from tests.oracles.comparing import Call, InDouble, Inputs, in_evaluation, widened


def session(model: bytes) -> ort.InferenceSession:
    """On one thread, as all the oracles are."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def agrees(running: ort.InferenceSession, theirs: nn.Module, call: Call, inputs: Inputs) -> None:
    """The model's results on these inputs are the reference's."""
    fed = {name: tensor.numpy() for name, tensor in inputs.items()}
    results = running.run(None, fed)
    near = in_evaluation(theirs.float(), call, inputs)
    with InDouble():
        exact = in_evaluation(theirs.double(), call, widened(inputs))
    theirs.float()
    for result, one, measure, output in zip(results, near, exact, running.get_outputs(), strict=True):
        verdict = compare(result, one.numpy(), measure.numpy())
        shapes = {name: list(tensor.shape) for name, tensor in inputs.items()}
        assert verdict, f"{output.name} at {shapes} {verdict}"
    assert torch.is_grad_enabled()
