"""Nodes whose results nothing reads are left out: a size that was read and not needed, a constant that an operator folded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx_ir as ir


def used_nodes(written: Sequence[ir.Node], outputs: Iterable[ir.Value]) -> list[ir.Node]:
    """The nodes that the outputs, or a subgraph, read; the others no longer read anything. All operators are pure."""
    wanted = {id(one) for one in outputs}
    kept: list[ir.Node] = []
    for node in reversed(written):
        if any(id(one) in wanted or one.uses() for one in node.outputs):
            kept.append(node)
            continue
        for index in range(len(node.inputs)):
            node.replace_input_with(index, None)
    kept.reverse()
    return kept
