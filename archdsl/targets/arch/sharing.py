"""Which members of a graph are declared before they are used, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archdsl.elaborate.finish import ordered
from archdsl.ir.graph import Call, Graph, Layer, Member, Parameter
from archdsl.ir.node import Node, Path


def applications(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes of a graph, with those in the bodies of its scans and choices, which call its members, in order."""
    for node in nodes:
        if node.scan is not None:
            yield from applications(node.scan.body.nodes)
        elif node.choice is not None:
            yield from applications(node.choice.training.nodes)
            yield from applications(node.choice.evaluation.nodes)
        yield node


def is_stateful(member: Member) -> bool:
    """Whether a member has tensors, so that its path is in keys."""
    if isinstance(member, Layer):
        return bool(member.op.parameters())
    return not isinstance(member, Call) or any(True for _ in member.graph.tensors())


def declared(graph: Graph, tied: Iterable[Path]) -> list[Path]:
    """The members that stand in a statement of their own, in order: parameters, what is not applied exactly once, what something
    else names, and what would otherwise come too late in the `state_dict`."""
    once: dict[Path, int] = {}
    named: set[Path] = set(tied)
    first: list[Path] = []
    for node in applications(graph.nodes):
        named.update(path for _, path in node.lent)
        if node.member is None:
            continue
        if node.leaf or (node.graph is not None and node.graph.kind == "tangent"):
            named.add(node.member)
            continue
        once[node.member] = once.get(node.member, 0) + 1
        first.append(node.member)
    named.update(graph.aliases.values())
    chosen = {
        path for path, member in graph.members.items()
        if isinstance(member, Parameter) or path in named or once.get(path, 0) != 1
    }  # fmt: skip
    wanted = [path for path, member in graph.members.items() if is_stateful(member)]
    while True:
        said = [path for path in wanted if path in chosen]
        said += [path for path in dict.fromkeys(first) if path not in chosen and path in wanted]
        made = list(ordered({path: graph.members[path] for path in said}, ()))
        wrong = next((one for one, other in zip(wanted, made, strict=True) if one != other), None)
        if wrong is None:
            return [path for path in graph.members if path in chosen]
        before = len(chosen)
        chosen.add(wrong)
        if len(chosen) == before:  # it is declared; what comes before it in the text stands in the way
            chosen.add(next(path for path in wanted if path not in chosen))
