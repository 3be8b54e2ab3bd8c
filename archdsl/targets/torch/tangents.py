"""Blocks with tangents (`jvp`) as functions of a block's module: they own nothing, and read what the module owns."""

from __future__ import annotations

import io
import itertools
import re
import tokenize
from collections.abc import Iterator, Mapping

from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Node
from archdsl.targets.torch.blocks import body_of, is_sequence, statement_lines
from archdsl.targets.torch.classes import Plan, is_numbered, make_plan, names_free
from archdsl.targets.torch.forward import Forward
from archdsl.targets.torch.layout import WIDTH, lay_out
from archdsl.targets.torch.scope import Numbers

OWNER = "module"
"""What the function calls the module."""
NOTE = re.compile(r"(^|\s+)# [a-z0-9]*\[[^\"']*$")


def tangent_plans(graph: Graph, plans: dict[int, Plan]) -> list[Plan]:
    """A plan for each block with tangents that the program calls, callees before callers; they are added to `plans`."""
    made: list[Plan] = []
    for tangent, home in called_tangents(graph):
        if id(tangent) not in plans:
            plan = make_plan("", [tangent], {})
            plan.home = home
            plan.container = "list" if is_sequence(home) or is_numbered(home) else "class"
            plan.taken = plans[id(graph)].taken
            plans[id(tangent)] = plan
            made.append(plan)
    return made


def called_tangents(graph: Graph) -> Iterator[tuple[Graph, Graph]]:
    """The blocks with tangents that are called in a program, each with the block that it is of, callees first."""
    seen: set[int] = set()

    def below(one: Graph, owner: Graph) -> Iterator[tuple[Graph, Graph]]:
        for member in one.members.values():
            if isinstance(member, Call):
                yield from visit(member.graph)
        for node in one.nodes:
            for body in (node.scan.body,) if node.scan else (node.choice.training, node.choice.evaluation) if node.choice else ():
                yield from below(body, owner)
            if node.graph is not None:
                yield from visit(node.graph)
                if node.graph.kind == "tangent":
                    yield node.graph, home_of(owner, node)

    def visit(one: Graph) -> Iterator[tuple[Graph, Graph]]:
        if id(one) not in seen:
            seen.add(id(one))
            yield from below(one, one)

    yield from visit(graph)


def home_of(owner: Graph, node: Node) -> Graph:
    """The block whose module a node calls."""
    path = node.member or ()
    member = dict(owner.borrowed)[path[1]] if path[0] == "" else owner.members[owner.aliases.get(path, path)]
    found = member.graph if isinstance(member, Call) else member
    if not isinstance(found, Graph):
        raise ValueError("a block with tangents is of a block")
    return found


class Functions:
    """The functions of a file. Those that differ in their shape comments alone are one, without these comments."""

    def __init__(self, plans: Mapping[int, Plan], helpers: dict[str, None]) -> None:
        self.plans = plans
        self.helpers = helpers
        self.printed: dict[tuple[str, ...], tuple[str, list[str]]] = {}

    def add(self, plan: Plan) -> None:
        """Print the function of a plan, and name it there."""
        plan.known = {}
        forward = Forward(plan, self.plans, Numbers(plan, set()), self.helpers)
        statements, names, given = body_of(forward, self.helpers, {OWNER})
        kinds = [forward.kinds.get(local, "Tensor") for local in forward.parameters]
        said = [f"{OWNER}: Any", *(f"{name}: {kind}" for name, kind in zip(given, kinds, strict=True))]
        lines = statement_lines(statements, names, 4)
        key = (plan.joined.name, *said, *map(without_note, lines))
        if key not in self.printed:
            plan.name = self.named(plan)
            results = ", ".join(["Tensor"] * len(plan.joined.outputs))
            about = f'"""What `{plan.joined.name}` gives, then its tangents along those that are given."""'
            head = head_of(plan.name, said, f"tuple[{results}]")
            self.printed[key] = plan.name, [*head, *lay_out(about, 4), *lines]
            return
        plan.name, known = self.printed[key]
        start = len(known) - len(lines)
        for at, (one, other) in enumerate(zip(known[start:], lines, strict=True), start):
            known[at] = one if one == other else without_note(one)

    def named(self, plan: Plan) -> str:
        """A name that nothing in the file has."""
        stem = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plan.joined.name).lower() + "_jvp"
        trials = (stem if count == 1 else f"{stem}_{count}" for count in itertools.count(1))
        name = next(one for one in trials if names_free(one, plan.taken))
        plan.taken.add(name)
        return name

    def text(self) -> list[str]:
        """All of them."""
        return [with_owner("\n".join(one for one in lines if one)) for _, lines in self.printed.values()]


def head_of(name: str, arguments: list[str], result: str) -> list[str]:
    """`def name(…) -> result:`, broken at its arguments where it is long."""
    whole = f"def {name}({', '.join(arguments)}) -> {result}:"
    if len(whole) <= WIDTH:
        return [whole]
    row = f"    {', '.join(arguments)}"
    rows = [row] if len(row) <= WIDTH else [f"    {one}," for one in arguments]
    return [f"def {name}(", *rows, *lay_out(f") -> {result}:", 0)]


def without_note(line: str) -> str:
    """A line without its comment of shapes; empty where it is nothing else."""
    return NOTE.sub("", line).rstrip()


def with_owner(text: str) -> str:
    """The text with the module's name for `self`, in the code alone."""
    rows = text.split("\n")
    found = [one.start for one in tokenize.generate_tokens(io.StringIO(text).readline) if one.string == "self"]
    for row, column in reversed(found):
        line = rows[row - 1]
        rows[row - 1] = line[:column] + OWNER + line[column + 4 :]
    return "\n".join(rows)
