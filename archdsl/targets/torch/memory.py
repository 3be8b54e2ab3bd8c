"""How the weights of a generated module lie in memory, where its program lays images out channels last."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.targets.torch.initial import constructor_name, every_layer


def lay_out_weights(graph: Graph) -> list[str]:
    """The statements at the end of the arch's `__init__` that lay out the weights of its convolutions over two axes as its images
    lie; nothing where it lays out none."""
    if not any(node.op is not None and node.op.channels_last == "makes" for one in graph.graphs() for node in one.nodes):
        return []
    layers = [
        one for one in every_layer(graph) if one.op.channels_last == "wants" and len(one.op.parameters()["weight"].shape) == 4
    ]
    kinds = " | ".join(sorted({constructor_name(one) for one in layers}))
    if not kinds:
        return []
    return [
        "for module in self.modules():",
        f"    if isinstance(module, {kinds}):",
        "        module.to(memory_format=torch.channels_last)",
    ]
