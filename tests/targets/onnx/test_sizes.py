"""Symbolic sizes computed by ONNX are what the sizes say, wherever the symbols are read from."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.dims.dim import Dim, Size, maximum, minimum, symbol
from archdsl.dims.read import read_size, read_type
from archdsl.dims.shape import TensorType
from archdsl.targets.onnx.sizes import UnknownSize
from archdsl.targets.onnx.tape import IR_VERSION, GraphTape


def _run(inputs: dict[str, TensorType], wanted: list[Size], env: dict[str, int]) -> list[int]:
    tape = GraphTape(inputs)
    tape.at(list(inputs), list(inputs.values()), ())
    result = tape.output(tape.shape(wanted), "y", TensorType((len(wanted),), "i64"))
    model = ir.to_proto(ir.Model(tape.graph("sizes", [result]), ir_version=IR_VERSION))
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    shapes = {name: [one.evaluate(env) if isinstance(one, Dim) else one for one in type.shape] for name, type in inputs.items()}
    feeds = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return list(session.run(["y"], feeds)[0])


@pytest.mark.parametrize("shown", ["[A, B]", "[A + 3, 4*B - 1]", "[2*A, A*B, 7, A + B]", "[A + 2*B, B, 1]"])
def test_symbols_are_read_from_any_axis(shown: str) -> None:
    env = {"A": 6, "B": 5}
    sizes = [read_size(text) for text in ("A", "B", "3", "A*B + 2", "(A - 9) // 2", "(B + 1) % 4", "max(A, 9)", "min(A, B, 3)")]
    assert _run({"x": read_type(shown)}, sizes, env) == [one if isinstance(one, int) else one.evaluate(env) for one in sizes]


def test_a_symbol_that_nothing_shows() -> None:
    with pytest.raises(UnknownSize):
        GraphTape({"x": read_type("[A, 3]")}).shape([symbol("Z")])


def _grow(inner: st.SearchStrategy[Size]) -> st.SearchStrategy[Size]:
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda pair: pair[0] + pair[1]), two.map(lambda pair: pair[0] - pair[1]), two.map(lambda pair: pair[0] * pair[1]),
        two.map(lambda pair: maximum(*pair)), two.map(lambda pair: minimum(*pair)),
        st.tuples(inner, st.integers(1, 9)).map(lambda pair: pair[0] // pair[1]),
        st.tuples(inner, st.integers(1, 9)).map(lambda pair: pair[0] % pair[1]),
    )  # fmt: skip


_SIZES = st.recursive(st.one_of(st.integers(-9, 9), st.sampled_from([symbol("A"), symbol("B")])), _grow, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(_SIZES, min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 9))
def test_every_size_is_what_it_says(sizes: list[Size], a: int, b: int) -> None:
    env = {"A": a, "B": b}
    assert _run({"x": read_type("[A, B]")}, sizes, env) == [one if isinstance(one, int) else one.evaluate(env) for one in sizes]


def test_constants_and_sizes_stand_once() -> None:
    tape = GraphTape({"x": read_type("[A, B]")})
    assert tape.size(symbol("A")) == tape.size(symbol("A"))
    assert tape.ints([1, 2]) == tape.ints([1, 2])
    assert tape.scalar(1.0, "float") == tape.scalar(1.0, "f32") != tape.scalar(1.0, "f64")


def test_an_inner_graph_reads_sizes_outside() -> None:
    outer = GraphTape({"x": read_type("[A, B]")})
    inner = GraphTape({"slice": read_type("[B]")}, outer=outer)
    name = inner.size(symbol("A"))
    assert name not in [node.outputs[0].name for node in outer.written]
    assert any(node.op_type == "Shape" for node in outer.written)
    assert all(node.op_type != "Shape" for node in inner.written)


def test_attributes_have_the_schemas_type() -> None:
    tape = GraphTape({"x": read_type("[A]")})
    tape.node("LeakyRelu", ["x"], alpha=1)
    assert tape.written[-1].attributes["alpha"].type == ir.AttributeType.FLOAT
    tape.node("Cast", ["x"], to="i64")
    assert tape.written[-1].attributes["to"].value == ir.DataType.INT64


def test_an_output_that_is_an_input_or_given_twice() -> None:
    type = read_type("[A]")
    tape = GraphTape({"x": type})
    made = tape.node("Relu", ["x"])
    outputs = [tape.output(name, wanted, type) for name, wanted in (("x", "a"), (made, "b"), (made, "c"))]
    model = ir.to_proto(ir.Model(tape.graph("twice", outputs), ir_version=IR_VERSION))
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    a, b, c = session.run(["a", "b", "c"], {"x": np.array([-1, 2], np.float32)})
    assert (a.tolist(), b.tolist(), c.tolist()) == ([-1, 2], [0, 2], [0, 2])
