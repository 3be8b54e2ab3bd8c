"""What a model looks like: functions, names, ties, lent layers, choices, doors, and programs that try to break it."""

from __future__ import annotations

import onnx
import pytest

from archdsl.compiler import load
from archdsl.ir.build import Builder
from archdsl.ir.graph import Graph
from archdsl.ops.contract import Op
from archdsl.ops.registry import find
from archdsl.source import Source
from archdsl.targets.onnx.model import export
from tests.targets.onnx.agree import assert_agrees, checked, random_state

ROWS = [{"B": 1}, {"B": 3}, {"B": 8}]


def op(name: str, **arguments: object) -> Op:
    kind = find(name)
    assert kind is not None
    return kind(**arguments)


def graph_of(text: str, **more: object) -> Graph:
    return load(Source("program.arch", text)).graph(**more)  # type: ignore[arg-type]


def test_equal_blocks_are_one_function() -> None:
    model = assert_agrees(graph_of("""
block Inner(x: [B, D]) -> [B, D] { fc: Linear(D); relu }
block Outer(x: [B, D]) -> [B, D] { skip { a: Inner; b: Inner } }
arch A(x: [B, 6]) -> y: [B, 6] { layers: repeat 3 { Outer }; wide: Linear(9); tail: Outer; last: Linear(6) }
"""), ROWS)  # fmt: skip
    assert [one.name for one in model.functions] == ["Inner", "Outer", "Inner_2", "Outer_2"]
    assert [one.op_type for one in model.graph.node].count("Outer") == 3
    assert {one.name for one in model.graph.initializer} >= {"layers.0.a.fc.weight", "tail.b.fc.bias", "wide.weight"}


def test_names_and_metadata() -> None:
    data = export(*with_state(graph_of("""
let half = 2
## Says what it is.
arch A(image: [N, 3, H, W]) -> small: [N, 2, H // 2, W // 2] {
  require H % 2 == 0 and W % 2 == 0, "halves"
  stem: { Conv2d(2, 2, stride=half); relu }
}""")))  # fmt: skip
    model = checked(data)
    (image,), (small,) = model.graph.input, model.graph.output
    assert [one.dim_param or one.dim_value for one in image.type.tensor_type.shape.dim] == ["N", 3, "H", "W"]
    assert [one.dim_param or one.dim_value for one in small.type.tensor_type.shape.dim] == ["N", 2, "H // 2", "W // 2"]
    assert model.ir_version == 10
    assert model.doc_string == "Says what it is."
    assert {one.domain: one.version for one in model.opset_import}[""] == 22
    names = [one.name for one in model.graph.node]
    assert "stem.0/Conv" in names
    assert "stem.1/Relu" in names
    conv = model.graph.node[names.index("stem.0/Conv")]
    assert {one.key: one.value for one in conv.metadata_props} == {"archdsl.span": "program.arch:6"}
    said = {one.key: one.value for one in model.metadata_props}
    assert said["archdsl.require.0"] == "H % 2 == 0: halves"


def with_state(graph: Graph) -> tuple[Graph, dict[str, object]]:
    return graph, dict(random_state(graph))


def test_tied_tensors_are_one_initializer() -> None:
    model = assert_agrees(graph_of("""
block Tail(w: layer)(x: [B, D]) -> [B, D] { x -> w -> w }
arch A(x: [B, 6]) -> y: [B, 6] {
  shared f = body.f: Linear(6)
  x -> f -> second.f: f
  third: Linear(6, weight=f.weight)
  tail: Tail(f)
  deep: Deep
}
block Deep(x: [B, D]) -> [B, D] { inner: { fc: Linear(D, bias=false) } }
"""), ROWS)  # fmt: skip
    names = sorted(one.name for one in model.graph.initializer)
    assert names == ["body.f.bias", "body.f.weight", "deep.inner.fc.weight", "third.bias"]


def test_a_parameter_handed_to_a_block_ties_a_layer_in_it() -> None:
    assert_agrees(graph_of("""
block Tied(x: [B, D], w: [D, D]) -> [B, D] { x -> fc: Linear(D, weight=w) -> it + sum(w) }
arch A(x: [B, 4]) -> y: [B, 4] { param w: [4, 4] = zeros; (x, w) -> a: Tied; (it, w) -> b: Tied }
"""), ROWS)  # fmt: skip


def test_leaf_read_in_an_expression() -> None:
    assert_agrees(graph_of("""
block Square(x: [B, D]) -> [B, D] { shared f = Linear(D); y = x -> f; y * f.bias + sum(f.weight ** 2) }
arch A(x: [B, 4]) -> y: [B, 4] { a: Square; b: Square }
"""), ROWS)  # fmt: skip


