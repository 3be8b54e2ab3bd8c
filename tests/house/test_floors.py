"""The floors of the house: import-linter keeps them, and its contracts can break."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).parent / "lint-imports"


def lint(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT), "--no-cache", *arguments], cwd=cwd, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(cwd)}
    )


def test_a_room_imports_only_from_below() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


def test_every_room_has_a_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = " ".join(next(one["layers"] for one in contracts if one["type"] == "layers"))
    rooms = {path.parent.name for path in (ROOT / "archdsl").glob("*/__init__.py")}
    rooms |= {path.stem for path in (ROOT / "archdsl").glob("*.py") if not path.stem.startswith("__")}
    assert {room for room in rooms if f"archdsl.{room}" not in floors} == set()


def test_the_contract_can_break(tmp_path) -> None:
    for room in ("high", "low"):
        (tmp_path / "house" / room).mkdir(parents=True)
        (tmp_path / "house" / room / "__init__.py").write_text("")
    (tmp_path / "house" / "__init__.py").write_text("")
    (tmp_path / "house" / "low" / "room.py").write_text("import house.high\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["house"]\n[[tool.importlinter.contracts]]\nname = "floors"\ntype = "layers"\n'
        'layers = ["house.high", "house.low"]\n'
    )
    assert lint(tmp_path).returncode == 1
