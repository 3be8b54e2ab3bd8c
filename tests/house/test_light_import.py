"""`import archdsl`, `archdsl --version` and `archdsl check` load no framework; and this test can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "onnx", "onnx_ir", "onnxruntime", "numpy", "sympy", "networkx", "rich", "graphviz", "pygraphviz", "safetensors"}
SMALL = """
block Residual(width: int)(x: [N, C, H, W]) -> [N, C, H, W] {
  skip {
    conv: Conv2d(C, 3, padding=1)
    relu
  }
}

arch Small(width: int = 8)(image: [N, 3, H, W]) -> logits: [N, 10] {
  stem: Conv2d(width, 3, padding=1)
  body: Residual(width)
  mean(axis=[2, 3])
  fc: Linear(10)
}
"""
SPECS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "specs").glob("*.arch"))


def heavy_after(program: str, *arguments: str, cwd: Path = ROOT) -> set[str]:
    """The heavy packages that are loaded when `program` has run in a fresh interpreter."""
    program += f"\nimport sys; print('LOADED', *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def checking(code: int = 0, before: str = "") -> str:
    return f"{before}\nimport sys\nfrom archdsl.cli.main import run\nassert run(sys.argv[1:]) == {code}, 'another exit code'"


def test_importing_the_package_is_light() -> None:
    assert heavy_after("import archdsl; archdsl.ArchError") == set()


def test_the_front_door_is_light() -> None:
    assert heavy_after("import archdsl; archdsl.load") == set()


def test_checking_is_light(tmp_path) -> None:
    (tmp_path / "small.arch").write_text(SMALL)
    assert heavy_after(checking(), "check", "small.arch", cwd=tmp_path) == set()


def test_showing_problems_is_light(tmp_path) -> None:
    (tmp_path / "small.arch").write_text(SMALL.replace("Linear(10)", "Linaer(10)"))
    for form in ("text", "concise", "json", "sarif", "github"):
        assert heavy_after(checking(1), "check", "small.arch", "--format", form, cwd=tmp_path) == set()


def test_formatting_and_explaining_are_light(tmp_path) -> None:
    (tmp_path / "small.arch").write_text(SMALL)
    assert heavy_after(checking(), "fmt", "small.arch", cwd=tmp_path) == set()
    assert heavy_after(checking(), "explain", cwd=tmp_path) == set()
    assert heavy_after(checking(), "ops", cwd=tmp_path) == set()


@pytest.mark.parametrize("spec", SPECS)
def test_checking_a_spec_is_light(spec: str) -> None:
    assert heavy_after(checking(), "check", spec) == set()


@pytest.mark.parametrize("name", ["numpy", "networkx", "rich", "sympy"])
def test_the_probe_sees_what_is_loaded(name: str, tmp_path) -> None:
    """The tests above can fail: a framework that a room on the way imports is found."""
    planted = f"import archdsl.problems.render.text as room\nexec('import {name}', vars(room))"
    assert name in heavy_after(checking(0, planted), "--version", cwd=tmp_path)


def test_the_version_needs_neither_click_nor_metadata() -> None:
    program = "import sys; sys.argv[1:] = ['--version']\nfrom archdsl.cli.main import run; run(sys.argv[1:])"
    program += "\nassert not {'click', 'importlib.metadata', 'lark', 'inspect'} & set(sys.modules), 'too much'"
    assert heavy_after(program) == set()


def test_check_pays_for_no_source_reading_library() -> None:
    """`dataclasses` imports `inspect`, which imports the tokenizer and the syntax trees of Python: a tenth of a start."""
    code = (
        "import sys; from archdsl.cli.main import run; run(['check', 'specs/resnet.arch:ResNet152']);"
        " print([one for one in ('dataclasses', 'inspect', 'ast', 'tokenize') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
