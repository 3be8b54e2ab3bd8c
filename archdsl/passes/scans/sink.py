"""What only the yields need, moved behind the loop."""

from __future__ import annotations

from collections.abc import Collection

from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.passes.scans.loop import Loop, needed


def sinkable(loop: Loop, refused: Collection[str]) -> list[Node]:
    """The nodes of the body that may run after the loop on all steps at once, in order; empty where it does not pay.

    A node may when nothing in the loop needs its result, and when it does not contract axes away: where a yield is a sum over the
    state, the states of all steps, or their products, would not fit the memory. `refused` are results of nodes that were tried,
    and do not work on all steps.
    """
    wanted = {loop.new[index].name for index in loop.carries} | ({loop.condition.name} if loop.condition is not None else set())
    keeping = {one.name for node in needed(loop.nodes, wanted) for one in node.results}
    staying = {id(node) for node in loop.nodes if any(one.name in refused for one in node.results)}
    while True:
        found = _unused(loop, keeping, staying)
        wrong = _first_refused(loop, found)
        if wrong is None:
            return found if _pays(loop, found) else []
        staying.add(id(wrong))


def _unused(loop: Loop, keeping: set[str], staying: set[int]) -> list[Node]:
    """The nodes that only such nodes and the yields use."""
    inside: set[str] = set(keeping)
    found: list[Node] = []
    for node in reversed(loop.nodes):
        if id(node) not in staying and not any(one.name in inside for one in node.results):
            found.append(node)
        else:
            inside |= {one.name for one in node.operands if isinstance(one, Value)}
    return found[::-1]


def _first_refused(loop: Loop, nodes: list[Node]) -> Node | None:
    """The first node that does not work on all steps."""
    outside = {one.name for node in nodes for one in node.results}
    for node in nodes:
        if loop.steps.function(node) is None or len(node.results) > 1:
            return node
        for one in node.operands:
            if isinstance(one, Value) and one.name not in loop.steps.known and one.type.rank > node.results[0].type.rank:
                if one.name not in outside or not _fits(loop, one, node.results[0]):
                    return node
    return None


def _fits(loop: Loop, one: Value, result: Value) -> bool:
    """Whether an operand is no larger than the result, as where an axis of size 1 goes."""
    return loop.steps.context.facts.at_least(result.type.numel() - one.type.numel(), 0)


def _pays(loop: Loop, nodes: list[Node]) -> bool:
    """Whether it saves more operators in a step than it adds sequences."""
    gone = {one.name for node in nodes for one in node.results}
    before = {value.name for value, _ in loop.open()}
    after = (before - gone) | {one.name for one in frontier(loop, nodes)}
    return len(nodes) > max(len(after) - len(before), 0)


def frontier(loop: Loop, nodes: list[Node]) -> list[Value]:
    """The values of the loop that these nodes need of all steps."""
    inside = {one.name for node in nodes for one in node.results}
    found = [one for node in nodes for one in node.operands if isinstance(one, Value)]
    return list({one.name: one for one in found if one.name not in inside and one.name not in loop.steps.known}.values())
