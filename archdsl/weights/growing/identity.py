"""New steps that change nothing: layers as identities, or the last layer of a skip's body zero (Net2DeeperNet)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archdsl.analyses.cost import called_graph
from archdsl.analyses.outline import called_op, own_path
from archdsl.dims.shape import TensorType
from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Value
from archdsl.ops.contract import Op
from archdsl.weights.growing.frames import Frame
from archdsl.weights.growing.probe import Probe, equal
from archdsl.weights.growing.spread import Refused, around, repeated

if TYPE_CHECKING:
    import torch

Tensors = dict[str, "torch.Tensor"]
"""First values for tensors of new layers, by key."""


class Goals:
    """Makes a new value the same as one that is known, or zero, by first values of the layers on the way.

    What an operator does is tried: on random values, on zeros, on what the step before it gives.
    """

    def __init__(self, frame: Frame, fresh: Mapping[str, torch.Tensor]) -> None:
        self.frame = frame
        self.fresh = fresh

    def same(self, name: str, wanted: str) -> tuple[str, Tensors]:
        """The known value, of which `wanted` is the old name, that the new value `name` is made the same as. Raises `Refused`."""
        place = _Place(self.frame.new, self.frame.prefixes[1], None, None)
        found: list[str] = []
        tensors = self._same(place, name, wanted, found)
        return found[0], tensors

    def _same(self, place: _Place, name: str, wanted: str, found: list[str]) -> Tensors:
        if place.outer is None and name in self.frame.known:
            source = self.frame.known[name][0]
            if source != wanted:
                raise Refused("what is new there does not start from the value that it took before")
            found.append(name)
            return {}
        if place.outer is not None and name in place.inputs:
            return self._same(place.outer, place.inputs[name], wanted, found)
        node, inner = self._maker(place, name)
        if inner is not None:
            return self._same(inner, _output(inner.graph, node, name), wanted, found)
        op = called_op(place.graph, node)
        if op is None or len(node.results) != 1:
            raise Refused(f"{_told(place, node)} cannot be made to change nothing")
        if op.parameters():
            tensors = self._as_identity(place, node, op)
            return {**tensors, **self._same(place, _only(node), wanted, found)}
        return self._through(place, node, op, wanted, found)

    def _through(self, place: _Place, node: Node, op: Op, wanted: str, found: list[str]) -> Tensors:
        """A function that gives one of its operands on where the others are zero, or where its operand is what it gives."""
        values = [at for at, one in enumerate(node.operands) if isinstance(one, Value)]
        why = f"{_told(place, node)} cannot be made to change nothing"
        for at in values:
            if not self._gives_on(node, op, at, wanted):
                continue
            try:
                kept = self._same(place, _value(node, at), wanted, found)
                for other in values:
                    if other != at:
                        kept = {**kept, **self._zero(place, _value(node, other))}
            except Refused as fault:
                why = str(fault)
                found.clear()
                continue
            return kept
        raise Refused(why)

    def _gives_on(self, node: Node, op: Op, at: int, wanted: str) -> bool:
        """Whether the result is the operand `at`, which is to be an old value, while all others are zero."""
        probe = self.frame.probe
        try:
            sample = self._range(wanted, probe.shape(_type(node, at)))
            given = [sample if index == at else _zeros(probe, one) for index, one in enumerate(node.operands)]
            return equal(_run(probe, op, node, given), sample)
        except Refused:
            return False

    def _range(self, wanted: str, shape: tuple[int, ...]) -> torch.Tensor:
        """Values like those of an old one, in this shape: what the functions that make it give for values of both signs."""
        values = _range(self.frame.probe, self.frame.old, wanted, self.frame.types[wanted])
        return repeated(
            values, {axis: around(size, shape[axis]) for axis, size in enumerate(values.shape) if size != shape[axis]}
        )

    def _as_identity(self, place: _Place, node: Node, op: Op) -> Tensors:
        """A layer's tensors with which it gives its input on; it is tried."""
        import torch

        probe = self.frame.probe
        fresh = self._fresh(place, node, op)
        tensors = {leaf: one.clone() for leaf, one in fresh.items()}
        weight = tensors.get("weight")
        if weight is not None and weight.ndim == 2:
            torch.nn.init.eye_(weight)
        elif weight is not None and weight.ndim > 2:
            groups = getattr(op, "groups", 1)
            if weight.shape[0] % groups == 0 and weight.ndim <= 5:
                torch.nn.init.dirac_(weight, groups)
        elif weight is not None and "running_var" in tensors:
            weight.copy_((tensors["running_var"] + getattr(op, "eps", 0.0)).sqrt())
        if "bias" in tensors:
            tensors["bias"].copy_(tensors["running_mean"]) if "running_mean" in tensors else tensors["bias"].zero_()
        operand = node.operands[0]
        assert isinstance(operand, Value)  # noqa: S101
        sample = probe.sample(operand.type, signed=True)
        made = _run(probe, op, node, [sample, *([None] * (len(node.operands) - 1))], tensors)
        if not equal(made, sample):
            raise Refused(f"{_told(place, node)} cannot be made to change nothing")
        return {place.key(node) + leaf: one for leaf, one in tensors.items()}

    def _zero(self, place: _Place, name: str) -> Tensors:
        """First values with which a new value is zero, whatever goes in."""
        import torch

        if place.outer is None and name in self.frame.known:
            raise Refused("what is added to the old value is old too")
        if place.outer is not None and name in place.inputs:
            return self._zero(place.outer, place.inputs[name])
        for path, member in place.graph.members.items():
            if isinstance(member, Parameter) and member.value.name == name and not member.buffer:
                key = place.prefix + ".".join(path)
                return {key: torch.zeros_like(self.fresh[key])}
        node, inner = self._maker(place, name)
        if inner is not None:
            return self._zero(inner, _output(inner.graph, node, name))
        op = called_op(place.graph, node)
        if op is None or len(node.results) != 1:
            raise Refused(f"{_told(place, node)} cannot be made zero")
        probe = self.frame.probe
        if any(not one.buffer for one in op.parameters().values()):
            tensors = {leaf: one if op.parameters()[leaf].buffer else torch.zeros_like(one)
                       for leaf, one in self._fresh(place, node, op).items()}  # fmt: skip
            given = [None if one is None else probe.sample(one.type, signed=True) for one in node.operands]
            made = _run(probe, op, node, given, tensors)
            if equal(made, torch.zeros_like(made)):
                return {place.key(node) + leaf: one for leaf, one in tensors.items()}
            raise Refused(f"{_told(place, node)} cannot be made zero")
        values = [at for at, one in enumerate(node.operands) if isinstance(one, Value)]
        for some in (*([at] for at in values), values):
            given = [_zeros(probe, one) if at in some else self._any(one) for at, one in enumerate(node.operands)]
            try:
                made = _run(probe, op, node, given)
                if some and equal(made, torch.zeros_like(made)):
                    return {key: one for at in some for key, one in self._zero(place, _value(node, at)).items()}
            except Refused:
                continue
        raise Refused(f"{_told(place, node)} cannot be made zero")

    def _any(self, operand: object) -> torch.Tensor | None:
        if isinstance(operand, Number):
            return _zeros(self.frame.probe, operand)
        return self.frame.probe.sample(operand.type, signed=True) if isinstance(operand, Value) else None

    def _fresh(self, place: _Place, node: Node, op: Op) -> Tensors:
        if place.outer is None and id(node) in self.frame.partner:
            raise Refused(f"{_told(place, node)} was there before, and has its weights")
        keys = {leaf: place.key(node) + leaf for leaf in op.parameters()}
        if any(key not in self.fresh for key in keys.values()):
            raise Refused(f"{_told(place, node)} shares its weights")
        return {leaf: self.fresh[key].detach().double() for leaf, key in keys.items()}

    def _maker(self, place: _Place, name: str) -> tuple[Node, _Place | None]:
        """The step that makes a value, and where it is a call, the block inside."""
        node = next((one for one in place.graph.nodes if any(value.name == name for value in one.results)), None)
        if node is None or node.leaf:
            raise Refused(f"`{name}` is new, and no step makes it")
        if place.outer is None and id(node) in self.frame.partner:
            raise Refused(f"{_told(place, node)} was there before")
        graph = called_graph(place.graph, node)
        if graph is None:
            return node, None
        if node.member is None or node.member[0] == "" or node.lent:
            raise Refused(f"{_told(place, node)} takes a layer that is handed in")
        return node, _Place(graph, place.key(node), place, node)


