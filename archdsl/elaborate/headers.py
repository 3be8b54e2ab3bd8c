"""Headers: configuration and tensors bound to their parameters, and the contract of the results checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from archdsl.dims.dim import Dim, Size
from archdsl.dims.dtype import same
from archdsl.dims.shape import TensorType
from archdsl.elaborate import expressions
from archdsl.elaborate.arguments import Given, Wrong, coerce, exactly
from archdsl.elaborate.config import is_number
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as problems
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.operators import tensor, word
from archdsl.elaborate.values import (
    UNKNOWN,
    BlockWord,
    Derivative,
    DType,
    FnWord,
    Instance,
    OpWord,
    Several,
    Template,
    describe,
    has_tensor,
)
from archdsl.ir.value import Value
from archdsl.problems.problem import Label
from archdsl.problems.suggest import did_you_mean
from archdsl.source import Span
from archdsl.syntax import tree

Parameters = tuple[tree.Param_, ...]


def match_arguments(
    parameters: Parameters, given: list[Given], name: str, span: Span, tensors: Parameters = ()
) -> dict[str, tuple[Any, Span]]:
    """Positions first, each argument once. `tensors` are what flows in, which no argument is."""
    values: dict[str, tuple[Any, Span]] = {}
    order = [one.name for one in parameters]
    position = 0
    for key, value, at in given:
        if key is None:
            while position < len(order) and order[position] in values:
                position += 1
            if position >= len(order):
                raise Fault(
                    names.TooManyArguments(at=at, what=f"`{name}` takes {len(order)} argument{'s' if len(order) != 1 else ''}")
                )
            key = order[position]
        elif key not in order:
            help = did_you_mean(key, order) or (f"it has {', '.join(order)}" if order else None)
            if any(one.name == key for one in tensors):
                help = f"`{key}` is a tensor, and flows in: `({tensors[0].name}, {key}=…) -> {name}`"
            raise Fault(names.UnknownArgument(at=at, what=f"`{name}` has no argument `{key}`", help=help))
        elif key in values:
            raise Fault(names.RepeatedArgument(at=at, what=f"`{key}` of `{name}` is given twice"))
        values[key] = (value, at)
    return values


def bind_config(
    frame: Frame, parameters: Parameters, given: list[Given], name: str, span: Span, typed: Mapping[str, Any] | None = None
) -> tuple[tuple[str, Any], ...]:
    """Bind configuration in the frame's scope, defaults included; returns names and values. `typed` is of the declared types."""
    values = match_arguments(parameters, given, name, span) if given else {}
    done: list[tuple[str, Any]] = []
    for one in parameters:
        if typed and one.name in typed:
            value = typed[one.name]
            frame.scope.bind(one.name, value, one.span, "config")
            done.append((one.name, value))
            continue
        if one.name in values:
            value, at = values[one.name]
        elif one.default is not None:
            value, at = expressions.evaluate(frame, one.default), one.default.span
        else:
            raise Fault(
                names.MissingArgument(
                    at=span, what=f"`{name}` needs `{one.name}`", others=(Label(one.span, "it has no default"),)
                )
            )
        if value is UNKNOWN:
            raise Absorbed
        if one.type is not None:
            value = of_type(value, one.type, one.name, name, at)
        frame.scope.bind(one.name, value, one.span, "config")
        done.append((one.name, value))
    return tuple(done)


def of_type(value: Any, type: tree.TypeTree, parameter: str, name: str, at: Span) -> Any:
    """A configuration value as its declared type."""
    if isinstance(type, tree.NamedType) and type.element is None and value.__class__ in exactly(_kind(type.name)):
        return value
    options = type.options if isinstance(type, tree.UnionType) else (type,)
    for option in options:
        try:
            return _as_option(value, option)
        except Wrong:
            continue
    told = " | ".join(one.span.text for one in options)
    raise Fault(names.BadArgument(at=at, what=f"`{parameter}` of `{name}` is {told}, and this is {describe(value)}"))


def _as_option(value: Any, option: tree.TensorTypeTree | tree.NamedType) -> Any:
    if isinstance(option, tree.TensorTypeTree):
        raise Wrong
    if option.element is not None:
        if isinstance(value, range):
            value = tuple(value)
        if not isinstance(value, tuple):
            raise Wrong
        element = option.element
        if isinstance(element, tree.TensorTypeTree):
            return value
        inner = element.options if isinstance(element, tree.UnionType) else (element,)
        return tuple([_any_of(one, inner) for one in value])
    if option.name == "layer":
        if isinstance(value, (Template, BlockWord, Instance, FnWord, OpWord, Derivative)):
            return value
        raise Wrong
    if option.name == "list":
        if isinstance(value, tuple):
            return value
        raise Wrong
    if option.name == "dtype" and isinstance(value, DType):
        return value
    return coerce(_kind(option.name), value)


