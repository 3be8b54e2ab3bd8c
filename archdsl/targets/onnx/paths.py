"""Which tensor a path of a graph means: through aliases of shared instances and tied tensors."""

from __future__ import annotations

from archdsl.ir.graph import Call, Graph, Layer, Member
from archdsl.ir.node import Node, Path
from archdsl.ops.contract import Op


def settle(graph: Graph, path: Path) -> Path:
    """The path of the tensor that `path` is in this graph: that of a tied tensor, under the own label of a shared instance."""
    seen = {path}
    while True:
        step = graph.ties.get(path) or unaliased(graph, path)
        if step in seen:
            return path
        seen.add(step)
        path = step


def unaliased(graph: Graph, path: Path) -> Path:
    """The path under the own label of the shared instance that it leads through."""
    if graph.aliases:
        for end in range(len(path), 0, -1):
            own = graph.aliases.get(path[:end])
            if own is not None:
                return (*own, *path[end:])
    return path


def called(graph: Graph, node: Node) -> tuple[Path, Op | Graph]:
    """What a node with a member calls: its path, and the layer's operator or the block's graph, for this call's types."""
    path = node.member or ()
    if path[0] == "" and len(path) == 2:
        return path, node.graph or dict(graph.borrowed)[path[1]]
    member: Member | None = graph.members.get(path)
    while member is None and (own := unaliased(graph, path)) != path:
        path = own
        member = graph.members.get(path)
    if isinstance(member, Layer):
        return path, member.op
    if isinstance(member, Call):
        return path, node.graph or member.graph
    raise KeyError(".".join(path))


def leaf_path(path: Path, leaf: str) -> Path:
    """The path of a layer's tensor: `out_proj.weight` is two segments."""
    return (*path, *leaf.split("."))
