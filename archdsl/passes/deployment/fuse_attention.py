"""The pass `fuse-attention`."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.ir.edit import fresh, insert_after, substitute
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Context, OpFault
from archdsl.ops.random.dropout import Dropout
from archdsl.passes.cleanup.dead_values import DeadValues
from archdsl.passes.contract import Pass
from archdsl.passes.deployment.products import Axes, Product, Side, read_product
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.deployment.recognising import recognise
from archdsl.passes.deployment.removing import without_calls
from archdsl.passes.deployment.scores import Scores, read_scores
from archdsl.passes.deployment.softmax import softmax
from archdsl.passes.site import Site
from archdsl.records import record
from archdsl.tangents.trace import Traced, Writer, traced

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
        after = recognise(graph, site, "exp(x) / sum(exp(x)) = softmax(x)", ("exp",), softmax)
        for name in [node.results[0].name for node in after.nodes if node.op is not None and node.op.name == "softmax"]:
            after = self._fused(after, name, site)
        return after

    def _fused(self, graph: Graph, name: str, site: Site) -> Graph:
        """The graph with the attention of one softmax as one operator; itself where it is none, or cannot be."""
        reading = Reading(graph)
        start = reading.makers[name]
        scores = read_scores(reading, start.operands[0])
        if isinstance(scores, str):
            return self._left(graph, site, start, scores)
        axis: Any = dict(start.op.items())["axis"] if start.op is not None else -1
        found = _Found.read(reading, site, start, scores, axis % start.results[0].type.rank)
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
        index = next(at for at, node in enumerate(graph.nodes) if node is found.end)
        graph = substitute(insert_after(graph, index, *writer.nodes), {old.name: made.operand})
        return without_calls(DeadValues().edit(graph, site), found.dropped)

    def _left(self, graph: Graph, site: Site, softmax: Node, reason: str) -> Graph:
        if reason:
            site.refuse(EQUATION, graph, softmax, reason)
        return graph


@record
class _Found:
    """An attention: its scores, the axes of q, k and v in the order of the scores, and the node whose result it is."""

    scores: Scores
    order: Axes
    """Axes of the scores: those of the batch, queries, keys."""
    q: Side
    k: Side
    v: Side
    axes: tuple[Axes, Axes, Axes, Axes]
    """Those of q, k, v and the result, as the operator wants them."""
    result: Axes
    factor: float
    dropped: Node | None
    dropout: float
    end: Node

    @staticmethod
    def read(reading: Reading, site: Site, softmax: Node, scores: Scores, axis: int) -> _Found | str:
        """The whole attention around its softmax over an axis; why there is none."""
        product = scores.product
        keys = product.axes[axis]
        q, k = (product.right, product.left) if keys in product.left.axes else (product.left, product.right)
        summed = [one for one in q.axes if one not in product.axes]
        queries = [one for one in q.axes if one not in k.axes]
        batch = tuple(one for one in product.axes if one in q.axes and one in k.axes)
        if keys in q.axes or len(summed) != 1 or summed[0] not in k.axes or len(queries) != 1:
            return "its scores are no product of queries and keys over one axis"
        if len(k.axes) != len(batch) + 2:
            return "its scores are no product of queries and keys over one axis"
        dropped, dropout = _dropped(reading, site, softmax.results[0])
        weights = softmax.results[0] if dropped is None else dropped.results[0]
        end = _end(reading, weights)
        if end is None:
            return "its weights are used for more than one product, or for none"
        node, last, side = end
        weighed, v = (last.left, last.right) if side == 0 else (last.right, last.left)
        same = dict(zip(weighed.axes, product.axes, strict=True))
        here = tuple(same.get(one, one + 1000) for one in v.axes)
        width = [one for one in here if one not in product.axes]
        out = tuple(same.get(one, one + 1000) for one in last.axes)
        if len(width) != 1 or set(here) != {*batch, keys, width[0]} or set(out) != {*batch, queries[0], width[0]}:
            return "its weights are no factors of values along the keys"
        order = tuple(product.axes.index(one) for one in (*batch, queries[0], keys))
        rows, columns = (*batch, queries[0]), (*batch, keys)
        axes = (*rows, summed[0]), (*columns, summed[0]), (*columns, width[0]), (*rows, width[0])
        return _Found(scores, order, q, k, Side(v.value, here), axes, out, last.factor, dropped, dropout, node)

    def written(self, writer: Writer, careful: bool) -> Traced | str:
        """The operator and what is around it. Raises `OpFault`; a text says why it cannot be."""
        if self.scores.reason:
            return self.scores.reason
        sides = zip((self.q, self.k, self.v), self.axes[:3], strict=True)
        q, k, v = (_turned(Traced(writer, one.value), one.axes, axes) for one, axes in sides)
        alone = q.type.rank == 2
        if alone:
            q, k, v = (one.unsqueeze(axis=0) for one in (q, k, v))
        allowed: Traced | None = None
        for one in self.scores.masks:
            mask = self._aligned(Traced(writer, one.mask))
            mask = mask.logical_not() if one.turned else mask
            allowed = mask if allowed is None else allowed.logical_and(mask)
        bias: Traced | None = None
        for value, gain in self.scores.biases:
            more = self._aligned(Traced(writer, value))
            more = more if gain == 1 else more * gain
            bias = more if bias is None else bias + more
        width = q.type.shape[-1]
        usual = isinstance(width, int) and abs(self.scores.scale * width**0.5 - 1) < 1e-12
        said: dict[str, Any] = {"causal": self.scores.causal, "dropout": self.dropout}
        said["scale"] = None if usual else self.scores.scale
        made: Traced = traced(writer, "attention", (q, k, v, allowed, bias), said)
        if allowed is not None and careful:
            rest = self._of_nothing(writer, allowed, v)
            if isinstance(rest, str):
                return rest
            made = rest[0].where(made, rest[1])
        made = made.squeeze(axis=0) if alone else made
        made = _turned(made, self.axes[3], self.result)
        return made if self.factor == 1 else made * self.factor

    def _of_nothing(self, writer: Writer, allowed: Traced, v: Traced) -> tuple[Traced, Any] | str:
        """Which queries see a key at all, and what the others give."""
        if self.scores.causal:
            sizes = (_size(self.q, self.axes[0][-2]), _size(self.k, self.axes[1][-2]))
            allowed = allowed.logical_and(traced(writer, "causal_mask", (), {"sizes": sizes}))
        seen: Traced = allowed.any(axis=-1, keepdim=True) if allowed.type.rank else allowed
        if self.scores.fills == {float("-inf")}:
            return seen, float("nan")
        if len(self.scores.fills) > 1 or self.scores.added:
            return "a query that sees nothing would weigh the keys by what they are barred with"
        return seen, v.mean(axis=-2, keepdim=True)

    def _aligned(self, one: Traced) -> Traced:
        """Something that broadcasts to the scores, with axes in the operator's order."""
        rank = len(self.order)
        if one.type.rank == 0 or self.order == tuple(range(rank)):
            return one
        while one.type.rank < rank:
            one = one.unsqueeze(axis=0)
        made: Traced = one.permute(axis=self.order)
        return made


