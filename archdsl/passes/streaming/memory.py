"""What depends on inputs that are the same in every step, and is dear, is computed in the first step and carried."""

from __future__ import annotations

from archdsl.ir.graph import Output
from archdsl.ir.node import Node
from archdsl.ir.value import Value
from archdsl.passes.streaming.start import Start
from archdsl.passes.streaming.writer import Carried, Writer, named
from archdsl.records import changed


def remember(writer: Writer, same: set[str], outputs: list[Output]) -> list[Output]:
    """Rewrites the nodes so that a step reuses what the first one made of the inputs named in `same`; the outputs that remain.

    Dear is what a layer, a block or a scan makes: an encoder's memory, and what attention makes of it. The rest is computed anew.
    """
    moving = _moving(writer, same)
    kept = _kept(writer, same, moving, outputs)
    if not kept:
        return outputs
    nodes: list[Node] = []
    told: dict[str, Value] = {}
    for node in writer.nodes:
        if any(isinstance(one, Value) and one.name in told for one in node.operands):
            operands = tuple(told.get(one.name, one) if isinstance(one, Value) else one for one in node.operands)
            node = changed(node, operands=operands)
        nodes.append(node)
        for one in node.results:
            if one.name not in kept:
                continue
            name = named(one.name)
            before = None if writer.first else writer.value(name, one.type)
            after = writer.value(name, one.type)
            nodes.append(Node((before, one), (after,), op=Start(), path=node.path, span=node.span))
            writer.carried.append(Carried(name, before, after))
            told[one.name] = after
    writer.nodes = nodes
    return [changed(one, value=told.get(one.value.name, one.value)) for one in outputs]


def _moving(writer: Writer, same: set[str]) -> set[str]:
    """The values that differ from step to step: those made of none such are the same."""
    made = {one.name for node in writer.nodes for one in node.results}
    still = same | {state.value.name for state in writer.parameters}
    found: set[str] = set()
    for node in writer.nodes:
        names = [one.name for one in node.operands if isinstance(one, Value)]
        moves = any(one in found or (one not in made and one not in still) for one in names)
        if moves or isinstance(node.op, Start):
            found |= {one.name for one in node.results}
    return found


def _kept(writer: Writer, same: set[str], moving: set[str], outputs: list[Output]) -> set[str]:
    """The dear values that steps use, or give."""
    fed = set(same)
    dear: set[str] = set()
    for node in writer.nodes:
        names = {one.name for one in node.operands if isinstance(one, Value)}
        results = {one.name for one in node.results}
        if results & moving:
            continue
        if names & fed:
            fed |= results
            if names & dear or node.member is not None or node.scan is not None:
                dear |= results
    used = {one.value.name for one in outputs}
    for node in writer.nodes:
        if any(one.name in moving for one in node.results) and not isinstance(node.op, Start):
            used |= {one.name for one in node.operands if isinstance(one, Value)}
    return dear & used
