"""Invariants of labels: paths, containers, ties, aliases, initializers, loops, inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.ir.graph import Call, Graph, Initializer, Layer, Parameter
from archdsl.ir.invariants.finding import Said, View, invariant, tensor_type
from archdsl.ir.node import Path

KINDS = ("arch", "block", "scan", "constant", "choice", "tangent")


@invariant
def graphs_are_of_a_kind(view: View) -> Said:
    """A graph is of a known kind, has a name and an output; bodies and constants own no members."""
    graph = view.graph
    if graph.kind not in KINDS:
        yield "", f"`{graph.kind}` is no kind of graph"
    if not graph.name:
        yield "", "a graph without a name"
    if not graph.outputs:
        yield "", "a graph without outputs"
    if graph.kind in ("scan", "constant", "choice") and (graph.members or graph.borrowed):
        yield "", f"a {graph.kind} has no members of its own"
    if graph.kind == "constant" and graph.inputs:
        yield "", "a constant has no inputs"


@invariant
def inputs_and_outputs_are_named_once(view: View) -> Said:
    """Inputs have different names; an arch's outputs too (also where it is used as a block), with those of training last."""
    graph = view.graph
    names = [one.name for one in graph.inputs]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield f"input {name}", "two inputs have this name"
    outs = [one.name for one in graph.outputs]
    for one in graph.outputs:
        if not one.name and (graph.kind == "arch" or one.training):
            yield "outputs", "an output of an arch has a name"
        elif one.name and graph.kind not in ("arch", "block"):
            yield f"output {one.name}", f"an output of a {graph.kind} has no name"
        elif one.name and outs.count(one.name) > 1:
            yield f"output {one.name}", "two outputs have this name"
    late = [one.training for one in graph.outputs]
    if late != sorted(late):
        yield "outputs", "outputs of training come last"
    if graph.kind != "arch" and any(one.keyword for one in graph.inputs):
        yield "inputs", "only an arch has keyword inputs"


@invariant
def paths_are_well_formed(view: View) -> Said:
    """A path has segments, each a text without dots; only a node's may be empty."""
    graph = view.graph
    for what, paths in (
        ("member", graph.members),
        ("container", graph.containers),
        ("tie", graph.ties),
        ("alias", graph.aliases),
    ):
        for path in paths:
            if not path or not _segments(path, dotted=what == "tie"):
                yield f"{what} {path!r}", "no label path"
    for place, node in view.nodes():
        if not _segments(node.path[1:] if node.path[:1] == ("",) else node.path):
            yield place, f"{node.path!r} is no label path", node.span


@invariant
def paths_are_unique(view: View) -> Said:
    """No member stands where a tensor, another member or a container is, in this graph or in an instance that it reaches into."""
    graph = view.graph
    taken = set(graph.containers)
    for path, member in graph.members.items():
        place = ".".join(path)
        if path in taken:
            yield place, "this is also the path of a container", member.span
        if path in graph.aliases:
            yield place, "this is also another label of a shared instance", member.span
        for end in range(1, len(path)):
            above, rest = graph.members.get(path[:end]), path[end:]
            if isinstance(above, Parameter) or (isinstance(above, Layer) and _overlaps(_leaves(above), rest)):
                yield place, f"`{'.'.join(path[:end])}` has a tensor there", member.span
            elif isinstance(above, Call) and (rest in above.graph.members or rest in above.graph.containers):
                yield place, f"the instance `{'.'.join(path[:end])}` has this already", member.span


@invariant
def members_stand_in_the_order_of_the_state_dict(view: View) -> Said:
    """In each container parameters come first, then buffers, then children."""
    last: dict[Path, int] = {}
    for path, member in view.graph.members.items():
        rank = (1 if member.buffer else 0) if isinstance(member, Parameter) else 2
        for end in range(len(path)):
            at = rank if end == len(path) - 1 else 2
            if last.get(path[:end], 0) > at:
                yield ".".join(path), "parameters stand before buffers, and both before what a container holds", member.span
            last[path[:end]] = max(at, last.get(path[:end], 0))


@invariant
def ties_join_tensors_of_one_type(view: View) -> Said:
    """A tie leads from a tensor to another one of the same type, which is no tie itself."""
    graph = view.graph
    for path, target in graph.ties.items():
        place = f"tie {'.'.join(path)}"
        here, there = tensor_type(graph, path), tensor_type(graph, target)
        if here is None:
            yield place, "there is no such tensor"
        if there is None:
            yield place, f"there is no tensor `{'.'.join(target)}`"
        if here is not None and there is not None and not view.same(here, there):
            yield place, f"{here} cannot be {there}"
        seen = {path}
        while target in graph.ties and target not in seen:
            seen.add(target)
            target = graph.ties[target]
        if target in seen:
            yield place, "it is tied to itself"


@invariant
def aliases_lead_to_members(view: View) -> Said:
    """Another label of a shared instance leads to a member that is a layer or a block."""
    graph = view.graph
    for path, target in graph.aliases.items():
        member = graph.members.get(target)
        if member is None or isinstance(member, Parameter):
            yield f"alias {'.'.join(path)}", f"there is no layer `{'.'.join(target)}`"


@invariant
def initializers_fit_their_tensors(view: View) -> Said:
    """An initializer is for a tensor that the layer owns; a constant one is a graph that gives a value of the tensor's type."""
    for path, member in view.graph.members.items():
        place = ".".join(path)
        for leaf, one in _initializers(member):
            type: Any = None
            if isinstance(member, Parameter):
                type = member.value.type
            elif leaf not in _weights(member):
                yield place, f"it owns no tensor `{leaf}` to initialize", member.span
                continue
            if (one.graph is not None) != (one.name == "constant"):
                yield place, f"the initializer `{one.name}` {'has' if one.graph else 'has no'} graph", member.span
            elif one.graph is not None and type is not None:
                types = one.graph.output_types
                if one.graph.kind != "constant" or len(types) != 1 or not view.same(types[0], type):
                    yield place, f"the constant gives {', '.join(map(str, types))} for {type}", member.span


@invariant
def loops_are_ranges_of_nodes(view: View) -> Said:
    """The iterations of a loop are ranges of the graph's nodes, one after the other."""
    graph = view.graph
    for index, loop in enumerate(graph.loops):
        end = 0
        for start, stop in loop.ranges:
            if not end <= start <= stop <= len(graph.nodes):
                yield f"loop {index}", f"{start} to {stop} is no range of {len(graph.nodes)} nodes after {end}"
                break
            end = stop
        if loop.path is not None and not _segments(loop.path):
            yield f"loop {index}", f"{loop.path!r} is no label path"


def _segments(path: Path, dotted: bool = False) -> bool:
    return all(one and (dotted or "." not in one) for one in path)


def _weights(member: Layer | Call | Parameter) -> set[str]:
    return set(member.op.parameters()) if isinstance(member, Layer) else set()


def _leaves(layer: Layer) -> set[Path]:
    return {tuple(leaf.split(".")) for leaf in layer.op.parameters()}


def _overlaps(leaves: set[Path], path: Path) -> bool:
    return any(leaf[: len(path)] == path or path[: len(leaf)] == leaf for leaf in leaves)


def _initializers(member: Layer | Call | Parameter) -> Iterator[tuple[str, Initializer]]:
    if isinstance(member, Parameter):
        yield "", member.init
    elif isinstance(member, Layer):
        yield from member.inits


def constants(graph: Graph) -> Iterator[Graph]:
    """The graphs of a graph's constant initializers."""
    for member in graph.members.values():
        for _, one in _initializers(member):
            if one.graph is not None:
                yield one.graph
