"""Nodes of chains, steps and what has a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.records import record
from archdsl.syntax.tree.expressions import Expr
from archdsl.syntax.tree.node import Tree
from archdsl.syntax.tree.statements import Body

if TYPE_CHECKING:
    from archdsl.syntax.tree.expressions import Arg


@record
class Segment(Tree):
    """One part of a label: `conv1`, `0`, `"denselayer{i + 1}"`. `quoted` tells that `text` is a template."""

    text: str
    quoted: bool


@record
class Path(Tree):
    """`transformer.h`; never empty."""

    segments: tuple[Segment, ...]


@record
class Skip(Tree):
    """`skip(op, …, when=c) { F } via S`"""

    args: tuple[Arg, ...]
    body: Body
    via: Step | None


@record
class Branch(Tree):
    """`branch(op, …) r in rates { … }`; without `in`, `items` is None and `targets` empty."""

    args: tuple[Arg, ...]
    targets: tuple[str, ...]
    tupled: bool
    items: Expr | None
    body: Body


@record
class Repeat(Tree):
    """`repeat i, (a, b) in rows { … }`; `repeat n` has no targets and no index. `items` is the count or what is walked."""

    index: str | None
    targets: tuple[str, ...]
    tupled: bool
    items: Expr
    walks: bool
    body: Body


@record
class ScanInput(Tree):
    """`xt in x`"""

    name: str
    items: Expr


@record
class Scan(Tree):
    """`scan a in A, b in B over axis k reverse { … }`"""

    inputs: tuple[ScanInput, ...]
    axis: Expr
    reverse: bool
    body: Body


@record
class If(Tree):
    """`if c { … } else …`; `otherwise` is a body, another `If` or None."""

    condition: Expr
    then: Body
    otherwise: Body | If | None


Term = Skip | Branch | Repeat | Scan | If | Expr  # or Body, a group


@record
class Step(Tree):
    """`conv1: Conv2d(64, 7)`"""

    label: Path | None
    term: Term | Body


@record
class Link(Tree):
    """A step of a chain, with the names after `as`; None where there is no `as`."""

    step: Step
    names: tuple[str, ...] | None
    tupled: bool


@record
class Chain(Tree):
    """`x -> conv1: Conv2d(64, 7) -> relu as y`; one link or more. Where an expression alone may stand, a chain of one
    unlabelled expression without `as` is given as that expression."""

    links: tuple[Link, ...]
