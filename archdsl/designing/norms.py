"""Norms before or behind what is added: `x + f(norm(x))` and `norm(x + f(x))`, as a `skip` or as a sum that is written down."""

from __future__ import annotations

from collections.abc import Callable

from archdsl.designing.choosing import again, chosen, every, kept
from archdsl.designing.residuals import Flow, Residual, beside_it
from archdsl.designing.skips import PutFirst, adds
from archdsl.elaborate.editing.changes import CannotChange, Change, InsertAfter, InsertBefore
from archdsl.elaborate.editing.reading import read_chain
from archdsl.elaborate.editing.selection import Selection
from archdsl.elaborate.editing.sites import Occurrence, Site
from archdsl.elaborate.editing.trees import beside, group, in_parens, link_of, nowhere, substituted
from archdsl.elaborate.faults.edit_problems import EditNotPossible
from archdsl.elaborate.values import Several
from archdsl.ir.graph import Graph
from archdsl.ir.node import Path
from archdsl.ops.registry import find
from archdsl.problems.problem import ArchError, Label
from archdsl.records import record
from archdsl.syntax import tree

SUMS = "[skip] | add"
Move = tuple[Occurrence, Occurrence, Callable[[str], Change]]
"""A norm, the step that it goes to, and how its text is put there."""


def pre_norm(graph: Graph, where: str | None = None) -> Graph:
    """Each norm that takes a sum `x + f(x)` goes to the start of `f`: `x + f(norm(x))` for `norm(x + f(x))`.

    The sum is a `skip`, or one that is written down (`it + y`). Norms keep their keys. A network of pre-norms usually ends in one
    more: insert it. Raises `ArchError`, also where `f` takes `x` at several places that are not labelled steps of one body.
    """
    flow = Flow(every(graph))
    sums = chosen(graph, SUMS, where, _sums(flow), _SUM)
    moves = [(one, move) for one in sums for move in _into(flow, one)]
    try:
        made = _moved(sums, [move for _, move in moves], "a sum `x + f(x)` with a norm behind it")
    except ArchError as fault:
        named = [(one, norm) for one, (norm, _, change) in moves if change is _named]
        if named and any(one.at.text == NORMED for one in fault.problems):  # the first step stands in braces of its own
            raise _several(flow.residual(named[0][0]), named[0][1]) from None
        raise
    written = list({one.way + (one.span,): (one, norm) for one, (norm, _, _) in moves if one.kind != "skip"}.values())
    if written:  # what stands in the braces before which a norm was put may take the value by its name too
        after = Flow(every(made))
        for now, (_, norm) in zip(again(made, EVERY, tuple(one for one, _ in written)), written, strict=True):
            sum = after.residual(now)
            if sum is not None and len(sum.entries) > 1:
                raise _several(sum, norm)
    return made


def post_norm(graph: Graph, where: str | None = None) -> Graph:
    """Each norm that starts the way through `f` of a sum `x + f(x)` goes behind the sum: `norm(x + f(x))` for `x + f(norm(x))`.

    The sum is a `skip`, or one that is written down. Norms keep their keys. Raises `ArchError`.
    """
    flow = Flow(every(graph))
    sums = chosen(graph, SUMS, where, _sums(flow), _SUM)
    return _moved(sums, [move for one in sums if (move := _out_of(flow, one)) is not None], "a sum `x + f(norm(x))`")


_SUM = "a skip that adds, or a sum of a value and what is made of it"


def _sums(flow: Flow) -> Callable[[Occurrence], bool]:
    return lambda one: adds(one) if one.kind == "skip" else flow.residual(one) is not None


def _moved(sums: Selection, moves: list[Move], wanted: str) -> Graph:
    if not moves:
        kept(sums, lambda one: False, wanted)
    norms = tuple(norm for norm, _, _ in moves)
    made = again(sums.graph, " | ".join(sorted({one.word for one in norms})), norms).remove()
    alike: dict[tuple[str, Callable[[str], Change]], list[Occurrence]] = {}
    for norm, target, change in moves:
        alike.setdefault((_text(norm), change), []).append(target)
    for (text, change), targets in alike.items():
        made = again(made, EVERY, tuple(targets)).edit(change(text))
    return made


def _into(flow: Flow, one: Occurrence) -> list[Move]:
    """How the norm behind a sum goes to the start of what is added."""
    takers = flow.takers(one)
    norm = flow.step(takers[0], one) if len(takers) == 1 else None
    if norm is None or not _is_norm(norm) or norm.takes != one.gives:
        return []
    if one.kind == "skip":
        return [(norm, one, _first)] if norm.braces == _inner(one) else []
    sum = flow.residual(one)
    if sum is None or norm.braces != one.braces:
        return []
    entry = flow.entry(sum, norm.braces)
    if entry is None:
        return _at_several(flow, sum, norm)
    sent = entry.site.sent
    if not isinstance(sent, Several):
        return [(norm, entry, _before)]
    which = tuple(value == sum.shortcut for _, value in sent.items)
    return [(norm, entry, Sent(tuple(name for name, _ in sent.items), which).of)]


def _at_several(flow: Flow, sum: Residual, norm: Occurrence) -> list[Move]:
    """The norm before the first of several labelled steps that take the value, and what it gives named for the others."""
    entries = [flow.step(one, sum.sum) for one in sum.entries[::-1]]
    labelled = [one for one in entries if one is not None and one.label is not None and one.braces == norm.braces]
    if len(labelled) < len(entries) or any(_is_called(one) for one in labelled):
        raise _several(sum, norm)
    return [(norm, one, _read if at else _named) for at, one in enumerate(labelled)]


