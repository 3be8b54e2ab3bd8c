"""`passes=` of the methods of a spec: what is made is of the rewritten graph, on the spec's own weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from archdsl.compiler import Spec
from archdsl.passes.registry import UnknownPass
from archdsl.targets.torch.weights import WeightsError, weights_bytes
from archdsl.verifying.values import randomise
from tests.elaborate.reading import spec

FOLD = ("fold-batchnorm",)


@pytest.fixture
def net() -> Spec:
    return spec(
        "arch Net(width: int = 8)(image: [N, 3, 6, 6]) -> y: [N, width] {\n  conv: Conv2d(width, 3)\n"
        "  norm: BatchNorm2d\n  relu\n  head y { mean(axis=[2, 3]) }\n}"
    )


@pytest.fixture
def trained(net: Spec) -> torch.nn.Module:
    module = net.build().eval()
    randomise(module, 0)
    return module


def test_a_module_without_weights_computes_what_it_would_without_passes(net: Spec) -> None:
    x = torch.randn(2, 3, 6, 6)
    plain, folded = net.build(seed=3).eval(), net.build(seed=3, passes=FOLD).eval()
    assert list(folded.state_dict()) == ["conv.weight", "conv.bias"]
    assert torch.allclose(plain(x), folded(x), atol=1e-6)


@pytest.mark.parametrize("kind", ["a module", "a state dict", "a file"])
def test_weights_of_the_spec_are_carried(net: Spec, trained: torch.nn.Module, kind: str, tmp_path: Path) -> None:
    x = torch.randn(2, 3, 6, 6)
    file = tmp_path / "w.safetensors"
    file.write_bytes(weights_bytes(trained))
    weights = {"a module": trained, "a state dict": trained.state_dict(), "a file": file}[kind]
    wanted = trained(x).detach()
    if kind != "a module":
        assert torch.allclose(net.build(weights=weights, passes=FOLD).eval()(x), wanted, atol=1e-5)
    model = net.onnx(weights=weights, passes=FOLD)
    made = onnxruntime.InferenceSession(model).run(None, {"image": x.numpy()})[0]
    assert np.allclose(made, wanted.numpy(), atol=1e-5)
    assert b"BatchNormalization" not in model
    assert b"BatchNormalization" in net.onnx(weights=weights)


def test_weights_that_do_not_fit_are_told_by_the_keys_of_the_spec(net: Spec, trained: torch.nn.Module) -> None:
    state = trained.state_dict()
    del state["norm.running_var"]
    state["more"] = torch.zeros(3)
    with pytest.raises(WeightsError) as fault:
        net.build(weights=state, passes=FOLD)
    assert fault.value.missing == ["norm.running_var"]
    assert fault.value.extra == ["more"]


def test_source_summary_and_picture_are_of_the_rewritten_graph(net: Spec) -> None:
    assert "width" in net.source(passes=FOLD)
    for made in (net.source(passes=FOLD), str(net.summary(passes=FOLD)), net.draw(passes=FOLD)):
        assert "BatchNorm2d" not in str(made)
    assert net.build(device="meta", passes=FOLD).get_parameter("conv.bias").is_meta


def test_a_pass_or_its_word(net: Spec) -> None:
    assert net.graph(passes="fold-batchnorm") == net.graph(passes=FOLD) != net.graph()
    with pytest.raises(UnknownPass, match="did you mean `fold-batchnorm`"):
        net.graph(passes=("fold-batchnorms",))


def test_the_proof_of_a_rewritten_model(net: Spec) -> None:
    assert net.verify(passes=FOLD).ok


def test_a_passed_graph_stands_in_place_of_a_name(net: Spec) -> None:
    graph = net.graph(passes=FOLD)
    assert list(net.build(graph).state_dict()) == ["conv.weight", "conv.bias"]
    assert "BatchNorm2d" not in net.source(graph)
    assert b"BatchNormalization" not in net.onnx(graph)
    edited = net.graph().select("relu").replace("gelu")
    source = net.source(edited, passes=FOLD)
    assert "gelu" in source.lower()
    assert "BatchNorm2d" not in source
