"""The walk through both programs: each value of the new one is the old one's with places repeated, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archdsl.analyses.alignment import Step, align
from archdsl.analyses.cost import called_graph
from archdsl.analyses.outline import called_op, own_path
from archdsl.dims.dim import Dim
from archdsl.ir.graph import Graph, Parameter
from archdsl.ir.node import Node
from archdsl.ir.value import Number, Operand, Value
from archdsl.ops.contract import Op
from archdsl.source import Span
from archdsl.weights.growing.frames import Frame, Known, first_maps
from archdsl.weights.growing.identity import Goals
from archdsl.weights.growing.probe import Probe, equal, find_maps
from archdsl.weights.growing.spread import Map, Maps, Refused, Spread, layer_spreads, repeated

if TYPE_CHECKING:
    import torch


class Stopped(Exception):
    """A step at which the function cannot be kept: why, and where it stands in the new program."""

    def __init__(self, step: str, why: str, span: Span | None) -> None:
        super().__init__(f"{step}: {why}")
        self.span = span


class Walk:
    """Fills `made`, the tensors of the new program under their keys, from `given`, the old one's under theirs; `fresh` are the
    new one's own first values."""

    def __init__(self, probe: Probe, given: Mapping[str, torch.Tensor], fresh: Mapping[str, torch.Tensor]) -> None:
        self.probe = probe
        self.given = given
        self.fresh = fresh
        self.made: dict[str, torch.Tensor] = {}
        self.sources: dict[str, str] = {}
        self.tried: dict[object, list[Maps]] = {}

    def run(self, old: Graph, new: Graph) -> None:
        """Both programs. Raises `Stopped`."""
        if [one.name for one in old.inputs if one.value] != [one.name for one in new.inputs if one.value]:
            raise Stopped(new.name, "its inputs are not those that were", new.span)
        known: Known = {}
        for one, other in zip(old.input_values, new.input_values, strict=True):
            if one.type != other.type:
                raise Stopped(other.name, f"the input was {one.type} and is {other.type}", new.span)
            known[other.name] = one.name, {}
        outputs = self._block(Frame(old, new, ("", ""), known, lambda name: {}, self.probe))
        for out, maps in zip(new.outputs, outputs, strict=True):
            if maps:
                raise Stopped(out.name or "output", "a result that is larger is another function", new.span)

    def _block(self, frame: Frame) -> list[Maps]:
        """One block; the maps of its results."""
        if len(frame.old.outputs) != len(frame.new.outputs):
            raise Stopped(frame.new.name, "it has other results than before", frame.new.span)
        self._parameters(frame)
        goals = Goals(frame, self.fresh)
        for node in frame.new.nodes:
            before = frame.partner.get(id(node))
            if before is not None:
                try:
                    self._step(frame, goals, before, node)
                except Refused as why:
                    raise Stopped(_name(frame, node), str(why), node.span) from None
        found = []
        for was, out in zip(frame.old.outputs, frame.new.outputs, strict=True):
            try:
                found.append(self._settled(frame, goals, out.value, was.value))
            except Refused as why:
                raise Stopped(out.name or f"the result of {frame.new.name}", str(why), frame.new.span) from None
        return found

    def _settled(self, frame: Frame, goals: Goals, value: Operand, wanted: Operand) -> Maps:
        """The maps of a new value that must be this old one; new steps on the way to it are made to change nothing."""
        if not isinstance(value, Value) or not isinstance(wanted, Value):
            if isinstance(value, Number) and isinstance(wanted, Number) and value.number == wanted.number:
                return {}
            if value is None and wanted is None:
                return {}
            raise Refused(f"it takes {_said(value)} where it took {_said(wanted)}")
        if value.name not in frame.known:
            settled, tensors = goals.same(value.name, wanted.name)
            for key, tensor in tensors.items():
                self._put(key, tensor)
            frame.known[value.name] = frame.known[settled]
        source, maps = frame.known[value.name]
        if source not in self._unchanged(frame.old, wanted.name):
            told = [_maker(frame.old, one) for one in (source, wanted.name)]
            raise Refused(f"it takes what {told[0]} gave, where it took what {told[1]} gave")
        return maps

    def _unchanged(self, graph: Graph, name: str) -> Iterator[str]:
        """An old value, and those before it from which only steps come that change nothing, such as dropout in evaluation."""
        yield name
        for node in graph.nodes:
            op = called_op(graph, node)
            if [one.name for one in node.results] == [name] and op is not None and not op.parameters():
                operands = [one for one in node.operands if one is not None]
                if len(operands) == 1 and isinstance(operands[0], Value) and operands[0].type == node.results[0].type:
                    sample = self.probe.sample(operands[0].type, signed=True)
                    values = [None if one is None else sample for one in node.operands]
                    if equal(self._run(op, node, values, {})[0], sample):
                        yield from self._unchanged(graph, operands[0].name)

    def _parameters(self, frame: Frame) -> None:
        """Tensors of the block itself."""
        sides = [[(".".join(path), one) for path, one in graph.members.items() if isinstance(one, Parameter)]
                 for graph in (frame.old, frame.new)]  # fmt: skip
        left, right = (
            [Step(label, "param", {"name": label.rpartition(".")[2]}, (one.value.type,)) for label, one in side] for side in sides
        )
        for a, b in align(left, right)[0]:
            (label, old), (key, new) = sides[0][a], sides[1][b]
            sizes = [dict(enumerate(self.probe.shape(one.value.type))) for one in (old, new)]
            if len(sizes[0]) != len(sizes[1]):
                raise Stopped(key, "it has another rank than before", new.span)
            try:
                if new.buffer:
                    maps = self._stated(frame.prefixes[0] + label, frame.prefixes[1] + key)
                else:
                    maps = first_maps(frame.asked(new.value), *sizes)
                    source = frame.prefixes[0] + label
                    self._put(frame.prefixes[1] + key, repeated(self.given[source].detach(), maps), source)
            except Refused as why:
                raise Stopped(key, str(why), new.span) from None
            frame.known[new.value.name] = old.value.name, maps

    def _stated(self, old: str, new: str) -> Maps:
        """A buffer that the program states must be the old one, places repeated."""
        if old not in self.given or new not in self.fresh:
            return {}
        maps = find_maps(self.given[old].detach(), self.fresh[new].detach(), ())
        if maps is None:
            raise Refused("the program states other values for it than before")
        self._put(new, self.fresh[new], old)
        return maps

    def _step(self, frame: Frame, goals: Goals, before: Node, node: Node) -> None:
        """A step that was there before."""
        if len(before.operands) != len(node.operands) or len(before.results) != len(node.results):
            raise Refused("it takes or gives more or fewer tensors than before")
        given = [self._settled(frame, goals, *pair) for pair in zip(node.operands, before.operands, strict=True)]
        old, new = called_graph(frame.old, before), called_graph(frame.new, node)
        ops = called_op(frame.old, before), called_op(frame.new, node)
        if old is not None and new is not None and node.member and node.member[0] != "":
            results = self._call(frame, node, before, (old, new), given)
        elif ops[0] is not None and ops[1] is not None:
            results = self._op(frame, before, node, (ops[0], ops[1]), given)
        elif any(given) or not _alike(frame, before, node):
            raise Refused(
                "what is inside it changes its size, which is not followed"
                if node.scan or node.choice
                else "it is another step than before"
            )
        else:
            results = [{} for _ in node.results]
        for was, value, maps in zip(before.results, node.results, results, strict=True):
            frame.known[value.name] = was.name, maps

    def _call(self, frame: Frame, node: Node, before: Node, graphs: tuple[Graph, Graph], given: list[Maps]) -> list[Maps]:
        old, new = graphs
        prefix = frame.prefixes[0] + ".".join(own_path(frame.old, before)) + "."
        if not any(given) and old == new and not node.lent:
            for path, tensor in new.tensors():
                if not tensor.persistent:
                    continue
                source = prefix + ".".join(path)
                self._put(frame.key(node) + ".".join(path), self.given[source].detach(), source)
            return [{} for _ in node.results]
        pairs = zip(old.input_values, new.input_values, strict=True)
        known = {
            other.name: (one.name, maps)
            for (one, other), maps in zip(
                pairs, (maps for maps, operand in zip(given, node.operands, strict=True) if operand is not None), strict=True
            )
        }
        return self._block(
            Frame(old, new, (prefix, frame.key(node)), known, lambda name: frame._result(node, new, name), self.probe)
        )

    def _op(self, frame: Frame, before: Node, node: Node, ops: tuple[Op, Op], given: list[Maps]) -> list[Maps]:
        """An operator or a layer: it is tried on random values and on the same values repeated."""
        old, new = ops
        if old.name != new.name:
            raise Refused(f"it is {new.name} where {old.name} stood")
        if node.member and node.member[0] == "":
            raise Refused("it is handed in by the caller, which is not followed")
        rank = len(node.operands[0].type.shape) if node.operands and node.operands[0] is not None else 0
        wanted = frame.asked(node.results[0])
        spreads: dict[str, Spread] = layer_spreads(old, new, given[0] if given else {}, wanted, rank) if new.parameters() else {}
        prefix = frame.prefixes[0] + ".".join(own_path(frame.old, before)) + "."
        for leaf in {**old.parameters(), **new.parameters()}:
            if leaf not in old.parameters() or leaf not in new.parameters():
                raise Refused(f"its {leaf} {'is new' if leaf in new.parameters() else 'is gone'}")
            if prefix + leaf in self.given:
                made = spreads[leaf](self.given[prefix + leaf].detach())
                if made.shape != self.probe.shape(_type(new.parameters()[leaf])):
                    raise Refused(_why(old, new, given))
                self._put(frame.key(node) + leaf, made, prefix + leaf)
        if old == new and not any(given):
            return [{} for _ in node.results]
        guesses = [map for maps in (*given, *(frame.asked(one) for one in node.results)) for map in maps.values()]
        types = tuple(None if one is None else one.type for one in (*before.operands, *node.operands))
        numbers = tuple(one.number for one in before.operands if isinstance(one, Number))
        key = ops, types, numbers, tuple(tuple(sorted(maps.items())) for maps in given), tuple(guesses)
        if key not in self.tried:
            self.tried[key] = self._try(ops, before, node, given, spreads, guesses)
        return self.tried[key]

    def _try(
        self, ops: tuple[Op, Op], before: Node, node: Node, given: list[Maps], spreads: Mapping[str, Spread], guesses: list[Map]
    ) -> list[Maps]:  # fmt: skip
        """The maps of the results, by running both operators; with another sign too, for what only positive numbers hide."""
        old, new = ops
        state = {leaf: self.probe.sample(_type(one)) for leaf, one in old.parameters().items() if one.persistent}
        grown = {leaf: spreads[leaf](one) for leaf, one in state.items()}
        found: list[Maps] = []
        for signed in (False, True):
            values = [self._sample(operand, signed) for operand in before.operands]
            wide = [None if one is None else repeated(one, maps) for one, maps in zip(values, given, strict=True)]
            pairs = list(zip(self._run(old, before, values, state), self._run(new, node, wide, grown), strict=True))
            if not signed:
                maps = [find_maps(*pair, guesses) for pair in pairs]
                found = [one for one in maps if one is not None]
            if len(found) != len(pairs) or any(
                not equal(new, repeated(old, maps)) for (old, new), maps in zip(pairs, found, strict=True)
            ):
                raise Refused(_why(*ops, given))
        return found

    def _run(self, op: Op, node: Node, values: list[Any], state: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        types = [None if one is None else one.type for one in node.operands]
        return self.probe.run(op, types, [one.type for one in node.results], values, state)

    def _sample(self, operand: Operand, signed: bool) -> Any:
        import torch

        if isinstance(operand, Number):
            number = operand.number
            return torch.tensor(
                self.probe.size(number) if isinstance(number, Dim) else number,
                dtype=torch.float64 if operand.type.dtype == "float" else None,
            )
        return None if operand is None else self.probe.sample(operand.type, signed=signed)

    def _put(self, key: str, tensor: torch.Tensor, source: str = "") -> None:
        """A tensor of the new program, of the old one `source`; one that is reached twice must be the same both times."""
        import torch

        if key in self.made and not torch.equal(self.made[key].double(), tensor.double()):
            raise Refused(f"`{key}` would have to be two tensors")
        self.made[key] = tensor
        if source:
            self.sources[key] = source


def _why(old: Op, new: Op, given: list[Maps]) -> str:
    wide = [f"{len(set(map))} to {len(map)}" for maps in given for map in maps.values()]
    if wide:
        return f"{new.name} of an axis that grows from {wide[0]} is not what it was, repeated"
    values = [
        f"{name}={_told(value)} where it was {_told(was)}"
        for (name, value), (_, was) in zip(new.items(), old.items(), strict=True)
        if value != was
    ]
    return f"{new.name} is another function than before: {', '.join(values)}"


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_told, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(weight: Any) -> Any:
    from archdsl.dims.shape import TensorType

    return TensorType(weight.shape, weight.dtype)


def _alike(frame: Frame, before: Node, node: Node) -> bool:
    """A scan, a choice, or a tensor that is read: the same as before, with all that it calls."""
    if (before.scan, before.choice, before.leaf) != (node.scan, node.choice, node.leaf):
        return False
    called = [path for body in _bodies(node) for one in body.nodes for path in (one.member,) if path]
    if node.member:
        called.append(node.member)
    return all(frame.old.members.get(path) == frame.new.members.get(path) for path in called)


def _bodies(node: Node) -> Iterator[Graph]:
    bodies = [node.scan.body] if node.scan else [node.choice.training, node.choice.evaluation] if node.choice else []
    for body in bodies:
        yield body
        for one in body.nodes:
            yield from _bodies(one)


def _name(frame: Frame, node: Node) -> str:
    if node.member and node.member[0] != "":
        return frame.key(node)[:-1]
    op = called_op(frame.new, node)
    return op.name if op is not None else "scan" if node.scan else "if training" if node.choice else frame.new.name


def _maker(graph: Graph, name: str) -> str:
    """The step that makes a value, or the input that it is."""
    for node in graph.nodes:
        if any(value.name == name for value in node.results):
            op = called_op(graph, node)
            return f"`{'.'.join(node.member)}`" if node.member else op.name if op is not None else "a scan or choice"
    return next((f"the input `{one.name}`" for one in graph.inputs if one.value and one.value.name == name), f"`{name}`")


def _said(operand: Operand) -> str:
    if operand is None:
        return "nothing"
    return f"{operand.number}" if isinstance(operand, Number) else "a tensor"
