"""Every kind of problem, found by walking the `problems.py` modules: for `explain` and the tests, never on the way of a check."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from archdsl.problems.problem import Problem

ROOT = Path(__file__).resolve().parent.parent


@cache
def all_problems() -> dict[str, type[Problem]]:
    """Code → class, sorted by code. Raises `ValueError` where two classes share a code or one has none."""
    found: dict[str, type[Problem]] = {}
    for path in sorted(ROOT.rglob("*problems.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        module = import_module(".".join(parts))
        for name, value in sorted(vars(module).items()):
            if not isinstance(value, type) or not issubclass(value, Problem) or value.__module__ != module.__name__:
                continue
            if name.startswith("_") or "code" not in vars(value):
                continue  # a parent of several kinds, not a kind
            if not value.code:
                raise ValueError(f"{module.__name__}.{name} has no code")
            if value.code in found:
                raise ValueError(f"{value.code} is the code of both {found[value.code].__qualname__} and {name}")
            found[value.code] = value
    return dict(sorted(found.items()))
