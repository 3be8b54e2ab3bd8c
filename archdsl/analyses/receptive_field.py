"""How much of an input one position of an output can see, along its spatial axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd, lcm
from typing import Any

from archdsl.analyses.dependence import called
from archdsl.analyses.live import live_nodes
from archdsl.dims.dim import Dim
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.contract import Along, Op

MOST_PHASES = 4096
"""More positions than this before the pattern recurs are taken as global."""

Interval = tuple[int, int] | None
"""First and last input position that is seen; None: none is."""


@dataclass(frozen=True)
class Seen:
    """What the positions along `axis` of a value see: position `len(phases)*q + p` sees `phases[p]`, moved by `q*jump`."""

    axis: int
    jump: int
    phases: tuple[Interval, ...]

    def at(self, position: int) -> Interval:
        """What that position sees."""
        turn, phase = divmod(position, len(self.phases))
        one = self.phases[phase]
        return None if one is None else (one[0] + turn * self.jump, one[1] + turn * self.jump)


class Whole:
    """A value that may see every position."""


WHOLE = Whole()
State = Seen | Whole | None
"""None: the value does not depend on the input."""


def receptive_field(graph: Graph, out: str, in_: str) -> int | None:
    """Input positions that one position of output `out` sees of input `in_` along its spatial axes, from the first to the last.

    The largest over positions, and over the spatial axes where they differ; padding counts as positions. None where an axis
    is seen as a whole, and where there is no such output or input. The spatial axes are those after [N, C], in a tensor of three
    axes the symbolic one if one alone is, in one of two the second (Araujo et al., 2019, "Computing receptive fields of
    convolutional neural networks").
    """
    end = next((one.value for one in graph.outputs if one.name == out), None)
    start = next((one.value for one in graph.inputs if one.name == in_), None)
    if end is None or start is None:
        return None
    most = 0
    for axis in _spatial(start.type):
        given: list[State] = [Seen(axis, 1, ((0, 0),)) if one is start else None for one in graph.input_values]
        found = _run(graph, given, None).get(end.name)
        if isinstance(found, Whole):
            return None
        for one in found.phases if found is not None else ():
            most = max(most, one[1] - one[0] + 1 if one is not None else 0)
    return most


def _spatial(type: TensorType) -> tuple[int, ...]:
    if type.rank == 3:
        symbolic = [axis for axis in (1, 2) if isinstance(type.shape[axis], Dim)]
        return (symbolic[0],) if len(symbolic) == 1 else (2,)
    return (type.rank - 1,) if type.rank < 3 else tuple(range(2, type.rank))


def _run(graph: Graph, given: list[State], owner: Graph | None) -> dict[str, State]:
    home = owner or graph
    states: dict[str, State] = dict(zip((one.name for one in graph.input_values), given, strict=True))
    for node in live_nodes(graph):
        told = [states.get(one.name) if isinstance(one, Value) else None for one in node.operands]
        states.update(zip((one.name for one in node.results), _step(home, node, told), strict=True))
    return states


def _step(home: Graph, node: Node, told: list[State]) -> list[State]:
    if all(one is None for one in told):
        return [None] * len(node.results)
    body = called(home, node)
    if isinstance(body, Graph):
        present = [state for state, one in zip(told, node.operands, strict=True) if one is not None]
        inner = _run(body, present, home if node.choice is not None else None)
        return [inner.get(one.value.name) for one in body.outputs]
    if body is None:
        return [WHOLE] * len(node.results)
    state: State = None
    for index, one in enumerate(told):
        state = _union(state, _through(body, index, one, node.operands, node) if isinstance(one, Seen) else one)
    return [state] * len(node.results)


def _through(op: Op, index: int, state: Seen, operands: tuple[Operand, ...], node: Node) -> State:
    inputs = tuple(None if one is None else one.type for one in operands)
    outputs = tuple(one.type for one in node.results)
    geometry = _geometry(op, index, state.axis)
    if geometry is not None:
        reads, times, over = geometry
        return _moved(state, reads, times, over)
    reach = op.reach(index, state.axis, inputs, outputs)
    if not isinstance(reach, Along) or not isinstance(reach.low, int) or not isinstance(reach.high, int):
        return WHOLE
    low, high = reach.low, reach.high
    return _moved(Seen(reach.axis, state.jump, state.phases), lambda t: range(t + low, t + high + 1), 1, 1)


Reads = Callable[[int], range]


def _geometry(op: Op, index: int, axis: int) -> tuple[Reads, int, int] | None:
    """For an operator with windows: which positions one of its own reads, and by how much it shrinks or stretches the axis."""
    window: Any = getattr(op, "window", None)
    axes = getattr(op, "axes", 0)
    if index != 0 or not isinstance(axes, int) or not 2 <= axis < 2 + axes:
        return None
    at = axis - 2
    if window is not None and hasattr(window, "dilation"):
        stride, before, dilation, kernel = window.stride[at], window.before[at], window.dilation[at], window.kernel[at]
        if "output_padding" not in op.fields:
            return (lambda t: range(t * stride - before, t * stride - before + dilation * (kernel - 1) + 1, dilation)), stride, 1

        def spread(t: int) -> range:
            hits = [(t + before - dilation * k) // stride for k in range(kernel) if (t + before - dilation * k) % stride == 0]
            return range(min(hits), max(hits) + 1) if hits else range(0)

        return spread, 1, stride
    return None


def _moved(state: Seen, reads: Reads, times: int, over: int) -> State:
    """What positions see that read positions of `state`; `times` of those pass for each `over` of them."""
    period = len(state.phases)
    steps = period * over // gcd(period * over, times)
    if steps > MOST_PHASES:
        return WHOLE
    phases: list[Interval] = []
    for phase in range(steps):
        hull: Interval = None
        read = reads(phase)
        for position in read:
            hull = _hull(hull, state.at(position))
        phases.append(hull)
    first = state.jump * (steps * times // over) // period
    return Seen(state.axis, first, tuple(phases))


def _hull(left: Interval, right: Interval) -> Interval:
    if left is None or right is None:
        return right if left is None else left
    return min(left[0], right[0]), max(left[1], right[1])


def _union(left: State, right: State) -> State:
    """What a value sees that is made of both."""
    if left is None or right is None:
        return right if left is None else left
    if isinstance(left, Whole) or isinstance(right, Whole) or left.axis != right.axis:
        return WHOLE
    period = lcm(len(left.phases), len(right.phases))
    jump = left.jump * period // len(left.phases)
    if period > MOST_PHASES or jump * len(right.phases) != right.jump * period:
        return WHOLE
    return Seen(left.axis, jump, tuple(_hull(left.at(phase), right.at(phase)) for phase in range(period)))
