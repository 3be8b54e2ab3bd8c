"""An attention around its softmax, as a graph has it: what its axes mean, and how it is written as one operator."""

from __future__ import annotations

from math import prod
from typing import Any

from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.passes.deployment.products import Axes, Product, Side, read_product
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.deployment.scores import Scores
from archdsl.records import record
from archdsl.tangents.trace import Traced, Writer, traced


@record
class Attended:
    """An attention: its scores, q, k and v, and the node whose result it is times `factor`.

    Axes are numbers, as in products: `batch` are those that all have (q may lack some), `groups` those of the queries alone,
    beside `queries`. `result` is the order of the result's."""

    scores: Scores
    q: Side
    k: Side
    v: Side
    batch: Axes
    groups: Axes
    queries: int | None
    keys: int
    summed: int
    width: int
    result: Axes
    factor: float
    dropout: float
    end: Node

    def written(self, writer: Writer, careful: bool) -> Traced | str:
        """The operator and what is around it. Raises `OpFault`; a text says why it cannot be."""
        if self.scores.reason:
            return self.scores.reason
        rows = () if self.queries is None else (self.queries,)
        causal = bool(self.scores.ordered) and self.scores.product.axes[-2:] == (*rows, self.keys)
        q = self._side(writer, self.q, (*self.batch, *self.groups, *rows, self.summed))
        k = self._side(writer, self.k, (*self.batch, self.keys, self.summed))
        v = self._side(writer, self.v, (*self.batch, self.keys, self.width))
        q = q if rows else q.unsqueeze(axis=-2)
        lead = q.type.shape[:-2]
        folded = self._heads(len(q.type.shape[:-2]))
        if folded != len(lead):  # several axes of heads become one
            q = q.reshape(sizes=(*lead[: folded - 1], _times(lead[folded - 1 :]), *q.type.shape[-2:]))
        q = q.unsqueeze(axis=0) if not self.batch else q
        while k.type.rank < q.type.rank:
            k, v = k.unsqueeze(axis=0 if k.type.rank == 2 else -3), v.unsqueeze(axis=0 if v.type.rank == 2 else -3)
        allowed: Traced | None = None
        for one in (*self.scores.masks, *(self.scores.ordered if not causal else ())):
            mask = self._aligned(Traced(writer, one.mask), lead, folded)
            mask = mask if mask.type.dtype == "bool" else mask.cast(dtype="bool")
            mask = mask.logical_not() if one.turned else mask
            allowed = mask if allowed is None else allowed.logical_and(mask)
        bias: Traced | None = None
        for value, gain in self.scores.biases:
            more = self._aligned(Traced(writer, value), lead, folded)
            more = more if gain == 1 else more * gain
            bias = more if bias is None else bias + more
        width = q.type.shape[-1]
        usual = isinstance(width, int) and abs(self.scores.scale * width**0.5 - 1) < 1e-12
        said: dict[str, Any] = {"causal": causal, "dropout": self.dropout}
        said["scale"] = None if usual else self.scores.scale
        made: Traced = traced(writer, "attention", (q, k, v, allowed, bias), said)
        if allowed is not None and careful:
            if causal:
                allowed = allowed.logical_and(traced(writer, "causal_mask", (), {"sizes": (q.type.shape[-2], k.type.shape[-2])}))
            rest = self._of_nothing(allowed, q, v)
            if isinstance(rest, str):
                return rest
            made = rest[0].where(made, rest[1])
        made = made if self.batch else made.squeeze(axis=0)
        shape = (*lead, *made.type.shape[-2:])
        made = made if made.type.shape == shape else made.reshape(sizes=shape)
        made = made if rows else made.squeeze(axis=-2)
        made = _turned(made, (*self.batch, *self.groups, *rows, self.width), self.result)
        return made if self.factor == 1 else made * self.factor

    def _heads(self, lead: int) -> int:
        """How many axes q has before the queries once those of heads are one: `groups` go to the last of `batch`, where it is not
        the only one, since the operator has one axis of heads, beside one of the batch at least."""
        return max(len(self.batch), 2 if self.batch else 1) if self.groups else lead

    def _side(self, writer: Writer, side: Side, want: Axes) -> Traced:
        """A factor with its axes in an order; those that it lacks are put in."""
        one, have = Traced(writer, side.value), list(side.axes)
        for place in reversed([at for at, axis in enumerate(have) if axis < 0]):
            one = one.squeeze(axis=place)
            del have[place]
        sizes = self._sizes()
        missing = [axis for axis in want if axis not in have]
        for axis in missing:
            one = one.unsqueeze(axis=0)
            have.insert(0, axis)
        if missing:
            one = one.expand(sizes=tuple(sizes[axis] for axis in have))
        return _turned(one, tuple(have), want)

    def _sizes(self) -> dict[int, Any]:
        return {
            axis: size for side in (self.q, self.k, self.v) for axis, size in zip(side.axes, side.value.type.shape, strict=True)
        }

    def _aligned(self, one: Traced, lead: tuple[Any, ...], folded: int) -> Traced:
        """What broadcasts to the scores, with axes in the operator's order."""
        axes = self.scores.product.axes
        rows = () if self.queries is None else (self.queries,)
        want = (*self.batch, *self.groups, *rows, self.keys)
        if one.type.rank and (axes != want or not rows or folded != len(lead)):
            while one.type.rank < len(axes):
                one = one.unsqueeze(axis=0)
            one = _turned(one, axes, want)
            one = one if rows else one.unsqueeze(axis=-2)
        if one.type.rank > 2 and folded != len(lead):
            shape, start = one.type.shape, folded - 1
            here = shape[start : len(lead)]
            if any(size != 1 for size in here) and here != lead[start:]:
                one = one.expand(sizes=(*shape[:start], *lead[start:], *shape[-2:]))
            one = one.reshape(sizes=(*shape[:start], _times(one.type.shape[start : len(lead)]), *shape[-2:]))
        return one

    def _of_nothing(self, allowed: Traced, q: Traced, v: Traced) -> tuple[Traced, Any] | str:
        """Which queries see a key at all, and what the others give."""
        seen: Traced = allowed.any(axis=-1, keepdim=True) if allowed.type.rank else allowed
        if self.scores.fills == {float("-inf")}:
            return seen, float("nan")
        if len(self.scores.fills) > 1 or self.scores.added:
            return "a query that sees nothing would weigh the keys by what they are barred with"
        mean = v.mean(axis=-2, keepdim=True)
        if v.type.rank > 3 and v.type.shape[-3] not in (1, q.type.shape[-3]):
            mean = mean.repeat_interleave(repeats=q.type.shape[-3] // v.type.shape[-3], axis=-3)
        return seen, mean


def read_attention(reading: Reading, softmax: Node, scores: Scores, axis: int, dropout: float) -> Attended | str:
    """The attention around a softmax over an axis; why there is none."""
    product, no = scores.product, "its scores are no product of queries and keys over one axis"
    keys = product.axes[axis]
    q, k = (product.right, product.left) if keys in product.left.axes else (product.left, product.right)
    inner = [one for one in (*q.axes, *k.axes) if one >= 0 and one not in product.axes]
    if keys in q.axes or len(inner) != 2 or len(set(inner)) != 1:
        return no
    batch = tuple(one for one in product.axes if one in k.axes and one != keys)
    own = [one for one in product.axes if one in q.axes and one not in k.axes]
    last = product.axes[-2] if len(product.axes) > 1 else None
    queries = last if last in own else own[-1] if own else None
    end = ends_in(reading, softmax.results[0])
    if end is None:
        return "its weights are used for more than one product, or for none"
    node, after, side = end
    weighed, v = (after.left, after.right) if side == 0 else (after.right, after.left)
    same = dict(zip(weighed.axes, product.axes, strict=True))

    def told(axes: Axes) -> Axes:
        return tuple(one if one < 0 else same.get(one, one + 1000) for one in axes)

    here, out = told(v.axes), told(after.axes)
    width = [one for one in here if one >= 0 and one not in product.axes]
    if len(width) != 1 or set(out) != {*batch, *own, width[0]} or keys not in here or any(one < 0 for one in weighed.axes):
        return "its weights are no factors of values along the keys"
    if {one for one in here if one >= 0} != {*batch, keys, width[0]}:
        return "its keys and values have other axes of heads"
    groups = tuple(one for one in own if one != queries)
    return Attended(
        scores, q, k, Side(v.value, here), batch, groups, queries, keys, inner[0], width[0], out, after.factor, dropout, node
    )


def ends_in(reading: Reading, weights: Value) -> tuple[Node, Product, int] | None:
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


def _turned(one: Traced, have: Axes, want: Axes) -> Traced:
    """A tensor with its axes in another order."""
    if have == want:
        return one
    order = tuple(have.index(axis) for axis in want)
    moved = [axis for axis, at in enumerate(order) if axis != at]
    made: Traced = one.transpose(axis0=moved[0], axis1=moved[1]) if len(moved) == 2 else one.permute(axis=order)
    return made


def _times(sizes: tuple[Any, ...]) -> Any:
    return prod(sizes[1:], start=sizes[0])