class _Place:
    """A block that is looked into, with the prefix of its keys, and what its inputs are outside."""

    def __init__(self, graph: Graph, prefix: str, outer: _Place | None, node: Node | None) -> None:
        self.graph = graph
        self.prefix = prefix
        self.outer = outer
        self.inputs: dict[str, str] = {}
        if node is not None:
            given = [one for one in node.operands if one is not None]
            pairs = zip(graph.input_values, given, strict=True)
            self.inputs = {inside.name: one.name for inside, one in pairs if isinstance(one, Value)}

    def key(self, node: Node) -> str:
        """The key of a step's member, with a dot at its end."""
        return self.prefix + ".".join(own_path(self.graph, node)) + "."


def _range(probe: Probe, graph: Graph, name: str, type: TensorType) -> torch.Tensor:
    node = next((one for one in graph.nodes if any(value.name == name for value in one.results)), None)
    if node is not None:
        op, inner = called_op(graph, node), called_graph(graph, node)
        if inner is not None:
            return _range(probe, inner, _output(inner, node, name), type)
        values = [one for one in node.operands if isinstance(one, Value)]
        if op is not None and not op.parameters() and len(node.results) == 1 and len(values) == 1:
            given = [_range(probe, graph, one.name, one.type) if isinstance(one, Value) else _zeros(probe, one)
                     for one in node.operands]  # fmt: skip
            try:
                return _run(probe, op, node, given)
            except Refused:
                pass
    return probe.sample(type, signed=True)


