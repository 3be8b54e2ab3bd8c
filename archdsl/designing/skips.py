"""Skips: taken away, put around, and the norms before or behind them."""

from __future__ import annotations

from archdsl.designing.choosing import again, chosen, inside, kept
from archdsl.dims.shape import TensorType
from archdsl.elaborate.editing.changes import CannotChange, Change, InsertAfter
from archdsl.elaborate.editing.reading import read_chain
from archdsl.elaborate.editing.sites import Occurrence, Site
from archdsl.elaborate.editing.trees import beside, chain, nowhere
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Path
from archdsl.ops.registry import find
from archdsl.records import changed, record
from archdsl.syntax import tree


def without_skips(graph: Graph, where: str | None = None) -> Graph:
    """Every skip becomes its body alone, without the shortcut: `without_skips(graph)`, `without_skips(graph, "layer4")`.

    A skip that does not add, a gate or a concatenation, stays; `graph.select("[skip]").unwrap()` takes those too.
    """
    return chosen(graph, "[skip]", where, adds, "a skip that adds").unwrap()


def with_skips(graph: Graph, where: str | None = None, op: str = "add") -> Graph:
    """A skip around every block that gives what it takes, or around every step that `where` selects: `with_skips(graph, "h.*")`.

    A block that stands in a skip already gets no second one. `op` joins both ways: `add`, `mul` or any function of two tensors.
    Keys stay.
    """
    if where is not None:
        return kept(graph.select(where), _like_its_input, "a step that gives what it takes").wrap(_around(op))
    steps = _every(graph)
    skips = [one for one in steps if one.kind == "skip"]

    def bare(one: Occurrence) -> bool:
        if one.kind != "block" or not _like_its_input(one) or any(one.way == skip.way and inside(one, skip) for skip in skips):
            return False
        block = _called(graph, one.path)
        return block is not None and len(block.inputs) == 1

    return kept(graph.select("[skip] | ~[skip]"), bare, "a block that gives what it takes").wrap(_around(op))


def _called(graph: Graph, path: Path) -> Graph | None:
    """The block whose instance stands at a path."""
    for label, member in graph.members.items():
        if isinstance(member, Call) and path[: len(label)] == label:
            return member.graph if label == path else _called(member.graph, path[len(label) :])
    return None


def _around(op: str) -> str:
    return "skip" if op == "add" else f"skip({op})"


def _like_its_input(one: Occurrence) -> bool:
    return len(one.takes) == 1 and one.takes == one.gives


def adds(one: Occurrence) -> bool:
    """Whether it is a skip that adds, as it does unless it is told otherwise."""
    term = one.site.node.term if isinstance(one.site.node, tree.Step) else None
    return isinstance(term, tree.Skip) and all(arg.name is not None or arg.span.text == "add" for arg in term.args)


def pre_norm(graph: Graph, where: str | None = None) -> Graph:
    """Each norm that stands behind a skip goes to the start of its body: `x + f(norm(x))` for `norm(x + f(x))`.

    Labelled norms keep their keys. A network of pre-norms usually ends in one more: insert it.
    """
    skips = chosen(graph, "[skip]", where, adds, "a skip that adds")
    moves = [(skip, norm) for skip in skips if (norm := _behind(graph, skip)) is not None]
    return _moved(graph, moves, PutFirst, "a skip with a norm behind it")


def post_norm(graph: Graph, where: str | None = None) -> Graph:
    """Each norm that starts the body of a skip goes behind the skip: `norm(x + f(x))` for `x + f(norm(x))`.

    Labelled norms keep their keys.
    """
    skips = chosen(graph, "[skip]", where, adds, "a skip that adds")
    moves = [(skip, norm) for skip in skips if (norm := _first_inside(graph, skip)) is not None]
    return _moved(graph, moves, InsertAfter, "a skip that starts with a norm")


Move = tuple[Occurrence, Occurrence]
"""A skip and the norm that goes in or out."""


def _moved(graph: Graph, moves: list[Move], change: type[PutFirst] | type[InsertAfter], wanted: str) -> Graph:
    pairs = {_place(skip) for skip, _ in moves}
    kept(graph.select("[skip]"), lambda one: _place(one) in pairs, wanted)
    norms = tuple(norm for _, norm in moves)
    made = again(graph, " | ".join(sorted({one.word for one in norms})), norms).remove()
    for text in dict.fromkeys(norm.span.text for norm in norms):
        here = tuple(skip for skip, norm in moves if norm.span.text == text)
        made = again(made, "[skip]", here).edit(change(read_chain(text, "<move>")))
    return made


def _behind(graph: Graph, skip: Occurrence) -> Occurrence | None:
    """The norm that is the next step after a skip and all that is in it."""
    steps = _every(graph)
    start = steps.index(skip)
    last = max((at for at in range(start, len(steps)) if inside(steps[at], skip)), default=start)
    return _norm(steps[last + 1 :], skip.gives)


def _first_inside(graph: Graph, skip: Occurrence) -> Occurrence | None:
    """The norm that is the first step in the body of a skip."""
    steps = _every(graph)
    return _norm(steps[steps.index(skip) + 1 :], skip.takes)


def _norm(steps: list[Occurrence], takes: tuple[TensorType, ...]) -> Occurrence | None:
    """The first of these, if it is a norm of this; braces that only group or choose are looked through."""
    near = next((one for one in steps if one.kind not in ("if", "group")), None)
    return near if near is not None and _is_norm(near) and near.takes == takes else None


def _every(graph: Graph) -> list[Occurrence]:
    """All steps, as they come one after the other."""
    return list(graph.select("[skip] | ~[skip]"))


def _is_norm(one: Occurrence) -> bool:
    op = find(one.word) if one.kind == "layer" else None
    return op is not None and op.family == "norm"


def _place(one: Occurrence) -> tuple[object, object]:
    return one.way, one.span


@record
class PutFirst(Change):
    """A piece before all else in the body of a construct."""

    by_identity = True
    word = "moved"

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        return _put(site, self.piece, first=True)


@record
class PutLast(Change):
    """A piece after all else in the body of a construct."""

    by_identity = True
    word = "put at the end"

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        return _put(site, self.piece, first=False)


def _put(site: Site, piece: tree.Chain, first: bool) -> tree.Step:
    node, body = _body_of(site)
    flow = tree.Flow(nowhere(piece.span), chain([beside(piece)], piece.span))
    statements = (flow, *body.statements) if first else (*body.statements, flow)
    return changed(node, term=changed(node.term, body=changed(body, statements=statements)))


def _body_of(site: Site) -> tuple[tree.Step, tree.Body]:
    node = site.node
    body = getattr(node.term, "body", None) if isinstance(node, tree.Step) else None
    if not isinstance(node, tree.Step) or not isinstance(body, tree.Body):
        raise CannotChange("it has no body")
    return node, body
