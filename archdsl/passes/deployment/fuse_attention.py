"""The pass `fuse-attention`."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.ir.edit import fresh, insert_after, remove, substitute
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.ops.contract import Context, OpFault
from archdsl.ops.random.dropout import Dropout
from archdsl.passes.cleanup.dead_values import DeadValues
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.attentions import ends_in, read_attention
from archdsl.passes.deployment.leading import without_joined_axes
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.deployment.recognising import recognise
from archdsl.passes.deployment.removing import without_member_of
from archdsl.passes.deployment.scores import read_scores
from archdsl.passes.deployment.softmax import divided_first, softmax
from archdsl.passes.site import Site
from archdsl.records import record
from archdsl.tangents.trace import Writer

EQUATION = "softmax(q k) v = attention(q, k, v)"


@record
class FuseAttention(Pass):
    """Finds attention however it is written, and makes it one operator: `scaled_dot_product_attention` in PyTorch.

    The products may be `@` or `einsum`, with axes in any order, scaled anywhere; the softmax written out; masks boolean or added,
    the causal one told by its values. What a query gives that may see nothing stays as it was; with `rows=false` it is 0.
    """

    word: ClassVar[str] = "fuse-attention"
    rows: bool = True

    def edit(self, graph: Graph, site: Site) -> Graph:
        once, twice = (Site(site.owner, site.float, [], body=site.body) for _ in range(2))
        after = self._everywhere(graph, once)
        apart = without_joined_axes(after, twice)
        again = self._everywhere(apart, twice) if apart is not after else after
        better = _count(again) > _count(after)
        site.refusals += [one for one in (twice if better else once).refusals if one not in site.refusals]
        return again if better else after

    def _everywhere(self, graph: Graph, site: Site) -> Graph:
        after = recognise(divided_first(graph), site, "exp(x) / sum(exp(x)) = softmax(x)", ("exp",), softmax)
        for name in [node.results[0].name for node in after.nodes if node.op is not None and node.op.name == "softmax"]:
            after = self._fused(after, name, site)
        return after

    def _fused(self, graph: Graph, name: str, site: Site) -> Graph:
        """The graph with the attention of one softmax as one operator; itself where it is none, or cannot be."""
        start = Reading(graph).makers[name]
        bare, dropped, dropout = _without_dropout(graph, site, start)
        reading = Reading(bare)
        scores = read_scores(reading, start.operands[0])
        if not isinstance(scores, str) and scores.reason:
            scores = read_scores(reading, start.operands[0], plain=True)
        if isinstance(scores, str):
            return self._left(graph, site, start, scores or _between(reading, start))
        axis: Any = dict(start.op.items())["axis"] if start.op is not None else -1
        found = read_attention(reading, start, scores, axis % start.results[0].type.rank, dropout)
        if isinstance(found, str):
            return self._left(graph, site, start, found)
        names = reading.names()
        writer = Writer(lambda type, hint: Value(fresh(names, hint), type), Context(graph.facts, site.float))
        old = found.end.results[0]
        writer.path, writer.span, writer.hint = found.end.path, found.end.span, old.name
        try:
            made = found.written(writer, self.rows)
        except OpFault as fault:
            return self._left(graph, site, start, fault.message)
        if isinstance(made, str):
            return self._left(graph, site, start, made)
        same = made.type.dtype == old.type.dtype and made.type.rank == old.type.rank
        if not same or not all(map(graph.facts.equal, made.type.shape, old.type.shape)):
            return self._left(graph, site, start, f"{old.type} would become {made.type}")
        index = next(at for at, node in enumerate(bare.nodes) if node is found.end)
        bare = DeadValues().edit(substitute(insert_after(bare, index, *writer.nodes), {old.name: made.operand}), site)
        return without_member_of(bare, dropped)

    def _left(self, graph: Graph, site: Site, softmax: Node, reason: str) -> Graph:
        if reason:
            site.refuse(EQUATION, graph, softmax, reason)
        return graph


def _count(graph: Graph) -> int:
    return sum(node.op is not None and node.op.name == "attention" for node in graph.nodes)


def _between(reading: Reading, softmax: Node) -> str:
    """What stands where the product of queries and keys should, where the weights go into a product all the same."""
    node = reading.source(reading.factored(softmax.operands[0])[1])
    if ends_in(reading, softmax.results[0]) is None or node is None:
        return ""
    return f"its scores are made by `{node.op.name}`, not by a product" if node.op is not None else "its scores come from a layer"


def _without_dropout(graph: Graph, site: Site, softmax: Node) -> tuple[Graph, Node | None, float]:
    """The graph without the dropout of weights, which may be scaled or turned before; the dropout, and its probability."""
    reading, value = Reading(graph), softmax.results[0]
    for _ in range(4):
        node = reading.user(value)
        if node is None or node.leaf or len(node.results) != 1:
            break
        if node.member is not None:
            member = site.owner.members.get(site.owner.aliases.get(node.member, node.member))
            if not isinstance(member, Layer) or not isinstance(member.op, Dropout):
                break
            at = next(index for index, one in enumerate(graph.nodes) if one is node)
            return remove(substitute(graph, {node.results[0].name: value}), at), node, member.op.p
        if reading.factored(node.results[0])[1] != value and (reading.ordered(node.results[0]) or ((), None))[1] != value:
            break
        value = node.results[0]
    return graph, None, 0.0
