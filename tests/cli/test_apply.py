"""`archdsl apply`: what it prints, what it writes, and when it does not."""

from __future__ import annotations

import json

import pytest

NET = """\
block Res(width: int)(x: [N, D]) -> [N, D] {
  skip { fc1: Linear(width); relu; fc2: Linear(D) }  # the block
}

arch Net(x: [N, 8]) { body: repeat 2 { Res(4) }; out: Linear(2) }
arch Other(x: [N, 8]) { Res(6) }
"""


@pytest.fixture
def net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.arch"
    path.write_text(NET)
    return path


def test_it_prints_the_change_and_writes_nothing(cli, net) -> None:
    result = cli("apply", "net.arch:Net", "replace relu with gelu")
    assert result.code == 0
    assert "-  skip { fc1: Linear(width); relu; fc2: Linear(D) }  # the block\n" in result.out
    assert "+  skip { fc1: Linear(width); gelu; fc2: Linear(D) }  # the block\n" in result.out
    assert result.err == "note: the same lines make Other, so they change too\n"
    assert net.read_text() == NET


def test_in_place_writes_the_file(cli, net) -> None:
    result = cli("apply", "net.arch:Net", "replace relu with gelu", "insert after out { Dropout(0.1) }", "--in-place")
    assert (result.code, result.out) == (0, "")
    assert net.read_text() == NET.replace("relu", "gelu").replace("out: Linear(2)", "out: Linear(2) -> Dropout(0.1)")
    assert cli("check", "net.arch").code == 0


def test_some_instances_only_give_a_text_of_its_own(cli, net) -> None:
    result = cli("apply", "net.arch:Net", "replace body.1.relu with gelu")
    assert result.code == 0
    assert result.out.startswith("# Net, as canonical text.\n")
    assert "no patch of net.arch: what stands at net.arch:2:30 is edited for `body.1" in result.err
    refused = cli("apply", "net.arch:Net", "replace body.1.relu with gelu", "--in-place")
    assert (refused.code, refused.out) == (1, "")
    assert net.read_text() == NET
    assert cli("apply", "net.arch:Net", "replace body.1.relu with gelu", "-o", "edited.arch").code == 0
    assert cli("check", "edited.arch").code == 0
    assert cli("diff", "edited.arch:Net", "net.arch:Net").code == 1


def test_imports_are_found_beside_the_file(cli, net) -> None:
    (net.parent / "blocks.arch").write_text("block Half(x: [N, D]) { Linear(D // 2) }\n")
    net.write_text('use "./blocks.arch" { Half }\narch Net(x: [N, 8]) { h: Half; relu }\n')
    assert "+arch Net(x: [N, 8]) { h: Half; gelu }\n" in cli("apply", "net.arch", "replace relu with gelu").out
    other = cli("apply", "net.arch", "set bias = false for Linear; replace relu with gelu", "--in-place")
    assert other.err == "blocks.arch is changed\nnet.arch is changed\nnote: all files that use blocks.arch change too\n"
    assert (net.parent / "blocks.arch").read_text() == "block Half(x: [N, D]) { Linear(D // 2, bias=false) }\n"
    assert net.read_text().endswith("{ h: Half; gelu }\n")
    assert cli("check", "net.arch").code == 0


def test_the_standard_library_is_not_the_authors(cli, net) -> None:
    net.write_text("use std.transformer { GPTFeedForward }\narch Net(x: [N, 8]) { h: GPTFeedForward }\n")
    result = cli("apply", "net.arch", "replace gelu with relu")
    assert result.out.startswith("# Net, as canonical text.\n")
    assert "what is edited stands in std/transformer.arch, which is not a file of this project" in result.err


def test_json(cli, net) -> None:
    result = json.loads(cli("apply", "net.arch:Net", "remove relu", "--json").out)["result"]
    assert result["files"] == {"net.arch": NET.replace(" relu;", "")}
    assert (result["also"], result["written"], result["reason"]) == (["Other"], False, None)


@pytest.mark.parametrize(
    ("edit", "code", "told"),
    [
        ("replace rely with gelu", 1, "did you mean `relu`?"),
        ("replace relu & with gelu", 1, "error[bad-selector]"),
        ("replace relu wth gelu", 1, "error[unexpected-token]"),
        ("set out_features = 3 for **.fc2", 1, "error[shape-mismatch]"),
        ("set width = 3", 2, "-D name=value"),
        ("", 2, "there is no edit"),
    ],
)
def test_what_cannot_be_is_told(cli, net, edit: str, code: int, told: str) -> None:
    result = cli("apply", "net.arch:Net", edit)
    assert (result.code, result.out) == (code, "")
    assert told in result.err
    assert net.read_text() == NET
