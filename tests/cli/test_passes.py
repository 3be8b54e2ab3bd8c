"""`archdsl passes`, and `compile --pass`."""

from __future__ import annotations

import json

from archdsl.compiler import load
from archdsl.passes.registry import every_pass
from archdsl.targets.torch.weights import weights_bytes

NET = "arch A(x: [N, 4]) { x + 0 -> transpose(0, 1) -> unsqueeze(0) -> transpose(1, 2) -> squeeze(0) }\n"


def test_the_passes_are_listed(cli) -> None:
    result = cli("passes")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")] == list(every_pass())
    assert "most=256" in result.out
    listed = json.loads(cli("passes", "--json").out)["result"]
    assert [one["options"] for one in listed if one["name"] == "constants"] == [{"most": 256}]


def test_the_design_edits_are_listed(cli) -> None:
    from archdsl import design

    result = cli("passes", "--design")
    assert result.code == 0
    assert [line.split("(")[0] for line in result.out.splitlines() if line.startswith("design.")] == [
        f"design.{name}" for name in design.__all__
    ]
    listed = json.loads(cli("passes", "--design", "--json").out)["result"]
    assert {one["name"]: one["takes"] for one in listed}["swap"] == ["graph", "old", "new", "where=None"]
    assert all(one["does"].endswith(".") for one in listed)


def test_compile_goes_through_passes(cli, here) -> None:
    (here / "net.arch").write_text(NET)
    result = cli("compile", "net.arch", "--to", "torch", "--pass", "identities", "--why")
    assert result.code == 0, result.err
    assert "x + 0" not in (here / "build/A/model.py").read_text()
    assert cli("compile", "net.arch", "--to", "torch", "-o", "plain").code == 0
    assert "x + 0" in (here / "plain/A/model.py").read_text()


def test_why_tells_what_was_left(cli, here) -> None:
    (here / "net.arch").write_text("arch A(x: [1, 4]) { x + 0; unsqueeze(0); squeeze(1) }\n")
    result = cli("compile", "net.arch", "--to", "torch", "--pass", "identities", "--why")
    assert "identities: A.x_3: squeeze(unsqueeze(x)) = x: they are other axes" in result.err


def test_an_unknown_pass_has_a_suggestion(cli, here) -> None:
    (here / "net.arch").write_text(NET)
    result = cli("compile", "net.arch", "--pass", "identitys")
    assert result.code == 2
    assert "did you mean `identities`" in result.err


def test_weights_go_through_passes(cli, here) -> None:
    (here / "net.arch").write_text("arch A(x: [N, 4]) { f: Linear(3); n: BatchNorm1d }\n")
    (here / "w.safetensors").write_bytes(weights_bytes(load(here / "net.arch").build()))
    result = cli(
        "compile", "net.arch", "--pass", "fold-batchnorm", "--weights", "w.safetensors", "--to", "onnx,torch,summary,svg"
    )
    assert result.code == 0, result.err
    assert "BatchNorm" not in (here / "build/A/model.py").read_text()
    assert b"BatchNormalization" not in (here / "build/A/model.onnx").read_bytes()
    (here / "net.arch").write_text("arch A(x: [N, 4]) { f: Linear(3); m: BatchNorm1d }\n")
    result = cli("compile", "net.arch", "--pass", "fold-batchnorm", "--weights", "w.safetensors", "--to", "onnx")
    assert result.code == 2
    assert "n.running_var" in result.err
    assert "Traceback" not in result.err


def test_what_passes_make_is_written_as_text(cli, here) -> None:
    (here / "net.arch").write_text(NET)
    assert cli("compile", "net.arch", "--to", "arch", "--pass", "identities", "--pass", "dead-values").code == 0
    assert "+ 0" not in (here / "build/A/model.arch").read_text()
    assert cli("check", "build/A/model.arch").code == 0


def test_what_has_no_text_is_told(cli, here) -> None:
    (here / "net.arch").write_text("arch A(x: [N, 4]) { fc: Linear(4) }\n")
    result = cli("compile", "net.arch", "--to", "arch", "--pass", "cast")
    assert (result.code, "has no text" in result.err) == (2, True)
    assert not (here / "build").exists()
