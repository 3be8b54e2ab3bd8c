"""What the passes share that put another layer in the place of chosen ones: which may be, and why the others stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archdsl.ir.graph import Graph, Layer
from archdsl.ir.node import Path
from archdsl.passes.holds import held, holds
from archdsl.passes.labels import members_under
from archdsl.passes.pattern import Refusal

Why = Callable[[Layer, Graph, Path], str | None]
"""Of a layer at a path of a graph why it stays; nothing where it need not, None where it is not meant at all."""


def free_layers(
    graph: Graph, labels: str, equation: str, why: Why, refusals: list[Refusal] | None
) -> Iterator[tuple[Path, Layer]]:
    """The layers under the labels whose tensors may change, with their full paths; what stays is told."""
    found = holds(graph)
    for path, member, owner in members_under(graph, labels):
        if not isinstance(member, Layer):
            continue
        own = next(key for key, one in owner.members.items() if one is member and path[len(path) - len(key) :] == key)
        reason = why(member, owner, own)
        if reason is None:
            continue
        reason = held(found.get(id(owner), {}), own) or reason
        if not reason:
            yield path, member
            continue
        refusal = Refusal(equation, f"{owner.name}.{'.'.join(own)}", reason)
        if refusals is not None and refusal not in refusals:
            refusals.append(refusal)
