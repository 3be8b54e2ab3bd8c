"""A graph with all that is below it as `.arch` text."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.dims.dtype import FLOAT
from archdsl.elaborate.archs import Elaborated
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.ir.node import Path
from archdsl.source import Source
from archdsl.syntax.format import format_source
from archdsl.targets.arch.constants import Items
from archdsl.targets.arch.expecting import expectations
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.handing import handed
from archdsl.targets.arch.naming import is_word
from archdsl.targets.arch.settings import Settings
from archdsl.targets.arch.sharing import applications
from archdsl.targets.arch.units import Unit, Written


def print_elaborated(made: Elaborated, item: object) -> str:
    """An arch's graph as `print_arch` prints it, with what it expects of itself; `item` is the arch's in its file."""
    return print_arch(made.graph, expectations(made, item))


def print_arch(graph: Graph, expect: Sequence[str] = ()) -> str:
    """The graph as a file of the language: a block for each distinct graph below it, then the arch, which may `expect` something.

    The text parses, elaborates to an equal graph, and that prints as the same text. Raises `Unsayable` for what the language has
    no words for.
    """
    settings = Settings(graph)
    order = every_graph(graph)
    for one in order:
        _check_words(one)
    given = handed(order)
    written: dict[int, Written] = {}
    blocks = Items({graph.name})
    functions = Items(blocks.taken)
    plain: dict[str, dict[str, None]] = {}
    alike = specialisations(order)
    for one in order:
        if one.kind == "block" and one is not graph:
            unit = Unit(one, graph, settings, lambda below: written[id(below)], given[id(one)], functions, alike.get(id(one), ()))
            name = blocks.name(_block_name(one.name), unit.text("block", "@"))
            plain.setdefault(name, {})[unit.plain] = None
            written[id(one)] = unit.written(name)
    for several in alike.values():
        if len({written[id(one)] for one in several}) > 1:
            raise Unsayable(f"`{several[0].name}` is shared by inputs of several sizes, and its text would be another for each")
    last = Unit(graph, graph, settings, lambda below: written[id(below)], given[id(graph)], functions)
    top = last.text("arch", graph.name, ["expect {", *expect, "}"] if expect else [])
    items = [_named("fn", base, name, text) for (base, text), name in functions.texts.items()]
    for (base, text), name in blocks.texts.items():
        one_size = next(iter(plain[name])) if len(plain[name]) == 1 else text
        items.append(_named("block", base, name, one_size))
    return format_source(Source(f"{graph.name}.arch", "\n".join([f"# {graph.name}, as canonical text.\n", *items, top])))


def _check_words(graph: Graph) -> None:
    """What some passes make is no matter of the design. Raises `Unsayable`."""
    for path, member in graph.members.items():
        if isinstance(member, Layer) and member.float != FLOAT:
            raise Unsayable(f"the layer {'.'.join(path)} computes in {member.float}")
    for node in graph.nodes:
        if node.how:
            raise Unsayable(f"the block {'.'.join(node.path)} is run as {' and '.join(node.how)}")


def every_graph(top: Graph) -> list[Graph]:
    """The distinct graphs of a program, callees first, with those to which a shared block is specialised at a call."""
    done: dict[int, Graph] = {}

    def visit(graph: Graph) -> None:
        for one in graph.graphs():
            if id(one) in done:
                continue
            for node in one.nodes:
                if node.graph is not None and node.graph.kind != "tangent" and id(node.graph) not in done:
                    visit(node.graph)
            done[id(one)] = one

    visit(top)
    return list(done.values())


def specialisations(order: Sequence[Graph]) -> dict[int, list[Graph]]:
    """For a block that is shared by inputs of several sizes: its graphs; and so for each block below it."""
    found: dict[int, list[Graph]] = {}
    for graph in order:
        for node in applications(graph.nodes):
            member = graph.members.get(node.member or ())
            if node.graph is None or node.graph.kind == "tangent":
                continue
            called = member.graph if isinstance(member, Call) else dict(graph.borrowed).get((node.member or ("", ""))[1])
            if isinstance(called, Graph):
                several = found.setdefault(id(called), [called])
                several.append(node.graph)
                found[id(node.graph)] = several
    for several in [found[one] for one in dict.fromkeys(found)]:
        _note_below(several, found)
    return found


def _note_below(several: Sequence[Graph], found: dict[int, list[Graph]]) -> None:
    """The graphs that these call under one label stand for one block, as they do."""
    for path, member in several[0].members.items():
        if not isinstance(member, Call):
            continue
        below = list({id(one): one for graph in several if (one := _called(graph, path)) is not None}.values())
        if len(below) > 1:
            if member.graph.kind == "block":
                group = found.setdefault(id(below[0]), [])
                group += [one for one in below if all(one is not other for other in group)]
                found.update((id(one), group) for one in below)
            _note_below(below, found)


def _called(graph: Graph, path: Path) -> Graph | None:
    member = graph.members.get(path)
    return member.graph if isinstance(member, Call) else None


def _named(word: str, base: str, name: str, text: str) -> str:
    """An item with its name; of several that the author's block became the first has its documentation."""
    doc, _, rest = text.partition(f"{word} @")
    return f"{doc if name == base else ''}{word} {name}{rest}"


def _block_name(name: str) -> str:
    """The author's name; that of a group, which is its label, with a capital."""
    base = "".join(one if one.isalnum() and one.isascii() else "_" for one in name).strip("_")
    base = base[:1].upper() + base[1:]
    if not base or base[0].isdigit():
        base = f"Layers{base}"
    return base if is_word(base) else f"{base}Block"
