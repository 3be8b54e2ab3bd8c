"""The scores of an attention, read: a product, scaled, with what is added to it and which keys are barred."""

from __future__ import annotations

from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.passes.deployment.products import Product, read_product
from archdsl.passes.deployment.reading import Reading, told
from archdsl.passes.deployment.tables import is_causal, tables
from archdsl.records import changed, record

LOW = -1e4
"""From here down a score counts as barred: its weight is 0 in every float type, unless all of its row are barred."""


@record
class Barred:
    """A mask: where it is true keys may be seen, or where it is false (`turned`). The others get the score `fill`."""

    mask: Value
    turned: bool
    fill: float


@record
class Scores:
    """`scale` times the product, plus each bias times its number, where no mask bars it; `causal`: nor the causal one.

    `fills` are the scores of what is barred, and `above` is whether something is added to those."""

    product: Product
    scale: float
    biases: tuple[tuple[Value, float], ...] = ()
    masks: tuple[Barred, ...] = ()
    causal: bool = False
    fills: frozenset[float] = frozenset()
    above: bool = False


def read_scores(reading: Reading, operand: Operand, gain: float = 1.0) -> Scores | str:
    """What an operand is as scores; why it is none where it looks like some, empty where it does not."""
    if not isinstance(operand, Value):
        return ""
    factor, core = reading.factored(operand)
    product = read_product(reading, operand)
    if product is not None:
        return Scores(product, gain * product.factor)
    gain *= factor
    node = reading.maker(core, "add", "sub", "where", "masked_fill", "cast")
    if node is None or not isinstance(core, Value):
        return ""
    if node.op is not None and node.op.name in ("add", "sub"):
        return _added(reading, node, core, gain)
    inner, barred = _masked(node)
    if inner is None or inner.type != core.type:
        return ""
    found = read_scores(reading, inner, gain)
    if isinstance(found, str) or barred is None:
        return found
    return _with(reading, found, Barred(barred.mask, barred.turned, barred.fill * gain))


def _added(reading: Reading, node: Node, core: Value, gain: float) -> Scores | str:
    reason = ""
    for one, other in (node.operands, tuple(reversed(node.operands))):
        sign = -1.0 if node.op is not None and node.op.name == "sub" and one is node.operands[0] else 1.0
        turned = node.op is not None and node.op.name == "sub" and one is not node.operands[0]
        if not isinstance(one, Value) or one.type != core.type:
            continue
        found = read_scores(reading, one, -gain if turned else gain)
        if isinstance(found, str):
            reason = reason or found
            continue
        if not isinstance(other, Value):
            return found  # a number added to every score changes no weight
        return _biased(reading, found, other, sign * gain)
    return reason


def _biased(reading: Reading, found: Scores, bias: Value, gain: float) -> Scores | str:
    """The scores with a bias, which may be a mask written as numbers."""
    node = reading.maker(bias)
    inner, barred = _masked(node) if node is not None else (None, None)
    if barred is not None and barred.fill * gain <= LOW:
        masked = _with(reading, found, Barred(barred.mask, barred.turned, barred.fill * gain))
        if isinstance(masked, str) or (told(inner) if isinstance(inner, Number) else _filled(reading, inner)) == 0:
            return masked
        if isinstance(inner, Value):
            return _biased(reading, masked, inner, gain)
    seen = tables(reading, bias)
    if seen and all(set(one[one != 0].ravel() * gain <= LOW) <= {True} for one in seen) and is_causal([one == 0 for one in seen]):
        return changed(found, causal=True, fills=found.fills | {float(one.min()) * gain for one in seen if one.size > 1})
    return changed(found, biases=(*found.biases, (bias, gain)), above=bool(found.fills))


def _with(reading: Reading, found: Scores, barred: Barred) -> Scores | str:
    if not barred.fill <= LOW:
        return f"barred scores are {barred.fill:g}, which is not low enough to count as barred"
    seen = tables(reading, barred.mask)
    if is_causal([~one if barred.turned else one for one in seen if one.dtype == bool]):
        return changed(found, causal=True, fills=found.fills | {barred.fill})
    return changed(found, masks=(*found.masks, barred), fills=found.fills | {barred.fill})


def _masked(node: Node) -> tuple[Operand, Barred | None]:
    """What a node is where it is not barred, and the mask; a cast is what is cast."""
    if node.op is None:
        return None, None
    if node.op.name == "cast" and isinstance(node.operands[0], Value):
        return (node.operands[0], None) if node.operands[0].type == node.results[0].type else (None, None)
    if node.op.name == "masked_fill":
        x, mask = node.operands
        return (x, Barred(mask, True, float(dict(node.op.items())["value"]))) if isinstance(mask, Value) else (None, None)
    if node.op.name == "where":
        mask, one, other = node.operands
        for inner, fill, turned in ((one, told(other), False), (other, told(one), True)):
            if isinstance(mask, Value) and fill is not None and fill <= LOW:
                return inner, Barred(mask, turned, fill)
    return None, None


def _filled(reading: Reading, operand: Operand) -> float | None:
    """The number that a tensor is full of."""
    node = reading.maker(operand, "zeros", "ones", "full", "zeros_like", "ones_like", "full_like")
    if node is None or node.op is None:
        return None
    number = getattr(node.op, "fill_value", getattr(node.op, "number", None))
    return float(number) if isinstance(number, (int, float)) else None
