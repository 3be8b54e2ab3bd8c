"""Two graphs side by side in one SVG; what the other one does not have is outlined."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from archdsl.ir.graph import Graph
from archdsl.targets.diagram import colours
from archdsl.targets.diagram.compose import compose
from archdsl.targets.diagram.draw import svg
from archdsl.targets.diagram.opening import choose
from archdsl.targets.diagram.picture import Box, Picture, Row

GAP = 24
_SIZE = re.compile(r'<svg[^>]*?\bwidth="([0-9.]+)(?:pt|px)?"[^>]*?\bheight="([0-9.]+)(?:pt|px)?"', re.DOTALL)
_ID = re.compile(r'\b(id="|href="#|url\(#)')


def draw_both(before: Graph, after: Graph) -> str:
    """The SVG of both, in equal scale, each as open as stays legible."""
    pictures = [choose(lambda rule, graph=graph: compose(graph, rule), None, ()) for graph in (before, after)]  # type: ignore[misc]
    mark(*pictures)
    made = [_own_names(svg(one), prefix) for one, prefix in zip(pictures, ("before_", "after_"), strict=True)]
    sizes = [_size(one) for one in made]
    width = sum(one for one, _ in sizes) + GAP
    height = max(one for _, one in sizes)
    shift = sizes[0][0] + GAP
    right = made[1].replace("<svg ", f'<svg x="{shift:g}" ', 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">\n'
        f'<rect width="100%" height="100%" fill="{colours.PAPER}"/>\n{made[0]}{right}</svg>\n'
    )


def mark(before: Picture, after: Picture) -> None:
    """Outline the rows of each that the other one does not have at that place."""
    left, right = _rows(before), _rows(after)
    matcher = SequenceMatcher(None, [key for key, _ in left], [key for key, _ in right], autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        for _, row in (*left[a:a_end], *right[b:b_end]) if kind != "equal" else ():
            row.marked = True


def _rows(picture: Picture) -> list[tuple[tuple[str, str, str, int], Row]]:
    return [(_key(row, box), row) for box in picture.boxes for row in box.rows]


def _key(row: Row, box: Box) -> tuple[str, str, str, int]:
    """What makes two rows equal; the type of an input may differ."""
    return box.kind, row.label, "" if box.kind in ("input", "output") else f"{row.word} {row.note}", box.count


def _own_names(text: str, prefix: str) -> str:
    """The names inside an SVG, which are its own once it stands in another."""
    return _ID.sub(lambda found: found[0] + prefix, text)


def _size(text: str) -> tuple[float, float]:
    """Width and height in the document's units; points become pixels."""
    found = _SIZE.search(text)
    assert found is not None  # noqa: S101 (both layouts write them)
    scale = 4 / 3 if 'pt"' in found[0] else 1
    return float(found[1]) * scale, float(found[2]) * scale
