"""The `forward` of a generated class: one statement a node, before folding and naming."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.dims.dim import Dim, Size
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Call, Graph, Layer, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Code, Op
from archdsl.source import Span
from archdsl.targets.torch.classes import Plan
from archdsl.targets.torch.explain import Vector
from archdsl.targets.torch.function import Function
from archdsl.targets.torch.members import access
from archdsl.targets.torch.scope import Numbers


class Forward:
    """Writes the nodes of one class's graph into a `Function`."""

    def __init__(self, plan: Plan, plans: Mapping[int, Plan], numbers: Numbers, helpers: dict[str, None]) -> None:
        self.plan = plan
        self.plans = plans
        self.graph = plan.joined
        self.function = Function(numbers, helpers, size_names(plan))
        self.lent: dict[str, str] = {}
        """The local of each borrowed layer."""
        self.parameters: list[str] = []
        """The locals of the arguments, in order."""

    def run(self) -> None:
        """Fill the function."""
        function = self.function
        for one in self.graph.inputs:
            if one.value is not None:
                local = function.bind(one.value)
                function.hints[local] = one.name
                function.shapes.append((local, one.value.type))
                self.parameters.append(local)
        for name, _ in self.graph.borrowed:
            self.lent[name] = function.fresh(name)
            self.parameters.append(self.lent[name])
        self.tensors(self.graph)
        for node in self.graph.nodes:
            self.node(node)
        self.returns()

    def tensors(self, graph: Graph) -> None:
        """Parameters and buffers of the graph are read as attributes."""
        for path, member in graph.members.items():
            if isinstance(member, Parameter):
                self.function.locals[member.value.name] = access(self.plan, self.plans, path)

    def returns(self) -> None:
        names = [self.function.locals[one.value.name] for one in self.graph.outputs]
        self.function.add((), ", ".join(names), head="return")

    def operand(self, one: Operand) -> Code | None:
        """The code of an operand; None where it is absent."""
        if isinstance(one, Value):
            return Code(self.function.locals[one.name])
        return self.function.tape((), ()).value(one.number) if isinstance(one, Number) else None

    def node(self, node: Node) -> None:
        """One node as a statement."""
        types = tuple(one.type for one in node.operands if one is not None)
        outputs = tuple(one.type for one in node.results)
        beside = tuple((self.function.locals[one.name], one.type) for one in node.operands if isinstance(one, Value))
        tape = self.function.tape(types, outputs, beside)
        operands = [self.operand(one) for one in node.operands]
        if node.op is not None:
            code = str(node.op.torch(tape, *operands))
        elif node.member is not None:
            code = self.called(node, node.member, tape, operands)
        else:
            raise ValueError("a node of no kind that can be printed")
        targets = tuple(self.function.bind(one) for one in node.results)
        note = self.note(outputs, node.span)
        self.function.add(targets, code, note)
        self.function.shapes += [(local, one.type) for local, one in zip(targets, node.results, strict=True)]

    def called(self, node: Node, path: tuple[str, ...], tape: object, operands: list[Code | None]) -> str:
        """The call of a member, or the reading of one of its tensors."""
        what: Op | Graph
        if path[0] == "" and len(path) == 2:
            base, what = self.lent[path[1]], dict(self.graph.borrowed)[path[1]]
        else:
            base = access(self.plan, self.plans, path)
            member = self.graph.members[path]
            if isinstance(member, Parameter):
                raise ValueError("a parameter is not called")
            what = member.op if isinstance(member, Layer) else member.graph
        if node.leaf:
            return f"{base}.{node.leaf}"
        if isinstance(what, Op):
            return str(what.torch(tape, Code(base), *operands))  # type: ignore[arg-type]
        return self.call(node, base, what, operands)

    def call(self, node: Node, base: str, graph: Graph, operands: list[Code | None]) -> str:
        """`self.block(x, mask)`, with the layers it borrows and the sizes it cannot read from its tensors."""
        said = [str(one) for one in operands if one is not None]
        for _, path in node.lent:
            said.append(self.lent[path[1]] if path[0] == "" else access(self.plan, self.plans, path))
        return f"{base}({', '.join(said)})"

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
        return str(size) if not any(name.startswith("?") for name in size.symbols) else "_"


def size_names(plan: Plan) -> dict[Vector, str]:
    """The author's names of sizes: their values in all specialisations to the name."""
    configs = [dict(one.config) for one in plan.graphs]
    out: dict[Vector, str] = {}
    for name in configs[0]:
        values = tuple(config.get(name) for config in configs)
        if any(isinstance(one, Dim) for one in values) and all(isinstance(one, (int, Dim)) for one in values):
            out.setdefault(values, name)
    return out


__all__ = ["Call", "Forward"]
