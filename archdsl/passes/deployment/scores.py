"""The scores of an attention, read: a product, scaled, with what is added to it and which keys are barred."""

from __future__ import annotations

from typing import Any

from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.passes.deployment.products import Product, read_product
from archdsl.passes.deployment.reading import Reading, told
from archdsl.passes.deployment.tables import is_causal, joint_tables, tables
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
    """`scale` times the product, plus each bias times its number, where no mask bars it, nor one of `ordered`, which are causal.

    `fills` are the scores of what is barred, and `added` is whether something is added to those. `deep`: a bias is made with
    numbers that may be as low."""

    product: Product
    scale: float
    biases: tuple[tuple[Value, float], ...] = ()
    masks: tuple[Barred, ...] = ()
    ordered: tuple[Barred, ...] = ()
    fills: frozenset[float] = frozenset()
    added: bool = False
    deep: bool = False

    @property
    def reason(self) -> str:
        """Why the masks cannot be told apart from what is added; nothing where they can."""
        return "a bias may be as low as what is barred" if self.deep and self.fills - {float("-inf")} else ""


def read_scores(reading: Reading, operand: Operand, gain: float = 1.0, *, plain: bool = False) -> Scores | str:
    """What an operand is as scores; why it is none where it looks like some, empty where it does not. `plain`: what is added is a
    bias, also where it is a table that bars what is not causal."""
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
        return _added(reading, node, core, gain, plain)
    inner, barred = _masked(reading, node)
    if inner is None or inner.type != core.type:
        return ""
    found = read_scores(reading, inner, gain, plain=plain)
    if isinstance(found, str) or barred is None:
        return found
    return _with(reading, found, Barred(barred.mask, barred.turned, barred.fill * gain))


def _added(reading: Reading, node: Node, core: Value, gain: float, plain: bool) -> Scores | str:
    reason = ""
    barred = _replaced(reading, node, core, gain, plain)
    if barred is not None:
        return barred
    for one, other in (node.operands, tuple(reversed(node.operands))):
        sign = -1.0 if node.op is not None and node.op.name == "sub" and one is node.operands[0] else 1.0
        turned = node.op is not None and node.op.name == "sub" and one is not node.operands[0]
        if not isinstance(one, Value) or one.type != core.type:
            continue
        found = read_scores(reading, one, -gain if turned else gain, plain=plain)
        if isinstance(found, str):
            reason = reason or found
            continue
        if not isinstance(other, Value):
            # A number added to every score changes no weight, but those that were barred before count as something else.
            shift = sign * gain * (told(other) or 0.0)
            return changed(found, fills=frozenset(fill + shift for fill in found.fills))
        return _biased(reading, found, other, sign * gain, plain)
    return reason


def _replaced(reading: Reading, node: Node, core: Value, gain: float, plain: bool) -> Scores | str | None:
    """The scores of `x * seen + low * (1 - seen)`, where `seen` is a table of 0 and 1: what is not seen is replaced by `low`."""
    for at, one in enumerate(node.operands):
        product, low = reading.maker(one, "mul"), node.operands[1 - at]
        below = node.op is not None and node.op.name == "sub"
        if product is None or not isinstance(low, Value) or (below and at):
            continue
        for inner, seen in (product.operands, tuple(reversed(product.operands))):
            if not isinstance(inner, Value) or not isinstance(seen, Value) or inner.type != core.type:
                continue
            pairs = joint_tables(reading, seen, low)
            if not pairs or not all(there.shape == fill.shape and _barring(there, fill) for there, fill in pairs):
                continue
            fills = {float(one) * (-gain if below else gain) for there, fill in pairs for one in fill[there == 0].ravel()}
            found = read_scores(reading, inner, gain, plain=plain)
            if isinstance(found, str) or not fills:
                return found
            return _with(reading, found, Barred(seen, False, max(fills)))
    return None


def _barring(seen: Any, low: Any) -> bool:
    """Whether a table is 1 or 0, and another one the same number where the first is 0, and 0 elsewhere."""
    values = set(low[seen == 0].ravel().tolist())
    return set(seen.ravel().tolist()) <= {0.0, 1.0} and not low[seen == 1].any() and len(values) <= 1


def _biased(reading: Reading, found: Scores, bias: Value, gain: float, plain: bool) -> Scores | str:
    """The scores with a bias, which may be a mask written as numbers."""
    seen = tables(reading, bias) if not plain else []
    if seen and all(set(one[one != 0].ravel() * gain <= LOW) <= {True} for one in seen) and is_causal([one == 0 for one in seen]):
        fills = {float(one.min()) * gain for one in seen if one.size > 1}
        return changed(found, ordered=(*found.ordered, Barred(bias, True, max(fills))), fills=found.fills | fills, added=True)
    deep = found.deep or _deepest(reading, bias) * abs(gain) >= -LOW / 10
    return changed(found, biases=(*found.biases, (bias, gain)), added=found.added or bool(found.fills), deep=deep)


def _with(reading: Reading, found: Scores, barred: Barred) -> Scores | str:
    if not barred.fill <= LOW:
        return f"barred scores are {barred.fill:g}, which is not low enough to count as barred"
    seen = tables(reading, barred.mask)
    if is_causal([one == 0 if barred.turned else one != 0 for one in seen]):
        return changed(found, ordered=(*found.ordered, barred), fills=found.fills | {barred.fill})
    return changed(found, masks=(*found.masks, barred), fills=found.fills | {barred.fill})


def _masked(reading: Reading, node: Node) -> tuple[Operand, Barred | None]:
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
        for inner, fill, turned in ((one, _number(reading, other), False), (other, _number(reading, one), True)):
            if isinstance(mask, Value) and fill is not None and fill <= LOW:
                return inner, Barred(mask, turned, fill)
    return None, None


def _number(reading: Reading, operand: Operand) -> float | None:
    """The number that an operand is everywhere."""
    if not isinstance(operand, Value):
        return told(operand)
    values = {float(value) for one in tables(reading, operand) for value in set(one.ravel().tolist())}
    return values.pop() if len(values) == 1 else None


def _deepest(reading: Reading, operand: Operand, steps: int = 12) -> float:
    """The largest of the numbers that an operand is made with, without sign."""
    number = told(operand)
    if number is not None:
        return abs(number)
    node = reading.maker(operand)
    if node is None or node.op is None or steps == 0:
        return 0.0
    own = [
        abs(float(value)) for name in ("fill_value", "value") if isinstance(value := getattr(node.op, name, None), (int, float))
    ]
    return max([*own, *(_deepest(reading, one, steps - 1) for one in node.operands)], default=0.0)