def _kind(name: str) -> str:
    """The kind of a declared type: a dimension is a whole number too."""
    return "size" if name == "int" else name


def _any_of(value: Any, options: tuple[Any, ...]) -> Any:
    for one in options:
        try:
            return _as_option(value, one)
        except Wrong:
            continue
    raise Wrong


def flow_inputs(flow: Any, tensor_names: list[str], name: str, span: Span) -> dict[str, Any]:
    """What flows, as named tensor inputs."""
    if flow is UNKNOWN:
        raise Absorbed
    if not isinstance(flow, Several):
        return {tensor_names[0]: flow} if tensor_names else {}
    inputs: dict[str, Any] = {}
    position = 0
    for key, value in flow.items:
        if value is UNKNOWN:
            raise Absorbed
        if key is None:
            if position >= len(tensor_names):
                takes = f"{len(tensor_names)} tensor{'s' if len(tensor_names) != 1 else ''}"
                raise Fault(names.TooManyArguments(at=span, what=f"`{name}` takes {takes}, and {len(flow.items)} flow into it"))
            key = tensor_names[position]
            position += 1
        elif key not in tensor_names:
            raise Fault(
                names.UnknownArgument(at=span, what=f"`{name}` has no tensor input `{key}`", help=did_you_mean(key, tensor_names))
            )
        if key in inputs:
            raise Fault(names.RepeatedArgument(at=span, what=f"the input `{key}` of `{name}` is given twice"))
        inputs[key] = value
    return inputs


def as_tensor(frame: Frame, value: Any, parameter: tree.Param_, span: Span) -> Value:
    """An input as a tensor; a number is one where the header says a scalar."""
    declared = parameter.type
    if (is_number(value) or isinstance(value, bool)) and isinstance(declared, tree.TensorTypeTree) and not declared.dims:
        dtype = declared.dtype or "float"
        from archdsl.elaborate.operators import call

        result = call(frame, word("full")(size=(), fill_value=value, dtype=dtype), [], span)
        assert isinstance(result, Value)  # noqa: S101
        return result
    return tensor(frame, value, span)


def bind_tensors(
    frame: Frame, parameters: Parameters, outs: tuple[tree.Out, ...], values: list[Value | None], name: str, span: Span
) -> None:
    """Bind the header's tensors and their dimensions: all bare names first, then the expressions must agree."""
    later: list[tuple[tree.TensorTypeTree, Value, tree.Param_]] = []
    for parameter, value in zip(parameters, values, strict=True):
        frame.scope.bind(parameter.name, value, parameter.span, "input")
        if value is None:
            continue
        declared = parameter.type
        if not isinstance(declared, tree.TensorTypeTree):
            continue
        dtype = declared.dtype or "float"
        if not same(value.type.dtype, dtype, frame.session.float):
            raise Fault(
                shapes.DtypeMismatch(
                    at=span,
                    what=f"`{parameter.name}` of `{name}` is {declared.span.text}, and this is {value.type}",
                    others=(Label(parameter.span, "declared here"),),
                    help=f"cast it: `cast(x, {dtype})`",
                )
            )
        bind_names(frame, declared, value.type.shape, parameter, name, span)
        later.append((declared, value, parameter))
    for declared, value, parameter in later:
        check_sizes(
            frame,
            declared,
            value.type,
            f"`{parameter.name}` of `{name}`",
            span,
            partial(Label, parameter.span, "declared here"),
            shapes.ShapeMismatch,
        )


def aligned(declared: tree.TensorTypeTree, shape: tuple[Size, ...]) -> list[tuple[Any, Any]] | None:
    """Declared dimensions beside actual sizes; an ellipsis takes a tuple; None where the ranks differ."""
    dims = declared.dims
    at = next((i for i, one in enumerate(dims) if isinstance(one, tree.Ellipsis_)), None)
    if at is None:
        return list(zip(dims, shape, strict=True)) if len(dims) == len(shape) else None
    after = len(dims) - at - 1
    if len(shape) < len(dims) - 1:
        return None
    end = len(shape) - after
    return [*zip(dims[:at], shape[:at], strict=True), (dims[at], shape[at:end]), *zip(dims[at + 1 :], shape[end:], strict=True)]


def bind_names(
    frame: Frame, declared: tree.TensorTypeTree, shape: tuple[Size, ...], parameter: Any, name: str, span: Span
) -> None:
    """Bind the bare names of one type; a name that is bound must agree (checked after)."""
    pairs = aligned(declared, shape)
    if pairs is None:
        raise Fault(
            shapes.RankMismatch(
                at=span,
                what=f"`{parameter.name}` of `{name}` is {declared.span.text}, and this is {TensorType(shape)}",
                others=(Label(parameter.span, f"declared with {len(declared.dims)} axes"),),
            )
        )
    for dim, size in pairs:
        if isinstance(dim, tree.Name) and dim.name != "_":
            if frame.scope.names.get(dim.name) is None:
                constant = file_constant(frame, dim)
                frame.scope.bind(dim.name, size if constant is None else constant, dim.span, "config")
        elif isinstance(dim, tree.Ellipsis_) and frame.scope.names.get("...") is None:
            frame.scope.bind("...", size, dim.span, "config")


