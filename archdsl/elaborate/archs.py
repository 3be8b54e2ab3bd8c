"""Archs: their inputs become symbols, their heads outputs, what is undecided checks at the door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.dims.dim import Dim, Size, symbol
from archdsl.dims.facts import Facts
from archdsl.dims.growing import least
from archdsl.dims.shape import TensorType
from archdsl.elaborate import apply, blocks, expressions, headers, steps
from archdsl.elaborate.arguments import Given
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.finish import finish
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import tensor
from archdsl.elaborate.origin import Origin
from archdsl.elaborate.program import Module
from archdsl.elaborate.program import headers as header_lists
from archdsl.elaborate.reserved import renamed, why_unwritable
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import Session, Settings
from archdsl.elaborate.unit import Made, Unit
from archdsl.elaborate.values import UNKNOWN, BlockWord, Several, describe
from archdsl.ir.graph import Door, Graph
from archdsl.ir.value import Value
from archdsl.problems.collector import Problems
from archdsl.problems.problem import Label
from archdsl.problems.suggest import did_you_mean
from archdsl.records import changed, fresh, mutable, record
from archdsl.source import Span
from archdsl.syntax import tree


@mutable
class Heads:
    """The outputs of an arch as its body makes them."""

    item: tree.Arch
    scope: Scope | None = None
    """The arch's own braces."""
    made: dict[str, tuple[Any, bool, Span]] = fresh(default_factory=dict)
    expectations: list[tuple[Any, Scope]] = fresh(default_factory=list)


@record
class Expectation:
    """One condition of an `expect`, with the scope it is to be understood in."""

    condition: Any
    scope: Scope | None
    module: Module | None


@record
class Elaborated:
    """An arch as a typed graph, with what it expects of itself."""

    graph: Graph
    expectations: tuple[Expectation, ...]
    config: tuple[tuple[str, Any], ...]


def head(frame: Frame, one: tree.Head) -> None:
    """`head name { … }`: makes an output; the flow goes on unchanged."""
    heads: Heads | None = frame.heads
    if heads is None:
        raise Fault(
            problems.MisplacedHead(
                at=one.span,
                what=f"the head `{one.name}` stands inside a block or a construct that runs beside the flow or many times",
                help="heads stand in the arch itself, or in its `if`s and plain groups",
            )
        )
    item = heads.item
    declared = {out.name for out in item.outs or () if out.name}
    if item.outs and one.name not in declared:
        raise Fault(
            problems.UnknownOutput(
                at=one.span, what=f"the header has no output `{one.name}`", help=did_you_mean(one.name, declared)
            )
        )
    if one.name in heads.made:
        raise Fault(
            problems.MisplacedHead(
                at=one.span, what=f"the output `{one.name}` is made twice", others=(Label(heads.made[one.name][2], "made here"),)
            )
        )
    training = one.training or any(out.name == one.name and out.training for out in item.outs or ())
    if one.body is None:
        value = frame.flow
    else:
        inner = frame.inner(parallel="head")
        value = steps.run_body(inner, one.body)
    frame.flow_span = None
    heads.made[one.name] = (value, training, one.span)


def body_of_arch(frame: Frame, item: tree.Arch, parameters: tuple[str, ...]) -> Made | None:
    """Elaborate an arch's body and put its outputs in order."""
    heads = frame.heads = Heads(item, frame.scope)
    result = steps.run_body(frame, item.body)
    outputs = _outputs(frame, item, heads, result)
    if outputs is None:
        return None
    for name in [one.name for one in item.outs or () if one.name] or heads.made if len(outputs) > 1 else ():
        writable(frame.session, name, heads.made[name][2] if name in heads.made else item.span, output=True)
    apply.settle_unused(frame)
    frame.session.expectations[id(frame.unit)] = heads.expectations
    made = finish(
        frame.unit,
        [(name, value, training) for name, value, training in outputs],
        len(outputs) > 1,
        config=blocks.configuration(frame.scope),
        parameters=parameters,
        doc=item.doc or "",
    )
    frame.session.heads[id(made.graph)] = heads
    return made


