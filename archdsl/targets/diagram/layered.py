"""A plain layered layout as SVG, for when there is no Graphviz or it takes too long: linear in the size of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archdsl.targets.diagram import colours
from archdsl.targets.diagram.escape import xml
from archdsl.targets.diagram.picture import Box, Picture, Row

FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
CHARACTER = 7.4
"""Width of a character of 12 pixels, on the wide side, so that text never runs out of its box."""
LINE = 24
GAP_X, GAP_Y, MARGIN = 28, 46, 24
SWEEPS = 4


@dataclass(frozen=True)
class Spot:
    """Where a box is: its left top corner and its size."""

    x: float
    y: float
    width: float
    height: float


def svg(picture: Picture) -> str:
    """The SVG text."""
    spots = place(picture)
    width = max((one.x + one.width for one in spots.values()), default=0) + MARGIN
    width = max(width, MARGIN * 2 + CHARACTER * 1.4 * (len(picture.title) + len(picture.note) + 3))
    height = max((one.y + one.height for one in spots.values()), default=0) + MARGIN
    return "\n".join(_lines(picture, spots, width, height)) + "\n"


def place(picture: Picture) -> dict[str, Spot]:
    """A place for each box: rows by the longest way from the inputs, in a row by what comes before; none overlap."""
    rows = _ordered(picture, _layers(picture))
    sizes = {box.id: _size(picture, box) for box in picture.boxes}
    widths = [sum(sizes[one][0] for one in row) + GAP_X * (len(row) - 1) for row in rows]
    widest, y = max(widths, default=0), MARGIN + 30.0
    spots: dict[str, Spot] = {}
    for row, width in zip(rows, widths, strict=True):
        x = MARGIN + (widest - width) / 2
        high = max(sizes[one][1] for one in row)
        for one in row:
            spots[one] = Spot(x, y + (high - sizes[one][1]) / 2, *sizes[one])
            x += sizes[one][0] + GAP_X
        y += high + GAP_Y
    return spots


def _layers(picture: Picture) -> list[list[str]]:
    """The boxes are in the order of the program, so that one pass finds the longest ways."""
    order = {box.id: at for at, box in enumerate(picture.boxes)}
    into: dict[str, list[str]] = {}
    for edge in picture.edges:
        if not edge.back and order[edge.source] < order[edge.target]:
            into.setdefault(edge.target, []).append(edge.source)
    level: dict[str, int] = {}
    for box in picture.boxes:
        level[box.id] = max((level[one] + 1 for one in into.get(box.id, ())), default=0)
    rows: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for box in picture.boxes:
        rows[level[box.id]].append(box.id)
    return rows


def _ordered(picture: Picture, rows: list[list[str]]) -> list[list[str]]:
    into: dict[str, list[str]] = {}
    for edge in picture.edges:
        into.setdefault(edge.target, []).append(edge.source)
    for _ in range(SWEEPS):
        at = {one: index / max(len(row), 1) for row in rows for index, one in enumerate(row)}
        for row in rows:
            middle = {one: sum(at[each] for each in into.get(one, ())) / max(len(into.get(one, ())), 1) for one in row}
            row.sort(key=lambda one: middle[one])
    return rows


def _size(picture: Picture, box: Box) -> tuple[float, float]:
    if box.kind == "join":
        return 26, 26
    longest = max(len(_text(row, box)) for row in _rows(box))
    return longest * CHARACTER + 20, LINE * len(_rows(box)) + 4


def _rows(box: Box) -> list[Row]:
    return [*box.rows, Row("", "← " + ", ".join(dict.fromkeys(box.sources)))] if box.sources else box.rows


def _text(row: Row, box: Box) -> str:
    times = f" × {box.count}" if box.count > 1 else ""
    label = f"{row.label}  " if row.label else ""
    return f"{label}{row.word}{times}" + (f"  {row.note}" if row.note else "")


def _lines(picture: Picture, spots: Mapping[str, Spot], width: float, height: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="{FONT}" font-size="12" fill="{colours.TEXT}">'
    )
    yield (
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        f'<path d="M0,1 L8,4 L0,7 z" fill="{colours.LINE}"/></marker></defs>'
    )
    yield f'<rect width="100%" height="100%" fill="{colours.PAPER}"/>'
    yield (
        f'<text x="{width / 2:.1f}" y="24" text-anchor="middle" font-size="15">'
        f'<tspan font-weight="bold">{xml(picture.title)}</tspan>'
        f'<tspan fill="{colours.QUIET}">  {xml(picture.note)}</tspan></text>'
    )
    for edge in picture.edges:
        yield _edge(spots[edge.source], spots[edge.target], edge.back)
    for box in picture.boxes:
        yield from _box(box, spots[box.id])
    for edge in picture.edges:
        yield from _types(edge.texts, spots[edge.source])
    yield "</svg>"


def _edge(source: Spot, target: Spot, back: bool) -> str:
    x1, y1 = source.x + source.width / 2, source.y + source.height
    x2, y2 = target.x + target.width / 2, target.y
    dashes = ' stroke-dasharray="4 3"' if back else ""
    bend = max(18.0, abs(y2 - y1) / 3)
    return (
        f'<path d="M{x1:.1f},{y1:.1f} C{x1:.1f},{y1 + bend:.1f} {x2:.1f},{y2 - bend:.1f} {x2:.1f},{y2:.1f}" fill="none" '
        f'stroke="{colours.LINE}" stroke-width="0.9"{dashes} marker-end="url(#tip)"/>'
    )


def _types(texts: list[str], source: Spot) -> Iterator[str]:
    """The type below its box, on paper of its own."""
    if texts:
        told = texts[0] + (" …" if len(texts) > 1 else "")
        x, y = source.x + source.width / 2, source.y + source.height + 14
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="10" fill="{colours.QUIET}" stroke="{colours.PAPER}" '
            f'stroke-width="3" paint-order="stroke">{xml(told)}</text>'
        )


def _box(box: Box, spot: Spot) -> Iterator[str]:
    middle = spot.x + spot.width / 2
    radius = spot.width / 2 if box.kind == "join" else 10 if box.kind in ("input", "output", "constant", "carry") else 2
    weight = 1.6 if box.kind in ("block", "input", "output") else 0.9
    fill = colours.FILLS["plain" if box.kind in ("constant", "carry") else "block"]
    yield (
        f'<rect x="{spot.x:.1f}" y="{spot.y:.1f}" width="{spot.width:.1f}" height="{spot.height:.1f}" rx="{radius:g}" '
        f'fill="{fill}" '
        f'stroke="{colours.LINE}" stroke-width="{weight}"/>'
    )
    for at, row in enumerate(_rows(box)):
        top = spot.y + 2 + at * LINE
        if box.kind == "layer":
            yield (
                f'<rect x="{spot.x + 1:.1f}" y="{top:.1f}" width="{spot.width - 2:.1f}" height="{LINE}" '
                f'fill="{colours.FILLS[row.family or "plain"]}"'
                + (f' stroke="{colours.MARK}" stroke-width="2"/>' if row.marked else "/>")
            )
        y = spot.y + spot.height / 2 + 4.5 if box.kind == "join" else top + 16
        yield f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle">{xml(_text(row, box))}</text>'
