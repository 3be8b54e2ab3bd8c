"""One class of the generated file as text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any

from archdsl.ir.graph import Graph
from archdsl.targets.torch.chains import chain
from archdsl.targets.torch.classes import Argument, Plan
from archdsl.targets.torch.constructor import Constructor
from archdsl.targets.torch.forward import Forward, door_code, fact_text
from archdsl.targets.torch.imports import IMPORTS
from archdsl.targets.torch.initial import Initial
from archdsl.targets.torch.layout import lay_out
from archdsl.targets.torch.literals import comment, docstring, quote
from archdsl.targets.torch.memory import lay_out_weights
from archdsl.targets.torch.merging.doors import GuardedDoor
from archdsl.targets.torch.merging.presence import Maybe, MaybeOutput
from archdsl.targets.torch.merging.tidying import is_elif, tidied
from archdsl.targets.torch.names import name_locals, public_name, safe_name, stem_of
from archdsl.targets.torch.runtime_source import helper_names
from archdsl.targets.torch.scope import Numbers, constructor_tape
from archdsl.targets.torch.statements import LOCAL, Block, Line, Statement, fold, without_parentheses


def print_class(
    plan: Plan, plans: Mapping[int, Plan], helpers: dict[str, None], initial: Initial, free: Mapping[str, Any] | None
) -> list[str]:
    """The text of the class, after those of its containers and of its result. `free` is given for the arch, which comes last."""
    numbers = Numbers(plan, {path[0] for path in plan.joined.members})
    constructor = Constructor(plan, plans, numbers, helpers)
    constructor.run()
    constructor.lines += initial.of_class(plan)
    if free is not None:
        constructor.loop = initial.lines()
        constructor.last = lay_out_weights(plan.graphs[0])
    constructor.doors = door_lines(plan, numbers, helpers)
    forward = Forward(plan, plans, numbers, helpers)
    results: list[str] = []
    if free is not None and len(plan.joined.outputs) > 1:
        forward.output_class = safe_name(f"{plan.name}Output", plan.taken)
        plan.taken.add(forward.output_class)
        results.append(output_class(forward.output_class, plan.joined))
    statements, names, given = body_of(forward, helpers)
    sequence = is_sequence(plan.joined)
    base = "nn.Sequential" if sequence else "nn.ModuleList" if plan.container == "list" else "nn.Module"
    lines = [*origin(plan), f"class {plan.name}({base}):"]
    if plan.joined.doc:
        lines += [f"    {docstring(plan.joined.doc, '    ')}", ""]
    lines += [f"    {one}" for one in constructor.annotations] + ([""] if constructor.annotations else [])
    if sequence:
        constructor.lines = []
        constructor.items = constructor.chain_items(plan.joined, ())
    lines += init_lines(plan, constructor, numbers, free or {})
    if sequence:
        return ["\n".join(lines).rstrip()]
    lines += forward_lines(forward, statements, names, given)
    holders = [holder_class(name, one) for name, one in constructor.holders]
    return [*holders, *results, "\n".join(lines)]


def body_of(
    forward: Forward, helpers: dict[str, None], taken: Collection[str] = ()
) -> tuple[list[Statement], dict[str, str], list[str]]:
    """The statements of a function, the names of its locals, and those of its arguments; none is in `taken`."""
    forward.run()
    function = forward.function
    stems = {local: stem_of(hint) for local, hint in function.hints.items()}
    statements = fold([*function.prelude(), *function.statements], stems, 8)
    statements = tidied(statements, stems)
    for one in every_line(statements):
        one.code = without_parentheses(one.code) if one.head != "return" else one.code
    read = {local for code in every_code(statements) for local in LOCAL.findall(code)}
    for one in every_line(statements):
        if len(one.targets) > 1:  # results of a call that nothing reads
            one.targets = tuple(local if local in read or not LOCAL.fullmatch(local) else "_" for local in one.targets)
    used = {name for helper in helpers for name in helper_names(helper)} | set(IMPORTS) | set(taken)
    given: dict[str, str] = {}
    for local in forward.parameters:
        given[local] = public_name(function.hints[local], {*used, *given.values()})
    names = name_locals(statements, function.hints, given, used)
    declare(statements, names, set(given.values()))
    return statements, names, [given[one] for one in forward.parameters]


def init_lines(plan: Plan, constructor: Constructor, numbers: Numbers, free: Mapping[str, Any]) -> list[str]:
    """`__init__` with its arguments; nothing where there is nothing to construct."""
    arguments = []
    for name, one in plan.arguments.items():
        default = f" = {free[name]!r}" if name in free else ""
        arguments.append(f"{one.name}: {argument_type(one)}{default}")
    stored = [f"self.{numbers.attribute(one)} = {one.name}" for one in plan.arguments.values() if one.stored]
    reset = method_name("reset_parameters", plan) if constructor.loop else ""
    body = [*stored, *constructor.lines, *([f"self.{reset}()"] if reset else [])]
    if not body and not arguments and not constructor.items and not constructor.last:
        return []
    star = "*, " if free and arguments else ""
    lines = lay_out(f"def __init__(self{', ' if arguments else ''}{star}{', '.join(arguments)}) -> None:", 4)
    lines += lay_out(f"super().__init__({', '.join(constructor.items)})", 8)
    for door in constructor.doors:
        lines += door
    for text in body:
        lines += lay_out(text, 8)
    lines += [f"        {text}" for text in constructor.last]
    if reset:
        lines += ["", f"    def {reset}(self) -> None:", '        """Draw the first values that are not PyTorch\'s own."""']
        for text in constructor.loop:
            lines += lay_out(text.lstrip(), 8 + len(text) - len(text.lstrip()))
    return [*lines, ""]