def spliced(frame: Frame, item: tree.Arch) -> Any:
    """An arch's body under the label `_`: what its heads make, in header order. What it expects of itself is not asked here."""
    heads = frame.heads = Heads(item, frame.scope)
    outputs = _outputs(frame, item, heads, steps.run_body(frame, item.body))
    if outputs is None:
        return UNKNOWN
    return Several(tuple((None, value) for _, value, _ in outputs)) if len(outputs) > 1 else outputs[0][1]


def _outputs(frame: Frame, item: tree.Arch, heads: Heads, result: Any) -> list[tuple[str | None, Value, bool]] | None:
    """Outputs in the order of the header, training heads last; None where one is unknown."""
    found: list[tuple[str | None, Any, bool, tree.Out | None, Span]] = []
    if not heads.made and frame.session.problems.errors and any(isinstance(one, tree.Head) for one in item.body.walk()):
        return None
    declared = list(item.outs or ())
    if heads.made:
        order = [out.name for out in declared] if declared else list(heads.made)
        by_name = {out.name: out for out in declared}
        for name in order:
            if name is None or name not in heads.made:
                out = by_name.get(name)
                if out is not None and not _conditional(item, name):
                    frame.session.note(
                        Fault(
                            problems.MissingOutput(
                                at=out.span, what=f"no head makes the output `{name}`", help=f"write `head {name} {{ … }}`"
                            )
                        )
                    )
                continue
            value, training, span = heads.made[name]
            found.append((name, value, training, by_name.get(name), span))
    else:
        items = [value for _, value in result.items] if isinstance(result, Several) else [result]
        if declared and len(declared) != len(items) and result is not UNKNOWN:
            raise Fault(
                problems.MissingOutput(
                    at=declared[0].span,
                    what=f"the header has {len(declared)} outputs, and the body gives {len(items)}",
                    help="make each by a head: `head name { … }`",
                )
            )
        for index, value in enumerate(items):
            out = declared[index] if index < len(declared) else None
            name = out.name if out is not None and out.name else "output" if len(items) == 1 else f"output{index}"
            found.append((name, value, bool(out and out.training), out, blocks.end_of(item.body)))
    done: list[tuple[str | None, Value, bool]] = []
    for name, value, training, out, span in found:
        if value is UNKNOWN:
            return None
        if isinstance(value, Several):
            raise Fault(
                names.NotATensor(at=span, what=f"the output `{name}` is a tuple of {len(value.items)}; an output is one tensor")
            )
        one = tensor(frame, value, span)
        if out is not None:
            headers.check_out(frame, out, one, item.name)
        done.append((name, one, training))
    return sorted(done, key=lambda each: each[2])


def _conditional(item: tree.Arch, name: str | None) -> bool:
    """Whether a head of that name stands behind an `if`: then it may be absent."""
    for one in item.body.walk():
        if isinstance(one, tree.If) and any(isinstance(below, tree.Head) and below.name == name for below in one.walk()):
            return True
    return False


def elaborate(
    session: Session,
    module: Module,
    word: BlockWord,
    name: str,
    overrides: Mapping[str, Any],
    given: frozenset[str],
    span: Span,
    free: Mapping[str, Any] | None = None,
    visit: Any = None,
) -> Elaborated | None:
    """The arch as a graph: every bare dimension of its header is a symbol. `given` are the optional inputs that it takes;
    `free` are configuration names that stay symbolic; `visit` says how its steps are edited or written down."""
    if word.edits:
        from archdsl.elaborate.editing import variants  # loaded where something is edited

        return variants.elaborate(session, module, word, name, overrides, given, span, free)
    if name == word.item.name or not word.given:
        return _configured(session, module, word, name, overrides, given, span, free, visit)
    before, session.problems = session.problems, Problems()
    made = None
    try:
        made = _configured(session, module, word, name, overrides, given, span, free, visit)
    except Fault as fault:
        session.note(fault)
    finally:
        noted, session.problems = session.problems.sorted(), before
    for one in noted:
        told = one.severity == "error" and (one.at.source, one.at.line) != (span.source, span.line)
        label = Label(span, f"as `{name}` configures it")
        session.problems.add(changed(one, others=(*one.others, label)) if told else one)
    return made


