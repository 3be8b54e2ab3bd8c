"""Calls of operators: tensors to their places, shapes checked, faults given their places, a node made."""

from __future__ import annotations

from functools import cache
from typing import Any

from archdsl.dims.dim import DimTooLarge
from archdsl.dims.dtype import is_integer
from archdsl.dims.shape import TensorType, simplify_type
from archdsl.elaborate.config import is_number
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import names_problems as names
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults.stated import Stated
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.places import place_of
from archdsl.elaborate.values import UNKNOWN, BlockWord, Derivative, FnWord, Instance, Leaf, OpWord, Several, Template, describe
from archdsl.ir.node import Path
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op, OpFault
from archdsl.ops.registry import find
from archdsl.problems.problem import Label
from archdsl.source import Span

SHAPE_FAULTS: dict[str, type[Stated]] = {
    kind.code: kind for kind in vars(shapes).values() if isinstance(kind, type) and issubclass(kind, Stated) and kind.code
}

UNSENT = (Template, BlockWord, Instance, OpWord, FnWord, Derivative)
"""What becomes a tensor where one is sent to it."""


def word(name: str) -> type[Op]:
    """A built-in operator that the language's own signs stand for."""
    found = find(name)
    if found is None:
        raise LookupError(f"the operator `{name}` is missing")
    return found


def tensor(frame: Frame, value: Any, span: Span) -> Value:
    """A value as a tensor of the current graph; reads the tensors of layers."""
    if value is UNKNOWN:
        raise Absorbed
    if isinstance(value, Value):
        return value
    if isinstance(value, Leaf):
        return read_leaf(frame, value, span)
    if value is None:
        raise absent(span)
    if isinstance(value, Several):
        raise Fault(
            names.NotATensor(
                at=span,
                what=f"one tensor is needed here, and this is a tuple of {len(value.items)}",
                help="take it apart: `a, b = …`",
            )
        )
    if isinstance(value, UNSENT):
        at = value.span if isinstance(value, Template) and value.span is not None else span
        raise Fault(
            names.NotATensor(
                at=at,
                what=f"a tensor is needed here, and this is {describe(value)}, which nothing flows into",
                help=_sent(value),
            )
        )
    raise Fault(names.NotATensor(at=span, what=f"a tensor is needed here, and this is {describe(value)}"))


def _sent(value: Any) -> str:
    """How a tensor gets into a function or layer that stands in an expression."""
    callee = value.callee if isinstance(value, Template) else value
    more = ", …" if isinstance(value, Template) else ""
    if isinstance(callee, OpWord) and not callee.kind.layer:
        return f"inside an expression write its input: `{callee.kind.name}(it{more})`"
    if isinstance(callee, FnWord):
        return f"inside an expression write its input: `{callee.item.name}(it{more})`"
    return "inside an expression write it with its input: `(it -> Layer(…))`"


def absent(span: Span) -> Fault:
    """The fault of using an optional input that was not given."""
    from archdsl.elaborate.faults.structure_problems import AbsentInput

    name = span.text if span.text.isidentifier() else "mask"
    return Fault(
        AbsentInput(
            at=span, what="this optional input was not given in this call", help=f"ask first: `if {name} != none {{ … }}`"
        )
    )


def read_leaf(frame: Frame, leaf: Leaf, span: Span) -> Value:
    """`wte.weight` in an expression."""
    instance = leaf.instance
    if instance.op is None:
        from archdsl.elaborate import apply

        apply.settle(frame, instance)
    if instance.op is None:
        raise Fault(
            names.NotATensor(at=span, what="the layer was not used yet, so its tensors are not known", help="use it first")
        )
    weights = instance.op.parameters()
    if leaf.name not in weights:
        raise unknown_leaf(leaf, span)
    weight = weights[leaf.name]
    types = (TensorType(weight.shape, weight.dtype),)
    path = frame.unit.path_to(instance)
    return frame.region.emit((), types, span, member=path, leaf=leaf.name, path=frame.container)[0]


