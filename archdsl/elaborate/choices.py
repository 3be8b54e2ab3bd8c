"""`if training`: the one choice at run time; both sides have the same layers' paths free, and the same types."""

from __future__ import annotations

from typing import Any

from archdsl.elaborate import constructs, steps
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.finish import body_graph
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import tensor
from archdsl.elaborate.unit import Region, Unit, tensor_paths
from archdsl.elaborate.values import UNKNOWN, Instance, Several
from archdsl.ir.graph import Graph
from archdsl.ir.node import Choice, Path
from archdsl.ir.value import Value
from archdsl.problems.problem import Label
from archdsl.source import Span
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


class Sides:
    """The layers of both sides: a label means one layer on both, so each side has the same ones."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.members = dict(unit.members)
        self.places = dict(unit.places)
        self.numbers = dict(unit.numbers)
        self.made: list[tuple[dict[Path, Any], dict[Path, Span], dict[Path, int]]] = []

    def next(self) -> None:
        """Begin a side: as if the one before had not been."""
        unit = self.unit
        if unit.members != self.members or unit.numbers != self.numbers:
            self._note()
            unit.members, unit.places, unit.numbers = dict(self.members), dict(self.places), dict(self.numbers)

    def _note(self) -> None:
        unit = self.unit
        self.made.append(
            ({path: member for path, member in unit.members.items() if path not in self.members}, unit.places, unit.numbers)
        )

    def join(self, span: Span) -> None:
        """The layers of both sides, each once. Raises where a side has one with tensors that the other has not."""
        unit = self.unit
        self._note()
        first, second = self.made[0][0] if len(self.made) > 1 else {}, self.made[-1][0]
        for path in (*first, *second):
            one, other = first.get(path), second.get(path)
            if one == other or not any(owns_tensors(each) for each in (one, other)):
                continue
            told = (
                f"`{'.'.join(path)}` is another layer on the other side"
                if one and other
                else f"only one side has the layer `{'.'.join(path)}`"
            )
            places = (self.made[0] if one else self.made[-1])[1]
            raise Fault(
                shapes.TrainingMismatch(
                    at=places.get(path, span),
                    what=f"{told}; both sides of `if training` have the same layers",
                    help="declare it before: `shared f = …`, or apply it before the `if`",
                )
            )
        unit.members = {**self.members, **first, **second}
        for _, places, numbers in self.made:
            unit.places = {**unit.places, **places}
            unit.numbers = {
                container: max(count, unit.numbers.get(container, 0)) for container, count in {**unit.numbers, **numbers}.items()
            }


def owns_tensors(member: Any) -> bool:
    """Whether a member has tensors of its own."""
    return member is not None and not isinstance(member, Instance) and bool(tensor_paths(member))


def training(frame: Frame, label: Path | None, one: tree.If, step: Any) -> Any:
    """Both sides as graphs of what they capture; one is run."""
    holder = frame.inner(frame.scope)
    constructs.enter_container(frame, holder, label, step.span)
    sides: list[tuple[Region, list[Value], bool]] = []
    before = Sides(frame.unit)
    for body in (one.then, one.otherwise):
        before.next()
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
        raise Fault(
            shapes.TrainingMismatch(
                at=one.span,
                what=f"the two sides of `if training` differ: {told[0]} and {told[1]}",
                others=(Label(end, f"this side gives {told[1]}"),),
            )
        )
    before.join(one.span)
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