def file_constant(frame: Frame, dim: tree.Name) -> int | None:
    """A whole number that the file itself names: in a header it is that number, as a configuration name is its value."""
    from archdsl.elaborate.lookup import item_value

    value = item_value(frame.session, frame.module, dim.name, dim.span)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def check_sizes(
    frame: Frame, declared: tree.TensorTypeTree, actual: TensorType, what: str, span: Span, other: Callable[[], Label], kind: Any
) -> None:
    """All dimensions of a declared type agree with the actual ones, by proof."""
    pairs = aligned(declared, actual.shape)
    if pairs is None:
        raise Fault(shapes.RankMismatch(at=span, what=f"{what} is {declared.span.text}, and this is {actual}", others=(other(),)))
    for dim, size in pairs:
        if isinstance(dim, tree.Ellipsis_):
            known = frame.scope.find("...")
            if known is not None and not (len(known.value) == len(size) and all(map(frame.facts.equal, known.value, size))):
                raise Fault(
                    kind(at=span, what=f"{what}: `...` is {TensorType(known.value)} and {TensorType(size)}", others=(other(),))
                )
            continue
        if isinstance(dim, tree.Name) and dim.name == "_":
            continue
        wanted = expressions.evaluate(frame, dim)
        if wanted is UNKNOWN:
            continue
        if not isinstance(wanted, (int, Dim)) or isinstance(wanted, bool):
            raise Fault(
                names.TypeMismatch(
                    at=dim.span, what=f"a dimension is a whole number, and `{dim.span.text}` is {describe(wanted)}"
                )
            )
        if frame.facts.equal(wanted, size):
            continue
        told = dim.span.text if str(wanted) == dim.span.text else f"{dim.span.text} = {wanted}"
        if frame.facts.differ(wanted, size):
            raise Fault(
                kind(
                    at=span,
                    what=f"{what} is declared as {declared.span.text} and is {actual}: {told} is not {size}",
                    others=(other(),),
                )
            )
        missing = frame.facts.missing_equal(wanted, size)
        raise Fault(
            shapes.UnprovedDimension(
                at=span,
                what=f"cannot prove {wanted} == {size}, which {what} asks for",
                others=(other(),),
                help=f"add: require {missing}" if missing else None,
            )
        )


def check_outs(frame: Frame, outs: tuple[tree.Out, ...], result: Any, name: str, span: Span) -> None:
    """The result of a body against the header's contract."""
    if result is UNKNOWN:
        raise Absorbed
    items = [one for _, one in result.items] if isinstance(result, Several) else [result]
    if len(items) != len(outs):
        raise Fault(
            shapes.ContractMismatch(
                at=outs[0].span,
                what=f"`{name}` promises {len(outs)} result{'s' if len(outs) > 1 else ''}, and its body gives {len(items)}",
                others=(Label(span, "the body"),),
            )
        )
    for out, value in zip(outs, items, strict=True):
        if value is UNKNOWN:
            continue
        one = tensor(frame, value, out.span)
        check_out(frame, out, one, name)


def check_out(frame: Frame, out: tree.Out, value: Value, name: str) -> None:
    """One result against its declared type."""

    def other() -> Label:
        made = frame.unit.made.get(value.name)
        return Label(made, f"the result, {value.type}, is made here") if made is not None else Label(out.span, "promised here")

    def told() -> str:
        return f"`{name}` promises {out.type.span.text}, and the result is {value.type}"

    dtype = out.type.dtype or "float"
    if not same(value.type.dtype, dtype, frame.session.float):
        raise Fault(shapes.ContractMismatch(at=out.type.span, what=told(), others=(other(),)))
    pairs = aligned(out.type, value.type.shape)
    if pairs is None:
        raise Fault(shapes.ContractMismatch(at=out.type.span, what=told(), others=(other(),)))
    for dim, size in pairs:
        if isinstance(dim, tree.Name) and dim.name != "_" and frame.scope.find(dim.name) is None and not has_tensor(size):
            if file_constant(frame, dim) is not None:
                continue
            frame.scope.bind(dim.name, size, dim.span, "config")
    check_sizes(frame, out.type, value.type, f"the result of `{name}`", out.type.span, other, shapes.ContractMismatch)


def misplaced_ellipsis(types: list[tree.TensorTypeTree]) -> None:
    """`...` stands at most once in a type."""
    for one in types:
        if sum(isinstance(dim, tree.Ellipsis_) for dim in one.dims) > 1:
            raise Fault(problems.MisplacedStatement(at=one.span, what="`...` stands at most once in a type"))
