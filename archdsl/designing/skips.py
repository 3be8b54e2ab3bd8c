"""Skips: taken away, put around, and what is put first or last in them."""

from __future__ import annotations

from archdsl.designing.choosing import chosen, every, inside, kept
from archdsl.elaborate.editing.changes import CannotChange, Change
from archdsl.elaborate.editing.sites import Occurrence, Site
from archdsl.elaborate.editing.trees import beside, chain, nowhere
from archdsl.ir.graph import Call, Graph
from archdsl.ir.node import Path
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
    skips = [one for one in every(graph) if one.kind == "skip"]

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