def unknown_leaf(leaf: Leaf, span: Span) -> Fault:
    """The fault of naming a tensor that a layer does not own."""
    from archdsl.problems.suggest import did_you_mean

    known = list(leaf.instance.op.parameters()) if leaf.instance.op is not None else []
    return Fault(
        names.UnknownName(
            at=span,
            what=f"the layer owns no tensor `{leaf.name}`; it owns {', '.join(known) or 'none'}",
            help=did_you_mean(leaf.name, known),
        )
    )


def fault_problem(frame: Frame, fault: OpFault, operands: tuple[Operand, ...], span: Span, op: Op) -> Fault:
    """An operator's refusal with its places: the step, where the operands were made, and a fix."""
    what = f"`{op.name}`"
    code = "unproved-dimension" if fault.missing else fault.code
    kind = SHAPE_FAULTS.get(code)
    if kind is None:
        kind = {
            "bad-argument": names.BadArgument,
            "type-mismatch": names.TypeMismatch,
            "missing-argument": names.MissingArgument,
        }.get(code, shapes.ShapeMismatch)
    if code == "absent-input":
        return absent(span)
    others = []
    made = frame.unit.made
    for index in (fault.operand, fault.other):
        if index is None or index >= len(operands):
            continue
        one = operands[index]
        if isinstance(one, Value) and one.name in made and made[one.name] != span:
            others.append(Label(made[one.name], f"this is {one.type}"))
    help = fault.help
    if fault.missing:
        help = f"add: require {fault.missing}"
    message = (
        fault.message
        if fault.message.startswith(("cannot", what))
        else f"{what} {fault.message}"
        if fault.message.startswith("wants")
        else f"{what}: {fault.message}"
    )
    if op.name == "index":
        message = message.removeprefix("`index`: ")
    return Fault(kind(at=place_of(frame.session.calls.get(span), op, fault, span), what=message, others=tuple(others), help=help))


def prepare(frame: Frame, op: Op, operands: list[Any], span: Span) -> tuple[Operand, ...]:
    """Operands as the operator takes them: numbers get the dtype of the tensor beside them, integers are cast where it needs
    floats."""
    tensors: list[Any] = []
    for one in operands:
        if one is UNKNOWN:
            raise Absorbed
        if one is None or (op.numbers and (is_number(one) or isinstance(one, bool))):
            tensors.append(one)
        else:
            tensors.append(tensor(frame, one, span))
    if op.floats:
        tensors = [
            cast(frame, one, "float", span) if isinstance(one, Value) and is_integer(one.type.dtype) else one for one in tensors
        ]
    if not op.numbers:
        return tuple(tensors)
    dtype = _number_dtype(tensors, op)
    return tuple([one if one is None or isinstance(one, Value) else _number(one, dtype, span) for one in tensors])


def _number_dtype(tensors: list[Any], op: Op) -> str:
    """The dtype that a number takes: that of the tensor beside it; a mask decides only where all are masks."""
    dtypes = [one.type.dtype for one in tensors if isinstance(one, Value)]
    beside = [one for one in dtypes if one != "bool"] or (
        [] if any(is_number(one) for one in tensors) and len(dtypes) == 1 and len(tensors) == 3 else dtypes
    )
    if beside:
        return beside[0]
    numbers = [one for one in tensors if one is not None and not isinstance(one, Value)]
    if all(isinstance(one, bool) for one in numbers):
        return "bool"
    return "float" if op.floats or any(isinstance(one, float) for one in numbers) else "i64"


def _number(value: Any, dtype: str, span: Span) -> Number:
    if is_integer(dtype) and isinstance(value, float):
        raise Fault(
            shapes.DtypeMismatch(
                at=span,
                what=f"the fractional number {value} stands beside an integer tensor ({dtype})",
                help="cast the tensor: `cast(x, float)`",
            )
        )
    if dtype == "bool" and not isinstance(value, bool):
        raise Fault(
            shapes.DtypeMismatch(
                at=span, what=f"the number {value} stands beside a bool tensor", help="cast the tensor: `cast(x, float)`"
            )
        )
    return Number(value, TensorType((), dtype))


