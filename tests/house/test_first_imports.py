"""Every module that the command line loads late can be the first that is loaded: no circle decides by who came before."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALONE = """
import os, sys
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            __import__(name)
        except BaseException as wrong:
            print(f"{name}: {wrong}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def late() -> list[str]:
    """The modules of the package that are imported inside of functions of `cli/`."""
    found = set()
    for path in (ROOT / "archdsl" / "cli").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for function in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
            inside = (one for one in ast.walk(function) if isinstance(one, ast.ImportFrom))
            found.update(one.module for one in inside if one.module and one.module.startswith("archdsl."))
    return sorted(found)


def test_what_a_command_loads_late_can_be_loaded_first() -> None:
    modules = late()
    assert "archdsl.designing.patching" in modules
    done = subprocess.run([sys.executable, "-c", ALONE, *modules], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == ""
