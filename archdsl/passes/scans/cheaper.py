"""What is left in a loop with fewer operators in each step: sums go into the products that make their terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from archdsl.dims.shape import TensorType
from archdsl.ir.edit import fresh
from archdsl.ir.graph import Layer
from archdsl.ir.node import Node
from archdsl.ir.value import Operand, Value
from archdsl.ops.checks import given
from archdsl.ops.contract import Code, Context, Op, TorchTape
from archdsl.ops.dense.linear import Linear
from archdsl.ops.pointwise.arithmetic import Add, Mul
from archdsl.ops.pointwise.choose import AddCMul
from archdsl.ops.product.matmul import Matmul
from archdsl.ops.reshape.axes import Transpose
from archdsl.passes.scans.loop import Loop
from archdsl.passes.scans.steps import Many


class AddMM(Op):
    """`x + a @ b` of matrices: no word of the language, loops alone have it."""

    name = "addmm"
    family = "recurrent"
    tensors = ("x", "a", "b")

    def infer(self, context: Context, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        return (given(inputs[0]),)

    def torch(self, tape: TorchTape, *inputs: Code | None) -> Code:
        return tape.call("torch.addmm", *inputs)


def cheapen(loop: Loop, needed: Collection[Value]) -> None:
    """Fewer operators, the same function. `needed` are the values that are read behind the loop."""
    _into_products(loop, needed)
    _into_squares(loop, needed)


def _uses(loop: Loop, needed: Collection[Value]) -> Counter[str]:
    """How often each value is read."""
    found = Counter(one.name for one in needed)
    found.update(one.name for node in loop.nodes for one in node.operands if isinstance(one, Value))
    found.update(loop.new[index].name for index in loop.carries)
    found.update(value.name for value, _ in loop.open())
    found.update([loop.condition.name] if loop.condition is not None else [])
    return found


def _sums(loop: Loop, needed: Collection[Value]) -> list[tuple[Node, Value, Node]]:
    """Each sum, one of its terms, and the node that makes the other for it alone; both have the sum's type."""
    uses = _uses(loop, needed)
    made = {one.name: node for node in loop.nodes for one in node.results}
    found = []
    for node in loop.nodes:
        if not isinstance(node.op, Add):
            continue
        for one, other in (node.operands, node.operands[::-1]):
            if isinstance(one, Value) and isinstance(other, Value) and other.name in made and uses[other.name] == 1:
                if one.type == other.type == node.results[0].type and one.type.dtype == "float":
                    found.append((node, one, made[other.name]))
    return found


def _into_products(loop: Loop, needed: Collection[Value]) -> None:
    """`x + linear(h)` as one product that starts from x."""
    for node, term, maker in _sums(loop, needed):
        if node in loop.nodes and maker in loop.nodes:
            operands = _product(loop, maker, term)
            if operands is not None:
                loop.nodes[loop.nodes.index(node)] = _instead(node, AddMM(), operands)
                loop.nodes.remove(maker)


def _product(loop: Loop, maker: Node, term: Value) -> tuple[Value, ...] | None:
    """What is added, and the two matrices; a bias is added to what is known, before the loop."""
    first, *rest = (one for one in maker.operands if isinstance(one, Value))
    if term.type.rank != 2 or first.type.rank != 2:
        return None
    if isinstance(maker.op, Matmul):
        return (term, first, *rest) if rest and rest[0].type.rank == 2 else None
    member, steps = loop.steps.members.get(maker.member or ()), loop.steps
    if not isinstance(member, Layer) or not isinstance(member.op, Linear) or maker.leaf or maker.lent:
        return None
    many = steps.known.get(term.name)
    if member.op.bias and (many is None or not many.after):
        return None
    weight = leaf(loop, maker, member.op, "weight")
    if not member.op.transposed:
        weight = steps.applied(Transpose(axis0=0, axis1=1), weight)
    if member.op.bias and many is not None:
        moved = steps.applied(Add(), many.value, leaf(loop, maker, member.op, "bias"))
        term = inside(loop, Many(moved, term.type, many.after))
    return term, first, inside(loop, Many(weight, weight.type, None))


def inside(loop: Loop, many: Many) -> Value:
    """A value of the body for what is made outside."""
    value = Value(fresh(names(loop), many.value.name), many.step)
    loop.steps.known[value.name] = many
    return value


def names(loop: Loop) -> set[str]:
    """The names that values of the body have."""
    taken = {one.name for node in loop.nodes for one in (*node.operands, *node.results) if isinstance(one, Value)}
    return taken | loop.steps.known.keys() | {one.name for one in (*loop.slices, *loop.old, *loop.captured)}


def leaf(loop: Loop, node: Node, op: Op, name: str) -> Value:
    """A tensor of the layer that a node calls, read before the loop."""
    steps, like = loop.steps, op.parameters()[name]
    type = TensorType(like.shape, like.dtype)
    value = steps.named(Value(name, type), type)
    steps.nodes.append(Node((), (value,), member=node.member, leaf=name, path=steps.around.path, span=steps.around.span))
    return value


def _into_squares(loop: Loop, needed: Collection[Value]) -> None:
    """`a * b + c * d` as a product added to a product."""
    for node, term, maker in _sums(loop, needed):
        if isinstance(maker.op, Mul) and node in loop.nodes and maker in loop.nodes:
            if all(isinstance(one, Value) for one in maker.operands):
                loop.nodes[loop.nodes.index(node)] = _instead(node, AddCMul(value=1), (term, *maker.operands))
                loop.nodes.remove(maker)


def _instead(node: Node, op: Op, operands: tuple[Operand, ...]) -> Node:
    return Node(operands, node.results, op=op, path=node.path, span=node.span)
