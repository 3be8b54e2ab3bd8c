"""The name of a variant as a value: the arch that it is of, with its configuration and its edits."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from archdsl.elaborate import apply, calls, expressions, headers, lookup
from archdsl.elaborate.arguments import Given
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.program import Module
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import UNKNOWN, BlockWord, VariantEdit, describe
from archdsl.syntax import tree


def variant_word(session: Session, module: Module, item: tree.Variant) -> Any:
    """`arch ResNet50 = ResNet(Bottleneck, [3, 4, 6, 3])`, `variant Wide of ResNet50 { set width = 2 * width }`. Raises."""
    frame = lookup.file_frame(session, module)
    value = item.value
    base = expressions.evaluate(frame, value.function if isinstance(value, tree.Call) else value)
    given: list[Given] = calls.arguments(frame, value.args) if isinstance(value, tree.Call) else []
    if base is UNKNOWN:
        return UNKNOWN
    if not isinstance(base, BlockWord) or not isinstance(base.item, tree.Arch):
        raise Fault(names.NotALayer(at=value.span, what=f"a variant is of an arch, and this is {describe(base)}"))
    if item.edits:
        given = _settings(frame, base, item)
    config = tuple(apply.block_arguments(base, (), given, value.span).items())
    edits = tuple([VariantEdit(item.name, module, config, one) for one in item.edits if one.selector is not None])
    named = (item.name, item.doc or base.doc) if item.edits else (base.called, base.doc)
    return BlockWord(base.item, base.module, config, (*base.edits, *edits), *named)


def _settings(frame: Frame, base: BlockWord, item: tree.Variant) -> list[Given]:
    """What its `set`s give the base, whose configuration they can read."""
    settings: list[tree.Arg] = []
    for edit in item.edits:
        if edit.selector is None and isinstance(edit.value, tuple):
            settings.extend(edit.value)
    if settings:
        alone = lookup.file_frame(frame.session, base.module)
        with suppress(Fault, Absorbed):  # without a default a name has no value yet
            headers.bind_config(alone, base.module.lists(base.item)[0], [], base.name, item.span, dict(base.given))
        for name, binding in alone.scope.names.items():
            frame.scope.bind(name, binding.value, binding.span, "config")
    return calls.arguments(frame, tuple(settings))
