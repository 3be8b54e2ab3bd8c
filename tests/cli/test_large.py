"""Weights beyond what one ONNX file holds, and beyond the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archdsl.targets.onnx import external
from archdsl.targets.torch import module


@pytest.fixture
def net(here):
    (here / "net.arch").write_text("arch Net(x: [N, 300]) -> y: [N, 300] { head y { fc: Linear(300) } }")
    return here / "build" / "Net"


def test_large_weights_are_written_beside_the_model(cli, net, monkeypatch) -> None:
    monkeypatch.setattr(external, "MAX_PROTO_BYTES", external.MARGIN)
    result = cli("compile", "net.arch", "--to", "onnx", "--json")
    written = json.loads(result.out)["result"]["files"]
    assert list(written) == ["onnx weights", "onnx"]
    assert {Path(one).name for one in written.values()} == {one.name for one in net.iterdir()}


@pytest.mark.parametrize("job", [("compile",), ("verify",)])
def test_what_the_machine_cannot_hold_is_said_before(cli, net, monkeypatch, job) -> None:
    monkeypatch.setattr(module, "_memory", lambda: 1000)
    result = cli(*job, "net.arch")
    assert result.code == 2
    assert "the weights of Net take" in result.err
    assert not net.exists()
    assert cli("compile", "net.arch", "--to", "torch,svg,summary").code == 0
