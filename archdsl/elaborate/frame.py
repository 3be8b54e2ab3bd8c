"""Where the elaborator stands: in which unit, region, container and scope, with which flow."""

from __future__ import annotations

from typing import Any

from archdsl.dims.facts import Facts
from archdsl.elaborate.program import Module
from archdsl.elaborate.scope import Scope
from archdsl.elaborate.session import Session, Settings
from archdsl.elaborate.unit import Region, Unit
from archdsl.ir.node import Path


class Frame:
    """One pair of braces being elaborated."""

    __slots__ = (
        "branching",
        "container",
        "flow",
        "flow_span",
        "heads",
        "module",
        "numbered",
        "region",
        "restricted",
        "scan",
        "scope",
        "session",
        "settings",
        "unit",
        "visit",
    )

    def __init__(self, session: Session, module: Module, unit: Unit, scope: Scope, settings: Settings) -> None:
        self.session = session
        self.module = module
        self.unit = unit
        self.region: Region = unit.root
        self.scope = scope
        self.settings = settings
        self.container: Path = ()
        self.flow: Any = None
        self.flow_span: Any = None
        """Where the flow was made, while nothing has taken it."""
        self.numbered = True
        """Whether steps take numbers here."""
        self.branching = False
        """Set directly in a `branch`, whose steps are results, each for itself."""
        self.heads: Any = None
        """The heads of an arch, in its own braces and in those of its `if`s and groups."""
        self.scan: Any = None
        """The scan whose body this is, in its own braces only."""
        self.restricted = ""
        """Set in a `fn` of tensors: it may own nothing."""
        self.visit: Any = None
        """Where steps are edited or written down, how (`editing.visit`)."""

    def inner(self, scope: Scope | None = None, parallel: str = "") -> Frame:
        """A frame for braces inside: its own scope, the same flow; `init` and `default` inside end with it."""
        frame = Frame(self.session, self.module, self.unit, scope or Scope(self.scope, parallel), self.settings)
        frame.region = self.region
        frame.container = self.container
        frame.flow = self.flow
        frame.numbered = self.numbered
        frame.restricted = self.restricted
        frame.visit = self.visit
        return frame

    @property
    def facts(self) -> Facts:
        """The facts in force."""
        return self.unit.facts