def _configured(
    session: Session,
    module: Module,
    word: BlockWord,
    name: str,
    overrides: Mapping[str, Any],
    given: frozenset[str],
    span: Span,
    free: Mapping[str, Any] | None,
    visit: Any,
) -> Elaborated | None:
    before = len(session.problems.errors)
    item = word.item
    assert isinstance(item, tree.Arch)  # noqa: S101
    parameters, tensors = header_lists(item)
    _names_to_write(session, name, item)
    config = dict(word.given)
    known = {one.name for one in parameters}
    for key, value in overrides.items():
        if key not in known:
            raise Fault(
                problems.UnknownConfiguration(
                    at=item.name_span,
                    what=f"`{name}` has no configuration `{key}`",
                    help=did_you_mean(key, known) or f"it has {', '.join(sorted(known)) or 'none'}",
                )
            )
        config[key] = value
    for one in parameters:
        if one.name not in config and one.default is None:
            raise Fault(
                problems.NotConfigured(
                    at=one.span,
                    what=f"`{one.name}` of `{name}` has no default and is not given",
                    help=f"give it: -D {one.name}=…",
                )
            )
    for key in free or ():
        config[key] = symbol(key)
    unit = Unit(session, item.name, "arch", Facts(), item.span)
    frame = Frame(session, word.module, unit, Scope(None), Settings())
    frame.visit = visit
    config_given: list[Given] = [(key, value, item.name_span) for key, value in config.items()]
    headers.bind_config(frame, parameters, config_given, name, span)
    values = arch_inputs(frame, tensors, given, item)
    frame.flow = values[0] if values else None
    try:
        session.active.append(item)
        made = body_of_arch(frame, item, tuple(one.name for one in parameters))
    except Absorbed:
        return None
    finally:
        session.active.pop()
    if made is None or len(session.problems.errors) > before:
        return None
    origin = Origin(module, word, name, overrides, given, span, free or {}, session.float, homes=session.homes)
    doc = made.graph.doc if word.doc is None else word.doc
    graph = origin.graph = changed(made.graph, name=name, doors=doors(made, unit), doc=doc, origin=origin)
    session.heads[id(graph)] = session.heads.get(id(made.graph), Heads(item))
    expectations = tuple(
        Expectation(condition, scope, word.module) for condition, scope in session.expectations.pop(id(unit), [])
    )
    return Elaborated(graph, expectations, tuple(config.items()))


def _names_to_write(session: Session, name: str, item: tree.Arch) -> None:
    """The arch, its numbers and inputs are called in the PyTorch class what they are called here."""
    writable(session, name, item.name_span)
    for one in (parameter for given in item.lists for parameter in given):
        kinds = one.type.options if isinstance(one.type, tree.UnionType) else (one.type,)
        if any(isinstance(kind, tree.TensorTypeTree) or (kind is not None and kind.name == "int") for kind in kinds):
            writable(session, one.name, one.span)


def writable(session: Session, name: str, span: Span, *, output: bool = False) -> None:
    """Tell of a name that users of the PyTorch class cannot write, and write otherwise."""
    why = why_unwritable(name, output=output)
    if why:
        what = f"`{name}` {why}: there it is `{renamed(name)}`"
        session.problems.add(names.RenamedName(at=span, what=what, help=f"call it `{renamed(name)}` to have one name in both"))


