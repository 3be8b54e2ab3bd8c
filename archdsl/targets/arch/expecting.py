"""What an arch expects of itself, as far as it holds of the graph that is printed."""

from __future__ import annotations

from typing import Any

from archdsl.analyses.expect import check_condition, conditions_of, is_property, number, output_of
from archdsl.elaborate.archs import Elaborated, Expectation
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.session import Session
from archdsl.ir.graph import Graph
from archdsl.problems.collector import Problems
from archdsl.syntax import tree


def expectations(made: Elaborated, item: Any) -> list[str]:
    """The conditions that hold, with numbers in the place of configuration."""
    session = Session(Problems())
    found = []
    for one in conditions_of(session, made, item):
        try:
            check_condition(session, made.graph, one)
            found.append(_text(session, made.graph, one))
        except (Fault, Absorbed):
            continue
    return list(dict.fromkeys(found))


def _text(session: Session, graph: Graph, one: Expectation) -> str:
    condition = one.condition
    if is_property(condition):
        return str(condition.span.text)
    output = output_of(graph, condition.left)
    if output is not None:
        return f"{output.name} == {output.value.type}"
    right = number(session, condition.right, one)
    said = f"{right:_}" if isinstance(right, int) else str(right)
    return f"{_count(session, condition.left, one)} {condition.operator} {said}"


def _count(session: Session, left: Any, one: Expectation) -> str:
    """`macs(N=1, H=224)`: a count with the sizes that it is taken at."""
    if not isinstance(left, tree.Call) or all(arg.name is None for arg in left.args):
        return str(left.span.text)
    given = ", ".join(f"{arg.name}={number(session, arg.value, one)}" for arg in left.args)
    return f"{left.function.span.text}({given})"
