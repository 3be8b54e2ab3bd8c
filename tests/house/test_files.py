"""Rules of the house that a glance at the files can tell."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def tracked() -> list[Path]:
    """Files that are or could be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = (
        listed.stdout.splitlines()
        if listed.returncode == 0
        else [str(path.relative_to(ROOT)) for path in ROOT.glob("archdsl/**/*.py")]
    )
    return sorted(ROOT / name for name in names if (ROOT / name).is_file())


CODE = [path for path in tracked() if path.suffix in (".py", ".arch", ".lark")]
PACKAGE = [path for path in CODE if path.suffix == ".py" and path.is_relative_to(ROOT / "archdsl")]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", CODE, ids=shown)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    bad = [
        shown(path)
        for path in CODE
        if FORBIDDEN_NAMES & {part.removesuffix(path.suffix) for part in path.relative_to(ROOT).parts}
    ]
    assert bad == []


@pytest.mark.parametrize("path", PACKAGE, ids=shown)
def test_a_module_says_its_one_job_in_one_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "a module docstring"
    first = docstring.splitlines()[0]
    assert len(first) > 10


@pytest.mark.parametrize("path", [path for path in CODE if path.suffix == ".py"], ids=shown)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text()
    if path.resolve() == Path(__file__).resolve():
        return
    found = re.findall(
        r"#\s*(?:TODO|FIXME|HACK|XXX)\b.*|raise NotImplementedError.*|pytest\.mark\.skip\b.*|pytest\.skip\(.*", text
    )
    assert found == []


def test_the_version_is_said_once() -> None:
    from archdsl import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert 'version = "' not in (ROOT / "pyproject.toml").read_text().split("[tool.hatch.version]")[0]


def test_constraints_pin_torch_for_every_platform() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert not any("+" in version for version in pins.values())
    for name in ("torch", "torchvision", "timm", "onnx", "lark"):
        assert name in pins


def test_make_knows_its_targets() -> None:
    for target in ("demo", "test", "test-oracles", "lint", "bench", "help", "format", "clean"):
        subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=True)
