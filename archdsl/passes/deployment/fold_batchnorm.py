"""The pass `fold-batchnorm`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from archdsl.ir.edit import remove, substitute, with_member, without_member
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Path
from archdsl.ir.value import Value
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.folding import Affine, Norm, folded, norm_at, refusal
from archdsl.passes.deployment.neighbours import Chain, End, edited, ends, maker, taker, uses
from archdsl.passes.site import Site
from archdsl.records import changed, record

EQUATION = "norm(f(x)) = f(x) with the norm's factors in its weight"
Done = dict[object, dict[tuple[int, Chain], Graph]]
"""What an edit made of graphs, by the edit."""


@record
class FoldBatchNorm(Pass):
    """Moves batch normalisations into the convolution or Linear before or after them, for inference.

    Both may stand in blocks of their own; the norm may be the function `batch_norm` of tensors that the program saves. It goes,
    with its keys; the layer has a bias then, if it had none. The running statistics count: in training it is another model.
    """

    word: ClassVar[str] = "fold-batchnorm"
    evaluation: ClassVar[bool] = True

    def edit(self, graph: Graph, site: Site) -> Graph:
        if site.body:
            return graph
        done: Done = {}
        while True:
            left: list[tuple[End, str]] = []
            made = _once(graph, site, done, left)
            if made is graph:
                break
            graph = made
        for end, reason in left:
            site.refuse(EQUATION, end.graph, end.node, reason)
        return graph


def _once(graph: Graph, site: Site, done: Done, left: list[tuple[End, str]]) -> Graph:
    """The graph with one norm less; itself where none can go: then `left` has them all, and why."""
    for node in graph.nodes:
        for end, x, y in ends(graph, node):
            norm = norm_at(end.graph, end.node)
            if norm is None:
                continue
            reason = end.shut or norm.reason or _held(site, end, norm.paths)
            for value, last in ((x, True), (y, False)):
                other = (maker(graph, value) if last else taker(graph, value)) if value is not None else None
                layer = _layer(other)
                if reason or value is None or other is None or layer is None or other.node.member is None:
                    continue
                rank = end.node.results[0].type.rank
                reason = _held(site, other, (other.node.member,))
                reason = reason or ("" if len(uses(graph, value)) == 1 else "what is normalised is used elsewhere too")
                reason = reason or refusal(layer.op, rank, after=last)
                if not reason:
                    return _folded(graph, site, end, norm, other, layer, done, after=last)
            if not reason and _at_the_border(graph, x, y):
                continue  # the graph around may have a layer beside it
            left.append((end, reason or "neither before nor behind it stands a convolution or Linear by itself"))
    return graph


def _at_the_border(graph: Graph, x: Value | None, y: Value | None) -> bool:
    """Whether a block gets or gives what is beside the norm."""
    return graph.kind == "block" and (x in graph.input_values or any(one.value == y for one in graph.outputs))


def _layer(end: End | None) -> Layer | None:
    """The convolution or Linear that a step calls."""
    if end is None or end.node.member is None or end.node.leaf:
        return None
    member = end.graph.members.get(end.graph.aliases.get(end.node.member, end.node.member))
    return member if isinstance(member, Layer) and isinstance(member.op, Affine) else None


def _held(site: Site, end: End, paths: tuple[Path, ...]) -> str:
    """Why one of the members must stay."""
    reasons = (site.held(path) if not end.chain else site.held_in(end.graph, path) for path in paths)
    return next(filter(None, reasons), "")


def _folded(
    graph: Graph, site: Site, end: End, norm: Norm, other: End, layer: Layer,
    done: Done, *, after: bool,
) -> Graph:  # fmt: skip
    """The graph with the norm at one end in the layer at the other."""
    op, path = layer.op, other.node.member or ()
    if not isinstance(op, Affine):
        raise TypeError("no layer to fold into")
    here = ".".join((*other.prefix, *path))
    keys = (".".join((*end.prefix, *one.split("."))) for one in norm.keys)
    site.derive((f"{here}.weight", f"{here}.bias"), (*(f"{here}.{leaf}" for leaf in op.parameters()), *keys),
                folded(op, norm, after=after))  # fmt: skip

    def with_bias(inner: Graph) -> Graph:
        return with_member(inner, path, changed(layer, op=op.changed(bias=True)))

    def without_norm(inner: Graph) -> Graph:
        at = next(index for index, one in enumerate(inner.nodes) if one.results == end.node.results)
        made = remove(substitute(inner, {end.node.results[0].name: end.node.operands[0]}), at)
        for member in norm.paths:
            made = without_member(made, member)
        return made

    steps: tuple[tuple[End, Path, Callable[[Graph], Graph]], ...] = (
        (other, path, with_bias), (end, norm.paths[0], without_norm),
    )  # fmt: skip
    for one, which, edit in steps:
        graph = edited(graph, one.chain, edit, done.setdefault((id(one.graph), which, edit.__name__), {}), site)
    return graph
