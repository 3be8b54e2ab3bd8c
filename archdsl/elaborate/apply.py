"""Layers applied: an operator with state, a block, a group or a shared instance takes what flows and becomes a member."""

from __future__ import annotations

from typing import Any

from archdsl.dims.dim import Dim
from archdsl.elaborate import blocks, functions, headers
from archdsl.elaborate.arguments import Given, fields_of
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.labels import Where
from archdsl.elaborate.operators import call, infer, operands_of, prepare, unknown_leaf
from archdsl.elaborate.unit import Made
from archdsl.elaborate.values import (
    UNKNOWN,
    BlockWord,
    Derivative,
    DerivativeWord,
    FnWord,
    Group,
    Instance,
    Leaf,
    OpWord,
    Several,
    Template,
    is_tensor,
)
from archdsl.ir.graph import Call, Initializer, Layer
from archdsl.ir.node import Path
from archdsl.ir.value import Value
from archdsl.ops.contract import INFERRED, REQUIRED, Op
from archdsl.problems.problem import Label
from archdsl.source import Span


def block_arguments(word: BlockWord, before: tuple[tuple[str, Any], ...], given: list[Given], span: Span) -> dict[str, Any]:
    """Configuration for a block: what a template had, and what is given at the use for the parameters still open."""
    config, tensors = word.module.lists(word.item)
    known = {**dict(word.given), **dict(before)}
    fixed = dict(before)
    open_parameters = tuple(one for one in config if one.name not in fixed)
    for name, _value, at in given:
        if name is not None and name in fixed:
            raise Fault(names.RepeatedArgument(at=at, what=f"`{name}` of `{word.name}` is already given by the template"))
    values = headers.match_arguments(open_parameters, given, word.name, span, tensors)
    for one in open_parameters:
        if one.name in values and one.type is not None:
            value, at = values[one.name]
            values[one.name] = (headers.of_type(value, one.type, one.name, word.name, at), at)
    return {**known, **{name: value for name, (value, _) in values.items()}}


def extended(template: Template, given: list[Given], span: Span) -> Template:
    """A template with more of its configuration given."""
    if not given:
        return template
    callee = template.callee
    if isinstance(callee, BlockWord):
        return Template(callee, tuple(block_arguments(callee, template.args, given, span).items()), span)
    if isinstance(callee, OpWord):
        fixed = dict(template.args)
        for name, _, at in given:
            if name is not None and name in fixed:
                raise Fault(
                    names.RepeatedArgument(at=at, what=f"`{name}` of `{callee.kind.name}` is already given by the template")
                )
        open_kind = [(name, value, at) for name, value, at in given]
        more = _remaining(callee.kind, fixed, open_kind, span)
        return Template(callee, (*template.args, *more.items()), span)
    raise Fault(names.TooManyArguments(at=given[0][2], what="this layer takes no configuration"))


def _remaining(kind: type[Op], fixed: dict[str, Any], given: list[Given], span: Span) -> dict[str, Any]:
    """Arguments for the fields that are still open, positions in the order of the header."""
    order = [one.name for one in kind.fields.values() if one.positional and one.name not in fixed]
    named: list[Given] = []
    position = 0
    for name, value, at in given:
        if name is None and position < len(order):
            named.append((order[position], value, at))
            position += 1
        elif name is None and fixed and kind.variadic is None:
            raise Fault(
                names.TooManyArguments(
                    at=at, what=f"the template of `{kind.name}` leaves no argument open that stands by position"
                )
            )
        else:
            named.append((name, value, at))
    return fields_of(kind, named, span, loose=True)


