"""Proofs that permuting the positions of an input permutes those of an output alike."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analyses.dependence import Verdict, called, find
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Along, Everywhere, Op, Reach

MIXING = ("product", "dense", "attention")
"""Families where an operand that does not move may have axes that are summed over."""


@dataclass(frozen=True)
class Motion:
    """What a permutation does to a value: moves positions along `axis`, or (None) leaves it; `even`: all entries are equal."""

    axis: int | None = None
    even: bool = False


STILL = Motion()
Known = Motion | None
"""None is: nothing is known."""


def equivariant(graph: Graph, output_name: str, input_name: str, axis: int = 0) -> Verdict:
    """Permuting the input along `axis` permutes the output along it in the same way."""
    end, start = find(graph, output_name, input_name)
    if end is None or start is None:
        return Verdict(False, f"there is no output `{output_name}` or no input `{input_name}` here")
    if not -start.type.rank <= axis < start.type.rank or not -end.type.rank <= axis < end.type.rank:
        return Verdict(False, f"there is no axis {axis} on both sides")
    given = tuple(Motion(axis % start.type.rank) if one is start else STILL for one in graph.input_values)
    walk = Walk()
    states = walk.run(graph, given, graph)
    if states.get(end.name) == Motion(axis % end.type.rank):
        return Verdict(True, f"every step treats the positions of axis {axis} alike")
    claim = f"{output_name} is not proved equivariant along axis {axis} of {input_name}"
    for node in graph.nodes:
        if all(state_of(states, one) is not None for one in node.operands) and any(
            states[one.name] is None for one in node.results
        ):
            return Verdict(
                False, f"{claim}: `{node.op.name if node.op else '.'.join(node.path)}` may treat positions differently", node.span
            )
    return Verdict(False, claim)


def state_of(states: dict[str, Known], one: Operand) -> Known:
    """The state of an operand: numbers and absent inputs are even."""
    return states.get(one.name) if isinstance(one, Value) else Motion(None, True)


def joined(left: Known, right: Known) -> Known:
    """What is true of both: an even value counts as moved in any way."""
    if left is None or right is None or left == right:
        return left if left == right else None
    if left.even or right.even:
        return right if left.even else left
    return None


class Walk:
    """Runs graphs on motions. Equal calls of one block are run once."""

    def __init__(self) -> None:
        self._memo: dict[tuple[int, int, tuple[Known, ...]], dict[str, Known]] = {}
        self._kept: list[Graph] = []

    def run(self, graph: Graph, given: tuple[Known, ...], home: Graph) -> dict[str, Known]:
        """The states of all values of the graph, by name; `home` is the graph whose members its nodes call."""
        key = (id(graph), id(home), given)
        if key not in self._memo:
            self._kept += [graph, home]
            states: dict[str, Known] = {member.value.name: STILL for one in (home, graph) for member in one.members.values()
                                        if isinstance(member, Parameter)}  # fmt: skip
            states.update(zip((one.name for one in graph.input_values), given, strict=True))
            for node in graph.nodes:
                found = self._step(home, node, tuple(state_of(states, one) for one in node.operands))
                states.update(zip((one.name for one in node.results), found, strict=True))
            self._memo[key] = states
        return self._memo[key]

    def _outputs(self, graph: Graph, given: tuple[Known, ...], home: Graph) -> list[Known]:
        states = self.run(graph, given, home)
        return [states.get(one.value.name) for one in graph.outputs]

    def _step(self, home: Graph, node: Node, given: tuple[Known, ...]) -> list[Known]:
        if node.scan is not None:
            return self._scan(home, node, given)
        body = called(home, node)
        if isinstance(body, Graph):
            present = tuple(state for state, one in zip(given, node.operands, strict=True) if one is not None)
            if len(present) != len(body.input_values):
                return [None] * len(node.results)
            return self._outputs(body, present, home if node.choice is not None else body)
        if body is None:
            return [STILL if node.leaf else None] * len(node.results)
        return [_operator(body, node, given)] * len(node.results)

    def _scan(self, home: Graph, node: Node, given: tuple[Known, ...]) -> list[Known]:
        what = node.scan
        count = len(what.axes) if what is not None else 0
        if what is None or any(one is None or one.axis == axis for one, axis in zip(given, what.axes, strict=False)):
            return [None] * len(node.results)
        slices = tuple(_dropped(one, axis) for one, axis in zip(given[:count], what.axes, strict=True))
        carries = list(given[count : count + what.carries])
        while True:
            results = self._outputs(what.body, (*slices, *carries, *given[count + what.carries :]), home)
            new = [joined(old, one) for old, one in zip(carries, results, strict=False)]
            if what.until and (results[-1] is None or results[-1].axis is not None):
                return [None] * len(node.results)
            if new == carries:
                break
            carries = new
        yields = results[what.carries : what.carries + what.yields]
        found = [_added(one, axis % node.results[index].type.rank) for index, (one, axis) in enumerate(
            zip(yields, what.yield_axes, strict=True))]  # fmt: skip
        return [*found, *(carries[index] for index in what.finals)]


def _dropped(one: Known, axis: int) -> Known:
    return one if one is None or one.axis is None else Motion(one.axis - (one.axis > axis))


def _added(one: Known, axis: int) -> Known:
    return one if one is None or one.axis is None else Motion(one.axis + (one.axis >= axis))


def _operator(op: Op, node: Node, given: tuple[Known, ...]) -> Known:
    inputs: tuple[TensorType | None, ...] = tuple(None if one is None else one.type for one in node.operands)
    outputs = tuple(one.type for one in node.results)
    known = [one for one in given if one is not None]
    if len(known) < len(given):
        return None
    moved = [(index, one.axis) for index, one in enumerate(known) if one.axis is not None]
    if not moved:
        return Motion(None, op.fill() is not None or (op.family == "pointwise" and all(one.even for one in known)))
    moved = _without_keys(op, moved, inputs)
    if not moved:
        return STILL
    reaches = [op.reach(index, axis, inputs, outputs) for index, axis in moved]
    if len(moved) == 1 and isinstance(reaches[0], Everywhere) and reaches[0].symmetric:
        return STILL
    targets = {_target(reach, inputs[index], axis, outputs) for reach, (index, axis) in zip(reaches, moved, strict=True)}
    place = targets.pop()
    if targets or place is None or not _alike(op, place):
        return None
    for index, one in enumerate(known):
        if one.axis is None and not one.even and _varies(op, index, place, inputs, outputs):
            return None
    return Motion(place)


def _without_keys(op: Op, moved: list[tuple[int, int]], inputs: tuple[TensorType | None, ...]) -> list[tuple[int, int]]:
    """Keys and values that move together mean nothing to a plain attention."""
    order = dict(op.items())
    q = inputs[0]
    if q is None or op.name not in ("attention", "MultiheadAttention") or any(one is not None for one in inputs[3:]):
        return moved
    keys = [(1, q.rank - 2), (2, q.rank - 2)]
    if (
        order.get("causal")
        or order.get("window") is not None
        or order.get("need_weights")
        or not all(one in moved for one in keys)
    ):
        return moved
    return [one for one in moved if one not in keys]


def _target(reach: Reach, type: TensorType | None, axis: int, outputs: tuple[TensorType, ...]) -> int | None:
    """The axis of the results that is the operand's, whole and in order."""
    if not isinstance(reach, Along) or reach.low != 0 or reach.high != 0 or type is None:
        return None
    whole = all(reach.axis < one.rank and one.shape[reach.axis] == type.shape[axis] for one in outputs)
    return reach.axis if whole else None


def _alike(op: Op, place: int) -> bool:
    return op.alike == "every" or (op.alike == "batch" and place == 0)


def _varies(op: Op, index: int, place: int, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]) -> bool:
    """An operand that does not move may tell the positions apart."""
    one = inputs[index]
    for axis, size in enumerate(one.shape if one is not None else ()):
        if size != 1:
            reach = op.reach(index, axis, inputs, outputs)
            if isinstance(reach, Along) and reach.axis == place or isinstance(reach, Everywhere) and op.family not in MIXING:
                return True
    return False
