"""The pass `checkpoint`."""

from __future__ import annotations

from typing import ClassVar

from archdsl.ir.edit import with_bodies
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Node, Path
from archdsl.ir.outlining import outline
from archdsl.ir.verify import check
from archdsl.ops.contract import Op
from archdsl.passes.carrying import Passed
from archdsl.passes.contract import Pass
from archdsl.passes.labels import edit_chosen
from archdsl.passes.pattern import Refusal
from archdsl.records import changed, record


@record
class Checkpoint(Pass):
    """Keeps nothing of what chosen blocks compute on the way: the backward pass computes it again, for less memory.

    `blocks` are labels of blocks, or of labelled groups of steps: `layer3.*`, several parted by spaces. Results, gradients and
    running statistics stay; in training each block costs one forward pass more (Chen et al., 2016).
    """

    word: ClassVar[str] = "checkpoint"
    blocks: str = "*.*"

    def apply(self, graph: Graph, *, float: str = "f32", refusals: list[Refusal] | None = None, verify: bool = True) -> Passed:
        said = refusals if refusals is not None else []
        after = edit_chosen(graph, self.blocks, lambda one, chosen: _checkpointed(one, chosen, said))
        return Passed(check(after, float=float) if verify and after is not graph else after)


def _checkpointed(graph: Graph, chosen: frozenset[Path], refusals: list[Refusal]) -> Graph:
    """The graph with the blocks at these paths called as checkpoints."""
    for path in sorted(chosen):
        try:
            graph = _with_block(graph, path)
        except ValueError as reason:
            refusal = Refusal("checkpoint", f"{graph.name}.{'.'.join(path)}", str(reason))
            refusals += [refusal] if refusal not in refusals else []
    return graph


def _with_block(graph: Graph, path: Path) -> Graph:
    path = graph.aliases.get(path, path)
    if path not in graph.members and sum(node.path[: len(path)] == path for node in graph.nodes) > 1:
        graph = outline(graph, path, graph.name + "".join(word.title().replace("_", "") for word in path if not word.isdigit()))
    member = graph.members.get(path)
    if not isinstance(member, Call):
        raise ValueError("a checkpoint is a block, or a labelled group of steps")
    if any(_has_statistics(what) for _, what in member.graph.borrowed):
        raise ValueError("it calls a layer of another block that has statistics, which training would update twice")
    nodes = tuple(_run(one, graph, path) for one in graph.nodes)
    if all(one is before for one, before in zip(nodes, graph.nodes, strict=True)):
        return graph
    return changed(graph, nodes=nodes)


def _has_statistics(what: Graph | Op) -> bool:
    return what.has_statistics() if isinstance(what, Graph) else any(one.buffer for one in what.parameters().values())


def _run(node: Node, graph: Graph, path: Path) -> Node:
    """The node, where it calls that block, as a checkpoint."""
    if node.member is not None and graph.aliases.get(node.member, node.member) == path and not node.leaf:
        differentiated = node.graph is not None and node.graph.kind == "tangent"
        return node if node.how or differentiated else changed(node, how=("checkpoint",))

    def body(one: Graph) -> Graph:
        nodes = tuple(_run(inner, graph, path) for inner in one.nodes)
        same = all(a is b for a, b in zip(nodes, one.nodes, strict=True))
        return one if same else changed(one, nodes=nodes)

    return with_bodies(node, body)