def apply(frame: Frame, layer: Any, flow: Any, where: Where, span: Span) -> Any:
    """A layer or function applied to what flows."""
    if flow is UNKNOWN or layer is UNKNOWN:
        raise Absorbed
    if isinstance(layer, Instance):
        return apply_instance(frame, layer, flow, where, span)
    if isinstance(layer, (Derivative, DerivativeWord)):
        from archdsl.elaborate import derivatives  # loaded where a derivative is asked for

        given = layer if isinstance(layer, Derivative) else derivatives.derivative([], span)
        return derivatives.apply_derivative(frame, given, flow, where, span)
    template = layer if isinstance(layer, Template) else Template(layer, (), span)
    callee = template.callee
    if flow is None:
        raise Fault(names.NoFlow(at=span, what="nothing flows into this layer", help="name its input: `x -> Layer(…)`"))
    if isinstance(callee, FnWord):
        return functions.call_fn(frame, callee, [(name, value, span) for name, value in template.args], span, flow)
    if frame.restricted and (not isinstance(callee, OpWord) or callee.kind.layer):
        raise Fault(names.LayerInExpression(at=span, what=f"{frame.restricted} owns no layers", help="make it a `block`"))
    if isinstance(callee, OpWord):
        if not callee.kind.layer:
            op = callee.kind(**dict(template.args))
            return call(frame, op, operands_of(frame, callee.kind, flow, span), span, where.path(frame, False, span))
        return _apply_layer(frame, callee.kind, template, flow, where, span)
    if where.splices:
        return blocks.splice(frame, callee, template, flow, span)
    visit = frame.visit and frame.visit.into(span)
    made = blocks.instantiate(frame, callee, template, flow, where, span, visit)
    if made is None:
        raise Absorbed
    result, operands = made
    stateful = any(True for _ in result.graph.tensors())
    path = where.path(frame, stateful, span, layer=True)
    if visit is not None:
        visit.prefix = path
    frame.unit.add(path, Call(result.graph, span), span)
    return emit_block(frame, result, operands, path, span)


def emit_block(frame: Frame, made: Made, operands: tuple[Value, ...], path: Path, span: Span, graph: Any = None) -> Any:
    """The node that calls a block's instance."""
    lent = frame.unit.adopt(path, made)
    for tie in made.open_ties:
        if isinstance(tie.target, int):
            source = operands[tie.target]
            frame.unit.tie((*path, *tie.path), parameter_path(frame, source, tie.span), tie.span)
    results = frame.region.emit(operands, made.graph.output_types, span, member=path, path=path, lent=lent, graph=graph)
    if not made.several:
        return results[0]
    return Several(tuple((None, one) for one in results))


def parameter_path(frame: Frame, value: Value, span: Span) -> Path | int:
    """The path of the parameter that a value is, or the index of the input that brings it."""
    unit = frame.unit
    found = unit.parameters.get(value.name)
    if found is not None:
        return found
    given = [one for _, one, _ in unit.inputs if one is not None]
    for index, one in enumerate(given):
        if one.name == value.name:
            return index
    made = unit.made.get(value.name)
    raise Fault(
        shapes.NotAParameter(
            at=span,
            what="a layer's tensor is given by a value that is computed, and only a parameter can be shared",
            others=(Label(made, "computed here"),) if made is not None else (),
            help="use the functional form, which takes its weights as tensors: `linear(x, w)`",
        )
    )


def layer_op(frame: Frame, kind: type[Op], template: Template, span: Span) -> tuple[Op, dict[str, Any], dict[str, Initializer]]:
    """The operator with its arguments and the `default`s in force, the tensors given to it, and its own initializers."""
    args = dict(template.args)
    ties = {name: value for name, value in args.items() if is_tensor(value)}
    inits = {"weight": args["init"]} if "init" in args else {}
    values = {name: value for name, value in args.items() if name not in ties and name != "init"}
    defaults = {name: value for name, value in frame.settings.default(kind.name).items() if name in kind.fields}
    for field in kind.fields.values():
        if field.default is REQUIRED and field.name not in values and field.name not in defaults:
            raise Fault(names.MissingArgument(at=span, what=f"`{kind.name}` needs `{field.name}`: {field.doc}"))
    return kind(**{**defaults, **values}), ties, inits


def initializers(frame: Frame, op: Op, own: dict[str, Initializer]) -> tuple[tuple[str, Initializer], ...]:
    """The initializers of a layer's tensors other than PyTorch's: its own, else the nearest `init`."""
    found = []
    for leaf in op.parameters():
        one = own.get(leaf) or frame.settings.init(op.name, leaf)
        if one is not None:
            found.append((leaf, one))
    return tuple(found)


