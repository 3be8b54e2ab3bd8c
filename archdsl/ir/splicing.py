"""A block's nodes in the place of its calls in the bodies of scans and choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.ir.graph import Graph, Input, Output
from archdsl.ir.node import Choice, Node, Path
from archdsl.ir.value import Operand, Value
from archdsl.records import changed


class Splice:
    """What is spliced in: the nodes of `inner`, whose members are the caller's already, for each call of `path`.

    `state` says which value of the caller stands for a tensor of the block's own, by its name there; a body takes it as one more
    input. `lent` gives a node the layers that its call lends.
    """

    def __init__(self, path: Path, inner: Graph, state: Mapping[str, Value], lent: Callable[[Node, Node], Node]) -> None:
        self.path = path
        self.inner = inner
        self.state = state
        self.lent = lent

    def node(self, node: Node) -> Node:
        """A node of the caller itself, with the calls in its bodies spliced. Raises ValueError where one cannot be."""
        made, more = self._bodies(node)
        return changed(made, operands=(*made.operands, *more)) if more else made

    def _bodies(self, node: Node) -> tuple[Node, tuple[Value, ...]]:
        """The node, and what its bodies take more, as values of the caller."""
        if node.scan is not None:
            body, more = self._body(node.scan.body, ())
            return (node, ()) if body is node.scan.body else (changed(node, scan=changed(node.scan, body=body)), more)
        if node.choice is not None:
            sides = node.choice.training, node.choice.evaluation
            wanted = dict.fromkeys(one for side in sides for one in self._body(side, ())[1])
            made = [self._body(side, tuple(wanted))[0] for side in sides]
            if made[0] is not sides[0] or made[1] is not sides[1]:
                return changed(node, choice=Choice(made[0], made[1])), tuple(wanted)
        return node, ()

    def _body(self, body: Graph, wanted: tuple[Value, ...]) -> tuple[Graph, tuple[Value, ...]]:
        """The body with `wanted` and all else that it needs of the caller as further inputs; those."""
        names = {one.name for one in body.input_values} | {one.name for node in body.nodes for one in node.results}
        inputs = {one: self._fresh(one, names) for one in wanted}
        given: dict[str, Operand] = {}
        nodes: list[Node] = []

        def local(one: Value) -> Value:
            if one not in inputs:
                inputs[one] = self._fresh(one, names)
            return inputs[one]

        def new(one: Operand) -> Operand:
            return given.get(one.name, one) if isinstance(one, Value) else one

        for node in body.nodes:
            made, more = self._bodies(node)
            if more or any(isinstance(one, Value) and one.name in given for one in node.operands):
                made = changed(made, operands=(*map(new, made.operands), *map(local, more)))
            if made.member == self.path:
                nodes += self._called(made, names, local, given)
            else:
                nodes.append(made)
        if not inputs and all(a is b for a, b in zip(nodes, body.nodes, strict=False)) and len(nodes) == len(body.nodes):
            return body, ()
        outputs: list[Output] = []
        for out in body.outputs:
            value = new(out.value)
            if not isinstance(value, Value):
                raise ValueError(f"the output {out.value.name} would be no value")
            outputs.append(changed(out, value=value))
        loops = body.loops if len(nodes) == len(body.nodes) else ()
        made_inputs = (*body.inputs, *(Input(one.name, one) for one in inputs.values()))
        return changed(body, inputs=made_inputs, nodes=tuple(nodes), outputs=tuple(outputs), loops=loops), tuple(inputs)

    def _called(self, node: Node, names: set[str], local: Callable[[Value], Value], given: dict[str, Operand]) -> list[Node]:
        """The nodes of the block for one call; what its results are goes to `given`."""
        if node.leaf or node.graph is not None:
            raise ValueError(f"`{'.'.join(self.path)}` is called in a body with other types, or read there")
        inside: dict[str, Operand] = {}
        for one, operand in zip(self.inner.input_values, node.operands, strict=True):
            inside[one.name] = operand
        nodes: list[Node] = []

        def value(one: Operand) -> Operand:
            if not isinstance(one, Value):
                return one
            if one.name not in inside:
                inside[one.name] = local(self.state[one.name])
            return inside[one.name]

        for inner in self.inner.nodes:
            operands = tuple(map(value, inner.operands))
            results = tuple(self._fresh(result, names) for result in inner.results)
            inside.update(zip((result.name for result in inner.results), results, strict=True))
            nodes.append(changed(self.lent(inner, node), operands=operands, results=results))
        given.update((old.name, value(new.value)) for old, new in zip(node.results, self.inner.outputs, strict=True))
        return nodes

    def _fresh(self, one: Value, names: set[str]) -> Value:
        """The value under a name that the body has not."""
        name, count = one.name, 0
        while name in names:
            count += 1
            name = f"{one.name}_{count}"
        names.add(name)
        return Value(name, one.type)
