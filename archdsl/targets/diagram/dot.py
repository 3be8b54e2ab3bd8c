"""DOT text of a picture, the same bytes on every run."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.targets.diagram import colours
from archdsl.targets.diagram.escape import dot as quoted
from archdsl.targets.diagram.escape import xml
from archdsl.targets.diagram.picture import Box, Edge, Frame, Picture, Row

FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
DENSE = 2.2
"""More edges than this for each box make Graphviz slow: such pictures are laid out the plain way."""


def dot(picture: Picture, light: bool | None = None) -> str:
    """The DOT text. A `light` one asks Graphviz for straight edges and few passes; unless given, dense pictures do."""
    plain = len(picture.edges) > DENSE * max(len(picture.boxes), 12) if light is None else light
    return "\n".join(_lines(picture, plain)) + "\n"


def _lines(picture: Picture, light: bool) -> Iterator[str]:
    quick = " splines=line nslimit=2 nslimit1=2 mclimit=0.1" if light else " splines=spline"
    title = f"<B>{xml(picture.title)}</B>" + (
        f'  <FONT COLOR="{colours.QUIET}">{xml(picture.note)}</FONT>' if picture.note else ""
    )
    yield "digraph G {"
    yield f"  graph [rankdir=TB ranksep=0.32 nodesep=0.3 pad=0.25 compound=true newrank=false{quick}"
    yield f'    fontname="{FONT}" fontsize=15 fontcolor="{colours.TEXT}" labelloc=t labeljust=c bgcolor="{colours.PAPER}"'
    yield f"    label=<{title}<BR/>&#160;>];"
    yield f'  node [shape=plain fontname="{FONT}" fontsize=12 fontcolor="{colours.TEXT}"];'
    yield f'  edge [color="{colours.LINE}" arrowsize=0.6 penwidth=0.9 fontname="{FONT}" fontsize=10 fontcolor="{colours.QUIET}"];'
    yield from _inside(picture, "", "  ")
    yield from (f"  {line}" for line in _above(picture))
    ranks = {one.id: at for at, one in enumerate(picture.boxes)}
    for one in picture.edges:
        yield f"  {_edge(one, ranks, light)}"
    yield "}"


def _inside(picture: Picture, frame: str, indent: str) -> Iterator[str]:
    for box in picture.boxes:
        if box.frame == frame:
            yield f"{indent}{_box(box)}"
    for one in picture.frames:
        if one.parent == frame:
            yield f"{indent}subgraph {one.id} {{"
            yield f"{indent}  {_frame(one)}"
            yield from (f"{indent}  {line}" for line in _title(picture, one))
            yield from _inside(picture, one.id, indent + "  ")
            yield f"{indent}}}"


def _frame(frame: Frame) -> str:
    style = "rounded,filled,dashed" if frame.kind in ("repeat", "scan") else "rounded,filled"
    return (
        f'graph [style="{style}" color="{colours.FRAME_LINES[frame.kind]}" fillcolor="{colours.FRAMES[frame.kind]}" penwidth=1 '
        f'margin=10 label=""];'
    )


def _title(picture: Picture, frame: Frame) -> Iterator[str]:
    """The frame's title, as a node above its first box: edges go around nodes, but across the labels of clusters."""
    note = f'&#160;&#160;<FONT COLOR="{colours.QUIET}">{xml(frame.note)}</FONT>' if frame.note else ""
    yield f"{_heading(frame.id)} [label=<<B>{xml(frame.title)}</B>{note}>];"
    parents = _parents(picture)
    first = next((box for box in picture.boxes if _within(parents, box.frame, frame.id)), None)
    if first is not None:
        inner = next((one for one in picture.frames if one.parent == frame.id and _within(parents, first.frame, one.id)), None)
        yield f"{_heading(frame.id)} -> {first.id if inner is None else _heading(inner.id)} [style=invis weight=1];"


