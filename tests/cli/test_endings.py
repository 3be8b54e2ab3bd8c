"""Every way a command can end: 0, 1, 2, 70, 130, and never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def archdsl(*arguments: str, before: str = "", **options) -> subprocess.CompletedProcess[str]:
    """Run the command as a process; `before` runs first in it."""
    program = textwrap.dedent(before) + "\nfrom archdsl.cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": os.getcwd()}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], text=True, env=environment, timeout=60,
        **{"capture_output": True, **options},
    )  # fmt: skip


def test_version_and_module() -> None:
    assert archdsl("--version").stdout == "archdsl 0.1.0\n"
    done = subprocess.run(
        [sys.executable, "-m", "archdsl", "--version"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout == "archdsl 0.1.0\n"


@pytest.mark.parametrize(
    "arguments",
    [["chekc", "x"], ["check"], ["check", "a.arch", "--format", "xml"], ["--nothing"], ["check", "a.arch", "-D", "width"], []],
)
def test_usage_errors_exit_2(arguments: list[str]) -> None:
    done = archdsl(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Usage: archdsl" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_command_is_guessed(cli) -> None:
    assert "did you mean `archdsl compile`?" in cli("complie", "x").err
    assert "did you mean `archdsl check`?" in cli("chekc", "x").err


def test_help_exits_0(cli) -> None:
    assert cli("--help").code == 0
    for name in ("check", "compile", "draw", "fmt", "summary", "verify", "explain", "ops", "zoo", "completion"):
        result = cli(name, "--help")
        assert (result.code, result.err) == (0, "")
        assert "--json" in result.out


def test_a_bug_of_ours_exits_70_with_a_reproducer(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A boom")
    result = cli("compile", "net.arch:A")
    assert (result.code, result.out) == (70, "")
    assert "a bug in archdsl" in result.err
    assert "RuntimeError: boom" in result.err
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()) == 1
    (report,) = (here.parent / "tmp").rglob("report.txt")
    assert str(report) in result.err
    text = report.read_text()
    for part in ("Traceback", "arch A boom", "['archdsl', 'compile', 'net.arch:A']", "archdsl 0.1.0", "Python 3."):
        assert part in text
    assert report.parent.stat().st_mode & 0o77 == 0
    assert not (here / "build").exists()


def test_a_report_that_cannot_be_written_still_tells(cli, fake, here, monkeypatch) -> None:
    (here / "net.arch").write_text("arch A boom")
    monkeypatch.setattr("archdsl.cli.failures.mkdtemp", lambda **_: "/proc/no/such")
    result = cli("compile", "net.arch")
    assert result.code == 70
    assert "a bug in archdsl" in result.err
    assert "RuntimeError: boom" in result.err


def test_ctrl_c_exits_130(tmp_path) -> None:
    started = tmp_path / "started"
    before = f"""
        import sys, time, types, pathlib
        fake = types.ModuleType("archdsl.compiler")
        def load(path, include=()):
            pathlib.Path({str(started)!r}).touch()
            time.sleep(30)
        fake.load = load
        sys.modules["archdsl.compiler"] = fake
    """
    program = textwrap.dedent(before) + "\nfrom archdsl.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "check", "net.arch"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while not started.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == "\ninterrupted\n"


def test_a_reader_that_goes_away_is_no_crash() -> None:
    read, write = os.pipe()
    os.close(read)
    done = archdsl("explain", stdout=write, stderr=subprocess.PIPE, capture_output=False)
    os.close(write)
    assert done.returncode == 2
    assert done.stderr == ""


@pytest.mark.parametrize(("closed", "code"), [(0, 0), (1, 0), (2, 2)])
def test_streams_that_are_closed_are_no_crash(closed: int, code: int, here) -> None:
    arguments = {0: ["check", "-"], 1: ["ops"], 2: ["check", "missing.arch"]}[closed]
    command = [sys.executable, "-m", "archdsl", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(here)}
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}>&-', "sh", *command], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert list(here.rglob("report.txt")) == []


def test_a_full_disk_is_told() -> None:
    with open("/dev/full", "w") as full:
        done = archdsl("explain", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_is_told(cli, fake, here) -> None:
    (here / "net.arch").write_text("arch A")
    (here / "build").write_text("a file")
    result = cli("compile", "net.arch")
    assert result.code == 2
    assert "build" in result.err
    assert (here / "build").read_text() == "a file"


def test_words_that_the_terminal_lacks_are_escaped(here) -> None:
    (here / "net.arch").write_text("漢\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "archdsl", "fmt", "--check", "漢.arch"], capture_output=True, env=environment)
    assert done.returncode == 2
    assert b"\\u6f22" in done.stderr


OUR_FILE = FileNotFoundError(2, "No such file or directory", str(ROOT / "archdsl" / "ops" / "no.json"))


@pytest.mark.parametrize(
    "raised", [RecursionError("deep"), MemoryError(), AssertionError(), ValueError("\x1b[2J\ny"), OSError("?"), OUR_FILE]
)
def test_nothing_escapes(raised, capfd) -> None:
    from archdsl.cli.main import guarded

    def job() -> int:
        raise raised

    assert guarded(job, ["check"]) == 70
    err = capfd.readouterr().err
    assert "Traceback" not in err
    assert "\x1b" not in err
