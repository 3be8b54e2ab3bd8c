"""The pass `quantize-dynamic` beside its formula in NumPy, in PyTorch and ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch

import archdsl
from archdsl.analyses.cost import parameters
from archdsl.ir.graph import Graph
from archdsl.passes.carrying import Passed
from archdsl.passes.deployment.quantize_dynamic import QuantizeDynamic
from archdsl.passes.pattern import Refusal
from archdsl.passes.scans.choose import fast_scans
from archdsl.targets.onnx.model import export
from archdsl.targets.torch.module import build
from archdsl.targets.torch.source import print_source
from archdsl.verifying.bindings import choose_bindings
from archdsl.verifying.sides import apply
from archdsl.verifying.values import draw_inputs, randomise
from tests.elaborate.reading import graph
from tests.passes.deployment.passing import through
from tests.passes.reduced import REDUCED, reduced

LARGE = ("alexnet", "inception_v3")
IN_RUNTIME = ("bert", "lenet", "llama", "swin", "vit")


def quantised(x: Any, weight: Any, bias: Any) -> Any:
    """The linear map with 8-bit integers, by the definition of ONNX's DynamicQuantizeLinear and symmetric rows."""
    scale = np.abs(weight).max(axis=1) / 127
    scale[scale == 0] = 1 / 127
    rows = np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int64)
    low, high = min(x.min(), 0), max(x.max(), 0)
    step = (high - low) / 255 if high > low else x.dtype.type(1)
    zero = np.clip(np.rint(-low / step), 0, 255).astype(np.int64)
    steps = np.clip(np.rint(x / step) + zero, 0, 255).astype(np.int64)
    return ((steps - zero) @ rows.T) * (step * scale) + bias


def pair(before: Graph, passed: Passed, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """Both models on the same random weights."""
    first = build(before, dtype=dtype).eval()
    randomise(first, 0)
    other = build(passed.graph, dtype=dtype).eval()
    other.load_state_dict(passed.carry(first.state_dict()), strict=True)
    return first, other


@pytest.mark.parametrize("shape", [(5, 24), (2, 3, 24), (24,)])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("x", ["both signs", "positive", "negative", "zero"])
def test_the_formula(shape: tuple[int, ...], transposed: bool, x: str) -> None:
    sizes = ", ".join(map(str, shape))
    before = graph(f"fc: Linear(17, transposed={str(transposed).lower()})", f"(x: [{sizes}])")
    first, other = pair(before, QuantizeDynamic().apply(before), torch.float64)
    drawn = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    given = {"both signs": drawn, "positive": drawn.abs() + 1, "negative": -drawn.abs(), "zero": 0 * drawn}[x]
    weight = first.fc.weight.detach().numpy()
    wanted = quantised(given.numpy(), weight.T if transposed else weight, first.fc.bias.detach().numpy())
    np.testing.assert_allclose(other(given).detach().numpy(), wanted, rtol=1e-12, atol=1e-12)


def test_a_row_of_zeros() -> None:
    before = graph("fc: Linear(3)", "(x: [N, 4])")
    passed = QuantizeDynamic().apply(before)
    state = passed.carry({"fc.weight": torch.zeros(3, 4), "fc.bias": torch.ones(3)})
    assert state["fc.weight"].dtype == torch.int8
    other = build(passed.graph)
    other.load_state_dict(state)
    assert torch.equal(other(torch.randn(2, 4)), torch.ones(2, 3))


@pytest.mark.parametrize("qdq", [False, True])
@pytest.mark.parametrize("name", IN_RUNTIME)
def test_onnx_runtime_has_the_same_integers(name: str, qdq: bool) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    before = reduced(name)
    passed = QuantizeDynamic(qdq=qdq).apply(before)
    _, other = pair(before, passed)
    inputs = draw_inputs(before, choose_bindings(before)[1], 0)
    with torch.no_grad():
        wanted = apply(other, passed.graph, inputs)
    data = export(fast_scans(passed.graph, solving=False), other)
    onnx.checker.check_model(data, full_check=True)
    kinds = {node.op_type for part in _parts(onnx.load_from_string(data)) for node in part}
    assert ("DequantizeLinear" if qdq else "MatMulInteger") in kinds
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for one, two in zip(session.run(None, {key: value.numpy() for key, value in inputs.items()}), wanted, strict=True):
        np.testing.assert_allclose(one, two.numpy(), rtol=1e-5, atol=2e-6 * float(two.abs().max()))


def _parts(model: onnx.ModelProto) -> list[Any]:
    return [model.graph.node, *(one.node for one in model.functions)]


@pytest.mark.parametrize("name", REDUCED)
def test_the_zoo_is_near_what_it_was(name: str) -> None:
    before = reduced(name)
    passed = through(before, [QuantizeDynamic()])
    if not passed.derived or name in LARGE or parameters(before) > 500_000:
        return
    first, other = pair(before, passed)
    inputs = draw_inputs(before, choose_bindings(before)[1], 0)
    with torch.no_grad():
        wanted, made = apply(first, before, inputs), apply(other, passed.graph, inputs)
    for one, two in zip(wanted, made, strict=True):
        assert float((one - two).abs().max()) < 0.08 * float(one.abs().max())


REFUSED = {
    "a tied weight": ("shared a = Linear(8)\nx -> a\nfc: Linear(8, weight=a.weight)", "tied"),
    "called twice": ("shared fc = Linear(8)\nit -> fc -> fc", "more than once"),
    "lent": ("shared fc = Linear(8, in_features=8)\nb: Lent(fc)", "lent"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_with_a_reason(case: str) -> None:
    text, reason = REFUSED[case]
    refusals: list[Refusal] = []
    whole = f"block Lent(f: layer)(x: [N, 8]) -> [N, 8] {{ f }}\narch Net(x: [N, 8]) {{\n{text}\n}}"
    before = graph(whole)
    assert QuantizeDynamic(labels="fc").run(before, refusals=refusals) is before
    assert any(reason in one.reason for one in refusals), refusals


def test_labels_choose_and_the_weights_are_a_quarter() -> None:
    before = graph("h: repeat 3 { { Linear(64); relu; Linear(32) } }\nout: Linear(32)", "(x: [N, 32])")
    passed = through(before, [QuantizeDynamic(labels="h.*")])
    first, other = pair(before, passed)
    assert {key for key, one in other.state_dict().items() if one.dtype == torch.int8} == {
        f"h.{i}.{j}.weight" for i in range(3) for j in (0, 2)
    }
    assert "class QuantizedLinear(nn.Module):" in print_source(passed.graph)
    whole = QuantizeDynamic().apply(before)
    sizes = [sum(one.nbytes for one in state.values()) for state in (first.state_dict(), whole.carry(first.state_dict()))]
    assert sizes[1] < 0.3 * sizes[0]
    with pytest.raises(archdsl.ArchError, match="nothing-selected"):
        QuantizeDynamic(labels="g").apply(before)
