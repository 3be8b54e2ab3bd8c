"""Mermaid text of a picture, the same bytes on every run."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.targets.diagram import colours
from archdsl.targets.diagram.escape import mermaid as escaped
from archdsl.targets.diagram.picture import Box, Picture, Row

SHAPES = {"join": ("((", "))"), "input": ("([", "])"), "output": ("([", "])"), "constant": ("(", ")"), "carry": ("(", ")")}


def mermaid(picture: Picture) -> str:
    """A flowchart, top to bottom."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart TB"
    yield from _inside(picture, "", "  ")
    for one in picture.edges:
        arrow = "-.->" if one.back else "-->"
        text = f'|"{"<br/>".join(escaped(each) for each in one.texts)}"|' if one.texts else ""
        yield f"  {one.source} {arrow}{text} {one.target}"
    used = sorted({_colour(box) for box in picture.boxes})
    for name in used:
        yield f"  classDef {name} fill:{colours.FILLS[name]},stroke:{colours.LINE},color:{colours.TEXT}"
        yield f"  class {','.join(box.id for box in picture.boxes if _colour(box) == name)} {name}"


def _inside(picture: Picture, frame: str, indent: str) -> Iterator[str]:
    for box in picture.boxes:
        if box.frame == frame:
            before, after = SHAPES.get(box.kind, ("[", "]"))
            yield f'{indent}{box.id}{before}"{_text(box)}"{after}'
    for one in picture.frames:
        if one.parent == frame:
            note = f" · {escaped(one.note)}" if one.note else ""
            yield f'{indent}subgraph {one.id}["{escaped(one.title)}{note}"]'
            yield from _inside(picture, one.id, indent + "  ")
            yield f"{indent}end"


def _text(box: Box) -> str:
    from_elsewhere = [f"from {escaped(', '.join(dict.fromkeys(box.sources)))}"] if box.sources else []
    return "<br/>".join([*(_row(row, box.count) for row in box.rows), *from_elsewhere])


def _row(row: Row, count: int) -> str:
    times = f" × {count}" if count > 1 else ""
    label = f"{escaped(row.label)}: " if row.label and row.word else escaped(row.label)
    note = f" ({escaped(row.note)})" if row.note else ""
    return f"{label}{escaped(row.word)}{times}{note}"


def _colour(box: Box) -> str:
    return (box.rows[0].family or "plain") if box.kind in ("layer", "block") else "block"
