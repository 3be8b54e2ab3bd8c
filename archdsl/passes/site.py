"""Where a pass stands while it edits one graph: what it may know, what it refuses, how tensors come from others."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.node import Node, Path
from archdsl.passes.carrying import Derived, Tensors
from archdsl.passes.holds import Below, held
from archdsl.passes.pattern import Refusal


class Site:
    """The nodes of the graph call the members of `owner`: of a body the graph around it, else the graph itself.

    `float` is the program's float type; what was found and left as it is goes to `refusals`.
    """

    def __init__(
        self, owner: Graph, float: str, refusals: list[Refusal], derived: list[Derived] | None = None,
        holds: dict[Path, str] | None = None, body: bool = False, below: Below | None = None,
    ) -> None:  # fmt: skip
        self.owner = owner
        self.float = float
        self.refusals = refusals
        self.body = body
        """Whether the graph is a body, which has no members of its own."""
        self._derived = derived if derived is not None else []
        self._holds = holds or {}
        self._below = below or Below({})

    def refuse(self, equation: str, graph: Graph, node: Node, reason: str) -> None:
        """Tell that a match is left as it is, and why; each once."""
        one = Refusal(equation, f"{graph.name}.{node.results[0].name}", reason)
        if one not in self.refusals:
            self.refusals.append(one)

    def held(self, path: Path) -> str:
        """Why the tensors of a layer of the owner must stay: it is tied, shared, called twice or in a body, read by itself, lent.
        Nothing where one node of the graph itself calls it, and nothing else uses it."""
        return held(self._holds, path)

    def held_in(self, graph: Graph, path: Path) -> str:
        """The same of a layer of a block below, as it is now."""
        return held(self._below.of(graph), path)

    def stands_for(self, new: Graph, old: Graph) -> Graph:
        """A block below as the pass made it: what was held still is. Gives it back."""
        return self._below.same(new, old)

    def derive(self, made: tuple[str, ...], used: tuple[str, ...], how: Tensors) -> None:
        """Tensors that come and go: keys from the owner, `conv.weight`. `Derived` says what they are."""
        self._derived.append(Derived(made, used, how))
