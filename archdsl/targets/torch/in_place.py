"""Where a rectifier may overwrite its input, as torchvision's do: it saves a pass over memory after each convolution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archdsl.ir.graph import Graph, Layer, Member
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value

RECTIFIERS = ("relu", "relu6")
FRESH = frozenset({"Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
                   "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "Linear", "add", "sub"})  # fmt: skip
"""Operators whose result is a new tensor that their gradient does not read again."""


def overwriting(graph: Graph) -> set[int]:
    """The rectifiers (their nodes' ids) that may take the place of their input: it is new, and nothing else reads it."""
    reads = Counter(one.name for node in graph.nodes for one in node.operands if isinstance(one, Value))
    reads.update(one.value.name for one in graph.outputs)
    made = {one.name: node for node in graph.nodes for one in node.results}
    found: set[int] = set()
    for node in graph.nodes:
        if node.op is None or node.op.name not in RECTIFIERS:
            continue
        x = node.operands[0]
        before = made.get(x.name) if isinstance(x, Value) else None
        if isinstance(x, Value) and x.type.dtype == "float" and before is not None:
            if reads[x.name] == 1 and is_fresh(before, graph.members):
                found.add(id(node))
    return found


def is_fresh(node: Node, members: Mapping[Path, Member]) -> bool:
    """Whether the node's result is a new tensor that its own gradient does not read."""
    if node.op is not None:
        return node.op.name in FRESH
    member = members.get(node.member) if node.member is not None else None
    return isinstance(member, Layer) and member.op.name in FRESH and not node.leaf


def in_place(code: str) -> str:
    """`F.relu(x)` as `F.relu(x, inplace=True)`, `nn.ReLU()` as `nn.ReLU(inplace=True)`; other text stays."""
    if code in ("nn.ReLU()", "nn.ReLU6()"):
        return code[:-1] + "inplace=True)"
    if code.startswith(("F.relu(", "F.relu6(")) and code.endswith(")"):
        return code[:-1] + ", inplace=True)"
    return code
