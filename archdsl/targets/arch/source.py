"""A graph with all that is below it as `.arch` text."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.source import Source
from archdsl.syntax.format import format_source
from archdsl.targets.arch.handing import handed
from archdsl.targets.arch.naming import is_word
from archdsl.targets.arch.settings import Settings
from archdsl.targets.arch.units import Unit, Written


def print_arch(graph: Graph) -> str:
    """The graph as a file of the language: a block for each distinct graph below it, then the arch.

    The text parses, elaborates to an equal graph, and that prints as the same text. Raises `Unsayable` for what the language has
    no words for.
    """
    settings = Settings(graph)
    given = handed(graph)
    written: dict[int, Written] = {}
    texts: dict[tuple[str, str], str] = {}
    taken = {graph.name}
    for one in graph.graphs():
        if one.kind in ("scan", "choice", "constant", "tangent") or one is graph:
            continue
        base = _block_name(one.name)
        unit = Unit(one, graph, settings, lambda below: written[id(below)], given[id(one)])
        text = unit.text("block", "@")
        known = texts.get((base, text))
        if known is None:
            known, count = base, 1
            while known in taken:
                count += 1
                known = f"{base}{count}" if not base[-1].isdigit() else f"{base}_{count}"
            taken.add(known)
            texts[base, text] = known
        written[id(one)] = unit.written(known)
    top = Unit(graph, graph, settings, lambda below: written[id(below)], given[id(graph)]).text("arch", graph.name)
    parts = [_named(base, name, text) for (base, text), name in texts.items()]
    return format_source(Source(f"{graph.name}.arch", f"# {graph.name}, as canonical text.\n\n" + "\n".join([*parts, top])))


def _named(base: str, name: str, text: str) -> str:
    """A block with its name; of several that the author's block became the first has its documentation."""
    doc, word, rest = text.partition("block @")
    return f"{doc if name == base else ''}{word.replace('@', name)}{rest}"


def _block_name(name: str) -> str:
    """The author's name; that of a group, which is its label, with a capital."""
    base = "".join(one if one.isalnum() and one.isascii() else "_" for one in name).strip("_")
    base = base[:1].upper() + base[1:]
    if not base or base[0].isdigit():
        base = f"Layers{base}"
    return base if is_word(base) else f"{base}Block"
