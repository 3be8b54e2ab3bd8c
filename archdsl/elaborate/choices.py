"""`if training`: the one choice at run time; both sides have the same layers' paths free, and the same types."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate import constructs, steps
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.finish import body_graph
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import tensor
from archdsl.elaborate.unit import Region
from archdsl.elaborate.values import UNKNOWN, Several
from archdsl.ir.graph import Graph
from archdsl.ir.node import Choice, Path
from archdsl.ir.value import Value
from archdsl.problems.problem import Label
from archdsl.syntax import tree


def asks_training(condition: Any) -> bool:
    """Whether a condition is `training` or `not training`."""
    while isinstance(condition, tree.Paren):
        condition = condition.value
    if isinstance(condition, tree.Unary) and condition.operator == "not":
        return asks_training(condition.value)
    return isinstance(condition, tree.Training)


def _negated(condition: Any) -> bool:
    negated = False
    while isinstance(condition, (tree.Paren, tree.Unary)):
        negated ^= isinstance(condition, tree.Unary)
        condition = condition.value
    return negated


def training(frame: Frame, label: Path | None, one: tree.If, step: Any) -> Any:
    """Both sides as graphs of what they capture; one is run."""
    holder = frame.inner(frame.scope)
    constructs.enter_container(frame, holder, label, step.span)
    sides: list[tuple[Region, list[Value], bool]] = []
    for body in (one.then, one.otherwise):
        region = Region(frame.unit, frame.region)
        inner = holder.inner(parallel="if training")
        inner.region = region
        if body is None:
            result = frame.flow
        elif isinstance(body, tree.If):
            result = constructs.choose(inner, None, body, body)
        else:
            result = steps.run_body(inner, body)
        if result is UNKNOWN:
            raise Absorbed
        items = [value for _, value in result.items] if isinstance(result, Several) else [result]
        sides.append((region, [region.local(tensor(inner, value, one.span)) for value in items], isinstance(result, Several)))
    (first, first_out, several), (second, second_out, _) = sides
    types = [[value.type for value in out] for out in (first_out, second_out)]
    if types[0] != types[1]:
        told = [", ".join(map(str, each)) for each in types]
        end = one.otherwise.span if one.otherwise is not None else one.span
        raise Fault(shapes.TrainingMismatch(
            at=one.span, what=f"the two sides of `if training` differ: {told[0]} and {told[1]}", others=(Label(end, f"this side gives {told[1]}"),)))  # fmt: skip
    captured: dict[str, Value] = {}
    for region in (first, second):
        for outer, _ in region.captured.values():
            captured.setdefault(outer.name, outer)
    graphs: list[Graph] = []
    for region, out, _ in sides:
        for outer in captured.values():
            region.local(outer)
        region.captured = {name: region.captured[name] for name in captured}
        graphs.append(body_graph(frame.unit, region, "side", "choice", [], out))
    if _negated(one.condition):
        graphs.reverse()
    choice = Choice(graphs[0], graphs[1])
    results = frame.region.emit(tuple(captured.values()), tuple(types[0]), one.span, choice=choice, path=holder.container)
    if not several:
        return results[0]
    return Several(tuple((None, value) for value in results))
