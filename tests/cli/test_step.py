"""`compile --step` writes the module of one step."""

from __future__ import annotations

import pytest

TEXT = """arch Net(x: [B, T, 4]) -> y: [B, T, 4] {
  scan u in x over axis 1 { carry h = zeros(B, 4); h = tanh(h + u); yield h }
  head y { fc: Linear(4) }
}
"""


@pytest.fixture
def files(here):
    (here / "net.arch").write_text(TEXT)
    return here / "out" / "Net"


def test_it_writes_source_and_two_onnx_models(cli, files) -> None:
    result = cli("compile", "net.arch", "--step", "-o", "out")
    assert result.code == 0, result.err
    assert sorted(one.name for one in files.iterdir()) == ["first_step.onnx", "step.onnx", "step.py"]
    assert "class NetStep(nn.Module):" in (files / "step.py").read_text()


def test_it_makes_no_pictures(cli, files) -> None:
    result = cli("compile", "net.arch", "--step", "--to", "svg")
    assert result.code == 2
    assert "`--step` makes torch and onnx, not `svg`" in result.err


def test_what_cannot_stream_is_a_problem(cli, files) -> None:
    (files.parent.parent / "net.arch").write_text(TEXT.replace("axis 1 {", "axis 1 reverse {"))
    result = cli("compile", "net.arch", "--step", "-o", "out")
    assert result.code == 1
    assert "cannot-stream" in result.out + result.err
    assert not files.exists()
