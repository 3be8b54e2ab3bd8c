"""Invariants of values: named once, defined before use, typed as their operators say, sized in known symbols."""

from __future__ import annotations

from archdsl.dims.dim import Dim
from archdsl.dims.dtype import DTYPES, FLOAT
from archdsl.dims.shape import simplify_type
from archdsl.ir.graph import Graph, Layer, Parameter
from archdsl.ir.invariants.finding import Said, View, invariant, own_values, type_of, types_text
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Context, Op, OpFault
from archdsl.ops.own_float import all_seen, own_float, seen


@invariant
def value_names_are_unique(view: View) -> Said:
    """Each value has a name of its own in its graph."""
    seen: dict[str, str] = {}
    for place, value in own_values(view.graph):
        if not value.name:
            yield place, "a value has no name"
        elif value.name in seen:
            yield place, f"the name `{value.name}` is also that of {seen[value.name]}"
        seen.setdefault(value.name, place)


@invariant
def operands_are_defined_before_use(view: View) -> Said:
    """An operand is an input, a parameter or an earlier result of the same graph, with the type it has there."""
    known = _at_the_start(view.graph)
    for place, node in view.nodes():
        for one in node.operands:
            if isinstance(one, Value):
                wrong = _known(known, one)
                if wrong:
                    yield place, wrong, node.span
        known.update((one.name, one) for one in node.results)


@invariant
def outputs_are_defined(view: View) -> Said:
    """An output is a value of the graph."""
    known = {value.name: value for _, value in own_values(view.graph)}
    for index, one in enumerate(view.graph.outputs):
        wrong = _known(known, one.value)
        if wrong:
            yield f"output {one.name or index}", wrong


@invariant
def types_are_well_formed(view: View) -> Said:
    """A type has a dtype of the language; its sizes are not negative and are written in the normal form of the facts."""
    for place, value in own_values(view.graph):
        if value.type.dtype not in ("float", *DTYPES):
            yield place, f"`{value.name}` has the dtype `{value.type.dtype}`"
        if any(isinstance(size, int) and size < 0 for size in value.type.shape):
            yield place, f"`{value.name}` has a negative size: {value.type}"


@invariant
def sizes_are_in_known_symbols(view: View) -> Said:
    """In an arch, a size depends on the dimensions of the inputs and on free configuration alone."""
    if view.top.kind != "arch":
        return
    known = set(view.free)
    for one in view.top.inputs:
        if one.value is not None:
            known.update(*(size.symbols for size in one.value.type.shape if isinstance(size, Dim)))
    for place, value in own_values(view.graph):
        for size in value.type.shape:
            strange = size.symbols - known if isinstance(size, Dim) else ()
            if strange:
                yield place, f"`{value.name}` is {value.type}, and no input has the dimension {', '.join(sorted(strange))}"


@invariant
def parameters_have_numbers_for_sizes(view: View) -> Said:
    """In an arch, every size of a parameter or buffer is a number, free configuration apart."""
    if view.top.kind != "arch":
        return
    for path, member in view.graph.members.items():
        shapes = [member.value.type.shape] if isinstance(member, Parameter) else []
        if isinstance(member, Layer):
            shapes = [weight.shape for weight in member.op.parameters().values()]
        for shape in shapes:
            for size in shape:
                if not _is_told(size, view.free):
                    yield ".".join(path), f"a tensor here has the size {size}", member.span


@invariant
def operators_take_these_operands(view: View) -> Said:
    """An operator gets as many tensors as it has places, all that it needs, and numbers only where it takes them."""
    for place, node in view.nodes():
        op = applied(view, node)
        if op is None:
            continue
        wrong = _arity(op, len(node.operands))
        if wrong:
            yield place, wrong, node.span
            continue
        for one, name in zip(node.operands, op.tensors, strict=False):
            if one is None and not name.endswith("?"):
                yield place, f"`{op.name}` needs `{name}`", node.span
        for one in node.operands:
            if isinstance(one, Number) and not op.numbers:
                yield place, f"`{op.name}` takes no number", node.span
            if isinstance(one, Number) and one.type.shape:
                yield place, f"the number {one.number} has the type {one.type}", node.span


@invariant
def functions_own_nothing(view: View) -> Said:
    """What owns tensors or randomness is a member: an operator in a node has no state, a layer in a member is one."""
    for place, node in view.nodes():
        if node.op is not None and node.op.layer:
            yield place, f"`{node.op.name}` owns state, and stands in a node", node.span
    for path, member in view.graph.members.items():
        if isinstance(member, Layer) and not member.op.layer:
            yield ".".join(path), f"`{member.op.name}` is a function, and stands as a member", member.span


@invariant
def results_are_typed_as_inferred(view: View) -> Said:
    """An operator is bound to its operands, and its results have the types of its own shape rule under the graph's facts."""
    context = Context(view.facts, view.float)
    for place, node in view.nodes():
        op = applied(view, node)
        if op is None or _arity(op, len(node.operands)):
            continue
        types = tuple(map(type_of, node.operands))
        own = float_of(view, node)
        shown = all_seen(types, own)
        try:
            bound = op.bind(context, *shown)
            inferred = tuple(seen(simplify_type(view.facts, one), own) for one in bound.infer(context, *shown))
        except OpFault as fault:
            yield place, f"`{op.name}` refuses {types_text(types)}: {fault.message}", node.span
            continue
        except Exception as fault:  # a graph may be broken in any way, and the verifier must say so
            yield place, f"`{op.name}` fails on {types_text(types)}: {fault!r}", node.span
            continue
        if bound != op:
            yield place, f"{op!r} is not bound to its operands: it would be {bound!r}", node.span
        given = tuple(one.type for one in node.results)
        if len(given) != len(inferred) or not all(map(view.same, given, inferred)):
            yield place, f"the results are {types_text(given)}, and `{op.name}` gives {types_text(inferred)}", node.span


def float_of(view: View, node: Node) -> str:
    """The float type in which a node computes."""
    if node.op is not None:
        return own_float([type_of(one) for one in node.operands], [one.type for one in node.results])
    what = view.member(node.member)
    return what.float if isinstance(what, Layer) else FLOAT


def applied(view: View, node: Node) -> Op | None:
    """The operator that a node runs on its operands, its own or a layer's."""
    if node.op is not None or node.leaf:
        return node.op
    what = view.member(node.member)
    if isinstance(what, Layer):
        return what.op
    return what if isinstance(what, Op) else None


def _is_told(size: object, free: frozenset[str]) -> bool:
    """Whether a size is known when the model is constructed; that of a layer that is not bound is not even a size."""
    return isinstance(size, int) or (isinstance(size, Dim) and size.symbols <= free)


def _arity(op: Op, given: int) -> str:
    star = any(name.startswith("*") for name in op.tensors)
    plain = sum(not name.startswith("*") for name in op.tensors)
    if given < plain or (given > plain and not star):
        return f"`{op.name}` takes {plain}{' or more' if star else ''} tensors, and gets {given}"
    return ""


def _at_the_start(graph: Graph) -> dict[str, Value]:
    known = {one.value.name: one.value for one in graph.inputs if one.value is not None}
    known.update((one.value.name, one.value) for one in graph.members.values() if isinstance(one, Parameter))
    return known


def _known(known: dict[str, Value], value: Value) -> str:
    found = known.get(value.name)
    if found is None:
        return f"`{value.name}` is not defined before"
    if found.type != value.type:
        return f"`{value.name}` is {found.type} where it is made and {value.type} here"
    return ""
