"""Calls of all children of a container one after the other, as a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.ir.graph import Call, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.targets.torch.members import tree, typed_access
from archdsl.targets.torch.statements import LOCAL, Block

if TYPE_CHECKING:
    from archdsl.targets.torch.forward import Forward


def write_nodes(forward: Forward, nodes: Sequence[Node]) -> None:
    """All nodes, in order; a run of calls that differ only in the child of one container is a loop."""
    reads = Counter(one.name for node in nodes for one in node.operands if isinstance(one, Value))
    reads.update(one.value.name for one in forward.graph.outputs)
    at = 0
    while at < len(nodes):
        end = _run(forward, nodes, at, reads)
        if end - at > 1:
            _write_loop(forward, nodes[at:end], reads)
        else:
            forward.node(nodes[at])
        at = max(end, at + 1)


def _run(forward: Forward, nodes: Sequence[Node], at: int, reads: Counter[str]) -> int:
    """The end of the run that starts at a node: all children of its container, each fed by the one before."""
    first = nodes[at]
    if first.member is None or first.member[0] == "" or first.leaf or len(first.member) < 2:
        return at
    container = first.member[:-1]
    place = tree(forward.graph.members, forward.graph.containers)
    for label in container:
        place = place.children[label]
        if place.member is not None:
            return at
    labels = list(place.children)
    end = at + len(labels)
    run = nodes[at:end]
    if place.kind not in ("list", "dict") or len(run) < len(labels) or len(labels) < 2:
        return at
    moved = moved_operands(first, run[1])
    for index, (node, label) in enumerate(zip(run, labels, strict=True)):
        if (
            node.member != (*container, label)
            or len(node.results) != len(first.results)
            or node.lent
            or node.how != first.how
            or not _alike(forward, first.member, node.member)
        ):
            return at
        if index and not _continues(moved, run[index - 1], node, reads):
            return at
    return end


def _alike(forward: Forward, first: Path, other: Path) -> bool:
    a, b = forward.graph.members[first], forward.graph.members[other]
    if isinstance(a, Call) and isinstance(b, Call):
        plan = forward.plans.get(id(a.graph))
        return plan is not None and plan is forward.plans.get(id(b.graph)) and not plan.extras
    return isinstance(a, Layer) and isinstance(b, Layer) and a.op == b.op


def moved_operands(first: Node, second: Node) -> dict[int, int]:
    """Which operands are results of the call before, and which of them; empty where the second does not go on from the first."""
    at = {one.name: index for index, one in enumerate(first.results)}
    found = {
        slot: at[one.name] for slot, one in enumerate(second.operands) if isinstance(one, Value) and one.name in at
    }  # fmt: skip
    starts = [first.operands[slot] if slot < len(first.operands) else None for slot in found]
    once = len(set(found.values())) == len(found)  # else two places would have to start as one
    return found if once and all(isinstance(one, Value) for one in starts) else {}


def _continues(moved: dict[int, int], before: Node, node: Node, reads: Counter[str]) -> bool:
    """Whether a call goes on from the one before as the second does from the first, and nothing else reads that one's results."""
    wanted = list(before.operands)
    for slot, index in moved.items():
        wanted[slot] = before.results[index]
    own = Counter(one.name for one in node.operands if isinstance(one, Value))
    return bool(moved) and node.operands == tuple(wanted) and all(reads[one.name] == own[one.name] for one in before.results)


def _write_loop(forward: Forward, run: Sequence[Node], reads: Counter[str]) -> None:
    function = forward.function
    first, second, last = run[0], run[1], run[-1]
    if first.member is None:
        raise ValueError("a loop over what is no call")
    carried: dict[int, str] = {}
    inside = dict(function.locals)
    for slot, index in moved_operands(first, second).items():
        start = first.operands[slot]
        assert isinstance(start, Value)  # noqa: S101
        local = function.locals[start.name]
        if reads[start.name] > 1 or not LOCAL.fullmatch(local) or local not in function.hints:
            local = function.fresh(first.results[index].name)
            function.add((local,), function.locals[start.name])
        carried[index] = inside[first.results[index].name] = local
    container = typed_access(forward.plan, forward.plans, first.member[:-1], "get_submodule")
    kind = "dict" if not first.member[-1].isdigit() else "list"
    children = ".children()" if "(" in container else ".values()" if kind == "dict" else ""
    variable = function.fresh(_singular(first.member[-2]))
    kept, function.locals = function.locals, inside
    outer, function.statements = function.statements, []
    targets = tuple(
        carried.get(index) or (function.fresh(one.name) if reads[one.name] else "_") for index, one in enumerate(last.results)
    )
    code = forward.called_as(second, variable)  # the first may read what it starts with under another name too
    function.add(targets, code, forward.note(tuple(one.type for one in last.results), first.span), fixed=True)
    body, function.statements, function.locals = function.statements, outer, kept
    head = f"for {variable} in {container}{children}:"
    function.statements.append(Block(head, body, targets=(variable,), state=tuple(carried.values())))
    for local, one in zip(targets, last.results, strict=True):
        function.locals[one.name] = local
        function.shapes.append((local, one.type))


def _singular(label: str) -> str:
    """`layer` for `layers`, `block` for `h`."""
    word = label if not label.endswith("s") or label.endswith("ss") else label[:-1]
    return word if len(word) > 2 else "block"
