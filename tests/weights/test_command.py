"""`archdsl weights` on real files: what it prints, how it ends, and that nothing half-written is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from archdsl.cli.main import guarded, run

NET = """
arch Net(width: int = 6)(x: [N, 4]) -> y: [N, 2] {
  body: Linear(width)
  buffer steps: i64[3] = arange(3)
  relu
  head y { fc: Linear(2) }
}
"""
MAP = """
reference = "theirs"
spec = "net.arch"

[rename]
"a.{leaf}" = "body.{leaf}"
"b.bias" = "fc.bias"

[[rule]]
from = "b.weight"
to = "fc.weight"
steps = [{ transpose = [1, 0] }]

[[fill]]
name = "steps"
value = "spec"
because = "it counts"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NET)
    Path("maps").mkdir()
    Path("maps/theirs.toml").write_text(MAP)
    draw = torch.Generator().manual_seed(1)
    shapes = {"a.weight": (6, 4), "a.bias": (6,), "b.weight": (6, 2), "b.bias": (2,)}
    save_file({name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}, "theirs.safetensors")
    return tmp_path


def call(*arguments: str) -> int:
    return guarded(lambda: run(arguments), arguments)


def test_convert_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "-o", "ours.safetensors") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "made by the spec: `steps` (it counts)" in told.err
    theirs, ours = load_file("theirs.safetensors"), load_file("ours.safetensors")
    assert torch.equal(ours["fc.weight"], theirs["b.weight"].T)
    assert ours["steps"].tolist() == [0, 1, 2]
    assert (
        call("weights", "convert", "net.arch", "ours.safetensors", "--map", "theirs", "--reverse", "-o", "back.safetensors") == 0
    )
    back = load_file("back.safetensors")
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], one) for name, one in theirs.items())


def test_convert_may_write_over_what_it_reads() -> None:
    wanted = load_file("theirs.safetensors")["b.bias"]
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "-o", "theirs.safetensors", "--json") == 0
    assert torch.equal(load_file("theirs.safetensors")["fc.bias"], wanted)


def test_another_size_is_told_and_nothing_written(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["weights", "convert", "net.arch", "theirs.safetensors", "-o", "ours.safetensors", "-D", "width=8"]
    assert call(*command, "--map", "maps/theirs.toml") == 1
    told = capsys.readouterr().err
    assert "`body.bias` would become float [6] and is float [8] in Net; so for 1 more" in told
    assert "maps/theirs.toml:6:" in told
    assert not Path("ours.safetensors").exists()
    assert call(*command) == 2
    assert "no map in maps fits" in capsys.readouterr().err


def test_what_cannot_be_read_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.safetensors").write_bytes(Path("theirs.safetensors").read_bytes()[:-3])
    for file in ("broken.safetensors", "none.safetensors"):
        assert call("weights", "inspect", file) == 2
        assert call("weights", "convert", "net.arch", file, "--map", "theirs", "-o", "o") == 2
    assert "cut off" in capsys.readouterr().err
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "--map", "thiers", "-o", "o") == 2
    assert "did you mean `theirs`?" in capsys.readouterr().err
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "--map", "no.toml", "-o", "o") == 2


def test_weights_in_several_files_are_read_by_their_index(capsys: pytest.CaptureFixture[str]) -> None:
    weights = load_file("theirs.safetensors")
    table = {name: f"part-{name[0]}.safetensors" for name in weights}
    for file in set(table.values()):
        save_file({name: one for name, one in weights.items() if table[name] == file}, file)
    index = Path("model.safetensors.index.json")
    index.write_text(json.dumps({"metadata": {}, "weight_map": table}))
    assert call("weights", "convert", "net.arch", str(index), "-o", "ours.safetensors") == 0
    assert torch.equal(load_file("ours.safetensors")["body.weight"], weights["a.weight"])
    wrong = {"c": "part-a.safetensors"}, {"a.bias": "part-b.safetensors"}, {"c": "part-c.safetensors"}
    broken = [
        "", "[]", '{"weight_map": 1}', '{"weight_map": {"a": 1}}', '{"weight_map": {"a": "../x"}}', '{"weight_map": {"a": ".."}}',
        *(json.dumps({"weight_map": {**table, **more}}) for more in wrong), "[" * 100_000,
    ]  # fmt: skip
    for text in broken:
        index.write_text(text)
        assert call("weights", "inspect", str(index)) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_looking_into_a_file_loads_no_framework() -> None:
    program = "import sys\nfrom archdsl.cli.main import run\nassert run(sys.argv[1:]) == 0\n"
    program += "assert not {'torch', 'numpy', 'safetensors', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program, "weights", "inspect", "theirs.safetensors"], check=True, capture_output=True)


def test_a_configuration_that_the_layout_needs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("maps/theirs.toml").write_text(MAP + "[configuration]\nwidth = 6.0\n")
    assert call("weights", "inspect", "theirs.safetensors", "--spec", "net.arch") == 1
    assert "--map theirs" in capsys.readouterr().out
    Path("maps/theirs.toml").write_text(MAP + "[configuration]\nwidth = 7\n")
    assert call("weights", "inspect", "theirs.safetensors", "--spec", "net.arch") == 1
    assert "convert net.arch -D width=7 theirs.safetensors" in capsys.readouterr().out
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "-o", "o") == 1
    assert "with -D width=7" in capsys.readouterr().err


def test_backwards_needs_the_layout(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "--reverse", "-o", "o") == 2
    assert "--reverse needs --map" in capsys.readouterr().err


def test_inspect_lists_the_tensors(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("weights", "inspect", "theirs.safetensors") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "4 tensors, 44 elements, 176 bytes"
    assert "a.weight  F32  [6, 4]  96" in lines
    assert call("weights", "inspect", "theirs.safetensors", "--json") == 0
    told = json.loads(capsys.readouterr().out)["result"]
    assert {"name": "a.weight", "dtype": "F32", "shape": [6, 4], "bytes": 96} in told


def test_inspect_knows_the_layout(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("weights", "inspect", "theirs.safetensors", "--spec", "net.arch:Net") == 1
    told = capsys.readouterr().out
    assert "it is in the layout theirs (theirs)" in told
    assert "archdsl weights convert net.arch:Net theirs.safetensors --map theirs" in told
    assert call("weights", "inspect", "theirs.safetensors", "--spec", "net.arch", "-D", "width=9") == 1
    told = capsys.readouterr().out
    assert "it looks like the layout theirs" in told
    assert "5 missing" in told


def test_inspect_tells_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("weights", "convert", "net.arch", "theirs.safetensors", "-o", "ours.safetensors") == 0
    assert call("weights", "inspect", "ours.safetensors", "--spec", "net.arch") == 0
    weights = load_file("ours.safetensors")
    weights["fc.wieght"] = weights.pop("fc.weight")
    weights["fc.bias"] = weights["fc.bias"].long()
    save_file(weights, "other.safetensors")
    capsys.readouterr()
    assert call("weights", "inspect", "other.safetensors", "--spec", "net.arch") == 1
    told = capsys.readouterr().out
    assert "fc.bias is int [2] and must be float [2]" in told
    assert "fc.wieght [2, 6]: did you mean `fc.weight`?" in told
