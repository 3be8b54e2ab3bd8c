"""Wider and deeper networks as edits, made so that `design.grow` can carry weights into them exactly."""

from __future__ import annotations

from functools import partial

from archdsl.designing.choosing import Labels, chosen, kept
from archdsl.elaborate.editing.sites import Occurrence
from archdsl.ir.graph import Graph
from archdsl.ops.contract import REQUIRED
from archdsl.ops.registry import find


def widen(graph: Graph, where: str, factor: float = 2) -> Graph:
    """The layers that `where` selects give more channels: `widen(graph, "body.*.conv1", 1.5)`, rounded to whole ones.

    What reads them takes them all; where a skip adds them to others, both sides are to be widened together. Raises `ArchError`.
    """
    found = kept(graph.select(where), lambda one: bool(_channels(one)), "a layer that is told how many channels it gives")
    made = graph
    for name in dict.fromkeys(_channels(one) for one in found):
        here = kept(made.select(where), partial(_is_told, name), "one of those")
        made = here.set(**{name: lambda one, name=name: round(one.attributes[name] * factor)})
    return made


def _channels(one: Occurrence) -> str:
    """The argument that is the number of channels that a layer gives, or nothing."""
    op = find(one.word) if one.kind in ("layer", "shared") else None
    if op is None or len(one.gives) != 1:
        return ""
    shape = one.gives[0].shape
    sizes = [name for name, field in op.fields.items() if field.default is REQUIRED and one.attributes.get(name) in shape]
    return sizes[-1] if sizes else ""


def _is_told(name: str, one: Occurrence) -> bool:
    return _channels(one) == name


def deepen(graph: Graph, where: str = "relu") -> Graph:
    """Behind each activation that `where` selects come a layer that keeps the width, and the activation again: `deepen(graph)`.

    On images it is a convolution of 3x3 and a batch norm, else a Linear, under the label `deeper`, with the activation's number
    (Net2DeeperNet: Chen et al., 2016). With ReLU `design.grow` makes it change nothing.
    """
    labels = Labels(graph)

    def text(one: Occurrence) -> str:
        shape = one.gives[0].shape
        again = one.site.node.span.text.partition("->")[2].strip() or one.word
        number = f"_{one.path[-1]}" if one.site.own and one.label is None else ""
        label = labels.free(one.braces, f"deeper{number}")
        layers = f"conv: Conv2d({shape[1]}, 3, padding=1); norm: BatchNorm2d" if len(shape) == 4 else f"fc: Linear({shape[-1]})"
        return f"{label}: {{ {layers}; {again} }}"

    def fits(one: Occurrence) -> bool:
        shape = one.gives[0].shape if len(one.gives) == 1 else ()
        wide = len(shape) > 1 and isinstance(shape[1 if len(shape) == 4 else -1], int)
        return one.kind == "function" and one.takes == one.gives and wide

    return chosen(graph, where, None, fits, "a function that gives the type that it takes, of a known width").insert_after(text)
