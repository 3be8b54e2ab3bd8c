"""Recurrent cells written as equations beside PyTorch's and ONNX Runtime's fused ones, and a cell of one's own in ONNX's Scan.

Both sides have one thread: what is compared is processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from archdsl.compiler import load
from archdsl.source import Source
from benchmarks import measuring
from benchmarks.measuring import Row

TOPIC = "scan_cells"
compare = partial(measuring.compare, clock=time.process_time)
GRU = """
block Cell(hidden: int)(x: [B, T, D]) -> [B, T, hidden] {
  scan xt in x over axis 1 {
    carry h = zeros(B, hidden)
    r, z, n = xt -> W: Linear(3*hidden) -> chunk(3, axis=-1)
    hr, hz, hn = h -> U: Linear(3*hidden) -> chunk(3, axis=-1)
    z = sigmoid(z + hz)
    n = tanh(n + sigmoid(r + hr) * hn)
    h = (1 - z) * n + z * h
    yield h
  }
}
"""
ELMAN = """
block Cell(hidden: int)(x: [B, T, D]) -> [B, T, hidden] {
  scan xt in x over axis 1 {
    carry h = zeros(B, hidden)
    h = tanh((xt -> W: Linear(hidden)) + (h -> U: Linear(hidden)))
    yield h
  }
}
"""
OWN = """
block Cell(hidden: int)(x: [B, T, D]) -> [B, T, hidden] {
  scan xt in x over axis 1 {
    carry h = zeros(B, hidden)
    carry c = zeros(B, hidden)
    i, f, g, o = (xt -> W: Linear(4*hidden)) + (h -> U: Linear(4*hidden, bias=false)) -> chunk(4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c) * sigmoid(c)
    yield h
  }
}
"""
ARCH = "arch A(width: int, hidden: int)(x: [B, T, width]) -> y: [B, T, hidden] { rnn: Cell(hidden); head y }\n"


def measure(quick: bool) -> list[Row]:
    """T = 128, batch 8, 256 inputs, 512 states."""
    import torch

    from benchmarks.references import one_thread

    one_thread()
    torch.manual_seed(0)
    length, hidden = (8, 16) if quick else (128, 512)
    return [*_torch(length, hidden, 1 if quick else 15), *_onnx(length, hidden, 1 if quick else 41)]


def _torch(length: int, hidden: int, rounds: int) -> list[Row]:
    import torch
    from torch import nn

    width = hidden // 2
    x = torch.randn(8, length, width)
    tagger: Any = load("tests/data/examples/lstm.arch").build(vocab=2, width=width, hidden=hidden, layers=1, tags=2)
    sides: list[tuple[str, Any, Any]] = [
        ("LSTM", tagger.get_submodule("rnn.0.ahead"), nn.LSTM(width, hidden, batch_first=True)),
        ("GRU", _made(GRU, width, hidden), nn.GRU(width, hidden, batch_first=True)),
        ("Elman RNN", _made(ELMAN, width, hidden), nn.RNN(width, hidden, batch_first=True)),
    ]
    rows = []
    for what, ours, theirs in sides:
        for backward in (False, True):

            def run(model: Any, backward: bool = backward) -> Callable[[], object]:
                def call() -> object:
                    with torch.set_grad_enabled(backward):
                        made = model(x)
                        made = made[0] if isinstance(made, tuple) else made
                        return made.sum().backward() if backward else made

                return call

            said = f"{what}, T={length} H={hidden}, {'forward and backward' if backward else 'forward'}"
            rows.append(
                compare(TOPIC, said, run(ours), run(theirs), beside=f"nn.{what[-4:].strip()}", target=1.05, rounds=rounds)
            )
    return rows


def _made(cell: str, width: int, hidden: int) -> Any:
    return load(Source("cell.arch", cell + ARCH)).build(width=width, hidden=hidden)


def _onnx(length: int, hidden: int, rounds: int) -> list[Row]:
    import numpy as np
    import onnxruntime as ort

    width = hidden // 2
    given = {"x": np.random.default_rng(0).standard_normal((8, length, width)).astype(np.float32)}

    def run(data: bytes) -> Callable[[], object]:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, given)

    sizes = {"width": width, "hidden": hidden}
    lstm = OWN.replace(" * sigmoid(c)\n", "\n")
    fused, own = (load(Source("cell.arch", one + ARCH)).onnx(**sizes) for one in (lstm, OWN))
    said = f"T={length} H={hidden}"
    return [
        compare(
            TOPIC, f"ONNX of an LSTM, {said}", run(fused), run(_lstm_node(width, hidden)),
            beside="an LSTM node", target=1.02, rounds=rounds,
        ),
        compare(
            TOPIC, f"ONNX of an own cell, {said}", run(own), run(_scan_node(width, hidden)),
            beside="a Scan by hand, its input product before it", target=1.3, rounds=rounds,
        ),
        compare(
            TOPIC, f"ONNX of an own cell, {said}", run(own), run(_lstm_node(width, hidden)),
            beside="ONNX Runtime's LSTM", target=1.3, rounds=rounds,
        ),
    ]  # fmt: skip


def _weights(**shapes: tuple[int, ...]) -> list[Any]:
    import numpy as np
    import onnx

    draw = np.random.default_rng(0)
    return [
        onnx.numpy_helper.from_array((draw.standard_normal(shape) * shape[-1] ** -0.5).astype(np.float32), name)
        for name, shape in shapes.items()
    ]


def _model(nodes: list[Any], initializers: list[Any], width: int, hidden: int) -> bytes:
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", "T", width])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", "T", hidden])
    graph = helper.make_graph(nodes, "by_hand", [x], [y], initializers)
    made: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10).SerializeToString()
    return made


def _lstm_node(width: int, hidden: int) -> bytes:
    """One LSTM node on [T, B, D], with the transposes that a batch in front asks for."""
    import numpy as np
    from onnx import helper, numpy_helper

    nodes = [
        helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["xt", "W", "R", "Bias"], ["states"], hidden_size=hidden),
        helper.make_node("Squeeze", ["states", "one"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["y"], perm=[1, 0, 2]),
    ]
    shapes = {"W": (1, 4 * hidden, width), "R": (1, 4 * hidden, hidden), "Bias": (1, 8 * hidden)}
    return _model(nodes, [*_weights(**shapes), numpy_helper.from_array(np.array([1]), "one")], width, hidden)


def _scan_node(width: int, hidden: int) -> bytes:
    """The own cell: one product for all inputs, then a Scan with one product, one split and the curves."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    def info(name: str, *sizes: object) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sizes))

    def chain(*steps: tuple[str, str, str]) -> list[Any]:
        return [helper.make_node(op, inputs.split(), outputs.split()) for op, inputs, outputs in steps]

    body = chain(("MatMul", "h R", "own"), ("Add", "own entering", "gates"))
    body.append(helper.make_node("Split", ["gates"], ["i", "f", "g", "o"], axis=-1, num_outputs=4))
    body += chain(
        ("Sigmoid", "i", "si"), ("Sigmoid", "f", "sf"), ("Tanh", "g", "tg"), ("Sigmoid", "o", "so"), ("Mul", "sf c", "kept"),
        ("Mul", "si tg", "fresh"), ("Add", "kept fresh", "c2"), ("Tanh", "c2", "tc"), ("Sigmoid", "c2", "sc"),
        ("Mul", "so tc", "out"), ("Mul", "out sc", "h2"), ("Identity", "h2", "step"),
    )  # fmt: skip
    state = [info(name, "B", hidden) for name in ("h", "c")]
    results = [info(name, "B", hidden) for name in ("h2", "c2", "step")]
    step = helper.make_graph(body, "step", [*state, info("entering", "B", 4 * hidden)], results)
    nodes = chain(("MatMul", "x W", "product"), ("Add", "product Bias", "sequence"))
    nodes += chain(("Shape", "x", "shape"), ("Gather", "shape zero", "batch"), ("Concat", "batch count", "sizes"))
    nodes[-1].attribute.append(helper.make_attribute("axis", 0))
    nodes += chain(("ConstantOfShape", "sizes", "start"))
    nodes.append(
        helper.make_node(
            "Scan", ["start", "start", "sequence"], ["last_h", "last_c", "y"], body=step, num_scan_inputs=1, scan_input_axes=[1],
            scan_output_axes=[1],
        )
    )  # fmt: skip
    shapes = {"W": (width, 4 * hidden), "R": (hidden, 4 * hidden), "Bias": (4 * hidden,)}
    more = [numpy_helper.from_array(np.array([value]), name) for name, value in (("zero", 0), ("count", hidden))]
    return _model(nodes, [*_weights(**shapes), *more], width, hidden)
