"""A graph as a picture: SVG, PNG, PDF through Graphviz, DOT and Mermaid as text."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.graph import Graph
from archdsl.targets.diagram import graphviz
from archdsl.targets.diagram.compose import compose
from archdsl.targets.diagram.dot import dot
from archdsl.targets.diagram.graphviz import CannotDraw
from archdsl.targets.diagram.layered import svg as layered_svg
from archdsl.targets.diagram.mermaid import mermaid
from archdsl.targets.diagram.opening import choose
from archdsl.targets.diagram.picture import Picture
from archdsl.targets.diagram.svg import tidy

FORMS = ("svg", "png", "pdf", "dot", "mermaid")

INSTALL = 'Graphviz draws {form}, and there is none here: pip install "archdsl[render]", or install Graphviz'


def draw(graph: Graph, format: str = "svg", *, depth: int | None = None, expand: Iterable[str] = ()) -> str | bytes:
    """The diagram: `svg`, `dot`, `mermaid` as text, `png`, `pdf` as bytes.

    `depth` levels of containers and blocks are open; unless given, as many as stay legible, with the first block of each
    kind open where there is room, and never more than 60 boxes. `expand` names what is open beside them: globs of dotted labels
    (`layer1.*`) or of block names (`Bottleneck`). DOT and Mermaid are the same bytes on every run. An SVG always comes, of a
    plain layout where there is no Graphviz or it takes too long; for the other formats that raises `CannotDraw`.
    """
    if format not in FORMS:
        raise ValueError(f"cannot draw `{format}`; there are {', '.join(FORMS)}")
    picture = choose(lambda rule: compose(graph, rule), depth, expand)
    if format == "dot":
        return dot(picture)
    if format == "mermaid":
        return mermaid(picture)
    if format == "svg":
        return svg(picture)
    made = _laid_out(picture, format)
    if made is not None:
        return made
    if graphviz.command(format) is None:
        raise CannotDraw(INSTALL.format(form=format.upper()))
    raise CannotDraw(f"Graphviz needs longer than {graphviz.SECONDS:g} s for {format.upper()}; draw less (--depth 0), or SVG")


def svg(picture: Picture) -> str:
    """The SVG of a picture: Graphviz's, or a plain layout where there is none."""
    made = _laid_out(picture, "svg")
    return tidy(made) if made is not None else layered_svg(picture)


def _laid_out(picture: Picture, form: str) -> bytes | None:
    """Graphviz's picture: with care, then in haste."""
    text, quick = dot(picture), dot(picture, light=True)
    first = graphviz.SECONDS * (0.6 if text != quick else 1)
    made = graphviz.render(text, form, first)
    if made is None and text != quick and graphviz.command(form) is not None:
        made = graphviz.render(quick, form, graphviz.SECONDS - first)
    return made
