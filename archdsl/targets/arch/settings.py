"""First values of tensors in words, and where one `init` says them for many layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from archdsl.ir.graph import Call, Graph, Initializer, Layer
from archdsl.targets.arch.fault import Unsayable
from archdsl.targets.arch.words import literal

Wanted = tuple[str, str]
"""A layer's word and the leaf of a tensor: `Linear`, `weight`."""


def initializer_text(one: Initializer) -> str:
    """A named initializer or a number."""
    if one.name == "full":
        return literal(dict(one.args)["value"], str)
    if one.graph is not None:
        raise Unsayable("a layer's tensor starts as a computed constant")
    said = [f"{name}={literal(value, str)}" for name, value in one.args]
    return f"{one.name}({', '.join(said)})" if said else one.name


class Settings:
    """What `init`s are in force: those of the arch, which hold everywhere, and those of a graph for all that is in it."""

    def __init__(self, top: Graph) -> None:
        self._wanted: dict[int, Counter[tuple[Wanted, Initializer | None]]] = {}
        self.everywhere = self._common(top)

    def of(self, graph: Graph, top: bool) -> list[str]:
        """The `init` statements that open a graph's body."""
        found = self.everywhere if top else self._own(graph)
        return [f"init {layer}.{leaf} = {initializer_text(one)}" for (layer, leaf), one in found.items()]

    def at(self, graph: Graph, layer: Layer) -> tuple[str | None, list[str]]:
        """What one layer must say itself: its `init=`, and the statements around it."""
        here = {**self.everywhere, **self._own(graph)}
        own, around = None, []
        for leaf, one in layer.inits:
            if here.get((layer.op.name, leaf)) == one:
                continue
            if leaf == "weight":
                own = initializer_text(one)
            else:
                around.append(f"init {layer.op.name}.{leaf} = {initializer_text(one)}")
        return own, around

    def declared(self, graph: Graph, around: list[str]) -> list[str]:
        """The `init`s that end what stands `around` a declaration: those in force before. Raises `Unsayable` where there were
        none, and other layers need none."""
        here = {**self.everywhere, **self._own(graph)}
        after = []
        for one in around:
            layer, _, leaf = one.removeprefix("init ").partition(" = ")[0].partition(".")
            if (layer, leaf) in here:
                after.append(f"init {layer}.{leaf} = {initializer_text(here[layer, leaf])}")
            elif ((layer, leaf), None) in self._below(graph):
                raise Unsayable(f"a shared `{layer}` starts in its own way, and another one as PyTorch has it")
        return after

    def _own(self, graph: Graph) -> dict[Wanted, Initializer]:
        """Of a block: those that hold for every layer in it and below, and not everywhere."""
        found = {}
        counts = self._below(graph)
        kinds: dict[Wanted, set[Initializer | None]] = {}
        for wanted, one in counts:
            kinds.setdefault(wanted, set()).add(one)
        for wanted, some in kinds.items():
            (first, *more) = some
            if not more and first is not None and self.everywhere.get(wanted) != first:
                layers = sum(count for (name, _), count in counts.items() if name == wanted)
                if layers > 1:
                    found[wanted] = first
        return found

    def _common(self, top: Graph) -> dict[Wanted, Initializer]:
        """Of the arch: for each tensor of a layer that no such layer leaves to PyTorch, the one that most have."""
        found: dict[Wanted, Initializer] = {}
        counts = self._below(top)
        bare = {wanted for wanted, one in counts if one is None}
        for (wanted, one), _ in counts.most_common():
            if one is not None and wanted not in bare and wanted not in found and one.graph is None:
                found[wanted] = one
        return found

    def _below(self, graph: Graph) -> Counter[tuple[Wanted, Initializer | None]]:
        """How many layers, of the graph and below, start how."""
        if id(graph) not in self._wanted:
            made: Counter[tuple[Wanted, Initializer | None]] = Counter()
            for layer in _layers(graph):
                inits = dict(layer.inits)
                for leaf in layer.op.parameters():
                    made[(layer.op.name, leaf), inits.get(leaf)] += 1
            seen: set[int] = set()
            for member in graph.members.values():
                if isinstance(member, Call) and id(member.graph) not in seen:
                    seen.add(id(member.graph))
                    made += self._below(member.graph)
            self._wanted[id(graph)] = made
        return self._wanted[id(graph)]


def _layers(graph: Graph) -> Iterable[Layer]:
    return [one for one in graph.members.values() if isinstance(one, Layer)]
