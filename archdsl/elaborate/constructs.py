"""Groups, `if`, `repeat`, `skip` and `branch`: compile-time structure that dissolves into nodes."""

from __future__ import annotations

from itertools import islice
from typing import Any

from archdsl.elaborate import apply, calls, choices, expressions, labels, rolling, statements, steps
from archdsl.elaborate.arguments import Given
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.session import MAX_NODES
from archdsl.elaborate.values import UNKNOWN, OpWord, Several, describe
from archdsl.ir.graph import Loop
from archdsl.ir.node import Path
from archdsl.ir.value import Value
from archdsl.problems.problem import Label
from archdsl.records import changed
from archdsl.source import Span
from archdsl.syntax import tree


def enter_container(frame: Frame, inner: Frame, label: Path | None, span: Span) -> None:
    """A label makes a container, which takes one number of the container around."""
    if label is None:
        return
    if frame.numbered:
        frame.unit.number(frame.container)
    path = (*frame.container, *label)
    if path in frame.unit.places:
        frame.unit.claim(path, span)
    frame.unit.contain(path, span)
    inner.container = path
    inner.numbered = True


def group(frame: Frame, label: Path | None, body: tree.Body, step: Any) -> Any:
    """`{ … }`: a scope, and with a label a container."""
    if label == ("_",):
        label = None
    inner = frame.inner()
    inner.heads = frame.heads
    enter_container(frame, inner, label, step.span)
    return steps.run_body(inner, body)


def choose(frame: Frame, label: Path | None, one: tree.If, step: Any) -> Any:
    """`if c { … } else …`: chosen at compile time; without `else` the identity. `if training` is the one run-time choice."""
    if choices.asks_training(one.condition):
        return choices.training(frame, label, one, step)
    chosen: tree.Body | tree.If | None = one.then if expressions.condition(frame, one.condition) else one.otherwise
    inner = frame.inner()
    inner.heads = frame.heads
    enter_container(frame, inner, label, step.span)
    if chosen is None:
        return frame.flow
    if isinstance(chosen, tree.If):
        return choose(inner, None, chosen, chosen)
    return steps.run_body(inner, chosen)


def repeat(frame: Frame, label: Path | None, one: tree.Repeat, step: Any) -> Any:
    """In sequence, fresh instances each time. An iteration that takes one number, for an unlabelled layer, is that layer."""
    items = walked(frame, one)
    session = frame.session
    outer = session.multiplier
    session.multiplier = outer * max(len(items), 1)
    if session.multiplier > MAX_NODES:
        session.multiplier = outer
        raise Fault(
            problems.TooManyNodes(
                at=one.items.span,
                what=f"this expands to more than {MAX_NODES:,} nodes: {len(items):,} times what is inside",
                label="repeated here",
            )
        )
    container = frame.inner()
    enter_container(frame, container, label, step.span)
    container.flow_span = None
    ranges: list[tuple[int, int]] = []
    region, unit = frame.region, frame.unit
    asked = rolling.questions(one) if len(items) > 2 and frame.visit is None else None
    answers: Any = None
    into: Any = None
    here = container.container
    mark = rolling.Mark(unit, 0, here)
    try:
        for index, element in enumerate(items):
            inner = container.inner()
            if container.visit is not None:
                inner.visit = container.visit.into((one.span, index))
            if one.index is not None and one.index != "_":
                inner.scope.bind(one.index, index, one.span, "index")
            if one.walks:
                expressions.bind_targets(inner.scope, one.targets, one.tupled, element, one.span)
            said, answers = answers, None if asked is None else rolling.answer(inner, asked)
            if answers is not None and answers == said and isinstance(container.flow, Value):
                next_mark = rolling.Mark(unit, len(region.nodes), here)
                copied = rolling.copy(container, mark, label is not None, index, into, container.flow)
                if copied is not None:
                    count = ranges[-1][1] - ranges[-1][0]
                    ranges.append((ranges[-1][1], ranges[-1][1] + count))
                    mark, into, container.flow = next_mark, container.flow, copied
                    continue
            into, mark = container.flow, rolling.Mark(unit, len(region.nodes), here)
            since = len(region.nodes)
            if label is not None:
                inner.container = (*here, str(index))
                frame.unit.contain(inner.container, step.span)
            container.flow = steps.run_body(inner, one.body)
            if label is not None:
                single_layer(inner, since, mark.members)
            ranges.append((since, len(region.nodes)))
            if len(region.nodes) + frame.unit.expanded > MAX_NODES:
                raise Fault(problems.TooManyNodes(at=one.span, what=f"the program expands to more than {MAX_NODES:,} nodes"))
            if container.flow is UNKNOWN:
                break
    finally:
        session.multiplier = outer
    if len(ranges) > 1 and region is frame.unit.root:
        frame.unit.loops.append(Loop(container.container if label is not None else None, tuple(ranges)))
    return container.flow