def test_lent_layers_reach_through_blocks() -> None:
    assert_agrees(graph_of("""
block Leaf(f: layer)(x: [B, D]) -> [B, D] { own: Linear(D); tanh; f }
block Middle(f: layer)(x: [B, D]) -> [B, D] { one: Leaf(f); two: Leaf(f) }
arch A(x: [B, 4]) -> y: [B, 4] { shared f = { a: Linear(4); relu }; x -> f; m: Middle(f); n: Middle(f) }
"""), ROWS)  # fmt: skip


def test_optional_inputs() -> None:
    text = """
arch A(x: [B, 4], scale: [B, 1] = none, shift: [4] = none) -> y: [B, 4] {
  y = if scale != none { x * scale } else { x }
  z = if shift != none { y + shift } else { y }
  z -> fc: Linear(4)
}"""
    for given in ((), ("scale",), ("shift",), ("scale", "shift")):
        model = assert_agrees(graph_of(text, given=given), ROWS)
        assert [one.name for one in model.graph.input] == ["x", *given]


def test_a_size_that_no_input_of_a_block_shows() -> None:
    assert_agrees(graph_of("""
block Mean(n: int)(x: [D]) -> [D] { x / n }
arch A(x: [B, 4]) -> y: [4] { sum(x, axis=0) -> Mean(B) -> a: Linear(4) -> Mean(2*B) }
"""), ROWS)  # fmt: skip


def test_numbers_for_tensors() -> None:
    text = "arch A(x: [B, 4]) -> y: [B, 4], n: [B, 4] { y = maximum(2, x) * B - 1; (y, where(x > 0, x, B)) }"
    assert_agrees(graph_of(text), ROWS)


def test_training_parts_are_left_out() -> None:
    model = assert_agrees(graph_of("""
arch A(x: [B, 4]) -> y: [B, 2], aux: [B, 3] when training {
  body: Linear(4)
  Dropout(0.5)
  head aux { extra: Linear(3) }
  if training { it * 0 } else { it + 1 }
  head y { out: Linear(2) }
}"""), ROWS)  # fmt: skip
    assert [one.name for one in model.graph.output] == ["y"]
    assert not any("extra" in one.name for one in model.graph.initializer)
    assert not any(one.op_type == "Dropout" for one in model.graph.node)


def test_buffers() -> None:
    model = assert_agrees(graph_of("""
block Shift(x: [B, D]) -> [B, D] {
  buffer(persistent=false) ramp: [D] = linspace(0, 1, D)
  buffer kept: [D] = ones
  x * ramp + kept
}
arch A(x: [B, 4]) -> y: [B, 4] { a: Shift; b: Shift }
"""), ROWS)  # fmt: skip
    assert sorted(one.name for one in model.graph.initializer) == ["a.kept", "b.kept"]


def test_outputs_that_are_inputs_or_one_value() -> None:
    assert_agrees(graph_of("arch A(x: [B, 4]) -> a: [B, 4], b: [B, 4], c: [B, 4] { y = relu(x); (x, y, y) }"), ROWS)
    same = "block Same(x: [B, D]) -> [B, D], [B, D] { (x, x) }\n"
    assert_agrees(graph_of(same + "arch A(x: [B, 4]) -> a: [B, 4], b: [B, 4] { s: Same }"), ROWS)


HOSTILE = ("with space", '"; DROP', "<script>", "é", "x", "Relu", "0", "a/b", "main", "\\n", "{y}")


def test_hostile_names() -> None:
    """Labels and names that mean something elsewhere stay what they are: keys."""
    inner = Builder('<script>alert("1")</script>')
    value = inner.input("if", "[B, 4]")
    for label in HOSTILE:
        value = inner.layer((label,), op("Linear", out_features=4), value, name=label)
    block = inner.finish(value)
    outer = Builder("0", "arch")
    x = outer.input("x", "[B, 4]")
    shadow = outer.parameter(("x", "y"), "[4]", name="y")
    y = outer.call(("weights", "x"), block, x, name="x")
    graph = outer.finish({"y": outer.op(op("add"), y, shadow)})
    model = assert_agrees(graph, ROWS)
    assert {f"weights.x.{one}.weight" for one in HOSTILE} <= {one.name for one in model.graph.initializer}
    assert model.functions[0].name.isidentifier()


@pytest.mark.parametrize("dtype", ["f64", "f16", "bf16"])
def test_other_float_types(dtype: str) -> None:
    graph = graph_of("arch A(x: [B, 4]) -> y: [B, 4] { fc: Linear(4); relu; it * 2 }")
    model = onnx.load_from_string(export(*with_state(graph), dtype=dtype))
    onnx.checker.check_model(model, full_check=True)
    wanted = {"f64": onnx.TensorProto.DOUBLE, "f16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}[dtype]
    assert {one.data_type for one in model.graph.initializer} == {wanted}
    assert model.graph.input[0].type.tensor_type.elem_type == wanted