def origin(plan: Plan) -> list[str]:
    """`# resnet.arch:12`: where the author wrote it."""
    span = plan.joined.span
    if span is None:
        return []
    return [f"# {comment(PurePath(span.source.name).name)}:{span.line}"]


def door_lines(plan: Plan, numbers: Numbers, helpers: dict[str, None]) -> list[list[str]]:
    """The checks of facts about what the constructor is given."""
    out = []
    for door in plan.joined.doors:
        values = (plan.holes.sizes(door.left), plan.holes.sizes(door.right))
        if all(numbers.is_static(one) for one in values) and not isinstance(door, GuardedDoor):
            code = door_code(door, constructor_tape(numbers, helpers, "size"))
            raised = lay_out(f"raise ValueError({quote(door.message or fact_text(door))})", 12)
            out.append([*lay_out(f"if {code}:", 8), *raised])
    return out


def argument_type(argument: Argument) -> str:
    """`int`, or `float`."""
    return "float" if isinstance(argument.values[0], float) else "int"


def method_name(name: str, plan: Plan) -> str:
    """A name for a method that hides no member."""
    labels = {path[0] for path in plan.joined.members}
    while name in labels:
        name += "_"
    return name


def holder_class(name: str, constructor: Constructor) -> str:
    """The class of a container: members, and no computation."""
    lines = [f"class {name}(nn.Module):", *(f"    {one}" for one in constructor.annotations)]
    if constructor.annotations:
        lines.append("")
    said = "".join(f", {one.name}: {argument_type(one)}" for one in constructor.arguments)
    lines += [*lay_out(f"def __init__(self{said}) -> None:", 4), "        super().__init__()"]
    for one in constructor.lines:
        lines += lay_out(one, 8)
    return "\n".join(lines)


def output_class(name: str, graph: Graph) -> str:
    """The named tuple of an arch with several outputs; those of training alone are None in evaluation."""
    lines = [f"class {name}(NamedTuple):"]
    taken: set[str] = set()
    for one in graph.outputs:
        label = public_name(one.name or "output", {*taken, *dir(tuple)}, output=True)
        taken.add(label)
        absent = " | None = None" if one.training else " | None" if isinstance(one, MaybeOutput) else ""
        lines.append(f"    {label}: Tensor{absent}")
    return "\n".join(lines)