def walked(frame: Frame, one: tree.Repeat) -> Any:
    """What a repeat walks: a count as a range, or a list."""
    value = expressions.evaluate(frame, one.items)
    if one.walks:
        return expressions.elements(value, one.items.span)
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, range):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise Fault(names.BadArgument(at=one.items.span, what=f"a repeat of {value} times"))
        return range(value)
    help = (
        "a loop over a dimension is a `scan`"
        if not isinstance(value, (tuple, str))
        else "name the elements: `repeat x in xs { … }`"
    )
    raise Fault(
        names.TypeMismatch(
            at=one.items.span, what=f"a repeat takes a count known at compile time, and this is {describe(value)}", help=help
        )
    )


def single_layer(frame: Frame, since: int, members: int) -> None:
    """If the iteration took exactly one number, for an unlabelled layer, the layer takes the iteration's place."""
    unit = frame.unit
    path = frame.container
    first = (*path, "0")
    if unit.numbers.get(path) != 1 or first not in unit.members:
        return
    added = islice(reversed(unit.members), len(unit.members) - members)
    if any(one[: len(path)] == path and one[: len(path) + 1] != first for one in added):
        return
    if path in unit.places:
        unit.claim(path, unit.places[first])
    unit.rename(first, path, since, frame.region)
    if frame.visit is not None:
        frame.visit.rename(first, path)
    unit.containers.pop(path, None)


def _operation(
    frame: Frame, args: tuple[tree.Arg, ...], known: tuple[str, ...], what: str
) -> tuple[Any, list[Given], dict[str, Any]]:
    """The merging function or block of a `skip` or `branch`, its other arguments, and the construct's own."""
    operation: Any = None
    more: list[Given] = []
    own: dict[str, Any] = {}
    for one in args:
        if one.name in known and one.name is not None:
            own[one.name] = expressions.condition(frame, one.value)
        elif one.name is None and operation is None:
            value = expressions.evaluate(frame, one.value)
            if not (calls.is_layer(value) or isinstance(value, (OpWord, *calls.FUNCTIONS))):
                raise Fault(
                    names.NotALayer(at=one.span, what=f"a `{what}` merges by a function or block, and this is {describe(value)}")
                )
            operation = value
        else:
            more.append((one.name, expressions.evaluate(frame, one.value), one.span))
    if more and operation is None:
        raise Fault(names.UnknownArgument(at=more[0][2], what=f"`{what}` has no argument `{more[0][0]}`"))
    return operation, more, own


