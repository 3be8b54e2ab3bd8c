"""Fused cells are nodes of their own in ONNX, `Scan` has the rest; one file runs at several lengths and batch sizes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from archdsl.targets.agreement import compare
from tests.passes.scans.cells import ELMANS, GRUS, LSTMS, OTHERS, WIDTH, spec
from tests.targets.onnx.agree import checked, session

SIZES = [(1, 1), (2, 2), (3, 13), (1, 7)]
CELLS = {
    **{("LSTM", name): body for name, body in LSTMS.items()},
    **{("GRU", name): body for name, body in GRUS.items()},
    **{("RNN", name): body for name, body in ELMANS.items()},
}
SCANS = {name: OTHERS[name] for name in ("Cho's GRU", "coupled gates", "peepholes", "a norm before the curve", "a residual")}


def nodes(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for body in (model.graph, *model.functions) for node in body.node]


def agree(made: bytes, body: str, axis: int, reverse: str) -> None:
    """ONNX Runtime gives what the equations in float64 do, at each size."""
    near = spec(body, axis, reverse).build(scan="loop", seed=0).eval()
    exact = spec(body, axis, reverse).build(scan="loop", seed=0).eval().double()
    run = session(made)
    for batch, length in SIZES:
        torch.manual_seed(length)
        x, s = torch.randn(*((batch, length, WIDTH) if axis else (length, batch, WIDTH))), torch.randn(batch, 5)
        outputs = run.run(None, {"x": x.numpy(), "s": s.numpy()})
        with torch.no_grad():
            for ours, single, double in zip(outputs, near(x, s), exact(x.double(), s.double()), strict=True):
                verdict = compare(ours, single.numpy(), double.numpy())
                assert verdict, f"{batch} x {length}: {verdict}"


@pytest.mark.parametrize("axis, reverse", [(1, ""), (0, "reverse")])
@pytest.mark.parametrize("kind, name", CELLS)
def test_a_fused_cell_is_one_node(kind: str, name: str, axis: int, reverse: str) -> None:
    made = spec(CELLS[kind, name], axis, reverse).onnx(seed=0)
    model = checked(made)
    assert nodes(model).count(kind) == 1
    assert "Scan" not in nodes(model)
    agree(made, CELLS[kind, name], axis, reverse)


@pytest.mark.parametrize("reverse", ["", "reverse"])
@pytest.mark.parametrize("name", SCANS)
def test_another_cell_is_a_scan(name: str, reverse: str) -> None:
    made = spec(SCANS[name], 1, reverse).onnx(seed=0)
    model = checked(made)
    assert nodes(model).count("Scan") == 1
    assert not {"LSTM", "GRU", "RNN"} & set(nodes(model))
    agree(made, SCANS[name], 1, reverse)


def test_a_product_with_the_input_stands_before_the_scan() -> None:
    model = checked(spec(OTHERS["coupled gates"]).onnx(seed=0))
    (body,) = (one.g for node in model.graph.node if node.op_type == "Scan" for one in node.attribute if one.name == "body")
    assert [node.op_type for node in body.node].count("Gemm") + [node.op_type for node in body.node].count("MatMul") == 1


def test_a_program_in_double_precision_keeps_its_scan() -> None:
    """ONNX Runtime has fused cells in float32 alone."""
    body = GRUS["a product for all gates"]
    exact = spec(body).build(scan="loop", seed=0, dtype="f64").eval()
    made = spec(body).onnx(weights=exact, dtype="f64")
    assert "Scan" in nodes(checked(made))
    x, s = torch.randn(2, 7, WIDTH, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    with torch.no_grad():
        for ours, theirs in zip(session(made).run(None, {"x": x.numpy(), "s": s.numpy()}), exact(x, s), strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-9)


def test_half_precision_is_computed_in_single() -> None:
    body = GRUS["a product for all gates"]
    made = spec(body).onnx(seed=0, dtype="f16")
    assert "GRU" in nodes(checked(made))
    near = spec(body).build(scan="loop", seed=0).eval()
    x, s = torch.randn(2, 7, WIDTH), torch.randn(2, 5)
    results = session(made).run(None, {"x": x.half().numpy(), "s": s.half().numpy()})
    with torch.no_grad():
        for ours, theirs in zip(results, near(x, s), strict=True):
            assert ours.dtype == np.float16
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=0.02, atol=0.02)


def test_the_plain_form() -> None:
    made = spec(GRUS["a product for all gates"]).onnx(seed=0, scan="loop")
    assert "Scan" in nodes(checked(made))
    agree(made, GRUS["a product for all gates"], 1, "")
