"""Every code block of README and docs runs: Python is executed, `arch` compiles, `sh` is run in a copy of the checkout.

A block that only shows a shape of things has another language: `text`, `console`, or none.
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
    """An `arch` block is a whole program without problems."""
    import archdsl
    from archdsl.source import Source

    source = Source(f"{Path(example.path).name}:{example.line}", example.parsed)
    errors = [one for one in archdsl.load(source).check() if one.severity == "error"]
    if errors:
        raise archdsl.ArchError(tuple(errors))


def run_shell(example: Example) -> None:
    """A `sh` block: lines that call make are only planned, all others run; `archdsl` is this interpreter's."""
    lines = [re.sub(r"^make\b", "make -n", line) for line in example.parsed.splitlines()]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, f"{example.path}:{example.line}: {done.stderr}"


SYBIL = Sybil([PythonCodeBlockParser(), CodeBlockParser("arch", run_arch), CodeBlockParser("sh", run_shell)])


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
def test_the_blocks_run(path: Path, checkout: Path) -> None:
    count = run_all(path)
    assert count > 0 or path.name != "README.md"


@pytest.mark.parametrize("block", ["```python\nassert 1 == 2\n```", "```sh\nfalse\n```", "```sh\narchdsl nothing\n```"])
def test_a_block_that_is_wrong_fails(block: str, checkout: Path) -> None:
    (checkout / "wrong.md").write_text(block + "\n")
    with pytest.raises(AssertionError):
        run_all(checkout / "wrong.md")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target
