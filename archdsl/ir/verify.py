"""The strict verifier: everything that holds in a valid graph, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archdsl.ir.graph import Call, Graph
from archdsl.ir.invariants import calls, paths, scans, values
from archdsl.ir.invariants.finding import INVARIANTS, Finding, View

THEMES = (values, calls, scans, paths)
"""The modules that state the invariants; importing them registers each."""


class InvalidGraph(Exception):
    """A graph that is not valid; `findings` says where and why."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def verify(graph: Graph, *, float: str = "f32", free: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Every invariant that does not hold in the graph or in one below it.

    Runs after every pass in tests and with `--verify-each`.
    `float` is the program's float type; `free` names the configuration that was left symbolic.
    """
    found: list[Finding] = []
    names = frozenset(free)
    for one, owner in below(graph):
        view = View(one, owner, graph, float, names)
        for rule, check in INVARIANTS.items():
            for place, message, *span in check(view):
                found.append(Finding(rule, one.name, place, message, span[0] if span else None))
    return tuple(found)


def check(graph: Graph, *, float: str = "f32", free: Iterable[str] = ()) -> Graph:
    """The graph itself. Raises `InvalidGraph` where it is none."""
    findings = verify(graph, float=float, free=free)
    if findings:
        raise InvalidGraph(findings)
    return graph


def below(graph: Graph) -> Iterator[tuple[Graph, Graph]]:
    """The distinct graphs of a program, each with the graph whose members it calls."""
    seen: set[tuple[int, int]] = set()
    waiting = [(graph, graph)]
    while waiting:
        one, owner = waiting.pop()
        if (id(one), id(owner)) in seen:
            continue
        seen.add((id(one), id(owner)))
        yield one, owner
        following: list[tuple[Graph, Graph]] = []
        for member in one.members.values():
            if isinstance(member, Call):
                following.append((member.graph, member.graph))
        following += [(constant, constant) for constant in paths.constants(one)]
        following += [(what, what) for _, what in one.borrowed if isinstance(what, Graph)]
        for node in one.nodes:
            if node.graph is not None:
                following.append((node.graph, node.graph))
            if node.scan is not None:
                following.append((node.scan.body, owner))
            if node.choice is not None:
                following += [(node.choice.training, owner), (node.choice.evaluation, owner)]
        waiting += reversed(following)
