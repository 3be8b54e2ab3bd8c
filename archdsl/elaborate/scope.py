"""Names in braces: what is bound where, what may be rebound, what was never used."""

from __future__ import annotations

from typing import Any

from archdsl.records import mutable
from archdsl.source import Span


@mutable
class Binding:
    """What a name stands for; `value` changes when `=` rebinds it."""

    name: str
    value: Any
    span: Span | None
    kind: str
    """`value` (by `=` or `as`), `input`, `carry`, `slice`, `config`, `let`, `param`, `buffer`, `shared`, `index`."""
    used: bool = False
    site: Span | None = None
    """Where the value was given, if that is not where the name was bound."""
    read: tuple[Span | None, ...] = ()
    """The places whose values were used."""


class Scope:
    """The names of one pair of braces; `parallel` ones run beside the flow or many times, so nothing outside is rebound from
    them."""

    __slots__ = ("names", "parallel", "parent", "wall")

    def __init__(self, parent: Scope | None, parallel: str = "", wall: bool = False) -> None:
        self.parent = parent
        self.wall = wall
        """Set for a group that is a layer: its configuration is that around it, its tensors are its own."""
        self.names: dict[str, Binding] = {}
        self.parallel = parallel
        """The construct whose braces these are, where it runs in parallel: `skip`, `branch`, …"""

    def bind(self, name: str, value: Any, span: Span | None, kind: str) -> None:
        """Bind a new name here."""
        self.names[name] = Binding(name, value, span, kind)

    def find(self, name: str) -> Binding | None:
        """The nearest binding of a name."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def walled(self, name: str) -> bool:
        """Whether a wall stands between here and where the name is bound."""
        scope: Scope | None = self
        wall = False
        while scope is not None and name not in scope.names:
            wall = wall or scope.wall
            scope = scope.parent
        return wall and scope is not None

    def crossing(self, name: str) -> str:
        """The parallel construct between here and where the name is bound; empty if there is none."""
        scope: Scope | None = self
        crossed = ""
        while scope is not None and name not in scope.names:
            crossed = crossed or scope.parallel
            scope = scope.parent
        return crossed if scope is not None else ""

    def visible(self) -> dict[str, Binding]:
        """All names that can be seen from here."""
        outer = self.parent.visible() if self.parent is not None else {}
        return {**outer, **self.names}