def tie_tensors(frame: Frame, op: Op, ties: dict[str, Any], path: Path, span: Span) -> None:
    """Tensors of a layer that are given: their keys become aliases."""
    weights = op.parameters()
    for leaf, target in ties.items():
        if leaf not in weights:
            from archdsl.problems.suggest import did_you_mean

            raise Fault(
                names.UnknownArgument(
                    at=span,
                    what=f"`{op.name}` owns no tensor `{leaf}`; it owns {', '.join(weights) or 'none'}",
                    help=did_you_mean(leaf, weights),
                )
            )
        here = (*path, *leaf.split("."))
        if isinstance(target, Leaf):
            owner = target.instance.op
            if owner is not None:
                known = owner.parameters()
                if target.name not in known:
                    raise unknown_leaf(target, span)
                _same_shape(frame, known[target.name].shape, weights[leaf].shape, f"{op.name}.{leaf}", span, target.instance.span)
            frame.unit.tie(here, target, span)
        else:
            local = target
            _same_shape(frame, local.type.shape, weights[leaf].shape, f"{op.name}.{leaf}", span, frame.unit.made.get(local.name))
            frame.unit.tie(here, parameter_path(frame, local, span), span)


def _same_shape(frame: Frame, given: tuple[Any, ...], wanted: tuple[Any, ...], what: str, span: Span, made: Span | None) -> None:
    if len(given) == len(wanted) and all(frame.facts.equal(a, b) for a, b in zip(given, wanted, strict=True)):
        return
    told = "[" + ", ".join(map(str, given)) + "] and [" + ", ".join(map(str, wanted)) + "]"
    raise Fault(
        shapes.ShapeMismatch(
            at=span,
            what=f"`{what}` cannot be this tensor: {told}",
            others=(Label(made, "the tensor that is given"),) if made else (),
        )
    )


def _apply_layer(frame: Frame, kind: type[Op], template: Template, flow: Any, where: Where, span: Span) -> Any:
    op, ties, own = layer_op(frame, kind, template, span)
    ready = prepare(frame, op, operands_of(frame, kind, flow, span), span)
    bound, types = infer(frame, op, ready, span)
    weights = bound.parameters()
    needs_number(frame, bound, span)
    path = where.path(frame, bool(weights), span, layer=True)
    frame.unit.add(path, Layer(bound, initializers(frame, bound, own), span), span)
    tie_tensors(frame, bound, ties, path, span)
    results = frame.region.emit(ready, types, span, member=path, path=path)
    return results[0] if len(results) == 1 else Several(tuple((None, one) for one in results))


def needs_number(frame: Frame, op: Op, span: Span) -> None:
    """In an arch, every size that a layer is constructed with is a number (or free configuration)."""
    if frame.session.open_sizes:
        return
    for leaf, weight in op.parameters().items():
        for size in weight.shape:
            if isinstance(size, Dim) and not size.symbols <= frame.session.free:
                raise Fault(
                    shapes.NeedsANumber(
                        at=span,
                        what=f"the size {size} of `{op.name}.{leaf}` is symbolic",
                        help="give the dimension a number in the header",
                    )
                )
    for name, value in op.items():
        for size in value if isinstance(value, tuple) else (value,):
            if isinstance(size, Dim) and not size.symbols <= frame.session.free:
                raise Fault(
                    shapes.NeedsANumber(
                        at=span,
                        what=f"`{name}` of `{op.name}` is {size}, which is known only at run time",
                        help="give the dimension a number in the header",
                    )
                )


def apply_instance(frame: Frame, instance: Instance, flow: Any, where: Where, span: Span) -> Any:
    """A shared instance applied: made at its first use, the same weights at each."""
    template = instance.template
    callee = template.callee
    if where.label is not None:
        also_at(frame, instance, where.path(frame, False, span), span)
    home = frame.settings
    frame.settings = instance.settings
    try:
        if isinstance(callee, OpWord):
            return _instance_op(frame, instance, callee.kind, flow, span)
        if isinstance(callee, FnWord):
            return functions.call_fn(frame, callee, [(name, value, span) for name, value in template.args], span, flow)
        return _instance_block(frame, instance, callee, flow, span)
    finally:
        frame.settings = home


