"""Which weights a magnitude decides on, and tensors with the smallest of their elements zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archdsl.ir.graph import Call, Graph, Parameter
from archdsl.ir.node import Path
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.passes.labels import members_under


def matrices(graph: Graph, labels: str) -> tuple[str, ...]:
    """The keys of the tensors by which something under these labels multiplies: matrices and kernels, in layers or declared; no
    biases, norms, tables."""
    own = {".".join(path) for path, _ in graph.tensors()}
    found = []
    for path, member, owner in members_under(graph, labels):
        if isinstance(member, Parameter):
            if not member.buffer and member.value.type.rank > 1 and _multiplies(owner, member.value):
                found.append(".".join(path))
            continue
        for leaf, weight in member.op.parameters().items() if counts(member.op) else ():
            if len(weight.shape) > 1 and not weight.buffer:
                found.append(".".join((*path, leaf)))
    return tuple(key for key in found if key in own)


def counts(op: Op) -> bool:
    """Whether the multiplications of an operator are counted: it is a product or a convolution."""
    return type(op).macs is not Op.macs


def _multiplies(graph: Graph, value: Value) -> bool:
    """Whether a product of the graph takes the value."""
    return any(node.op is not None and counts(node.op) and value in node.operands for node in graph.nodes)


def aliases(graph: Graph) -> dict[str, str]:
    """The keys under which a state dict has a tensor once more, and its own key."""
    pairs = {".".join(other): ".".join(own) for other, own in _aliases(graph)}
    return {other: _last(pairs, own) for other, own in pairs.items()}


def _last(pairs: dict[str, str], key: str) -> str:
    while key in pairs:
        key = pairs[key]
    return key


def _aliases(graph: Graph) -> Iterator[tuple[Path, Path]]:
    yield from graph.ties.items()
    tensors = [path for path, _ in graph.tensors()] if graph.aliases else []
    for other, own in graph.aliases.items():
        yield from (((*other, *path[len(own) :]), path) for path in tensors if path[: len(own)] == own)
    for path, member in graph.members.items():
        for other, own in _aliases(member.graph) if isinstance(member, Call) else ():
            yield (*path, *other), (*path, *own)


def smallest_zero(tensors: Sequence[Any], ratio: float) -> list[Any]:
    """The tensors with that share of their elements zero, those of the smallest magnitude in all of them together."""
    sizes = [one.numel() for one in tensors]
    magnitudes = tensors[0].new_empty(sum(sizes)).float()
    at = 0
    for one, size in zip(tensors, sizes, strict=True):
        magnitudes[at : at + size] = one.detach().abs().flatten()
        at += size
    kept = magnitudes.new_ones(at).bool()
    kept[magnitudes.topk(round(ratio * at), largest=False).indices] = False
    made, at = [], 0
    for one, size in zip(tensors, sizes, strict=True):
        made.append(one.detach() * kept[at : at + size].view_as(one))
        at += size
    return made