def _above(picture: Picture) -> Iterator[str]:
    """Keeps each frame below the last box that feeds it. Stands outside the clusters, since an edge in one pulls its ends in."""
    parents = _parents(picture)
    order = {box.id: at for at, box in enumerate(picture.boxes)}
    for frame in picture.frames:
        inside = {box.id for box in picture.boxes if _within(parents, box.frame, frame.id)}
        before = [one.source for one in picture.edges if not one.back and one.target in inside and one.source not in inside]
        if before:
            yield f"{max(before, key=order.__getitem__)} -> {_heading(frame.id)} [style=invis weight=1];"


def _heading(frame: str) -> str:
    return "t" + frame.removeprefix("cluster")


def _parents(picture: Picture) -> dict[str, str]:
    return {one.id: one.parent for one in picture.frames}


def _within(parents: dict[str, str], frame: str, around: str) -> bool:
    """The one frame is the other or in it."""
    while frame and frame != around:
        frame = parents[frame]
    return frame == around


def _box(box: Box) -> str:
    if box.kind == "join":
        line = colours.MARK if box.rows[0].marked else colours.LINE
        look = f'shape=circle fixedsize=true width=0.3 fontsize=15 style=filled color="{line}"'
        return f'{box.id} [{look} fillcolor="{colours.PAPER}" label={quoted(box.rows[0].word)}];'
    if box.kind in ("input", "output", "constant", "carry"):
        return _terminal(box)
    rows = "".join(_row(row, box) for row in box.rows)
    if box.sources:
        told = xml("← " + ", ".join(dict.fromkeys(box.sources)))
        rows += (
            f'<TR><TD BGCOLOR="{colours.FILLS["plain"]}"><FONT COLOR="{colours.QUIET}" POINT-SIZE="10">{told}</FONT></TD></TR>'
        )
    width = 2 if box.kind == "block" else 1
    look = f'BORDER="{width}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="5" COLOR="{colours.LINE}"'
    return f"{box.id} [label=<<TABLE {look}>{rows}</TABLE>>];"


def _row(row: Row, box: Box) -> str:
    label = f"<B>{xml(row.label)}</B>&#160;&#160;" if row.label else ""
    times = f" <B>× {box.count}</B>" if box.count > 1 else ""
    note = f'&#160;&#160;<FONT COLOR="{colours.QUIET}" POINT-SIZE="10">{xml(row.note)}</FONT>' if row.note else ""
    outline = f' BORDER="2" COLOR="{colours.MARK}"' if row.marked else ""
    return f'<TR><TD BGCOLOR="{colours.FILLS[row.family]}"{outline}>{label}{xml(row.word)}{times}{note}</TD></TR>'


def _terminal(box: Box) -> str:
    row = box.rows[0]
    name = f"<B>{xml(row.label)}</B>" if row.label else ""
    gap = "&#160;&#160;" if row.label and row.word else ""
    type = f'<FONT COLOR="{colours.QUIET}" POINT-SIZE="10">{xml(row.word)}</FONT>' if row.label else xml(row.word)
    later = " <I>training</I>" if box.training else ""
    ends = box.kind in ("input", "output")
    style = "rounded,filled" + (",dashed" if box.training or box.kind == "carry" else "")
    return (
        f'{box.id} [shape=box style="{style}" fillcolor="{colours.PAPER if ends else colours.FILLS["plain"]}" '
        f'color="{colours.TEXT if ends else colours.LINE}" penwidth={1.6 if ends else 0.9} margin="0.12,0.06" height=0.3 '
        f"label=<{name}{gap}{type}{later}>];"
    )


def _edge(edge: Edge, ranks: dict[str, int], light: bool) -> str:
    parts: list[str] = [] if edge.back else ["weight=4"]
    if edge.texts:
        parts.append("label=<" + "<BR/>".join(f"&#160;{xml(one)}&#160;" for one in edge.texts) + ">")
    if edge.back:
        parts.append(f'style=dashed constraint=false color="{colours.FRAME_LINES["scan"]}"')
    elif light and ranks[edge.target] - ranks[edge.source] > 3:
        parts.append("constraint=false")
    return f"{edge.source} -> {edge.target}{' [' + ' '.join(parts) + ']' if parts else ''};"