def also_at(frame: Frame, instance: Instance, label: Path, span: Span) -> None:
    """A shared instance has its keys under this label too, if it is another than its own."""
    unit = frame.unit
    if instance.unit is not unit or label != instance.path:
        if unit.aliases.get(label) != instance.path and (label, instance) not in unit.open_aliases:
            unit.claim(label, span)
        unit.alias(label, instance)


def _instance_op(frame: Frame, instance: Instance, kind: type[Op], flow: Any, span: Span) -> Any:
    op, ties, own = layer_op(frame, kind, instance.template, instance.span)
    if not kind.layer:
        return call(frame, op, operands_of(frame, kind, flow, span), span)
    ready = prepare(frame, op, operands_of(frame, kind, flow, span), span)
    try:
        bound, types = infer(frame, instance.op if instance.op is not None else op, ready, span)
    except Fault as fault:
        if instance.op is None or fault.problem.code != "shape-mismatch":
            raise
        raise _other_inputs(instance, op.name, fault.problem.message(), span) from None
    if instance.op is None:
        needs_number(frame, bound, span)
        instance.op = bound
        instance.result = initializers(frame, bound, own)
        tie_tensors(frame, bound, ties, frame.unit.path_to(instance), span)
    elif instance.op != bound:
        raise _other_inputs(instance, op.name, "its weights have other shapes", span)
    path = frame.unit.path_to(instance)
    results = frame.region.emit(ready, types, span, member=path, path=frame.container)
    return results[0] if len(results) == 1 else Several(tuple((None, one) for one in results))


def _other_inputs(instance: Instance, name: str, why: str, span: Span) -> Fault:
    what = f"this shared `{name}` was made at its first use, for other inputs: {why.removeprefix(f'`{name}`: ')}"
    return Fault(shapes.SharedMismatch(at=span, what=what, others=(Label(instance.span, "declared here"),)))


def _instance_block(frame: Frame, instance: Instance, callee: BlockWord | Group, flow: Any, span: Span) -> Any:
    made = blocks.instantiate(frame, callee, instance.template, flow, Where(None, None), span, instance.visit)
    if made is None:
        raise Absorbed
    result, operands = made
    other = None
    if instance.graph is None:
        instance.graph = result.graph
    elif instance.graph != result.graph:
        other = result.graph
        if list(instance.graph.tensors()) != list(result.graph.tensors()):
            raise Fault(
                shapes.SharedMismatch(
                    at=span,
                    what="this shared block was made for inputs that ask for other weights",
                    others=(Label(instance.span, "declared here"),),
                )
            )
    path = frame.unit.path_to(instance)
    return emit_block(frame, result, operands, path, span, other)


def settle(frame: Frame, instance: Instance) -> None:
    """Make a shared operator before its first use, where its arguments say all of its sizes."""
    callee = instance.template.callee
    if not isinstance(callee, OpWord) or not callee.kind.layer or instance.unit is not frame.unit:
        return
    outer, frame.settings = frame.settings, instance.settings
    try:
        op, ties, own = layer_op(frame, callee.kind, instance.template, instance.span)
        if any(value is INFERRED for _, value in op.items()):
            return
        needs_number(frame, op, instance.span)
        instance.op = op
        instance.result = initializers(frame, op, own)
        tie_tensors(frame, op, ties, instance.path, instance.span)
    finally:
        frame.settings = outer


def settle_unused(frame: Frame) -> None:
    """At the end of a body: a shared layer that no step applies stays, if its arguments say all of its sizes."""
    if frame.session.problems.errors:
        return
    for instance in [one for one in frame.unit.members.values() if isinstance(one, Instance)]:
        callee = instance.template.callee
        if instance.op is not None or not (isinstance(callee, OpWord) and callee.kind.layer):
            continue
        settle(frame, instance)
        if instance.op is None:
            op, _, _ = layer_op(frame, callee.kind, instance.template, instance.span)
            missing = " and ".join(f"`{name}`" for name, value in op.items() if value is INFERRED)
            raise Fault(
                names.MissingArgument(
                    at=instance.span,
                    what=f"this shared `{op.name}` is never applied, so nothing says its {missing}",
                    help="give them by name, apply it, or remove it",
                )
            )
