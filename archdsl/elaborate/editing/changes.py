"""What is done to a step: each change gives the tree that stands in its place."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from archdsl.elaborate.editing.sites import CONSTRUCTS, Site
from archdsl.elaborate.editing.trees import beside, chain, group, in_parens, link, link_of, nowhere, step_link, substituted
from archdsl.elaborate.editing.trie import Edit, elsewhere
from archdsl.records import changed, parts, record
from archdsl.source import Source, Span
from archdsl.syntax import tree


class CannotChange(Exception):
    """A change is not possible at a step, and why."""


@record
class Change:
    """A subclass says in `tree_for` what stands in place of a step."""

    by_identity = True
    word: ClassVar[str] = ""
    keeps: ClassVar[bool] = True
    declares: ClassVar[bool] = False
    """Whether it may be done to the declaration of a shared layer; where both are meant it is not done to the uses."""
    spreads: ClassVar[bool] = False
    """Whether it is done to all uses of a shared layer whose declaration is meant."""

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        """The tree. Raises `CannotChange`."""
        raise TypeError(f"{type(self).__name__} changes nothing")

    def sources(self) -> set[Source]:
        """The sources of what is put in."""
        return {one.span.source for one in self.pieces}

    @property
    def pieces(self) -> tuple[tree.Tree, ...]:
        """The trees that are put in."""
        given = [value for _, value in parts(self)]
        return tuple(one for value in given for one in (value if isinstance(value, tuple) else (value,)))

    def edit(self, site: Site) -> Edit:
        """The edit of a site. Raises `CannotChange`."""
        if site.kind == "shared" and not self.declares:
            raise CannotChange("it is the declaration of a shared layer: replace it, set its arguments, or edit its uses")
        named = not self.keeps and site.numbers == 1 and site.kind not in CONSTRUCTS.values()
        return Edit(site.node, self.tree_for(site), site.numbers, named, self.keeps, self.word, self.pieces, elsewhere(site.node))


@record
class Replace(Change):
    """Another layer, function or chain takes what it took. It keeps its label and its number."""

    word = "replaced"
    keeps = False
    declares = True

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        before, _ = _apart(site)
        links = list(self.piece.links)
        node, at = site.node, self.piece.span
        if not isinstance(node, tree.Step):
            return in_parens([*before, *links], at)
        label = node.label
        if len(links) == 1:
            step = links[0].step
            first = step if step.label is not None or label is None else tree.Step(step.span, label, step.term)
            return group([*before, link_of(first)], at)
        if label is not None or not site.numbers:
            return group([*before, *links], at, label)
        return group([*before, links[0], beside(tree.Chain(at, tuple(links[1:])))], at)


@record
class InsertAfter(Change):
    """A layer, function or chain takes what it gives. What is inserted takes no number, so a layer with tensors has a label."""

    word = "inserted"
    spreads = True

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        node = site.node
        if isinstance(node, tree.Step):
            return group([link_of(node), beside(self.piece)], self.piece.span)
        return in_parens([link(tree.Paren(nowhere(self.piece.span), node)), *self.piece.links], self.piece.span)


@record
class InsertBefore(Change):
    """A layer, function or chain takes what it took, and gives it the result."""

    word = "inserted"
    spreads = True

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        node = site.node
        _refuse_source(site)
        if isinstance(node, tree.Step) and not site.tensors:
            if len(site.takes) > 1 or site.tupled:
                raise CannotChange("a tuple flows into it: insert where the tensor that is meant is made")
            return group([beside(self.piece), link_of(node)], self.piece.span)
        term: Any = node.term if isinstance(node, tree.Step) else node
        given = [one for index, one in enumerate(operands(term)) if index in site.tensors]
        if len(given) != 1:
            raise CannotChange("it takes several tensors: insert where the one that is meant is made")
        (value,) = given
        bare = isinstance(value, (tree.Name, tree.It))
        links = (
            value.links if isinstance(value, tree.Chain) else (link(value if bare else tree.Paren(nowhere(value.span), value)),)
        )
        return substituted(node, value, in_parens([*links, *self.piece.links], self.piece.span))


@record
class Wrap(Change):
    """A construct with an empty body is put around it: `skip { }`, `repeat 2 { }`."""

    word = "wrapped"
    spreads = True

    around: tree.Step

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        before, rest = ([], site.node) if len(site.tensors) > 1 else _apart(site)
        if rest is None:
            raise CannotChange("it starts with a number: write it as a function of what it takes")
        inner = link_of(rest) if isinstance(rest, tree.Step) else step_link(rest)
        place = empty_body(self.around)
        if place is None:
            raise CannotChange("what wraps it has no empty braces to put it in")
        flow = tree.Flow(nowhere(self.around.span), chain([inner], self.around.span))
        around = substituted(self.around, place, tree.Body(place.span, (flow,)))
        links = [*before, link_of(around)]
        return group(links, self.around.span) if isinstance(site.node, tree.Step) else in_parens(links, self.around.span)


@record
class Remove(Change):
    """What it took flows on. Its number stays taken."""

    word = "removed"
    keeps = False

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        node = site.node
        _refuse_source(site)
        before, _ = _apart(site)
        if not before:
            return None
        term = before[0].step.term
        if isinstance(term, tree.Tuple):
            raise CannotChange("it takes several tensors, so nothing says which of them flows on: replace it")
        return before[0].step if isinstance(node, tree.Step) else term  # type: ignore[return-value]


@record
class Unwrap(Change):
    """What stands in the braces of a construct stands there alone: the body of a `skip` without its shortcut."""

    word = "unwrapped"

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        node = site.node
        body = getattr(node.term, "body", None) if isinstance(node, tree.Step) else None
        if not isinstance(node, tree.Step) or site.kind not in ("skip", "repeat") or not isinstance(body, tree.Body):
            raise CannotChange(f"only a `skip` or a `repeat` is unwrapped, and this is `{site.word}`")
        read = sorted(_bound(node.term) & _names(body))
        if read:
            raise CannotChange(f"what is in it reads {_listed(read)}, which it binds")
        return tree.Step(nowhere(node.span), node.label, body)


@record
class SetArguments(Change):
    """Its arguments, with these instead of those of the same name."""

    word = "set"
    declares = True

    args: tuple[tree.Arg, ...]

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        node = site.node
        term: Any = node.term if isinstance(node, tree.Step) else node
        new: Any
        if isinstance(term, (tree.Skip, tree.Branch, tree.Call)):
            new = changed(term, args=self._merged(term.args, site))
        elif isinstance(term, tree.Name) and site.kind != "use":
            new = tree.Call(term.span, term, self.args)
        else:
            raise CannotChange(f"`{site.word}` is not called with arguments here")
        return changed(node, term=new) if isinstance(node, tree.Step) else new

    def _merged(self, given: tuple[tree.Arg, ...], site: Site) -> tuple[tree.Arg, ...]:
        """Those given, changed where they stand, then those that are new."""
        left = {one.name: one for one in self.args}
        done: list[tree.Arg] = []
        order = list(site.order)
        for index, one in enumerate(given):
            name = one.name
            if name is None and index not in site.tensors and order:
                name = order.pop(0)
            found = left.pop(name, None)
            if found is None:
                done.append(one)
            else:
                done.append(found if one.name is not None else tree.Arg(found.value.span, None, None, found.value))
        return (*done, *left.values())


def operands(term: Any) -> tuple[Any, ...]:
    """What a call or a sign is given."""
    if isinstance(term, tree.Binary):
        return (term.left, term.right)
    if isinstance(term, tree.Unary):
        return (term.value,)
    return tuple(one.value for one in term.args) if isinstance(term, tree.Call) else ()


def _refuse_source(site: Site) -> None:
    """Raise for what starts a chain: `arange(n)`, `zeros(n)`."""
    if site.kind == "function" and not site.takes:
        raise CannotChange("it takes no tensor")


def _bound(one: Any) -> set[str]:
    """The names that a repeat binds."""
    return {name for name in (one.index, *one.targets) if name} if isinstance(one, tree.Repeat) else set()


def _names(body: tree.Body) -> set[str]:
    """The words that are read in braces, in the templates of labels too."""
    found: set[str] = set()
    for one in body.walk():
        if isinstance(one, tree.Name):
            found.add(one.name)
        elif isinstance(one, tree.Segment) and one.quoted:
            found.update(word for part in re.findall(r"\{([^}]*)\}", one.text) for word in re.findall(r"[A-Za-z_]\w*", part))
    return found


def _listed(names: list[str]) -> str:
    return " and ".join(", ".join(f"`{one}`" for one in names).rsplit(", ", 1))


def empty_body(one: tree.Tree) -> tree.Body | None:
    """The first empty braces in a tree."""
    return next((below for below in one.walk() if isinstance(below, tree.Body) and not below.statements), None)


def _apart(site: Site) -> tuple[list[tree.Link], tree.Step | tree.Expr | None]:
    """A call that is given its tensors, as what sends them and what takes them (None where that is no step, as in `1 - x`);
    nothing sends where it takes the flow."""
    node = site.node
    term: Any = node.term if isinstance(node, tree.Step) else node
    if isinstance(term, (tree.Binary, tree.Unary)):
        args = [tree.Arg(one.span, None, None, one) for one in operands(term)]
        sent = _sent([one for index, one in enumerate(args) if index in site.tensors], node.span)
        word: tree.Expr = tree.Name(node.span, site.word)
        if len(site.tensors) < len(args):
            if site.tensors != (0,):
                return sent, None
            word = tree.Call(node.span, word, (args[1],))
        return sent, changed(node, term=word) if isinstance(node, tree.Step) else word
    if site.kind in CONSTRUCTS.values() or not isinstance(term, tree.Call) or not site.tensors:
        return [], node
    given = [one for index, one in enumerate(term.args) if index in site.tensors]
    rest = tuple(one for index, one in enumerate(term.args) if index not in site.tensors)
    alone: tree.Expr = changed(term, args=rest) if rest else term.function
    return _sent(given, node.span), changed(node, term=alone) if isinstance(node, tree.Step) else alone


def _sent(given: list[tree.Arg], at: Span) -> list[tree.Link]:
    if len(given) == 1 and given[0].name is None:
        value = given[0].value
        bare = isinstance(value, (tree.Name, tree.It))
        return [link(value if bare else tree.Paren(nowhere(value.span), value))]
    return [link(tree.Tuple(nowhere(at), tuple(given)))]
