"""The helpers of `runtime/`, as text to print into a generated file."""

from __future__ import annotations

import ast
from functools import cache
from importlib import resources
from pathlib import Path

_PACKAGE = "archdsl.targets.torch.runtime"


@cache
def helper_source(name: str) -> str:
    """What `runtime/NAME.py` says after its docstring and imports. KeyError where there is no such helper."""
    path = Path(str(resources.files("archdsl.targets.torch"))) / "runtime" / f"{name}.py"
    if not name.isidentifier() or not path.is_file():
        raise KeyError(name)
    text = path.read_text("utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            for at in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[at] = ""
            continue
        break
    return "\n".join(lines).strip("\n")


@cache
def helper_names(name: str) -> tuple[str, ...]:
    """The top-level names that a helper's text defines."""
    return tuple(node.name for node in ast.parse(helper_source(name)).body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