def _merge(frame: Frame, operation: Any, more: list[Given], results: Several, span: Span) -> Any:
    """The results merged by a function or block; a function of two tensors takes any number of them, from the left."""
    if isinstance(operation, calls.FUNCTIONS) or (isinstance(operation, OpWord) and not operation.kind.layer):
        first, *others = results.items
        if len(others) != 1 and _takes_two(operation):
            merged = first[1]
            for one in others:
                merged = calls.call_function(
                    frame, operation, more, span, Several(((None, merged), one)), frame.container, flows=True
                )
            return merged
        return calls.call_function(frame, operation, more, span, results, frame.container, flows=True)
    layer = calls.template(operation, more, span) if more else operation
    where = labels.Where(None, frame.unit.number(frame.container) if frame.numbered else None)
    return apply.apply(frame, layer, results, where, span)


def _takes_two(function: Any) -> bool:
    """Whether a function's tensors are two, both needed."""
    if isinstance(function, OpWord):
        return len(function.kind.tensors) == 2 and not any(one[0] == "*" or one[-1] == "?" for one in function.kind.tensors)
    _, tensors = function.module.lists(function.item)
    return len(tensors) == 2 and all(one.default is None for one in tensors)


def skip(frame: Frame, label: Path | None, one: tree.Skip, step: Any) -> Any:
    """`skip(op, …, when=c) { F } via S` is `op(S(x), F(x), …)`."""
    operation, more, own = _operation(frame, one.args, ("when",), "skip")
    if frame.flow is None:
        raise Fault(names.NoFlow(at=one.span, what="nothing flows into this `skip`"))
    holder = frame.inner(frame.scope)
    holder.flow = frame.flow
    enter_container(frame, holder, label, step.span)
    body = holder.inner(parallel="skip")
    deep = steps.run_body(body, one.body)
    if own.get("when") is False:
        return deep
    shortcut: Any = frame.flow
    if one.via is not None:
        side = holder.inner(parallel="skip")
        side.flow = frame.flow
        shortcut = steps.step(side, one.via, linked=False)
    if deep is UNKNOWN or shortcut is UNKNOWN:
        raise Absorbed
    both = Several(((None, shortcut), (None, deep)))
    try:
        return _merge(holder, operation or calls.builtin_word("add"), more, both, one.span)
    except Fault as fault:
        raise _explained(frame, fault, one, shortcut, deep) from None


def _explained(frame: Frame, fault: Fault, one: tree.Skip, shortcut: Any, deep: Any) -> Fault:
    """A skip whose sides do not fit: both shapes, where they part, and the shortcut that would mend it."""
    problem = fault.problem
    if not (isinstance(shortcut, Value) and isinstance(deep, Value)) or problem.code not in (
        "shape-mismatch",
        "rank-mismatch",
        "unproved-dimension",
    ):
        return fault
    keyword = Span(one.span.source, one.span.start, one.span.start + len("skip"))
    made = frame.unit.made.get(deep.name)
    others = [Label(made if made is not None else one.body.span, f"the body ends as {deep.type}")]
    notes: tuple[str, ...] = ()
    if one.via is not None:
        others.append(Label(one.via.span, f"the shortcut ends as {shortcut.type}"))
    else:
        notes = (f"the shortcut is the identity: {shortcut.type}",)
    left, right = shortcut.type.shape, deep.type.shape
    parts = [axis for axis in range(min(len(left), len(right))) if not frame.facts.equal(left[axis], right[axis])]
    label = "the two sides have different ranks"
    if len(left) == len(right) and parts:
        axis = parts[0]
        label = f"the two sides differ in axis {axis}: {right[axis]} and {left[axis]}"
        if len(parts) > 1:
            label = f"the two sides differ in axes {', '.join(map(str, parts))}"
    what = f"cannot {'merge' if one.args else 'add'} {deep.type} and {shortcut.type}"
    kind = type(problem)
    missing = [frame.facts.missing_equal(left[axis], right[axis]) for axis in parts]
    facts = " and ".join(dict.fromkeys(fact for fact in missing if fact))
    help = _mend(frame, one, shortcut, deep, parts) or (f"add: require {facts}" if facts and all(missing) else problem.help)
    return Fault(kind(at=keyword, label=label, what=what, others=tuple(others), notes=notes, help=help))  # type: ignore[call-arg]