def _output(graph: Graph, node: Node, name: str) -> str:
    """The value inside a block that its call gives as `name`."""
    return next(out.value.name for out, value in zip(graph.outputs, node.results, strict=True) if value.name == name)


def _only(node: Node) -> str:
    """The one tensor that a layer takes."""
    values = [one for one in node.operands if one is not None]
    if len(values) != 1 or not isinstance(values[0], Value):
        raise Refused("a layer of several tensors cannot be made to change nothing")
    return values[0].name


def _value(node: Node, at: int) -> str:
    value = node.operands[at]
    assert isinstance(value, Value)  # noqa: S101
    return value.name


def _type(node: Node, at: int) -> TensorType:
    value = node.operands[at]
    assert isinstance(value, Value)  # noqa: S101
    return value.type


def _zeros(probe: Probe, operand: object) -> torch.Tensor | None:
    import torch

    if isinstance(operand, Number):
        number = operand.number
        return torch.tensor(float(number)) if isinstance(number, (int, float)) else torch.tensor(float(probe.size(number)))
    return torch.zeros_like(probe.sample(operand.type)) if isinstance(operand, Value) else None


def _run(probe: Probe, op: Op, node: Node, given: list[torch.Tensor | None], tensors: Tensors | None = None) -> torch.Tensor:
    types = [None if one is None else one.type for one in node.operands]
    return probe.run(op, types, [one.type for one in node.results], given, tensors)[0]


def _told(place: _Place, node: Node) -> str:
    if node.member and node.member[0] != "":
        return f"`{place.key(node)[:-1]}`"
    op = called_op(place.graph, node)
    return op.name if op is not None else "a step"
