"""Calls of all children of a container one after the other, as a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.ir.graph import Call, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.targets.torch.members import access, tree
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
    if first.member is None or first.member[0] == "" or first.leaf or len(first.member) < 2 or len(first.results) != 1:
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
    for index, (node, label) in enumerate(zip(run, labels, strict=True)):
        if (
            node.member != (*container, label)
            or len(node.results) != 1
            or node.lent
            or node.how != first.how
            or not _alike(forward, first.member, node.member)
        ):
            return at
        if index and (moved_operands(first, run[index - 1], node) is None or reads[run[index - 1].results[0].name] != 1):
            return at
    return end


def _alike(forward: Forward, first: Path, other: Path) -> bool:
    a, b = forward.graph.members[first], forward.graph.members[other]
    if isinstance(a, Call) and isinstance(b, Call):
        plan = forward.plans.get(id(a.graph))
        return plan is not None and plan is forward.plans.get(id(b.graph)) and not plan.extras
    return isinstance(a, Layer) and isinstance(b, Layer) and a.op == b.op


def moved_operands(first: Node, before: Node, node: Node) -> int | None:
    """The one operand that is the result of the call before, all others being those of the first call."""
    if len(node.operands) != len(first.operands):
        return None
    differ = [index for index, (a, b) in enumerate(zip(first.operands, node.operands, strict=True)) if a != b]
    if len(differ) != 1 or node.operands[differ[0]] != before.results[0]:
        return None
    return differ[0]


def _write_loop(forward: Forward, run: Sequence[Node], reads: Counter[str]) -> None:
    function = forward.function
    first = run[0]
    slot = moved_operands(first, first, run[1]) or 0
    start = first.operands[slot]
    if first.member is None or not isinstance(start, Value):
        raise ValueError("a loop over what is no call")
    carried = function.locals[start.name]
    later = reads[start.name] > 1 or not LOCAL.fullmatch(carried)
    if later or carried not in function.hints:
        carried = function.fresh(first.results[0].name)
        function.add((carried,), function.locals[start.name])
    container = access(forward.plan, forward.plans, first.member[:-1])
    kind = "dict" if not first.member[-1].isdigit() else "list"
    variable = function.fresh(_singular(first.member[-2]))
    kept = function.locals
    function.locals = {**kept, start.name: carried}
    outer, function.statements = function.statements, []
    code = forward.called_as(first, variable)
    function.add((carried,), code, forward.note((run[-1].results[0].type,), first.span), fixed=True)
    body, function.statements, function.locals = function.statements, outer, kept
    head = f"for {variable} in {container}{'.values()' if kind == 'dict' else ''}:"
    function.statements.append(Block(head, body, targets=(variable,), state=(carried,)))
    function.locals[run[-1].results[0].name] = carried
    function.shapes.append((carried, run[-1].results[0].type))


def _singular(label: str) -> str:
    """`layer` for `layers`, `block` for `h`."""
    word = label if not label.endswith("s") or label.endswith("ss") else label[:-1]
    return word if len(word) > 2 else "block"
