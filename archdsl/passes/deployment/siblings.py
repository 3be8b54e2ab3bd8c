"""Several Linears of one input as one Linear, whose result is split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archdsl.ir.edit import fresh, insert_after, remove, substitute, with_member, without_member
from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.combine.split import Split
from archdsl.ops.contract import Context
from archdsl.ops.dense.linear import Linear
from archdsl.passes.deployment.reading import Reading
from archdsl.passes.site import Site


def linear_of(graph: Graph, node: Node | None) -> Linear | None:
    """The Linear that a node calls, where it is the graph's own."""
    if node is None or node.member is None or node.leaf:
        return None
    member = graph.members.get(graph.aliases.get(node.member, node.member))
    return member.op if isinstance(member, Layer) and isinstance(member.op, Linear) else None


def why_apart(graph: Graph, site: Site, nodes: Sequence[Node]) -> str:
    """Why these calls of Linears cannot be one; nothing where they can."""
    ops = [linear_of(graph, node) for node in nodes]
    if site.body:
        return "they are called in a body"
    for node, op in zip(nodes, ops, strict=True):
        if op is None or node.operands != nodes[0].operands:
            return "they are no Linears of one input"
        if reason := site.held(node.member or ()):
            return f"{'.'.join(node.member or ())}: {reason}"
    if len({op.transposed for op in ops if op is not None}) > 1:
        return "some have their weight stored as [in, out], and others not"
    return ""


def merged(graph: Graph, site: Site, nodes: Sequence[Node], label: str) -> Graph:
    """The graph with these calls as one, under a label beside theirs, and a split; `why_apart` has nothing against it."""
    nodes = sorted(nodes, key=lambda node: next(at for at, one in enumerate(graph.nodes) if one is node))
    paths = [node.member or () for node in nodes]
    ops = [op for node in nodes if (op := linear_of(graph, node)) is not None]
    layers = [graph.members[path] for path in paths]
    parts = tuple(op.out_features for op in ops)
    whole = Linear(
        in_features=ops[0].in_features, out_features=sum(parts[1:], parts[0]), bias=any(op.bias for op in ops),
        transposed=ops[0].transposed,
    )  # fmt: skip
    path = _beside(graph, paths, label)
    names = Reading(graph).names()
    x = nodes[0].operands[0]
    inner = x.type if x is not None else nodes[0].results[0].type
    made = Value(fresh(names, label), whole.infer(Context(graph.facts, site.float), inner)[0])
    results = tuple(Value(fresh(names, node.results[0].name), node.results[0].type) for node in nodes)
    inits = {layer.inits for layer in layers if isinstance(layer, Layer)}
    at = next(index for index, one in enumerate(graph.nodes) if one is nodes[0])
    graph = with_member(graph, path, Layer(whole, inits.pop() if len(inits) == 1 else ()))
    call = Node((x,), (made,), member=path, path=path, span=nodes[0].span)
    split = Node((made,), results, op=Split(sizes=parts, axis=-1), path=path[:-1], span=nodes[0].span)
    graph = insert_after(graph, at, call, split)
    graph = substitute(graph, {node.results[0].name: one for node, one in zip(nodes, results, strict=True)})
    for node, old in zip(nodes, paths, strict=True):
        graph = remove(graph, next(index for index, one in enumerate(graph.nodes) if one.results == node.results))
        graph = without_member(graph, old)
    used = tuple(f"{'.'.join(old)}.{leaf}" for old, op in zip(paths, ops, strict=True) for leaf in op.parameters())
    here = ".".join(path)
    site.derive(tuple(f"{here}.{leaf}" for leaf in whole.parameters()), used, stacked(ops, whole))
    return graph


def stacked(ops: Sequence[Linear], whole: Linear) -> Callable[..., Sequence[Any]]:
    """The tensors of the whole from those of its parts, in order: one below the other; a bias that one lacks is 0."""

    def how(*tensors: Any) -> Sequence[Any]:
        rest = list(tensors)
        weights, biases = [], []
        for op in ops:
            weight = rest.pop(0)
            weights.append(weight)
            biases.append(rest.pop(0) if op.bias else weight.new_zeros(weight.shape[1 if op.transposed else 0]))
        return (_joined(weights, 1 if whole.transposed else 0), *((_joined(biases, 0),) if whole.bias else ()))

    return how


def _joined(tensors: Sequence[Any], axis: int) -> Any:
    """Tensors beside each other along an axis."""
    shape = list(tensors[0].shape)
    shape[axis] = sum(one.shape[axis] for one in tensors)
    out, start = tensors[0].new_empty(shape), 0
    for one in tensors:
        out.narrow(axis, start, one.shape[axis]).copy_(one)
        start += one.shape[axis]
    return out


def _beside(graph: Graph, paths: Sequence[Path], label: str) -> Path:
    """A free path with the label, in the container that these paths share."""
    shared = 0
    while all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    prefix, count, name = paths[0][:shared], 0, label
    taken = {path[: shared + 1] for path in (*graph.members, *graph.containers, *graph.aliases)}
    while (*prefix, name) in taken:
        count += 1
        name = f"{label}_{count}"
    return (*prefix, name)
