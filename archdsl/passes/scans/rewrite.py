"""One scan node in its fastest form: what is computed before it, what is left of it, and what is computed after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.ir.graph import Member
from archdsl.ir.node import Node, Path, Scan
from archdsl.ir.value import Value
from archdsl.ops.contract import Context
from archdsl.passes.scans.bare import bare
from archdsl.passes.scans.cheaper import cheapen
from archdsl.passes.scans.contract import contract
from archdsl.passes.scans.fuse import fuse
from archdsl.passes.scans.loop import Loop, needed
from archdsl.passes.scans.sink import frontier, sinkable
from archdsl.passes.scans.solve import solve, why_not
from archdsl.passes.scans.steps import Steps
from archdsl.passes.scans.story import Finding, Story
from archdsl.records import changed

STAYS = "the loop"
"""The form of a scan that nothing leaves."""


class Refused(Exception):
    """A node of the body that was to run behind the loop does not work on all steps."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.results[0].name)
        self.value = node.results[0].name


def rewritten(
    node: Node,
    context: Context,
    names: set[str],
    members: Mapping[Path, Member],
    stories: list[Story],
    *,
    solving: bool,
    fusing: bool,
    block: str,
    before: Sequence[Node] = (),
) -> tuple[Node, ...]:
    """The nodes that stand for a scan node; only itself where all stays in the loop. `names` are taken, and get the new ones;
    `solving`: carries that need no loop leave it; `fusing`: cells become fused kernels. What was found goes to `stories`;
    `block` is where the scan stands, `before` are the nodes before it."""
    scan = node.scan
    if scan is None or not _plain(node, scan):
        return (node,)
    refused: set[str] = set()
    while True:
        taken = set(names)
        loop = Loop(node, scan, Steps(node, context, taken, scan.length, members))
        try:
            made = _attempt(loop, refused, before, solving=solving, fusing=fusing)
        except Refused as fault:
            refused.add(fault.value)
            continue
        names |= taken
        left = any(one.scan is not None and one.results and one.span == node.span for one in made)
        moved = sum(not one.leaf for one in made) > 1  # a tensor of a layer that is read before is nothing that left
        form = "the loop, of what is left of it" if left and moved else STAYS if left else "no loop"
        stories.append(Story(block, form, tuple(loop.found), node.span))
        return made


def _plain(node: Node, scan: Scan) -> bool:
    """Whether all operands are tensors, and no value comes out twice."""
    yielded = [one.value.name for one in scan.body.outputs[scan.carries : scan.carries + scan.yields]]
    return (
        all(isinstance(one, Value) for one in node.operands)
        and len(set(scan.finals)) == len(scan.finals)
        and len(set(yielded)) == len(yielded)
    )


def _attempt(loop: Loop, refused: set[str], before: Sequence[Node], *, solving: bool, fusing: bool) -> tuple[Node, ...]:
    steps = loop.steps
    loop.drop_unneeded()
    count = len(loop.nodes)
    loop.hoist()
    if len(loop.nodes) < count:
        moved = f"{count - len(loop.nodes)} of {count}"
        loop.found.append(Finding(f"{moved} nodes of the body need no carry: computed before, for all steps"))
    solve(loop, recurrences=solving)
    loop.drop_unneeded()
    while fusing and fuse(loop, before):
        loop.drop_unneeded()
        solve(loop, recurrences=solving)
        loop.drop_unneeded()
    if solving:
        contract(loop)
        loop.drop_unneeded()
    sunk = sinkable(loop, refused)
    if sunk:
        loop.found.append(Finding(f"{len(sunk)} nodes are for the yields alone: computed behind, for all steps"))
    loop.found += [why_not(loop, index) for index in loop.carries] if solving else []
    values = frontier(loop, sunk)
    gone = {one.name for node in sunk for one in node.results}
    late = {result.name: value for value, result in loop.open() if value.name in gone}
    ids = {id(one) for one in sunk}
    loop.nodes = [node for node in loop.nodes if id(node) not in ids]
    if solving:
        cheapen(loop, values)
        bare(loop)
    left, sequences = loop.written(values, late)
    if left is not None:
        steps.nodes.append(left)
    axes = dict(zip((one.name for one in loop.node.results), loop.scan.yield_axes, strict=False))
    steps.known.update(sequences)
    for node in sunk:
        if not steps.written(node):
            raise Refused(node)
    for result, value in late.items():
        many = steps.known[value.name]
        loop.results[result] = steps.at(many, many.step.rank - axes[result])
    own = {one.name for one in loop.node.results} - set(loop.results)
    return tuple(_named(needed(steps.nodes, own | {one.name for one in loop.results.values()}), loop))


def _named(nodes: list[Node], loop: Loop) -> list[Node]:
    """The nodes with the results of the scan under their own names."""
    own = {one.name: one for one in loop.node.results}
    names = {new.name: own[old] for old, new in loop.results.items()}

    def value(one: Value) -> Value:
        return names.get(one.name, one)

    return [
        changed(
            node,
            operands=tuple(value(one) if isinstance(one, Value) else one for one in node.operands),
            results=tuple(map(value, node.results)),
        )
        for node in nodes
    ]
