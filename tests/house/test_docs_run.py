"""Every code block of README and docs runs: Python is executed, `arch` is checked, `sh` is run in a copy of the checkout.

An `arch` block that begins with `# net.arch` is saved under that name, and not checked by itself: a later block runs on it. A
`console` block shows `$ command` lines each with what it prints, which is compared (`--update-goldens` writes it anew); a command
without any output is only shown. A block that only shows a shape of things is `text`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = ("specs", "examples", "docs", "Makefile", "README.md", "constraints.txt", "pyproject.toml")
"""What a command of the documents may read; it runs in a folder that has these and nothing else."""


def run_arch(example: Example) -> None:
    """An `arch` block is a whole program without problems, or the text of a file for a later block."""
    import archdsl
    from archdsl.source import Source

    named = re.match(r"# (\w+\.arch)\n", example.parsed)
    if named:
        Path(named[1]).write_text(example.parsed)
        return
    source = Source(f"{Path(example.path).name}:{example.line}", example.parsed)
    errors = [one for one in archdsl.load(source).check() if one.severity == "error"]
    if errors:
        raise archdsl.ArchError(tuple(errors))


def shell(text: str) -> subprocess.CompletedProcess[str]:
    """Run lines in the current folder, both streams in one; `archdsl` and `python` are this interpreter's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def run_shell(example: Example) -> None:
    """A `sh` block: lines that call make are only planned, all others run."""
    done = shell("\n".join(re.sub(r"^make\b", "make -n", line) for line in example.parsed.splitlines()))
    assert done.returncode == 0, f"{example.path}:{example.line}: {done.stdout}"


def run_console(example: Example) -> None:
    """A `console` block: what stands below a command is what it prints, in an exact copy."""
    shown = re.split(r"^\$ (.*)\n", str(example.parsed), flags=re.MULTILINE)
    printed = "".join(
        f"$ {command}\n{_printed(command) if output.strip() else output}"
        for command, output in zip(shown[1::2], shown[2::2], strict=True)
    )
    if printed != example.parsed:
        RENEWED.append((str(example.parsed), printed))
        assert UPDATING, f"{example.path}:{example.line} shows\n{example.parsed}but it prints\n{printed}"


def _printed(command: str) -> str:
    return shell(command).stdout.rstrip("\n") + "\n"


RENEWED: list[tuple[str, str]] = []
"""What the document that is being run shows and what it should show."""
UPDATING: list[bool] = []
"""Not empty while goldens are written anew."""

SYBIL = Sybil(
    [
        PythonCodeBlockParser(),
        CodeBlockParser("arch", run_arch),
        CodeBlockParser("sh", run_shell),
        CodeBlockParser("console", run_console),
    ]
)


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    for name in SHOWN:
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_all(path: Path) -> int:
    """Run the blocks of a document in order, in one namespace; how many there were."""
    document: Document = SYBIL.parse(path)
    count = 0
    for example in document.examples():
        example.evaluate()
        count += 1
    return count


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_blocks_run(path: Path, checkout: Path, update_goldens: bool) -> None:
    RENEWED.clear()
    UPDATING[:] = [True] * update_goldens
    count = run_all(path)
    UPDATING.clear()
    if RENEWED:
        text = path.read_text()
        for old, new in RENEWED:
            text = text.replace(f"```console\n{old}", f"```console\n{new}")
        path.write_text(text)
    assert count > 0 or path.name != "README.md"


@pytest.mark.parametrize(
    "block", ["```python\nassert 1 == 2\n```", "```sh\nfalse\n```", "```sh\narchdsl nothing\n```", "```console\n$ echo a\nb\n```"]
)
def test_a_block_that_is_wrong_fails(block: str, checkout: Path) -> None:
    (checkout / "wrong.md").write_text(block + "\n")
    with pytest.raises(AssertionError):
        run_all(checkout / "wrong.md")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target