def arch_inputs(
    frame: Frame, tensors: tuple[tree.Param_, ...], given: frozenset[str], item: tree.Arch | tree.Block
) -> list[Value | None]:
    """The inputs of an arch: their bare dimensions become symbols, or are the configuration of that name."""
    if not tensors:
        raise Fault(
            names.NotATensor(
                at=item.name_span,
                what=f"`{item.name}` has no tensor inputs",
                help="write them in the second parentheses: `(x: [N, 3, H, W])`",
            )
        )
    headers.misplaced_ellipsis([one.type for one in tensors if isinstance(one.type, tree.TensorTypeTree)])
    for one in tensors:
        declared = one.type
        assert isinstance(declared, tree.TensorTypeTree)  # noqa: S101
        for dim in declared.dims:
            if isinstance(dim, tree.Name) and dim.name != "_" and frame.scope.find(dim.name) is None:
                constant = headers.file_constant(frame, dim)
                frame.scope.bind(dim.name, symbol(dim.name) if constant is None else constant, dim.span, "config")
    values: list[Value | None] = []
    for one in tensors:
        declared = one.type
        assert isinstance(declared, tree.TensorTypeTree)  # noqa: S101
        optional = one.default is not None
        present = not optional or one.name in given
        value = None
        if present:
            type = input_type(frame, one, declared)
            value = frame.unit.value(type, frame.unit.root)
            frame.unit.hint(value, one.name)
            frame.unit.made[value.name] = one.span
        frame.unit.inputs.append((one.name, value, optional))
        frame.scope.bind(one.name, value, one.span, "input")
        values.append(value)
    blocks.default_inputs(frame, tensors, values)
    for key in given - {one.name for one in tensors if one.default is not None}:
        raise Fault(problems.UnknownConfiguration(at=item.name_span, what=f"`{item.name}` has no optional input `{key}`"))
    return values


def input_type(frame: Frame, parameter: tree.Param_, declared: tree.TensorTypeTree) -> TensorType:
    """The type of an arch's input; `_` is a dimension of its own."""
    shape: list[Size] = []
    for axis, dim in enumerate(declared.dims):
        if isinstance(dim, tree.Ellipsis_):
            raise Fault(
                shapes.RankMismatch(at=dim.span, what="an arch's input has a known number of axes", help="name each dimension")
            )
        if isinstance(dim, tree.Name) and dim.name == "_":
            shape.append(symbol(f"{parameter.name}_{axis}"))
            continue
        size = expressions.evaluate(frame, dim)
        if size is UNKNOWN:
            raise Absorbed
        if not isinstance(size, (int, Dim)) or isinstance(size, bool):
            raise Fault(
                names.TypeMismatch(at=dim.span, what=f"a dimension is a whole number, and `{dim.span.text}` is {describe(size)}")
            )
        if isinstance(size, int) and size < 1:
            raise Fault(shapes.ShapeMismatch(at=dim.span, what=f"a dimension is at least 1, and this is {size}"))
        shape.append(size)
    return TensorType(tuple(shape), declared.dtype or "float")


def doors(made: Made, unit: Unit) -> tuple[Door, ...]:
    """What is checked at run time: undecided requirements, and sizes that must come out at least 1.

    Of sizes that grow with one symbol only the strictest is checked: it implies the others.
    """
    found = [Door(one.left, one.op, one.right, one.message, one.span) for one in made.raised]
    strictest: dict[str, tuple[int, Dim, Span]] = {}
    for size, span in made.positive.items():
        if not isinstance(size, Dim) or unit.facts.at_least(size, 1):
            continue
        needs = least(size)
        if needs is None:
            found.append(_at_least_one(size, span))
        elif needs[0] not in strictest or needs[1] > strictest[needs[0]][0]:
            if needs[1] > 1:
                strictest[needs[0]] = (needs[1], size, span)
    return (*found, *(_at_least_one(size, span) for _, size, span in strictest.values()))


def _at_least_one(size: Dim, span: Span) -> Door:
    return Door(1, "<=", size, f"the size {size} must be at least 1", span)