def cast(frame: Frame, value: Value, dtype: str, span: Span) -> Value:
    """The tensor in another dtype."""
    if value.type.dtype == dtype:
        return value
    op = word("cast")(dtype=dtype)
    return frame.region.emit((value,), (TensorType(value.type.shape, dtype),), span, op=op, path=frame.container)[0]


def filled_with(frame: Frame, type: TensorType, number: Any, span: Span) -> Any:
    """A tensor of one number."""
    name = {0: "zeros", 1: "ones"}.get(number)
    op = word(name)(sizes=type.shape, dtype=type.dtype) if name else None
    return call(frame, op or word("full")(size=type.shape, fill_value=number, dtype=type.dtype), [], span)


def infer(frame: Frame, op: Op, operands: tuple[Operand, ...], span: Span) -> tuple[Op, tuple[TensorType, ...]]:
    """The bound operator and the types of its results."""
    types = tuple([None if one is None else one.type for one in operands])
    facts = frame.facts
    context = frame.session.context(facts)
    if op.layer and facts:  # a size that the facts tell is the number that its weights are made with
        types = tuple([None if one is None else simplify_type(facts, one) for one in types])
    try:
        bound = op.bind(context, *types)
        results = bound.infer(context, *types)
    except OpFault as fault:
        raise fault_problem(frame, fault, operands, span, op) from None
    except DimTooLarge:
        raise Fault(shapes.DimensionTooLarge(at=span, what="a size here has more than 256 terms")) from None
    return bound, tuple([simplify_type(facts, one) for one in results])


def call(frame: Frame, op: Op, operands: list[Any], span: Span, path: Path | None = None) -> Any:
    """A function applied: its result, a tuple where it has several."""
    ready = prepare(frame, op, operands, span)
    bound, types = infer(frame, op, ready, span)
    results = frame.region.emit(ready, types, span, op=bound, path=frame.container if path is None else path)
    return results[0] if len(results) == 1 else Several(tuple((None, one) for one in results))


def slots(kind: type[Op]) -> tuple[list[str], str | None]:
    """The names of an operator's tensor places, and the one that takes any number."""
    return _slots(kind.tensors)


@cache
def _slots(tensors: tuple[str, ...]) -> tuple[list[str], str | None]:
    plain = [one.rstrip("?") for one in tensors if not one.startswith("*")]
    star = next((one[1:] for one in tensors if one.startswith("*")), None)
    return plain, star


def operands_of(frame: Frame, kind: type[Op], value: Any, span: Span) -> list[Any]:
    """What flows, as an operator's operands: a tuple goes to its places, names to theirs."""
    if kind.tensors == ("x",) and isinstance(value, Value):
        return [value]
    items = value.items if isinstance(value, Several) else ((None, value),)
    plain, star = slots(kind)
    optional = {one[:-1] for one in kind.tensors if one.endswith("?")}
    given: list[Any] = [None] * len(plain)
    filled: set[str] = set()
    rest: list[Any] = []
    position = 0
    for name, one in items:
        if name is not None:
            if name not in plain:
                raise Fault(
                    names.UnknownArgument(
                        at=span, what=f"`{kind.name}` has no tensor input `{name}`", help=f"it takes {', '.join(plain)}"
                    )
                )
            given[plain.index(name)] = one
            filled.add(name)
        elif position < len(plain):
            given[position] = one
            filled.add(plain[position])
            position += 1
        elif star is not None:
            rest.extend(one if isinstance(one, tuple) else (one,))
        else:
            wants = "one tensor" if len(plain) == 1 else f"at most {len(plain)} tensors ({', '.join(plain)})"
            raise Fault(names.TooManyArguments(at=span, what=f"`{kind.name}` takes {wants}, and {len(items)} are given"))
    for name in plain:
        if name not in filled and name not in optional:
            needed = ", ".join(one for one in plain if one not in optional)
            help = f"send them together: `({needed}) -> {kind.name}(…)`"
            raise Fault(names.MissingArgument(at=span, what=f"`{kind.name}` needs the tensor `{name}`", help=help))
    return given + rest
