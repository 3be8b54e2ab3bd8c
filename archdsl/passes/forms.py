"""The form in which a graph is asked for: its scans as fast as they can be or as plain loops, whole or as one step."""

from __future__ import annotations

from typing import Literal

from archdsl.ir.graph import Graph

SCANS = ("auto", "loop")
"""The forms of scans: the fastest that is found, or the plain loop."""
Step = bool | Literal["first"]
"""Whether the module of one step is meant: of any step, or of the first one, which takes no carries."""


def in_form(graph: Graph, scan: str, dtype: str | None, *, solving: bool = True) -> Graph:
    """The graph with its scans in the form that is asked for."""
    if scan not in SCANS:
        raise ValueError(f"`scan` is {' or '.join(SCANS)}, not {scan!r}")
    if scan == "loop":
        return graph
    from archdsl.passes.scans.choose import fast_scans

    # ONNX Runtime computes a fused cell in f32 alone: beside solved recurrences a program in f64 keeps its loop there.
    return fast_scans(graph, float=dtype or "f32", solving=solving, fusing=solving or dtype != "f64")


def of_step(graph: Graph, step: Step, over: str | None, dtype: str | None) -> Graph:
    """The graph of one step, where that is asked for."""
    if not step:
        return graph
    from archdsl.passes.streaming.choose import one_step

    return one_step(graph, float=dtype or "f32", first=step == "first", over=over)