def _turned(one: Traced, have: Axes, want: Axes) -> Traced:
    """A tensor with its axes in another order."""
    if have == want:
        return one
    order = tuple(have.index(axis) for axis in want)
    moved = [axis for axis, at in enumerate(order) if axis != at]
    made: Traced = one.transpose(axis0=moved[0], axis1=moved[1]) if len(moved) == 2 else one.permute(axis=order)
    return made


def _size(side: Side, axis: int) -> Any:
    return side.value.type.shape[side.axes.index(axis)]


def _dropped(reading: Reading, site: Site, weights: Value) -> tuple[Node | None, float]:
    """The dropout of weights, and its probability."""
    node = reading.user(weights)
    if node is None or node.member is None or node.leaf:
        return None, 0.0
    member = site.owner.members.get(site.owner.aliases.get(node.member, node.member))
    if not isinstance(member, Layer) or not isinstance(member.op, Dropout):
        return None, 0.0
    return node, member.op.p


def _end(reading: Reading, weights: Value) -> tuple[Node, Product, int] | None:
    """The product of the weights with something, and which side of it they are, where it is their only use."""
    value: Operand = weights
    for _ in range(4):
        node = reading.user(value) if isinstance(value, Value) else None
        if node is None or node.op is None or len(node.results) != 1:
            return None
        product = read_product(reading, node.results[0])
        if product is not None:
            for side, one in enumerate((product.left, product.right)):
                if one.value == weights:
                    return node, product, side
            return None
        value = node.results[0]
    return None
