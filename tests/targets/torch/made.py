"""Modules made from a line or two of `.arch`, and what is checked of every printed file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from archdsl.compiler import load
from archdsl.ir.graph import Graph
from archdsl.source import Source
from archdsl.targets.torch.module import build
from archdsl.targets.torch.source import print_source

ALLOWED_MODULES = {"__future__", "math", "typing", "collections.abc", "torch", "torch.nn.functional", "torch._higher_order_ops"}
ALLOWED_DUNDERS = {"__init__"}


def graph(text: str, name: str | None = None, **config: Any) -> Graph:
    """The graph of the arch in the text."""
    return load(Source("net.arch", text)).graph(name, **config)


def module(text: str, name: str | None = None, **config: Any) -> torch.nn.Module:
    """The live module, in float64 and evaluation mode, its parameters and statistics drawn anew."""
    made = build(graph(text, name, **config), seed=1).double().eval()
    generator = torch.Generator().manual_seed(2)
    for tensor in made.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype) - 0.4)
    for key, tensor in made.state_dict().items():
        if key.endswith("running_var"):
            tensor.abs_().add_(0.5)
    return made


def text(source: str, name: str | None = None, **config: Any) -> str:
    """The printed file, after the checks that every printed file passes."""
    found = graph(source, name, **config)
    printed = print_source(found)
    assert printed == print_source(found)
    check_tree(printed)
    return printed


def check_tree(printed: str) -> None:
    """The file imports nothing but torch, math and typing, and reaches for no dunder but `__init__`."""
    for node in ast.walk(ast.parse(printed)):
        if isinstance(node, ast.Import):
            assert {one.name for one in node.names} <= ALLOWED_MODULES
        elif isinstance(node, ast.ImportFrom):
            assert node.module in ALLOWED_MODULES
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            assert node.attr in ALLOWED_DUNDERS
        elif isinstance(node, ast.Name):
            assert not node.id.startswith("__")
            assert node.id not in ("eval", "exec", "compile", "open", "globals")


def check_clean(files: dict[str, str], folder: Path) -> None:
    """ruff and mypy --strict have nothing to say of the files."""
    for name, printed in files.items():
        (folder / f"{name}.py").write_text(printed)
    rules = "E4,E7,E9,F,W,I,UP,B,C4"
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", rules, "--target-version", "py311", str(folder)]
    run = subprocess.run(ruff, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    (folder / "mypy.ini").write_text("[mypy]\n")
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        str(folder / "mypy.ini"),
        "--cache-dir",
        str(folder / "cache"),
    ]
    run = subprocess.run([*mypy, *(str(folder / f"{name}.py") for name in files)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
