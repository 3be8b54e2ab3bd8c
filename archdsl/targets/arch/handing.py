"""What a block gets from its callers beside tensors: layers that it applies, and those whose tensors it shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.ir.graph import Call, Graph, Parameter
from archdsl.ir.node import Path
from archdsl.records import fresh, mutable
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.sharing import applications


@mutable
class Handed:
    """Of one graph: what its callers hand in, and what its own text says for them."""

    layers: dict[str, None] = fresh(default_factory=dict)
    """Names of layers that are configuration of the block."""
    ties: dict[Path, tuple[Path, str]] = fresh(default_factory=dict)
    """Tensors of this graph that are tensors of its callers: the path of the layer (`("", name)`), and the leaf; or the path of a
    parameter's value that comes in, `("", "", name)`."""
    calls: dict[tuple[Path, str], Path] = fresh(default_factory=dict)
    """For a member and the name of a layer there: the layer here, `("", name)` if it is itself handed in."""


def handed(order: Sequence[Graph]) -> Mapping[int, Handed]:
    """For each graph, by identity, what is handed in; callees come first. Raises `Unsayable` where two callers want one block to
    be two."""
    found = {id(one): Handed() for one in order}
    for graph in order:
        here = found[id(graph)]
        here.layers.update(dict.fromkeys(name for name, _ in graph.borrowed))
        for node in applications(graph.nodes):
            if node.member is not None:
                here.calls.update({(node.member, name): path for name, path in node.lent})
    for graph in reversed(order):
        here = found[id(graph)]
        for alias, target in graph.ties.items():
            _tie(graph, found, alias, _owner(graph, target))
        for alias, (owner, leaf) in list(here.ties.items()):
            _tie(graph, found, alias, (owner, leaf))
    return found


def _owner(graph: Graph, target: Path) -> tuple[Path, str]:
    """The member whose tensor it is, and the leaf; a parameter has none."""
    for end in range(len(target), 0, -1):
        member = graph.members.get(target[:end])
        if member is not None:
            if isinstance(member, Call):
                raise Unsayable(f"the tensor {'.'.join(target)} is shared out of a block")
            return target[:end], ".".join(target[end:])
    raise Unsayable(f"a tensor is tied to {'.'.join(target)}, which is not there")


def _called(graph: Graph, path: Path) -> tuple[Path, Graph] | None:
    """The block's instance in which a path ends, if it does not end in this graph's own member."""
    for end in range(len(path) - 1, 0, -1):
        member = graph.members.get(path[:end])
        if isinstance(member, Call):
            return path[:end], member.graph
    return None


def _tie(graph: Graph, found: Mapping[int, Handed], alias: Path, source: tuple[Path, str]) -> None:
    """Hand the source of a tie on to the block whose tensor it is."""
    inside = _called(graph, alias)
    if inside is None:
        return
    path, inner = inside
    there = found[id(inner)]
    owner, leaf = source
    if isinstance(graph.members.get(owner), Parameter) or owner[:2] == ("", ""):
        given = _input(graph, path, inner, owner)
    else:
        before = there.ties.get(alias[len(path) :], (("", ""), ""))[0][-1]
        here = found[id(graph)].calls
        if before and here.setdefault((path, before), owner) == owner:
            name = before
        else:
            name = _name(graph, found, path, inner, owner)
        given = ("", name), leaf
    known = there.ties.setdefault(alias[len(path) :], given)
    if known != given:
        raise Unsayable(f"one block, {inner.name}, shares tensors with one caller and not with another")


def _input(graph: Graph, path: Path, inner: Graph, owner: Path) -> tuple[Path, str]:
    """The input by which a parameter comes into the block."""
    member = graph.members.get(owner)
    value = member.value.name if isinstance(member, Parameter) else owner[2]
    for node in applications(graph.nodes):
        if node.member == path:
            given = [one.value for one in inner.inputs if one.value is not None]
            for one, operand in zip(given, node.operands, strict=False):
                if getattr(operand, "name", None) == value and one is not None:
                    return ("", "", one.name), ""
    raise Unsayable(f"a parameter is shared with {'.'.join(path)}, which does not take it")


def _name(graph: Graph, found: Mapping[int, Handed], path: Path, inner: Graph, owner: Path) -> str:
    """The name, in a block, of a layer that this graph hands in."""
    here, there = found[id(graph)], found[id(inner)]
    for (called, name), source in here.calls.items():
        if called == path and source == owner:
            return name
    base = owner[-1] if owner[-1].isidentifier() else "layer"
    name = base
    while here.calls.get((path, name), owner) != owner or (name in there.layers and (path, name) not in here.calls):
        name += "_"
    there.layers[name] = None
    here.calls[path, name] = owner
    return name
