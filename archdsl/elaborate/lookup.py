"""Names, looked up outwards: the braces around, the header, the file's items and imports, the built-in vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.elaborate import expressions
from archdsl.elaborate.arguments import DTYPES
from archdsl.elaborate.config import FUNCTIONS
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.program import Module, fn_word
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import Session, Settings
from archdsl.elaborate.unit import Unit
from archdsl.elaborate.values import UNKNOWN, BlockWord, ConfigWord, DerivativeWord, DType, OpWord, has_tensor
from archdsl.ops.registry import find, known
from archdsl.problems.collector import MAX_SHOWN
from archdsl.problems.problem import Label
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Span
from archdsl.syntax import tree

_words: dict[str, OpWord] = {}
JVP = DerivativeWord()


def look_up(frame: Frame, name: str, span: Span) -> Any:
    """What a name stands for. Raises on an unknown one."""
    binding = frame.scope.find(name)
    if binding is not None:
        binding.used = True
        if has_tensor(binding.value) and frame.scope.walled(name):
            raise Fault(
                names.NotATensor(
                    at=span,
                    what=f"`{name}` is a tensor of the program, which {frame.restricted or 'a group as a layer'} cannot read",
                    help="an initializer is constant; a group takes what flows into it: make it a block with two inputs",
                )
            )
        return binding.value
    homes = frame.session.homes
    home = homes.get(span.source) if homes else None
    value = None if home is None else item_value(frame.session, home, name, span)
    if value is None:
        value = item_value(frame.session, frame.module, name, span)
    if value is not None:
        return value
    value = builtin(name)
    if value is not None:
        return value
    raise unknown_name(frame, name, span)


def builtin(name: str) -> Any:
    """A word of the built-in vocabulary, or None."""
    word = _words.get(name)
    if word is None and name not in DTYPES and (name not in FUNCTIONS or name in known()):
        kind = find(name)
        if kind is not None:
            word = _words[name] = OpWord(kind)
    if word is not None:
        return word
    if name in DTYPES:
        return DType(name)
    if name == "jvp":
        return JVP
    return ConfigWord(name) if name in FUNCTIONS else None


def unknown_name(frame: Frame, name: str, span: Span) -> Fault:
    """The fault of a name that nothing binds, with what may have been meant; not for the thousandth, which nobody is shown."""
    help = own = ended = labelled = None
    if frame.session.problems.noted < 2 * MAX_SHOWN:
        own = did_you_mean(name, frame.scope.visible())  # a dimension may be in capitals too
        help = did_you_mean(name, {*frame.scope.visible(), *frame.module.names(), *known(), *FUNCTIONS, *DTYPES, "jvp"})
    if name[:1].isupper() and len(name) > 1 and not own:
        return Fault(names.UnknownLayer(at=span, what=f"there is no layer or block `{name}`", help=help))
    if frame.session.problems.noted < 2 * MAX_SHOWN:
        ended = _before(frame, span, lambda one: name in _bound(one))
        labelled = _before(frame, span, lambda one: isinstance(one, tree.Step) and _text(one.label) == name)
    what = f"there is no `{name}` here"
    others: tuple[Label, ...] = ()
    if ended is not None:
        others = (Label(ended.span, "bound here, in braces that have ended"),)
        help = f"a name that is first bound in braces ends with them: bind `{name}` before they open"
    elif isinstance(labelled, tree.Step) and labelled.label is not None:
        others = (Label(labelled.label.span, "this is a label"),)
        help = f"a label is a path, not a name: declare the layer, `shared {name} = …`, or name what it gives, `… as {name}`"
    return Fault(names.UnknownName(at=span, what=what, help=help if others else own or help, others=others))


def _before(frame: Frame, span: Span, found: Callable[[tree.Tree], bool]) -> tree.Tree | None:
    """The last part of the body, before this place, for which that is so."""
    body = frame.session.active[-1] if frame.session.active else None
    if body is None or body.span.source is not span.source or span.text not in span.source.text[body.span.start : span.start]:
        return None
    before = [one for one in body.walk() if one.span.end <= span.start and found(one)]
    return before[-1] if before else None


def _text(label: tree.Path | None) -> str:
    return "" if label is None else label.span.text


def _bound(one: tree.Tree) -> tuple[str, ...]:
    if isinstance(one, tree.Assign):
        return tuple(target.name for target in one.targets)
    return one.names or () if isinstance(one, tree.Link) else ()


def item_value(session: Session, module: Module, name: str, span: Span) -> Any:
    """A top-level name of a file as a value, or None."""
    if name in module.values:
        return module.values[name]
    if (module, name) in session.unknown:
        return UNKNOWN
    if name in module.imported:
        home, inner = module.imported[name]
        value = item_value(session, home, inner, span)
        if value is not UNKNOWN:
            module.values[name] = value
        return value
    item = module.items.get(name)
    if item is None:
        return None
    if name in module.busy:
        raise Fault(names.UnknownName(at=span, what=f"`{name}` is defined by itself"))
    module.busy.add(name)
    try:
        value = _resolve(session, module, item, name)
    finally:
        module.busy.discard(name)
    if value is UNKNOWN:
        session.unknown.add((module, name))  # for this run: the next one says again what is wrong with it
    else:
        module.values[name] = value
    return value


def file_frame(session: Session, module: Module) -> Frame:
    """A frame at a file's top level: no flow, no tensors."""
    from archdsl.dims.facts import Facts

    return Frame(session, module, Unit(session, "", "file", Facts(), None), Scope(None), Settings())


def _resolve(session: Session, module: Module, item: tree.Item, name: str) -> Any:
    match item:
        case tree.Block() | tree.Arch():
            return BlockWord(item, module)
        case tree.Fn():
            return fn_word(item, module)
        case tree.Variant():
            try:
                from archdsl.elaborate.variant_words import variant_word  # loaded where there is one

                return variant_word(session, module, item)
            except Fault as fault:
                session.note(fault)
            except Absorbed:
                pass
            return UNKNOWN
        case tree.Let():
            frame = file_frame(session, module)
            try:
                value = expressions.evaluate(frame, item.value)
                if len(item.targets) == 1:
                    return value
                parts = expressions.take_apart(value, len(item.targets), item.span)
                return parts[item.targets.index(name)]
            except RecursionError:
                session.too_deep(item.span)
                return UNKNOWN
            except Fault as fault:
                session.note(fault)
            except Absorbed:
                pass
            return UNKNOWN
    return None
