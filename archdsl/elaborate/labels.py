"""Labels: where a step stands in the hierarchy of paths, and which number it takes."""

from __future__ import annotations

from archdsl.dims.dim import Dim
from archdsl.elaborate import expressions
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.values import UNKNOWN
from archdsl.ir.node import Path
from archdsl.problems.collector import Problems
from archdsl.problems.problem import Problem
from archdsl.records import changed, mutable
from archdsl.source import Source, Span
from archdsl.syntax import tree

_templates: dict[str, list[str | tree.Expr]] = {}


@mutable
class Where:
    """Where a step will stand: its label, if it has one, and the number it took, if it takes one."""

    label: Path | None
    number: str | None
    splices: bool = False
    branching: bool = False
    """In a `branch`, where a layer with tensors needs a label."""
    taken: Path | None = None

    def path(self, frame: Frame, stateful: bool, span: Span, layer: bool = False) -> Path:
        """The path; a layer that owns tensors must have one that the author can tell."""
        if self.taken is None:
            if self.label is not None:
                self.taken = (*frame.container, *self.label)
            elif self.number is not None and not (self.branching and stateful):
                self.taken = (*frame.container, self.number)
            elif stateful:
                raise Fault(
                    problems.NeedsLabel(
                        at=span,
                        what="this layer owns tensors, and nothing here names their keys",
                        help="label it: `name: Layer(…)`, or `_: Layer(…)` where its keys are to stand right here",
                    )
                )
            elif layer:
                self.taken = hidden(frame)
            else:
                self.taken = frame.container
        return self.taken


def hidden(frame: Frame) -> Path:
    """A path for a layer without tensors (dropout) that takes no number: no key shows it."""
    count = 0
    while (path := (*frame.container, f"step{count}")) in frame.unit.places:
        count += 1
    return path


def segments(frame: Frame, label: tree.Path) -> Path:
    """A label's segments, its templates filled."""
    if not any(one.quoted for one in label.segments):
        return tuple([one.text for one in label.segments])
    done: list[str] = []
    for one in label.segments:
        if not one.quoted:
            done.append(one.text)
            continue
        text = fill(frame, one.text, one.span)
        done.extend(text.split("."))
    if any(not one for one in done):
        raise Fault(problems.BadLabel(at=label.span, what="a label has an empty segment"))
    for text in done:
        if len(text) > 128 or any(ord(character) < 32 for character in text):
            raise Fault(
                problems.BadLabel(at=label.span, what="a label's segment is longer than 128 characters or has control characters")
            )
    return tuple(done)


def is_template(label: tree.Path | None) -> bool:
    """Whether the label has a part that is computed."""
    return label is not None and any(one.quoted and "{" in one.text for one in label.segments)


def fill(frame: Frame, text: str, span: Span, spoken: bool = False) -> str:
    """A template with its `{expr}` replaced by their values; one that is `spoken`, a message, also takes symbolic sizes and
    fractions."""
    done = []
    for part in _parts(text, span):
        if isinstance(part, str):
            done.append(part)
            continue
        try:
            value = expressions.evaluate(frame, part)
        except Fault as fault:
            raise Fault(_here(fault.problem, part.span.source, span)) from None
        if value is UNKNOWN:
            raise Absorbed
        if spoken and isinstance(value, (int, float, Dim)):
            value = str(value)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise Fault(problems.BadLabel(at=span, what="a template takes whole numbers and strings"))
        done.append(str(value))
    return "".join(done)


def _here(problem: Problem, part: Source, span: Span) -> Problem:
    """The problem of a template's part, where the template stands."""
    others = tuple(one for one in problem.others if one.span.source is not part)
    return changed(problem, at=span if problem.at.source is part else problem.at, others=others)


def _parts(text: str, span: Span) -> list[str | tree.Expr]:
    if text in _templates:
        return _templates[text]
    from archdsl.syntax.parse import parse

    parts: list[str | tree.Expr] = []
    rest = text
    while rest:
        before, brace, after = rest.partition("{")
        if before:
            parts.append(before)
        if not brace:
            break
        inside, closed, rest = after.partition("}")
        found = Problems()
        file = parse(Source("label", f"let it_is = {inside}"), found)
        if not closed or found.errors or len(file.items) != 1 or not isinstance(file.items[0], tree.Let):
            raise Fault(problems.BadLabel(at=span, what=f"the template `{text}` has a part in braces that is no expression"))
        parts.append(file.items[0].value)
    _templates[text] = parts
    return parts
