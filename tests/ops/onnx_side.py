"""An example run by ONNX Runtime: the operator's nodes as a model of their own."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from archdsl.dims.dim import Dim, symbol
from archdsl.dims.shape import TensorType
from archdsl.targets.onnx.tape import IR_VERSION, GraphTape
from archdsl.targets.onnx.tensors import onnx_dtype
from tests.ops.cases import NUMPY, Case

ort.set_default_logger_severity(3)
NotImplemented_ = ort.capi.onnxruntime_pybind11_state.NotImplemented


def build(case: Case, state: dict[str, np.ndarray], program: str = "f32") -> onnx.ModelProto:
    """The model; symbols that no tensor shows come from the shape of an input `shown`."""
    known = {f"x{index}": one for index, one in enumerate(case.raw) if isinstance(one, TensorType)}
    if hidden := _hidden(case):
        known["shown"] = TensorType(tuple(symbol(name) for name in hidden))
    tape = GraphTape(known, float=program)
    initializers = []

    def param(leaf: str) -> str:
        value = state[leaf]
        dtype = onnx_dtype("float", program) if value.dtype == np.float32 else ir.DataType.from_numpy(value.dtype)
        held = ir.Tensor(value.astype(dtype.numpy()), dtype=dtype, name=leaf)
        made = ir.Value(name=leaf, shape=ir.Shape(value.shape), type=ir.TensorType(dtype), const_value=held)
        initializers.append(made)
        return tape.add_value(made)

    operands = [None if one is None else f"x{index}" if isinstance(one, TensorType) else tape.scalar(one, case.types[index].dtype)
                for index, one in enumerate(case.raw)]  # fmt: skip
    tape.at(operands, case.types, case.outputs, path="step", param=param)
    made = case.op.onnx(tape, *operands)
    results = made if isinstance(made, list) else [made]
    assert len(results) == len(case.outputs), f"{len(results)} results for {len(case.outputs)} outputs"
    outputs = [tape.output(name, f"y{index}", case.outputs[index]) for index, name in enumerate(results)]
    unique = list({one.name: one for one in initializers}.values())
    return ir.to_proto(ir.Model(tape.graph("example", outputs, unique), ir_version=IR_VERSION))


def session_or_none(model: onnx.ModelProto) -> ort.InferenceSession | None:
    """A session, or None where ONNX Runtime has no kernel for a dtype of the model."""
    try:
        return session(model)
    except NotImplemented_:
        return None


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """A session on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(
    one: ort.InferenceSession, case: Case, arrays: list[np.ndarray | None], env: dict[str, int], program: str = "f32"
) -> list[np.ndarray]:
    """Its results as arrays."""
    feeds = {}
    for put in one.get_inputs():
        if put.name == "shown":
            feeds["shown"] = np.zeros([env[name] for name in _hidden(case)], NUMPY[program])
        else:
            index = int(put.name[1:])
            type = case.raw[index]
            assert isinstance(type, TensorType)
            feeds[put.name] = np.asarray(arrays[index]).astype(NUMPY[program if type.dtype == "float" else type.dtype])
    return list(one.run(None, feeds))


def _hidden(case: Case) -> list[str]:
    """Symbols that are no axis of any tensor by themselves."""
    bare = {str(size) for one in case.raw if isinstance(one, TensorType) for size in one.shape if isinstance(size, Dim)}
    return [name for name in case.symbols if name not in bare]
