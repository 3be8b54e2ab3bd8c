"""`archdsl check`: files, folders, standard input, formats, exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest


def feed(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_good_file(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A")
    result = cli("check", "net.arch")
    assert (result.code, result.out) == (0, "")
    assert result.err == "1 file checked, no problems\n"


def test_a_bad_file_shows_its_problems_as_result(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A\nwrong\n")
    result = cli("check", "net.arch")
    assert result.code == 1
    assert result.out.startswith("error[wrong]: this is wrong\n --> net.arch:2:1\n")
    assert result.err == "1 error\n"


def test_warnings_fail_only_when_strict(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A\ndoubtful\n")
    assert cli("check", "net.arch").code == 0
    assert cli("check", "--strict", "net.arch").code == 1


def test_a_folder_is_walked_in_order_and_a_file_checked_once(cli, fake, here) -> None:
    for name in ("b.arch", "a/z.arch", "a/y.txt", ".hidden/x.arch"):
        path = here / "nets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("wrong")
    result = cli("check", "nets", "nets/b.arch", "--format", "concise")
    assert result.out.splitlines() == [f"nets/{name}:1:1: error[wrong]: this is wrong" for name in ("a/z.arch", "b.arch")]
    assert result.err == "2 errors\n"


def test_an_empty_folder_is_unreadable(cli, fake, here) -> None:
    (here / "nets").mkdir()
    result = cli("check", "nets")
    assert result.code == 2
    assert "no .arch file" in result.out


def test_a_missing_file_does_not_hide_the_others(cli, fake, here) -> None:
    (here / "net.arch").write_text("wrong")
    result = cli("check", "no.arch", "net.arch", "--format", "concise")
    assert result.code == 2
    assert "error[unreadable-file]: cannot read no.arch: there is no such file" in result.out
    assert "error[wrong]" in result.out


def test_standard_input(cli, fake, monkeypatch) -> None:
    feed(monkeypatch, b"arch A\r\nwrong\n")
    assert "--> <stdin>:2:1\n" in cli("check", "-").out
    feed(monkeypatch, b"\xff")
    result = cli("check", "-")
    assert result.code == 2
    assert "not-utf8" in result.out
    feed(monkeypatch, b"#" * 2_000_000)
    assert "source-too-large" in cli("check", "-").out


@pytest.mark.parametrize("form", ["text", "concise", "json", "sarif", "github"])
def test_formats(cli, fake, here, form: str) -> None:
    (here / "net.arch").write_text("wrong")
    result = cli("check", "net.arch", "--format", form)
    assert result.code == 1
    assert "this is wrong" in result.out
    if form in ("json", "sarif"):
        json.loads(result.out)


def test_json_is_the_format_json(cli, fake, here) -> None:
    (here / "net.arch").write_text("wrong")
    assert cli("check", "net.arch", "--json").out == cli("check", "net.arch", "--format", "json").out
    assert cli("check", "net.arch", "--json", "--format", "sarif").code == 2


def test_an_architecture_and_its_configuration_are_chosen(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A arch B")
    assert cli("check", "net.arch:B", "-D", "width=64", "-D", "act=relu", "-I", "lib").code == 0
    assert fake["net.arch"].calls == [("load", ((Path("lib"),),), {}), ("check", ("B", {"width": 64, "act": "relu"}), {})]
    result = cli("check", "net.arch:C")
    assert result.code == 2
    assert "no architecture `C`" in result.err
    result = cli("check", "net.arch", "-D", "width=64")
    assert result.code == 2
    assert "net.arch:A, net.arch:B" in result.err


def test_a_near_name_is_proposed(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch ResNet50")
    assert "did you mean `ResNet50`?" in cli("check", "net.arch:Resnet50").err


def test_colour_only_where_asked(cli, fake, here, monkeypatch) -> None:
    (here / "net.arch").write_text("wrong")
    assert "\x1b" not in cli("check", "net.arch").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1;31m" in cli("check", "net.arch").out
    assert "\x1b" not in cli("check", "net.arch", "--json").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in cli("check", "net.arch").out


def test_the_same_bytes_on_every_run(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A\nwrong doubtful\n")
    assert len({cli("check", ".", "--format", form).out for form in ("sarif", "sarif", "sarif")}) == 1
