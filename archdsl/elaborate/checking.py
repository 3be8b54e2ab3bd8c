"""Checks of a whole file: its archs as they stand, the blocks that nothing calls, and whether two graphs have one structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.dims.dim import Dim
from archdsl.dims.facts import Facts
from archdsl.elaborate import archs, headers, lookup, steps
from archdsl.elaborate.fault import Absorbed, Fault
from archdsl.elaborate.faults import shapes_problems as shapes
from archdsl.elaborate.faults import structure_problems as structure
from archdsl.elaborate.frame import Frame
from archdsl.elaborate.program import Module
from archdsl.elaborate.program import headers as header_lists
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import Session, Settings
from archdsl.elaborate.unit import Unit
from archdsl.ir.graph import Call, Graph, Layer
from archdsl.problems.collector import Problems
from archdsl.problems.problem import Label
from archdsl.syntax import tree


def called(module: Module) -> set[str]:
    """Names that the bodies and values of a file's archs reach, through its blocks."""
    reached: set[str] = set()
    waiting = [name for name, item in module.items.items() if isinstance(item, (tree.Arch, tree.Variant))]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in module.items:
            continue
        reached.add(name)
        waiting.extend(one.name for one in module.items[name].walk() if isinstance(one, tree.Name))
    return reached


def check_file(
    module: Module,
    problems: Problems,
    names_: tuple[str, ...],
    elaborate: Callable[[str, Mapping[str, object], Problems], object],
) -> None:
    """Every arch with its defaults, then every block and constant that none of them reaches."""
    for name in names_:
        item = module.items[name]
        if isinstance(item, tree.Arch) and _open(item):
            names_only(module, item, problems)
            continue
        elaborate(name, {}, problems)
    reached = called(module)
    unknown: set[object] = set()
    for name, item in module.items.items():
        if isinstance(item, tree.Let):
            lookup.item_value(Session(problems, unknown=unknown), module, name, item.span)
        elif isinstance(item, tree.Block) and name not in reached:
            block(module, item, problems)


def _open(item: tree.Block | tree.Arch) -> bool:
    try:
        config, _ = header_lists(item)
    except Fault:
        return False  # elaborating it says what is wrong
    return any(one.default is None for one in config)


def block(module: Module, item: tree.Block, problems: Problems) -> None:
    """A block that nothing calls, with its defaults and symbolic dimensions; for names only where a parameter has no default.

    What cannot be decided of a symbolic dimension is no fault of the block's: its caller may give a number."""
    try:
        _, tensors = header_lists(item)
    except Fault as fault:
        problems.add(fault.problem)
        return
    if (
        _open(item)
        or not tensors
        or any(
            isinstance(dim, tree.Ellipsis_)
            for one in tensors
            if isinstance(one.type, tree.TensorTypeTree)
            for dim in one.type.dims
        )
    ):
        names_only(module, item, problems)
        return
    found = Problems()
    session = Session(found, open_sizes=True)
    unit = Unit(session, item.name, "block", Facts(), item.span)
    frame = Frame(session, module, unit, Scope(None), Settings())
    config, _ = header_lists(item)
    try:
        headers.bind_config(frame, config, [], item.name, item.name_span)
        values = archs.arch_inputs(frame, tensors, frozenset(), item)
        frame.flow = values[0]
        session.active.append(item)
        result = steps.run_body(frame, item.body)
        if item.outs:
            headers.check_outs(frame, item.outs, result, item.name, item.body.span)
    except Fault as fault:
        session.note(fault)
    except Absorbed:
        pass
    except RecursionError:
        session.too_deep(item.name_span)
    left_to_callers = []
    for one in found.sorted():
        if isinstance(one, (shapes.UndecidedCondition, structure.NotOnADimension)):
            left_to_callers.append(Label(one.at, "depends on a size that its caller gives"))
        else:
            problems.add(one)
    if left_to_callers and not problems.errors:
        problems.add(
            structure.UncheckedBlock(
                at=item.name_span,
                what=f"`{item.name}` was checked in part: nothing calls it, and what it does depends on sizes",
                others=tuple(left_to_callers),
                help="call it, or give these dimensions numbers in its header",
            )
        )


def names_only(module: Module, item: tree.Block | tree.Arch, problems: Problems) -> None:
    """The names that a body uses, without elaborating it."""
    bound = {one.name for part in item.lists for one in part}
    for one in (*item.body.walk(), *(dim for out in item.outs or () for dim in out.walk())):
        match one:
            case tree.Let() | tree.Comprehension() | tree.Branch():
                bound.update(one.targets)
            case tree.Repeat():
                bound.update(one.targets, [one.index] if one.index else [])
            case tree.Assign():
                bound.update(target.name for target in one.targets)
            case tree.Link():
                bound.update(one.names or ())
            case tree.Param() | tree.Buffer() | tree.Shared() | tree.Carry() | tree.ScanInput():
                bound.add(one.name)
            case tree.TensorTypeTree():
                bound.update(dim.name for dim in one.dims if isinstance(dim, tree.Name))
    for part in item.lists:
        for parameter in part:
            if isinstance(parameter.type, tree.TensorTypeTree):
                bound.update(dim.name for dim in parameter.type.dims if isinstance(dim, tree.Name))
    session = Session(problems)
    frame = lookup.file_frame(session, module)
    for name in bound:
        frame.scope.bind(name, None, item.span, "config")
    for one in item.body.walk():
        if isinstance(one, tree.Name) and one.name not in bound and one.name != "_" and not _is_word(one, item):
            try:
                lookup.look_up(frame, one.name, one.span)
            except Fault as fault:
                session.note(fault)
    why, help = (
        ("a parameter has no default", "give its parameters defaults, or call it")
        if _open(item)
        else ("its header does not say what flows into it", "write its tensors: `(x: [N, C])`, or call it")
    )
    if problems.errors:
        return  # what calls it may be what is wrong
    problems.add(
        structure.UncheckedBlock(
            at=item.name_span, what=f"`{item.name}` was checked for names only: nothing calls it, and {why}", help=help
        )
    )


def _is_word(one: tree.Name, item: tree.Block | tree.Arch) -> bool:
    """Initializers are words of their own."""
    from archdsl.elaborate.initial import NAMED

    return one.name in NAMED


def same_structure(generic: Graph, fixed: Graph, values: Mapping[str, int]) -> bool:
    """Whether a graph with symbolic configuration is, for these values, the graph elaborated with them."""
    if len(generic.nodes) != len(fixed.nodes) or list(generic.members) != list(fixed.members):
        return False
    for one, other in zip(generic.nodes, fixed.nodes, strict=True):
        if one.member != other.member or type(one.op) is not type(other.op) or len(one.operands) != len(other.operands):
            return False
        for a, b in zip(one.results, other.results, strict=True):
            if len(a.type.shape) != len(b.type.shape) or a.type.dtype != b.type.dtype:
                return False
            if any(_value(x, values) != y for x, y in zip(a.type.shape, b.type.shape, strict=True)):
                return False
    for path, member in generic.members.items():
        twin = fixed.members[path]
        if type(member) is not type(twin):
            return False
        if isinstance(member, Call) and isinstance(twin, Call):
            if not same_structure(member.graph, twin.graph, values):
                return False
        elif isinstance(member, Layer) and isinstance(twin, Layer) and type(member.op) is not type(twin.op):
            return False
    return True


def _value(size: Any, values: Mapping[str, int]) -> Any:
    return size.substitute(values) if isinstance(size, Dim) else size