def _mend(frame: Frame, one: tree.Skip, shortcut: Value, deep: Value, parts: list[int]) -> str | None:
    """The shortcut that would mend a skip, where a projection does."""
    left, right = shortcut.type.shape, deep.type.shape
    rank = len(right)
    if one.via is not None or len(left) != rank or not parts:
        return None
    if rank in (3, 4, 5) and isinstance(right[1], int) and (1 in parts or rank > 3):
        strides = {
            stride
            for axis in parts
            if axis > 1
            for stride in (2, 4, 8)
            if frame.facts.equal((left[axis] - 1) // stride + 1, right[axis])
        }
        spatial = [axis for axis in parts if axis > 1]
        if not spatial:
            return f"project it: }} via downsample: Conv{rank - 2}d({right[1]}, 1)"
        if len(strides) == 1 and len(spatial) == rank - 2:
            return f"project it: }} via downsample: Conv{rank - 2}d({right[1]}, 1, stride={strides.pop()})"
    if parts == [rank - 1] and isinstance(right[-1], int):
        return f"project it: }} via shortcut: Linear({right[-1]})"
    return None


def branch(frame: Frame, label: Path | None, one: tree.Branch, step: Any) -> Any:
    """Each step of the body takes the same flow and is one result; merged, else a tuple."""
    operation, more, _ = _operation(frame, one.args, (), "branch")
    holder = frame.inner(frame.scope)
    enter_container(frame, holder, label, step.span)
    results: list[Any] = []
    if one.items is None:
        inner = holder.inner(parallel="branch")
        inner.branching = True
        _branch_body(inner, frame.flow, one.body, results)
    else:
        for index, element in enumerate(expressions.elements(expressions.evaluate(frame, one.items), one.items.span)):
            inner = holder.inner(parallel="branch")
            if holder.visit is not None:
                inner.visit = holder.visit.into((one.span, index))
            expressions.bind_targets(inner.scope, one.targets, one.tupled, element, one.span)
            since, members = len(frame.region.nodes), len(frame.unit.members)
            if label is not None:
                inner.container = (*holder.container, str(index))
                frame.unit.contain(inner.container, step.span)
            inner.branching = label is None
            _branch_body(inner, frame.flow, one.body if label is not None else _numbered(one.body, index), results)
            if label is not None:
                single_layer(inner, since, members)
    if any(value is UNKNOWN for value in results):
        raise Absorbed
    if not results:
        raise Fault(names.NoFlow(at=one.span, what="this `branch` has no steps"))
    both = Several(tuple((None, value) for value in results))
    if operation is None:
        return both
    return _merge(holder, operation, more, both, one.span)


def _numbered(body: tree.Body, index: int) -> tree.Body:
    """The body of one element of a `branch … in`: its labels get the element's number, as a labelled `repeat` gives them."""
    done: list[tree.Statement] = []
    for one in body.statements:
        if isinstance(one, tree.Flow) and one.chain.links[-1].step.label is not None:
            links = []
            for link in one.chain.links:
                label = link.step.label
                if label is not None and not labels.is_template(label) and label.segments[0].text != "_":
                    label = changed(label, segments=(*label.segments, tree.Segment(label.span, str(index), False)))
                links.append(changed(link, step=changed(link.step, label=label)))
            done.append(changed(one, chain=changed(one.chain, links=tuple(links))))
        else:
            done.append(one)
    return changed(body, statements=tuple(done))


def _branch_body(inner: Frame, flow: Any, body: tree.Body, results: list[Any]) -> None:
    for one in body.statements:
        inner.flow, inner.flow_span = flow, None
        if not isinstance(one, tree.Flow):
            steps.run_statement(inner, one)
            continue
        steps.run_statement(inner, one)
        results.append(inner.flow)
    statements.warn_unused(inner)
