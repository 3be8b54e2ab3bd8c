"""What the commands ask of the compiler and where they put the answers."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def net(fake, here):
    (here / "net.arch").write_text("arch A")
    return fake


def last(net, verb: str):
    return next(call for call in reversed(net["net.arch"].calls) if call[0] == verb)


def test_compile_writes_the_usual_files(cli, net, here) -> None:
    result = cli("compile", "net.arch:A", "-D", "classes=10", "-o", "out")
    assert (result.code, result.out) == (0, "")
    written = {path.relative_to(here).as_posix(): path.read_bytes() for path in (here / "out").rglob("*.*")}
    assert written == {
        "out/A/model.py": b"<source >\n", "out/A/model.onnx": b"\x00onnx", "out/A/diagram.svg": b"<draw svg>\n",
        "out/A/summary.txt": b"the summary\n",
    }  # fmt: skip
    assert last(net, "source")[1:] == (("A",), {"classes": 10})
    assert "wrote out/A/model.onnx (5 bytes)" in result.err


def test_compile_makes_what_is_asked(cli, net, here) -> None:
    result = cli("compile", "net.arch", "--to", "dot, mermaid", "--json")
    assert json.loads(result.out)["result"]["files"] == {"dot": "build/A/diagram.dot", "mermaid": "build/A/diagram.mmd"}
    assert sorted(path.name for path in (here / "build/A").iterdir()) == ["diagram.dot", "diagram.mmd"]
    result = cli("compile", "net.arch", "--to", "torhc")
    assert result.code == 2
    assert "did you mean `torch`?" in result.err


def test_compile_passes_its_options_on(cli, net, here) -> None:
    (here / "w.safetensors").write_bytes(b"")
    cli("compile", "net.arch", "--to", "onnx,torch", "--weights", "w.safetensors", "--with", "mask", "--dtype", "bf16")
    assert last(net, "onnx")[2] == {"weights": "w.safetensors", "given": ("mask",), "dtype": "bf16"}
    assert last(net, "source")[2] == {"given": ("mask",), "dtype": "bf16"}
    assert cli("compile", "net.arch", "--weights", "missing").code == 2


def test_compile_of_a_wrong_program_writes_nothing(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A wrong")
    result = cli("compile", "net.arch")
    assert (result.code, result.out) == (1, "")
    assert "error[wrong]" in result.err
    assert not (here / "build").exists()


def test_draw_chooses_the_form_by_the_suffix(cli, net, here) -> None:
    for name, form in (("x.svg", "svg"), ("x.PNG", "png"), ("x.mmd", "mermaid"), ("x.gv", "dot"), ("x.dot", "dot")):
        assert cli("draw", "net.arch", "-o", name).code == 0
        assert (here / name).read_text() == f"<draw {form}>\n"
    assert cli("draw", "net.arch").out == "<draw dot>\n"
    assert cli("draw", "net.arch", "--to", "svg", "-o", "-").out == "<draw svg>\n"
    assert cli("draw", "net.arch", "--to", "pdf", "-o", "picture").code == 0
    assert cli("draw", "net.arch", "-o", "picture.txt").code == 2
    assert cli("draw", "net.arch", "--to", "gif").code == 2
    assert json.loads(cli("draw", "net.arch", "--json").out)["result"] == {"arch": "A", "form": "dot", "text": "<draw dot>\n"}


def test_summary(cli, net) -> None:
    assert cli("summary", "net.arch", "--bind", "N=8,H=2_24", "--bind", "T=3").out == "the summary\n"
    assert last(net, "summary")[2] == {"bind": {"N": 8, "H": 224, "T": 3}}
    assert json.loads(cli("summary", "net.arch", "--json").out)["result"]["verb"] == "summary"
    for wrong in ("N=0", "N=-1", "N=x", "N", "N=1,N=2", "N=" + "9" * 30):
        assert cli("summary", "net.arch", "--bind", wrong).code == 2


def test_verify_fails_where_the_products_differ(cli, net, here) -> None:
    assert cli("verify", "net.arch", "--compile", "--seed", "3").code == 0
    assert last(net, "verify")[2] == {"compile": True, "seed": 3, "bind": {}}
    (here / "net.arch").write_text("arch A unequal")
    result = cli("verify", "net.arch")
    assert (result.code, result.out) == (1, "the verify\n")
    assert json.loads(cli("verify", "net.arch", "--json").out)["result"]["ok"] is False


def test_zoo(cli, fake, here) -> None:
    (here / "specs").mkdir()
    (here / "specs/a.arch").write_text("## Deep nets.\n\narch A\narch B")
    assert cli("zoo").out == "specs/a.arch  Deep nets.\n                A\n                B\n"
    assert json.loads(cli("zoo", "specs", "--json").out)["result"] == [
        {"file": "specs/a.arch", "about": "Deep nets.", "archs": ["A", "B"]}
    ]
    assert cli("zoo", "nothing").code == 2


def test_several_architectures_ask_for_a_choice(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A arch B")
    for name in ("compile", "draw", "summary", "verify"):
        result = cli(name, "net.arch")
        assert result.code == 2
        assert "choose one: net.arch:A, net.arch:B" in result.err


def test_explain(cli) -> None:
    listing = cli("explain").out.splitlines()
    assert listing == sorted(listing)
    assert any(line.startswith("not-utf8 ") for line in listing)
    assert cli("explain", "not-utf8").out.startswith("error[not-utf8]\n\nA file is not UTF-8 text.\n")
    assert cli("explain", "error[not-utf8]").code == 0
    result = cli("explain", "not-utf-8")
    assert result.code == 2
    assert "did you mean `not-utf8`" in result.err
    told = json.loads(cli("explain", "not-utf8", "--json").out)
    assert (told["version"], told["command"], told["result"]["code"]) == (1, "explain", "not-utf8")


def test_ops(cli) -> None:
    from archdsl.ops.registry import all_ops

    words = [one.name for one in all_ops()]
    listed = [line.split()[0] for line in cli("ops").out.splitlines() if line.startswith("  ")]
    assert sorted(listed) == words
    assert "  Conv2d " in cli("ops", "conv").out
    assert "  Linear " not in cli("ops", "conv").out
    told = json.loads(cli("ops", "--json").out)["result"]
    assert [one["name"] for one in told] == words
    one = told[0]
    page = cli("ops", one["name"])
    assert page.code == 0
    assert one["signature"] in page.out
    assert all(argument["doc"] in page.out for argument in one["arguments"])
    assert cli("ops", "NoSuchLayer").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion(cli, shell: str) -> None:
    result = cli("completion", shell)
    assert result.code == 0
    assert "_ARCHDSL_COMPLETE" in result.out
    assert f"{shell}_complete" in result.out
    if shell == "bash" and shutil.which("bash"):
        subprocess.run(["bash", "-n"], input=result.out, text=True, check=True)


def test_completion_answers(cli, monkeypatch) -> None:
    monkeypatch.setenv("_ARCHDSL_COMPLETE", "powershell_complete")
    monkeypatch.setenv("COMP_WORDS", "archdsl ch")
    monkeypatch.setenv("COMP_CWORD", "ch")
    assert cli().out == "plain\tcheck\tFind the errors in .arch files.\n"
    monkeypatch.setenv("COMP_WORDS", "archdsl explain not-")
    monkeypatch.setenv("COMP_CWORD", "not-")
    assert "plain\tnot-utf8\t" in cli().out


class TestFmt:
    """`archdsl fmt`, with a formatter that strips the ends of lines."""

    @pytest.fixture(autouse=True)
    def formatter(self, monkeypatch):
        from types import ModuleType

        module = ModuleType("archdsl.syntax.format")
        module.format_source = lambda source: "".join(line.rstrip() + "\n" for line in source.text.splitlines())  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "archdsl.syntax.format", module)

    def test_it_rewrites_only_what_differs(self, cli, here) -> None:
        (here / "a.arch").write_text("one  \n")
        (here / "b.arch").write_text("two\n")
        before = (here / "b.arch").stat().st_mtime_ns
        result = cli("fmt", ".")
        assert (result.code, result.out, result.err) == (0, "", "1 of 2 files changed\n")
        assert (here / "a.arch").read_text() == "one\n"
        assert (here / "b.arch").stat().st_mtime_ns == before

    def test_check_and_diff_change_nothing(self, cli, here) -> None:
        (here / "a.arch").write_text("one  \ntwo\n")
        result = cli("fmt", "--check", "a.arch")
        assert (result.code, result.out) == (1, "")
        assert "would change a.arch" in result.err
        result = cli("fmt", "--diff", "a.arch")
        assert result.code == 0
        assert result.out == "--- a.arch\n+++ a.arch\n@@ -1,2 +1,2 @@\n-one  \n+one\n two\n"
        assert cli("fmt", "--diff", "--check", "a.arch").code == 1
        assert (here / "a.arch").read_text() == "one  \ntwo\n"

    def test_standard_input_goes_to_standard_output(self, cli, monkeypatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one  \r\n")))
        assert cli("fmt", "-").out == "one\n"

    def test_json_and_faults(self, cli, here) -> None:
        (here / "a.arch").write_text("one \n")
        result = cli("fmt", "a.arch", "no.arch", "--json", "--check")
        assert result.code == 2
        assert json.loads(result.out)["result"] == [{"file": "a.arch", "changed": True}]
        assert "unreadable-file" in result.err
        assert cli("fmt", "a.arch:A").code == 2
