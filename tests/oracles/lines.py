"""Lines of the Python that a reference is made of, to stand beside those of the spec."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache

from torch import nn


def reference_lines(module: nn.Module) -> int:
    """Lines of the module's class, of those of its parts that stand in the same file, of the plain function that builds it, and
    of what they use of that file.

    Neither empty lines nor comments nor docstrings count; nor do imports, the decorated functions that give a size a name and
    pretrained weights, and what is taken from other files, as a spec takes from the standard library.
    """
    name = next(cls for cls in type(module).__mro__ if "tests" not in cls.__module__ or cls.__base__ is nn.Module).__module__
    kinds = {cls for one in module.modules() for cls in type(one).__mro__ if cls.__module__ == name}
    return len(_reached(name, frozenset(kind.__qualname__.partition(".")[0] for kind in kinds), type(module).__name__))


@cache
def _reached(module: str, roots: frozenset[str], whole: str) -> frozenset[int]:
    """The lines of a file that these definitions take, the plain functions that make the `whole`, and those that they use."""
    source = inspect.getsource(sys.modules[module])
    known = {name: one for one in ast.parse(source).body for name in _names(one)}
    found: set[ast.stmt] = set()
    makers = [
        one for one in known.values() if isinstance(one, ast.FunctionDef) and not one.decorator_list and whole in _uses(one)
    ]
    waiting = [*makers, *(known[name] for name in roots if name in known)]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [known[name] for name in _uses(one) if name in known]
    text = source.splitlines()
    lines = {line for one in found for line in range(_start(one), (one.end_lineno or 0) + 1)}
    silent = {line for one in found for doc in _docstrings(one) for line in range(doc.lineno, (doc.end_lineno or 0) + 1)}
    return frozenset(line for line in lines - silent if text[line - 1].strip() and not text[line - 1].strip().startswith("#"))


def _uses(one: ast.stmt) -> set[str]:
    return {use.id for use in ast.walk(one) if isinstance(use, ast.Name)}


def _names(one: ast.stmt) -> list[str]:
    if isinstance(one, ast.ClassDef | ast.FunctionDef):
        return [one.name]
    if isinstance(one, ast.Assign):
        return [target.id for target in one.targets if isinstance(target, ast.Name)]
    return [one.target.id] if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) else []


def _start(one: ast.stmt) -> int:
    return min([one.lineno, *(each.lineno for each in getattr(one, "decorator_list", []))])


def _docstrings(one: ast.stmt) -> list[ast.Expr]:
    return [
        inner.body[0]
        for inner in ast.walk(one)
        if isinstance(inner, ast.ClassDef | ast.FunctionDef)
        and isinstance(inner.body[0], ast.Expr)
        and isinstance(inner.body[0].value, ast.Constant)
        and isinstance(inner.body[0].value.value, str)
    ]
