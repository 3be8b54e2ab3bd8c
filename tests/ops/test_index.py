"""The index of operators is that of the folders, and every word is one class."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from archdsl.ops.registry import all_ops, find, read_index, walk


def test_the_index_is_fresh() -> None:
    assert read_index() == {op.name: module for module, op in walk()}, "run: python -m archdsl.ops.registry"


def test_every_word_is_found() -> None:
    assert all(find(op.name) is op for op in all_ops())
    assert find("no_such_operator") is None


def test_operators_can_be_pickled() -> None:
    for op in all_ops():
        assert getattr(import_module(op.__module__), op.__name__) is op


def test_the_vocabulary_loads_no_framework() -> None:
    heavy = ("torch", "numpy", "onnx", "onnx_ir", "onnxruntime", "sympy", "networkx", "rich")
    code = (
        f"import sys; from archdsl.ops.registry import all_ops; all_ops(); print([one for one in {heavy} if one in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
