"""The design experiments run, a step each, and stay short; README or the documents lead to each."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != "training")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    runpy.run_path(str(path))["main"](steps=2)
    sys.modules.pop("training", None)
    told = capsys.readouterr().out
    assert len(told.splitlines()) >= 4
    assert "%" in told


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short_and_found(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60
    pages = [ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md")]
    assert any(f"examples/{path.name}" in page.read_text() for page in pages)


def test_the_shared_spec_has_no_problems() -> None:
    import archdsl

    assert archdsl.load(ROOT / "examples" / "small.arch").check() == ()