def forward_lines(forward: Forward, statements: list[Statement], names: Mapping[str, str], arguments: list[str]) -> list[str]:
    """`forward` as text."""
    graph = forward.graph
    count = len(graph.outputs)
    result = forward.output_class or ("Tensor" if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]")
    keyword = [one.keyword for one in graph.inputs if one.value is not None] + [False] * len(arguments)
    kinds = [forward.kinds.get(local, "Tensor") for local in forward.parameters]
    late = graph.kind == "arch"  # the caller of a block gives all, but what it has not
    ends = 0 if late else len(kinds) - trailing(graph, len(kinds))
    said = [
        f"{one}: {kind}{' = None' * ('None' in kind and at >= ends)}"
        for at, (one, kind) in enumerate(zip(arguments, kinds, strict=True))
    ]
    first = [one for one, late in zip(said, keyword, strict=False) if not late]
    last = [one for one, late in zip(said, keyword, strict=False) if late]
    said = [*first, *(["*", *last] if last else [])]
    head = f"def forward({', '.join(['self', *said])}) -> {result}:"
    return lay_out(head, 4) + statement_lines(statements, names, 8)


def trailing(graph: Graph, count: int) -> int:
    """How many of a block's arguments, from the last, may be left out."""
    inputs = [one for one in graph.inputs if one.value is not None]
    if count > len(inputs):
        return 0
    return next((at for at, one in enumerate(reversed(inputs)) if not isinstance(one, Maybe)), count)


def statement_lines(statements: list[Statement], names: Mapping[str, str], indent: int) -> list[str]:
    """Statements as text, with the locals' names."""

    def spelled(text: str) -> str:
        return LOCAL.sub(lambda found: names[found[0]], text)

    out: list[str] = []
    for one in statements:
        if isinstance(one, Block):
            out += [""] if one.function and out else []
            out += lay_out(spelled(one.head), indent)
            out += statement_lines(one.body, names, indent + 4) or [f"{' ' * indent}    pass"]
            if is_elif(one):
                first, *rest = statement_lines(one.other, names, indent)
                out += [f"{' ' * indent}el{first.lstrip()}", *rest]
            elif one.other:
                out.append(f"{' ' * indent}else:")
                out += statement_lines(one.other, names, indent + 4)
            out += [""] if one.function else []
            continue
        left = ", ".join(map(spelled, one.targets))
        if left and left == spelled(one.code):
            continue  # two values that have one name
        text = f"{left}{one.annotation} = {spelled(one.code)}" if one.targets else f"{one.head} {spelled(one.code)}".strip()
        out += lay_out(text, indent, one.note)
    return out


def declare(statements: list[Statement], names: Mapping[str, str], known: set[str]) -> None:
    """Say the type of what is returned where its first value is a module's, of which a type checker knows nothing."""
    lines = every_line([one for one in statements if isinstance(one, Line) or not one.function])
    returned = {names[one] for line in lines if line.head == "return" and line.code in names for one in [line.code]}
    for line in lines:
        for target in line.targets:
            name = names.get(target, target)
            if name not in known and name in returned and len(line.targets) == 1:
                line.annotation = line.annotation or ": Tensor"
            known.add(name)


def is_sequence(graph: Graph) -> bool:
    """Whether the class is an `nn.Sequential` of its own: numbered steps, one after the other."""
    inputs = graph.input_values
    if graph.kind != "block" or len(inputs) != 1 or len(graph.outputs) != 1 or graph.borrowed or graph.ties or graph.aliases:
        return False
    called = [node.member for node in graph.nodes if node.member is not None]
    return list(graph.members) == called and chain(graph.nodes, (), inputs[0], graph.outputs[0].value)


def every_code(statements: list[Statement]) -> list[str]:
    """All that is read: the code of lines, the heads of blocks, and what their loops carry."""
    out: list[str] = []
    for one in statements:
        out += [one.code] if isinstance(one, Line) else [one.head, *one.state, *every_code(one.body), *every_code(one.other)]
    return out


def every_line(statements: list[Statement]) -> list[Line]:
    """All lines, those of blocks too."""
    out: list[Line] = []
    for one in statements:
        out += [one] if isinstance(one, Line) else [*every_line(one.body), *every_line(one.other)]
    return out
