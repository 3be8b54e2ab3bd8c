"""Nodes of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.records import record
from archdsl.syntax.tree.node import Tree

if TYPE_CHECKING:
    from archdsl.syntax.tree.expressions import Arg, Expr, Name, Str
    from archdsl.syntax.tree.steps import Chain, Path, Step
    from archdsl.syntax.tree.types import TensorTypeTree


@record
class Let(Tree):
    """`let a, b = expr`; also at the top level."""

    targets: tuple[str, ...]
    value: Expr
    doc: str | None = None


@record
class Require(Tree):
    """`require expr, "why {n}"`"""

    condition: Expr
    message: Str | None


@record
class Expect(Tree):
    """`expect { … }`"""

    conditions: tuple[Expr, ...]


@record
class Param(Tree):
    """`param gain = D: [inner] = ones`; `path` is None where the name is the path."""

    name: str
    path: Path | None
    type: TensorTypeTree
    value: Expr | Chain


@record
class Buffer(Tree):
    """`buffer(persistent=false) m: bool[K, K] = causal_mask(K)`"""

    args: tuple[Arg, ...]
    name: str
    path: Path | None
    type: TensorTypeTree
    value: Expr | Chain


@record
class Shared(Tree):
    """`shared wte = transformer.wte: Embedding(V, D)`"""

    name: str
    step: Step


@record
class Init(Tree):
    """`init Conv2d.weight = kaiming_normal(mode="fan_out")`"""

    layer: str
    leaf: str
    value: Expr


@record
class Default(Tree):
    """`default BatchNorm2d(eps=1e-3)`"""

    value: Expr


@record
class Carry(Tree):
    """`carry h: [B, H] = start`"""

    name: str
    type: TensorTypeTree | None
    value: Expr | Chain


@record
class Yield(Tree):
    """`yield a, b`"""

    values: tuple[Expr | Chain, ...]


@record
class Final(Tree):
    """`final h, c`"""

    names: tuple[Name, ...]


@record
class Until(Tree):
    """`until c`"""

    condition: Expr


@record
class Head(Tree):
    """`head logits when training { … }`; without a body the flow itself is the output."""

    name: str
    training: bool
    body: Body | None


@record
class Assign(Tree):
    """`a, b = chain`"""

    targets: tuple[Name, ...]
    value: Expr | Chain


@record
class Flow(Tree):
    """A line that is a chain: it takes the flow and gives it on."""

    chain: Chain


@record
class Broken(Tree):
    """A statement or item that could not be parsed; the problem is noted, what follows is read."""


Statement = (
    Let | Require | Expect | Param | Buffer | Shared | Init | Default | Carry | Yield | Final | Until | Head | Assign
    | Flow | Broken
)  # fmt: skip


@record
class Body(Tree):
    """`{ … }`"""

    statements: tuple[Statement, ...]
