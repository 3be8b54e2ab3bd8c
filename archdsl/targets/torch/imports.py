"""The import lines of a generated file: only what its text uses."""

from __future__ import annotations

import ast
from collections.abc import Sequence

IMPORTS = {
    "math": "import math",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "Tensor": "from torch import Tensor",
    "contextmanager": "from contextlib import contextmanager",
    "nullcontext": "from contextlib import nullcontext",
    "checkpoint": "from torch.utils.checkpoint import checkpoint",
    "NamedTuple": "from typing import NamedTuple",
    "Any": "from typing import Any",
    "Callable": "from collections.abc import Callable",
    "Iterator": "from collections.abc import Iterator",
    "Iterable": "from collections.abc import Iterable",
    "Sequence": "from collections.abc import Sequence",
}
"""Every name that a generated file may import."""


def with_imports(blocks: Sequence[str], docstring: str = "") -> str:
    """The blocks of top-level code as one file, with the imports that they use before them."""
    body = "\n\n\n".join(block.strip("\n") for block in blocks)
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    standard = [
        *_merged(used, ("Callable", "Iterable", "Iterator", "Sequence"), "collections.abc"),
        *_merged(used, ("contextmanager", "nullcontext"), "contextlib"),
        *_merged(used, ("Any", "NamedTuple"), "typing"),
    ]
    if "math" in used:
        standard.insert(0, IMPORTS["math"])
    third = [IMPORTS[name] for name in ("torch", "F") if name in used] + _merged(used, ("Tensor", "nn"), "torch")
    third += _merged(used, ("checkpoint",), "torch.utils.checkpoint")
    groups = ["from __future__ import annotations", "\n".join(standard), "\n".join(third)]
    head = "\n\n".join(group for group in groups if group)
    return (f"{docstring}\n\n" if docstring else "") + f"{head}\n\n\n{body}\n"


def _merged(used: set[str], names: tuple[str, ...], module: str) -> list[str]:
    found = [name for name in names if name in used]
    return [f"from {module} import {', '.join(found)}"] if found else []
