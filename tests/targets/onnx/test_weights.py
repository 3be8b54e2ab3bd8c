"""Weights in every form that an export takes, and what it says where they do not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import save_file

from archdsl.compiler import load
from archdsl.files.writing import write_all
from archdsl.ir.graph import Graph
from archdsl.source import Source
from archdsl.targets.onnx import external, wire
from archdsl.targets.onnx.external import model_files
from archdsl.targets.onnx.model import export
from archdsl.targets.onnx.weights import WeightsDoNotFit
from archdsl.targets.onnx.wire import ModelTooLarge, varint
from tests.targets.onnx.agree import random_state

SPEC = load(Source("weights.arch", """
block Ramp(x: [B, D]) -> [B, D] { buffer(persistent=false) r: [D] = linspace(0, 1, D); param g: [1, D] = ones; x * r + g }
arch A(x: [B, 8]) -> y: [B, 8], z: [B, 300] {
  shared first = body.0: Linear(300)
  x -> first -> body.1: BatchNorm1d -> relu -> body.3: Linear(8)
  ramp: Ramp
  (it, it -> tied: Linear(300, weight=first.weight))
}"""))  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    return SPEC.graph()


def run(data: bytes | Path, x: np.ndarray) -> list[np.ndarray]:
    return list(ort.InferenceSession(str(data) if isinstance(data, Path) else data).run(None, {"x": x}))


def test_all_forms_give_the_same_bytes(graph: Graph, tmp_path: Path) -> None:
    state = dict(random_state(graph))
    save_file(state, tmp_path / "w.safetensors")
    wanted = export(graph, state)
    assert export(graph, tmp_path / "w.safetensors") == wanted
    assert export(graph, str(tmp_path / "w.safetensors")) == wanted
    assert export(graph, {key: value.numpy() for key, value in state.items()}) == wanted
    strided = {key: value.t().contiguous().t() if value.dim() == 2 else value for key, value in state.items()}
    assert export(graph, strided) == wanted
    wide = {key: value.double() if value.is_floating_point() else value for key, value in state.items()}
    assert export(graph, wide) == wanted


def test_a_tied_tensor_under_any_of_its_keys(graph: Graph) -> None:
    state = dict(random_state(graph))
    wanted = export(graph, state)
    assert export(graph, {**state, "tied.weight": state["body.0.weight"].clone()}) == wanted
    alias = {"tied.weight" if key == "body.0.weight" else key: value for key, value in state.items()}
    assert export(graph, alias) == wanted


def test_a_live_module_brings_its_unsaved_buffers(graph: Graph) -> None:
    module = SPEC.build(seed=3).eval()
    x = torch.randn(5, 8)
    for inline in (False, True):
        data = export(graph, module, inline=inline)
        for one, two in zip(run(data, x.numpy()), module(x), strict=True):
            np.testing.assert_allclose(one, two.detach().numpy(), atol=1e-5)
        assert "ramp.r" in {one.name for one in onnx.load_from_string(data).graph.initializer}


def test_everything_that_does_not_fit_is_told_at_once(graph: Graph, tmp_path: Path) -> None:
    state = dict(random_state(graph))
    del state["body.1.running_var"], state["ramp.g"]
    state["body.3.bias"] = torch.zeros(9)
    state["body.3.weight"] = torch.zeros(8, 300, dtype=torch.int64)
    state["tied.weight"] = state["body.0.weight"] + 1
    with pytest.raises(WeightsDoNotFit) as caught:
        export(graph, state)
    for told in ("body.1.running_var [300] is missing", "ramp.g [1, 8] is missing", "body.3.bias is [9] and must be [8]",
                 "body.3.weight must be of a float type", "body.0.weight and tied.weight are one tensor"):  # fmt: skip
        assert told in str(caught.value)


def test_meta_and_nothing_are_refused(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="meta device"):
        export(graph, {key: value.to("meta") for key, value in random_state(graph).items()})
    with pytest.raises(ValueError, match="needs weights"):
        export(graph, None)
    with pytest.raises(ValueError, match="this is a int"):
        export(graph, 3)


BROKEN = {
    "empty": b"",
    "too long a header": b"12345678",
    "no JSON": (9).to_bytes(8, "little") + b"{not json",
    "a list": (2).to_bytes(8, "little") + b"[]",
    "outside": (64).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(64),
    "another size": (64).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}}'.ljust(64) + b"0000",
    "no dtype": (64).to_bytes(8, "little") + b'{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}'.ljust(64) + b"0000",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_a_value_error(graph: Graph, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="w.safetensors is no safetensors file"):
        export(graph, path)


def test_weights_in_a_file_of_their_own(graph: Graph, tmp_path: Path) -> None:
    state = dict(random_state(graph))
    x = np.ones((2, 8), np.float32)
    files = model_files(tmp_path / "m.onnx", graph, state, external=True)
    weights, model = files
    assert model == tmp_path / "m.onnx"
    assert weights.name == f"m.{hashlib.sha256(b''.join(files[weights])).hexdigest()[:12]}.data"
    write_all(files)
    onnx.checker.check_model(str(model), full_check=True)
    for one, two in zip(run(model, x), run(export(graph, state), x), strict=True):
        np.testing.assert_array_equal(one, two)
    assert model_files(tmp_path / "m.onnx", graph, state, external=True) == files
    assert list(model_files(model, graph, state)) == [model]


def test_beyond_the_limit(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit lowered: the refusal says the way out, and the way out takes itself."""
    state = dict(random_state(graph))
    monkeypatch.setattr(wire, "MAX_PROTO_BYTES", 1000)
    with pytest.raises(ModelTooLarge, match="model_files"):
        export(graph, state)


def test_a_specs_files_are_its_model_and_beyond_the_limit_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.ones((2, 8), np.float32)
    path = tmp_path / "m.onnx"
    assert {one: b"".join(pieces) for one, pieces in SPEC.onnx_files(path).items()} == {path: SPEC.onnx()}
    monkeypatch.setattr(external, "MAX_PROTO_BYTES", external.MARGIN + 1000)
    files = SPEC.onnx_files(path)
    assert [one.suffix for one in files] == [".data", ".onnx"]
    write_all(files)
    for one, two in zip(run(path, x), run(SPEC.onnx(), x), strict=True):
        np.testing.assert_array_equal(one, two)


def test_varint() -> None:
    """Checked against protobuf's own writer."""
    for number in (0, 1, 127, 128, 300, 1 << 31, (1 << 35) + 7):
        proto = onnx.OperatorSetIdProto(version=number)
        assert proto.SerializeToString() == b"\x10" + varint(number)
