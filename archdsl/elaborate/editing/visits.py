"""The elaborator's steps as they are met: an edited one is elaborated as what stands in its place, and where it is asked for,
each is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.elaborate import calls, expressions, labels, steps
from archdsl.elaborate.editing.sites import CONSTRUCTS, Site, types_of
from archdsl.elaborate.editing.trees import substituted
from archdsl.elaborate.editing.trie import Edit
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.values import BlockWord, Derivative, DerivativeWord, FnWord, Group, Instance, OpWord, Several, Template
from archdsl.ir.graph import Call, Layer
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.contract import INFERRED, Op
from archdsl.records import changed
from archdsl.source import Span
from archdsl.syntax import tree


def step(frame: Frame, one: tree.Step, linked: bool) -> Any:
    """A step: edited, written down, or as it is."""
    visit = frame.visit
    edit = None if visit.edits is None else visit.edits.here.get(one.span)
    if edit is not None and isinstance(edit.old, tree.Step):
        return _edited(frame, edit, one, lambda new: steps.step(frame, new, linked), frame.flow)
    if not visit.writes or one.span.start == one.span.end:  # what edits put around has no place in any text
        return steps.step(frame, one, linked, True)
    found = _told(frame, one.term)
    if found is None:
        return steps.step(frame, one, linked, True)
    site = Site(one, *found[:2], frame.unit.name, found[2])
    visit.entries.append(site)
    unit, container, region = frame.unit, frame.container, frame.region
    number, since, takes = unit.numbers.get(container, 0), len(region.nodes), frame.flow
    result = steps.step(frame, one, linked, True)
    site.numbers = unit.numbers.get(container, 0) - number
    site.path = _path(frame, one.label, number if site.numbers and site.kind not in CONSTRUCTS.values() else None)
    site.own = site.path != container
    site.gives = types_of(result)
    if isinstance(one.term, tree.Call) and site.kind == "function":
        site.tensors = visit.given.get(id(one.term.args), ())
    site.sent, site.around, site.braces = takes, region.nodes, container
    node = site.made = _node(region.nodes, since, one.term.span)
    site.takes = types_of(takes) if node is None or site.kind in CONSTRUCTS.values() else types_of(node.operands)
    site.attributes = _attributes(frame, node)
    if site.kind == "use":
        _told_of(frame, one.term, site)
    return result


def _told_of(frame: Frame, term: Any, use: Site) -> None:
    """The declaration of a shared layer learns from its first use what it is."""
    instance = expressions.evaluate(frame, term)
    declaration = instance.visit.declared if isinstance(instance, Instance) and instance.visit is not None else None
    use.declaration = declaration
    if declaration is not None and not declaration.takes:
        declaration.attributes, declaration.takes, declaration.gives = use.attributes, use.takes, use.gives


def expression(frame: Frame, expr: tree.Expr, word: str, run: Callable[[], Any]) -> Any:
    """A call or sign inside an expression."""
    visit = frame.visit
    edit = None if visit.edits is None else visit.edits.here.get(expr.span)
    if edit is not None:
        return _edited(frame, edit, expr, lambda new: expressions.evaluate(frame, new), None)
    if not visit.writes:
        return run()
    entries, at, region = visit.entries, len(visit.entries), frame.region
    since = len(region.nodes)
    result = run()
    known = any(isinstance(one, Site) and one.node.span == expr.span for one in entries[at - 1 : at])
    if known or not isinstance(result, (Value, Several)):
        return result
    found = _told(frame, expr) if isinstance(expr, tree.Call) else ("function", word, ())
    node = _node(region.nodes, since, expr.span)
    if found is not None:
        site = Site(expr, *found[:2], frame.unit.name, found[2], frame.container)
        site.made, site.around, site.braces = node, region.nodes, frame.container
        site.gives = types_of(result)
        site.takes = () if node is None else types_of(node.operands)
        site.attributes = _attributes(frame, node)
        if isinstance(expr, tree.Call):
            site.tensors = visit.given.get(id(expr.args), ())
        elif node is not None:
            site.tensors = tuple(index for index, one in enumerate(node.operands) if isinstance(one, Value))
        entries.insert(at, site)
    return result


def declared(frame: Frame, name: str, one: tree.Step) -> tree.Step:
    """The step of a `shared` declaration, as it is to be."""
    visit = frame.visit
    edit = None if visit.edits is None else visit.edits.here.get(one.span)
    if edit is not None and isinstance(edit.new, tree.Step):
        return edit.new
    if visit.writes:
        found = _told(frame, one.term)
        if found is not None:
            site = Site(one, "shared", found[1], frame.unit.name, found[2])
            label = (name,) if one.label is None else labels.segments(frame, one.label)
            site.path, site.own = (*frame.container, *label), True
            visit.entries.append(site)
    return one


def inside(frame: Frame, one: tree.Step, path: Path) -> Any:
    """The visit of what is inside of a shared layer, whose declaration was met last."""
    entries = frame.visit.entries or []
    site = entries[-1] if entries and isinstance(entries[-1], Site) and entries[-1].node is one else None
    made = frame.visit.into(one.span, path)
    if made is not None:
        made.declared = site
    return made


def _edited(frame: Frame, edit: Edit, old: Any, run: Callable[[Any], Any], flow: Any) -> Any:
    """What stands in place of a step, for which it takes as many numbers."""
    visit, unit, container = frame.visit, frame.unit, frame.container
    number = unit.numbers.get(container, 0)
    frame.visit = visit.into(old.span)
    frame.session.edited.append((old.span, edit.word))
    try:
        new = edit.new
        if new is None:
            result = flow
        else:
            if old is not edit.old:  # the same step with another label, in an element of a `branch`
                new = substituted(new, edit.old, old)
            if edit.named and frame.numbered and isinstance(new, tree.Step):
                new = _named(new, number)
            result = run(new)
    except Fault as fault:
        raise Fault(frame.session.placed(fault.problem)) from None
    finally:
        frame.session.edited.pop()
        frame.visit = visit
    if frame.numbered and edit.numbers:
        unit.numbers[container] = max(unit.numbers.get(container, 0), number + edit.numbers)
    return result


def _named(new: tree.Step, number: int) -> tree.Step:
    """A construct of the author's in place of a step with a number: the number is its label."""
    if new.label is not None or type(new.term) not in CONSTRUCTS or new.span.start == new.span.end:
        return new
    return changed(new, label=tree.Path(new.span, (tree.Segment(new.span, str(number), False),)))