def _is_called(one: Occurrence) -> bool:
    """Whether a step takes a tuple, or is given its tensors as arguments."""
    return one.site.tupled or bool(one.site.tensors) or len(one.takes) != 1


def _out_of(flow: Flow, one: Occurrence) -> Move | None:
    """How the norm that starts what is added goes behind the sum."""
    if one.kind == "skip":
        norm = _first_inside(flow, one)
        return (norm, one, _after) if norm is not None and norm.braces == one.braces else None
    sum = flow.residual(one)
    norm = flow.step(sum.entries[0], one) if sum is not None and len(sum.entries) == 1 else None
    if sum is None or norm is None or not _is_norm(norm) or norm.braces != one.braces:
        return None
    return (norm, one, _after) if set(flow.takers(norm)) <= set(sum.branch) else None


def _first_inside(flow: Flow, skip: Occurrence) -> Occurrence | None:
    """The norm that is the first step in the body of a skip; braces that only group or choose are looked through."""
    steps = flow.steps[flow.steps.index(skip) + 1 :]
    near = next((one for one in steps if one.kind not in ("if", "group")), None)
    return near if near is not None and _is_norm(near) and near.takes == skip.takes and beside_it(near, skip) else None


def _several(sum: Residual | None, norm: Occurrence) -> ArchError:
    """The problem of a branch that takes its value at several places, before which no one norm can stand."""
    entries = sum.entries[::-1] if sum is not None else ()
    spans = dict.fromkeys(one.span for one in entries if one.span is not None)
    return ArchError((EditNotPossible(
        at=norm.span,
        what=f"this norm cannot go before what is added to the sum: that takes the value at {len(entries)} places",
        others=tuple(Label(one, "taken here") for one in spans),
        help=f"put what is added into a `skip {{ }}` or a block of its own, which `{norm.span.text}` can stand before",
    ),))  # fmt: skip


def _inner(skip: Occurrence) -> Path:
    """The container of what stands in the braces of a skip."""
    return skip.path if skip.site.own else skip.braces


def _is_norm(one: Occurrence) -> bool:
    op = find(one.word) if one.kind == "layer" else None
    return op is not None and op.family == "norm"


def _text(norm: Occurrence) -> str:
    """The text of a norm that goes elsewhere in its container; the number of one without a label becomes its label."""
    text = norm.span.text
    return f"{norm.path[-1]}: {text}" if norm.site.own and norm.label is None else text


def _first(text: str) -> Change:
    return PutFirst(read_chain(text, MOVED))


def _before(text: str) -> Change:
    return InsertBefore(read_chain(text, MOVED))


def _after(text: str) -> Change:
    return InsertAfter(read_chain(text, MOVED))


def _named(text: str) -> Change:
    return Named(read_chain(f"it -> {text} as {NORMED}", MOVED))


def _read(text: str) -> Change:
    return Reading(read_chain(NORMED, MOVED))


@record
class Named(Change):
    """A chain from `it` in front of a labelled step, in parentheses, so that what it names is known to the steps after it."""

    by_identity = True
    word = "moved"

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        if not isinstance(site.node, tree.Step):
            raise CannotChange("it is no step")
        return tree.Step(nowhere(self.piece.span), None, in_parens([*self.piece.links, link_of(site.node)], self.piece.span))


@record
class Reading(Change):
    """A step that takes another value than what flows into it."""

    by_identity = True
    word = "moved"

    piece: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        if not isinstance(site.node, tree.Step):
            raise CannotChange("it is no step")
        return group([*self.piece.links, link_of(site.node)], self.piece.span)


@record
class Sent:
    """Of the parts of a tuple that flows into a step those that a norm is put before, and what each is called there."""

    names: tuple[str | None, ...]
    which: tuple[bool, ...]

    def of(self, text: str) -> Change:
        """The change with a norm's text."""
        parts = [f"part{index}" for index in range(len(self.names))]
        first = self.which.index(True)
        left = [
            "_" if here and index != first else part for index, (part, here) in enumerate(zip(parts, self.which, strict=True))
        ]
        right = [
            ("" if name is None else f"{name}=") + ("normed" if here else part)
            for part, name, here in zip(parts, self.names, self.which, strict=True)
        ]
        around = f"{{ {', '.join(left)} = it; normed = {parts[first]} -> {NORM}; ({', '.join(right)}) -> {STEP} }}"
        return PutBetween(read_chain(text, MOVED), read_chain(around, MOVED))


@record
class PutBetween(Change):
    """A piece before one of the tensors that flow into a step: `around` has the words `NORM` and `STEP` in their places."""

    by_identity = True
    word = "moved"

    piece: tree.Chain
    around: tree.Chain

    def tree_for(self, site: Site) -> tree.Step | tree.Expr | None:
        if not isinstance(site.node, tree.Step):
            raise CannotChange("it takes no tuple that flows")
        made = self.around.links[0].step
        steps = {one.term.name: one for one in made.walk() if isinstance(one, tree.Step) and isinstance(one.term, tree.Name)}
        made = substituted(made, steps[NORM], beside(self.piece).step)
        return substituted(made, steps[STEP], site.node)


EVERY = "[skip] | ~[skip]"
MOVED = "<move>"
NORM, STEP, NORMED = "norm_here", "step_here", "normed"
