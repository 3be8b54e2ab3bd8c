"""The pass: a model that walks a sequence as the module of one step."""

from __future__ import annotations

from archdsl.dims.dim import Dim, Size
from archdsl.ir.graph import Graph, Input, Layer, Output
from archdsl.ops.recurrent.layered import Layered
from archdsl.passes.scans.opening import opened
from archdsl.passes.streaming import delay
from archdsl.passes.streaming.finish import finished
from archdsl.passes.streaming.lengths import Length
from archdsl.passes.streaming.memory import remember
from archdsl.passes.streaming.states import Fixed, Lost, Sequence, reduced
from archdsl.passes.streaming.steps import Steps
from archdsl.passes.streaming.streaming_problems import CannotStream
from archdsl.passes.streaming.writer import NOWHERE, WAY_OUT, Writer
from archdsl.problems.problem import ArchError
from archdsl.records import changed


def one_step(graph: Graph, *, float: str = "f32", first: bool = False, over: str | None = None) -> Graph:
    """The graph of one step: the inputs without the axis that the scans walk, then what the step before carried; the outputs of
    this position, then what is carried on.

    Carries may be absent at run time in the first step; with `first` they are no inputs, and the graph is that of the first step.
    `over` names the length of the axis where scans walk several. Keys stay. Raises `ArchError` where a step cannot be told.
    """
    length = Length(_length(graph, over))
    same = [one for one in graph.input_values if length.size not in one.type.shape]
    name, doc = graph.name, f"One step of {graph.name}{f': {graph.doc}' if graph.doc else '.'}"
    graph = opened(graph) if same else graph
    steps = Steps(length, float, first=first)
    writer = steps.writer(graph, graph)
    inputs = [_input(writer, one) for one in graph.inputs]
    steps.run(writer, graph)
    outputs: list[Output] = []
    lost: list[CannotStream] = []
    for out in graph.outputs:
        if out.training:
            continue
        state = writer.states[out.value.name]
        if isinstance(state, Sequence):
            state = delay.plain(writer, state)
        if isinstance(state, Lost):
            lost.append(state.problem)
        else:
            outputs.append(changed(out, value=writer.step(state) if isinstance(state, Sequence) else state.value))
    if lost:
        raise ArchError(tuple(sorted(dict.fromkeys(lost), key=lambda one: one.order)))
    outputs = remember(writer, {one.name for one in same}, outputs)
    return changed(finished(writer, graph, inputs, outputs, f"{name}Step"), doc=doc)


def _input(writer: Writer, one: Input) -> Input:
    """An input in one step."""
    if one.value is None:
        return one
    axes = [axis for axis, size in enumerate(one.value.type.shape) if size == writer.length.size]
    if not axes:
        value = writer.value(one.value.name, one.value.type)
        said = f"the length of `{one.name}` depends on the number of steps"
        writer.states[one.value.name] = Fixed(value) if not writer.length.told(value) else writer.lost(said, WAY_OUT)
        return changed(one, value=value)
    if len(axes) > 1:
        what = f"`{one.name}` is {one.value.type}: it has the length of the scan twice"
        raise ArchError(
            (CannotStream(at=writer.graph.span or NOWHERE, what=what, help="give the scanned axis a name of its own"),)
        )
    value = writer.value(one.value.name, reduced(one.value.type, axes[0]))
    writer.states[one.value.name] = Sequence(one.value.type, axes[0], step=value)
    return changed(one, value=value)


def _length(graph: Graph, over: str | None) -> Size:
    """The length that the scans walk, else the recurrent layers; an input has an axis of it."""
    scans: dict[Size, None] = {}
    layers: dict[Size, None] = {}
    for one in graph.graphs():
        if one.kind == "scan":
            continue
        for node in one.nodes:
            member = one.members.get(node.member or ())
            if node.scan is not None:
                scans[node.scan.length] = None
            elif isinstance(member, Layer) and isinstance(member.op, Layered) and node.operands and node.operands[0] is not None:
                layers[node.operands[0].type.shape[1]] = None
    sizes = {size for value in graph.input_values for size in value.type.shape}
    found = [size for size in scans if size in sizes] or [size for size in layers if size in sizes]
    found = [size for size in found if isinstance(size, Dim)] or found
    if over is not None:
        found = [size for size in sizes if str(size) == over]
    if len(found) == 1:
        return found[0]
    told = sorted(map(str, found))
    if over is not None:
        what, help = f"no input of `{graph.name}` has an axis {over}", "name the length of the axis that a scan walks"
    elif told:
        what, help = f"`{graph.name}` walks sequences of several lengths: {', '.join(told)}", f"say which: `--over {told[-1]}`"
    else:
        what, help = (
            f"`{graph.name}` has no scan or recurrent layer that walks an axis of an input",
            "write the recurrence as a `scan`",
        )
    raise ArchError((CannotStream(at=graph.span or NOWHERE, what=what, help=help),))