def _path(frame: Frame, label: tree.Path | None, number: int | None) -> Path:
    if label is not None:
        found = labels.segments(frame, label)
        return frame.container if found == ("_",) else (*frame.container, *found)
    return frame.container if number is None else (*frame.container, str(number))


def _told(frame: Frame, term: Any) -> tuple[str, str, tuple[str, ...]] | None:
    """The kind, the word, and the names of the positions of a step; None for one that is a value."""
    construct = CONSTRUCTS.get(type(term))
    if construct is not None:
        return construct, construct, ()
    if not isinstance(term, (tree.Name, tree.Call)):
        return None
    try:
        value = calls.callee_of(frame, term) if isinstance(term, tree.Call) else expressions.evaluate(frame, term)
    except (Fault, Absorbed):
        return None
    if isinstance(value, Instance):
        return "use", term.span.text, ()
    given: set[str] = set()
    if isinstance(value, Template):
        given = {name for name, _ in value.args}
        value = value.callee
    match value:
        case OpWord():
            kind = value.kind
            fields = [one for one in kind.fields.values() if one.default is not INFERRED and (one.positional or not kind.layer)]
            return "layer" if kind.layer else "function", kind.name, tuple(one.name for one in fields if one.name not in given)
        case BlockWord():
            config, _ = value.module.lists(value.item)
            return "block", value.name, tuple(one.name for one in config if one.name not in given)
        case FnWord() if value.tensors:
            config, _ = value.module.lists(value.item)
            return "function", value.item.name, tuple(one.name for one in config)
        case Group():
            return "block", "layers", ()
        case Derivative() | DerivativeWord():
            return "layer", "jvp", ()
    return None


def _node(nodes: list[Node], since: int, span: Span) -> Node | None:
    """The node that a step made."""
    for node in reversed(nodes[since:]):
        if node.span == span:
            return node
    return None


def _attributes(frame: Frame, node: Node | None) -> dict[str, Any]:
    """The configuration of what a node calls."""
    if node is None:
        return {}
    member: Any = None if node.member is None else frame.unit.members.get(node.member)
    if isinstance(member, Call):
        known = dict(member.graph.config)
        return {name: known[name] for name in member.graph.parameters if name in known}
    op: Op | None = member.op if isinstance(member, (Layer, Instance)) else node.op
    return {} if op is None else dict(op.items())
