"""The `forward` of a generated class: one statement a node, before folding and naming."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dim import Dim, Size
from archdsl.dims.dtype import FLOAT
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Door, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Code, Op
from archdsl.ops.own_float import own_float
from archdsl.source import Span
from archdsl.targets.torch.bodies import write_choice, write_scan
from archdsl.targets.torch.classes import Plan
from archdsl.targets.torch.explain import Vector, explain
from archdsl.targets.torch.function import Function
from archdsl.targets.torch.in_place import in_place, overwriting
from archdsl.targets.torch.literals import quote
from archdsl.targets.torch.loops import write_nodes
from archdsl.targets.torch.members import access, callable_access, is_attribute
from archdsl.targets.torch.merging.doors import GuardedDoor
from archdsl.targets.torch.merging.presence import TOLD, Maybe, Presence
from archdsl.targets.torch.merging.printing import write_guarded, write_presence
from archdsl.targets.torch.scope import Numbers
from archdsl.targets.torch.starts import split, write_start
from archdsl.targets.torch.statements import Block, Line
from archdsl.targets.torch.tape import Tape


class Forward:
    """Writes the nodes of one class's graph into a `Function`."""

    def __init__(self, plan: Plan, plans: Mapping[int, Plan], numbers: Numbers, helpers: dict[str, None]) -> None:
        self.plan = plan
        self.plans = plans
        self.graph = plan.joined
        self.function = Function(numbers, helpers, size_names(plan))
        self.kinds: dict[str, str] = {}
        """The type of each argument that is no tensor."""
        self.overwriting = overwriting(self.graph)
        self.output_class = ""
        """The named tuple that it returns."""
        self.before: dict[int, list[Node]] = {}
        """What only the start of a carry needs, by the id of its node."""
        self.optional: set[str] = set()
        """The optional inputs, which may be absent, by value."""
        self.partial: set[str] = set()
        """The locals that are bound where an input is there alone, or where it is not."""
        self.copied: dict[str, None] = {}
        """Those of them that are read where they may not be bound, for a value that is then not read."""
        self.late: dict[str, str] = {}
        """The locals of training outputs, by value."""
        self.lent: dict[str, str] = {}
        """The local of each borrowed layer."""
        self.parameters: list[str] = []
        """The locals of the arguments, in order."""
        self.in_step = False
        """Whether what is written stands in a step that is a function of its own."""

    def run(self) -> None:
        """Fill the function."""
        function = self.function
        for one in self.graph.inputs:
            if one.value is not None:
                local = function.bind(one.value)
                function.hints[local] = one.name.lstrip(TOLD)
                self.parameters.append(local)
                if isinstance(one, Maybe):
                    self.optional.add(one.value.name)
                if one.carried or isinstance(one, Maybe):  # it may be absent, and then has no shape to ask for
                    self.kinds[local] = "Tensor | None"
                else:
                    function.shapes.append((local, one.value.type))
        for name, _ in self.graph.borrowed:
            self.lent[name] = function.fresh(name)
            self.parameters.append(self.lent[name])
            self.kinds[self.lent[name]] = "nn.Module"
        self.tensors(self.graph)
        function.arguments = {one for one in self.parameters if self.kinds.get(one) != "Tensor | None"}
        function.own = self.own_tensor()
        for door in self.graph.doors:
            self.door(door)
        needed, late = needed_nodes(self.graph)
        needed, self.before = split(self.graph, needed)
        write_nodes(self, needed)
        if any(one.training for one in self.graph.outputs):
            self.training(late)
        function.statements[:0] = [Line((one,), "None", fixed=True, annotation=": Tensor | None") for one in self.copied]
        self.returns()
        for local in function.extras.values():
            self.parameters.append(local)
            self.kinds[local] = "int"

    def door(self, door: Door) -> None:
        """A check of a fact that the author required."""
        if isinstance(door, GuardedDoor):
            return write_guarded(self, door)
        values = (self.plan.holes.sizes(door.left), self.plan.holes.sizes(door.right))
        if all(self.function.numbers.is_static(one) for one in values):
            return
        tape = self.function.tape((), ())
        said = door.message or fact_text(door)
        raised = Line((), f"ValueError({quote(said)})", head="raise")
        self.function.statements.append(Block(f"if {door_code(door, tape)}:", [raised]))

    def training(self, nodes: list[Node]) -> None:
        """Outputs that are there only in training."""
        function = self.function
        outer, function.statements = function.statements, []
        for node in nodes:
            self.node(node)
        targets = []
        for one in self.graph.outputs:
            if one.training:
                local = function.fresh(one.name or "aux")
                function.add((local,), function.locals[one.value.name], self.note((one.value.type,), None))
                self.late[one.value.name] = local
                targets.append(local)
        body, function.statements = function.statements, outer
        for local in targets:
            function.add((local,), "None", fixed=True).annotation = ": Tensor | None"
        function.statements.append(Block("if self.training:", body, state=tuple(targets)))

    def own_tensor(self) -> str:
        """A float tensor that the class itself owns, where one is plainly in reach."""
        for path, member in self.graph.members.items():
            base = access(self.plan, self.plans, path)
            if "[" in base or "(" in base or base.count(".") > 1:
                continue
            if isinstance(member, Parameter) and member.value.type.dtype == "float":
                return base
            leaves = member.op.parameters() if isinstance(member, Layer) and member.float == FLOAT else {}
            for leaf, weight in leaves.items():
                if weight.dtype == FLOAT and not weight.buffer and is_attribute(leaf):
                    return f"{base}.{leaf}"
        return ""

    def tensors(self, graph: Graph) -> None:
        """Parameters and buffers of the graph are read as attributes."""
        for path, member in graph.members.items():
            if isinstance(member, Parameter):
                self.function.locals[member.value.name] = access(self.plan, self.plans, path)

    def returns(self) -> None:
        names = [self.late.get(one.value.name) or self.function.locals[one.value.name] for one in self.graph.outputs]
        if self.output_class and len(names) > 1:
            self.function.add((), f"{self.output_class}({', '.join(names)})", head="return")
        else:
            self.function.add((), ", ".join(names), head="return")

    def operand(self, one: Operand) -> Code | None:
        """The code of an operand; None where it is absent."""
        if isinstance(one, Value):
            return Code(self.function.locals[one.name])
        return self.function.tape((), ()).value(one.number) if isinstance(one, Number) else None

    def node(self, node: Node) -> None:
        """One node as a statement."""
        if node.scan is not None:
            return write_scan(self, node)
        if isinstance(node.choice, Presence):
            return write_presence(self, node, node.choice)
        if node.choice is not None:
            return write_choice(self, node)
        if id(node) in self.before:
            return write_start(self, node, self.before[id(node)])
        types = tuple(one.type for one in node.operands if one is not None)
        outputs = tuple(one.type for one in node.results)
        beside = tuple((self.function.locals[one.name], one.type) for one in node.operands if isinstance(one, Value))
        tape = self.function.tape(types, outputs, beside, self.float_of(node))
        operands = [self.operand(one) for one in node.operands]
        if node.op is not None:
            code = str(node.op.torch(tape, *operands))
            if id(node) in self.overwriting:
                code = in_place(code)
        elif node.member is not None:
            code = self.called(node, node.member, tape, operands)
        else:
            raise ValueError("a node of no kind that can be printed")
        targets = tuple(self.function.bind(one) for one in node.results)
        note = self.note(outputs, node.span)
        line = self.function.add(targets, code, note)
        line.untyped = node.member is not None
        line.heavy = node.member is not None and isinstance(self.graph.members.get(node.member), Call)
        self.function.shapes += [(local, one.type) for local, one in zip(targets, node.results, strict=True)]

    def float_of(self, node: Node) -> str:
        """The float type in which a node computes."""
        member = self.graph.members.get(node.member) if node.member is not None else None
        if node.op is not None:
            return own_float([None if one is None else one.type for one in node.operands], [one.type for one in node.results])
        return member.float if isinstance(member, Layer) else FLOAT

    def called(self, node: Node, path: tuple[str, ...], tape: object, operands: list[Code | None]) -> str:
        """The call of a member, or the reading of one of its tensors."""
        what: Op | Graph
        if path[0] == "" and len(path) == 2:
            base, what = self.lent[path[1]], dict(self.graph.borrowed)[path[1]]
        else:
            base = callable_access(self.plan, self.plans, path)
            member = self.graph.members[path]
            if isinstance(member, Parameter):
                raise ValueError("a parameter is not called")
            what = member.op if isinstance(member, Layer) else member.graph
        if node.leaf:
            return f"{base}.{node.leaf}"
        if isinstance(what, Op):
            return str(what.torch(tape, Code(base), *operands))  # type: ignore[arg-type]
        return self.call(node, base, what, operands)

    def called_as(self, node: Node, base: str) -> str:
        """The call of a member that stands in a local."""
        member = self.graph.members[node.member or ()]
        operands = [self.operand(one) for one in node.operands]
        if isinstance(member, Call):
            return self.call(node, base, member.graph, operands)
        types = tuple(one.type for one in node.operands if one is not None)
        if not isinstance(member, Layer):
            raise ValueError("a parameter is not called")
        tape = self.function.tape(types, tuple(one.type for one in node.results), (), member.float)
        return str(member.op.torch(tape, Code(base), *operands))

    def call(self, node: Node, base: str, graph: Graph, operands: list[Code | None]) -> str:
        """`self.block(x, mask)`, with the layers it borrows and the sizes it cannot read from its tensors."""
        said = [str(one) for one in operands]
        for _, path in node.lent:
            said.append(self.lent[path[1]] if path[0] == "" else access(self.plan, self.plans, path))
        path = node.member or ()
        if node.graph is not None and node.graph.kind == "tangent":
            plan = self.plans[id(node.graph)]
            sizes = [self.function.tape((), ()).plain(one[0]) for one in plan.extras.values()]
            return f"{plan.name}({', '.join([base, *said, *sizes])})"
        graphs = self.plan.calls.get(path) or (node.graph or graph,) * self.plan.holes.count
        callee = self.plans.get(id(graphs[0]))
        for name, values in callee.extras.items() if callee is not None else ():
            wanted = tuple(values[callee.at(one)] for one in graphs) if callee is not None else ()
            said.append(self.function.tape((), ()).plain(self.plan.holes.join(wanted, name)))
        while said and said[-1] == "None":  # an optional input at the end is None by default
            said.pop()
        return self.run_as(node, graph, base, said)

    def run_as(self, node: Node, graph: Graph, base: str, said: list[str]) -> str:
        """The call, run as the step says."""
        tape, more = self.function.tape((), ()), []
        if "checkpoint" in node.how:
            said, more = [base, *said], [] if graph.has_statistics() else ["use_reentrant=False"]
            base = tape.helper("checkpointed") if graph.has_statistics() else "checkpoint"
        for one in node.how:
            if one.startswith("autocast "):
                said = [tape.training(), tape.dtype(one.removeprefix("autocast ")), base, *said]
                base = tape.helper("in_half")
        return f"{base}({', '.join([*said, *more])})"

    def note(self, types: tuple[TensorType, ...], span: Span | None) -> str:
        """`[N, 64, H // 2, W // 2]` and where the spec says it."""
        shapes = ", ".join(self.shape(one) for one in types)
        return shapes

    def shape(self, type: TensorType) -> str:
        """A type in the block's own words; `_` where the instances differ and no name tells how."""
        said = [self.axis(size) for size in type.shape]
        return f"{'' if type.dtype == 'float' else type.dtype}[{', '.join(said)}]"

    def axis(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return str(size)
        values = self.plan.holes.sizes(size)
        if (name := self.function.symbols.get(values)) is not None:
            return name
        if not any(name.startswith("?") for name in size.symbols):
            return str(size)
        found = explain(values, {**self.plan.known, **{name: one for one, name in self.function.symbols.items()}})
        return found[0].text if found else "_"


def size_names(plan: Plan) -> dict[Vector, str]:
    """The author's names of sizes: their values in all specialisations to the name."""
    configs = [dict(one.config) for one in plan.graphs]
    out: dict[Vector, str] = {}
    for name in configs[0]:
        values = tuple(config.get(name) for config in configs)
        if any(isinstance(one, Dim) for one in values) and all(isinstance(one, (int, Dim)) for one in values):
            out.setdefault(values, name)
    return out


def needed_nodes(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The nodes that evaluation needs, and those that only training outputs need, in order."""

    def reach(values: set[str]) -> list[bool]:
        wanted = set(values)
        found = []
        for node in reversed(graph.nodes):
            one = any(value.name in wanted for value in node.results)
            found.append(one)
            if one:
                wanted.update(value.name for value in node.operands if isinstance(value, Value))
        return found[::-1]

    always = reach({one.value.name for one in graph.outputs if not one.training})
    training = reach({one.value.name for one in graph.outputs if one.training})
    pairs = list(zip(graph.nodes, always, training, strict=True))
    return [node for node, one, _ in pairs if one], [node for node, one, two in pairs if two and not one]


_FAILS = {"==": "!=", "<=": ">", "<": ">="}


def door_code(door: Door, tape: Tape) -> str:
    """The condition under which the fact does not hold."""
    left, right = tape.plain(door.left), tape.value(door.right)
    if door.op in ("<=", "<") and not isinstance(door.left, Dim):
        return f"{tape.plain(door.right)} {'<' if door.op == '<=' else '<='} {left}"
    if door.op == "%":
        return f"{tape.value(door.left)} % {right} != 0"
    return f"{left} {_FAILS[door.op]} {tape.plain(door.right)}"


def fact_text(door: Door) -> str:
    """The fact in words."""
    return f"{door.left} % {door.right} == 0 must hold" if door.op == "%" else f"{door.left} {door.op} {door.right} must hold"
