"""Nodes of expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.records import record
from archdsl.source import Span
from archdsl.syntax.tree.node import Tree

if TYPE_CHECKING:
    from archdsl.syntax.tree.steps import Chain


@record
class Name(Tree):
    """`width`"""

    name: str


@record
class Int(Tree):
    """`50_257`"""

    value: int


@record
class Float(Tree):
    """`1e-5`"""

    value: float


@record
class Str(Tree):
    """`"fan_out"`; `value` has the escapes resolved."""

    value: str


@record
class Bool(Tree):
    """`true`, `false`"""

    value: bool


@record
class Nothing(Tree):
    """`none`"""


@record
class It(Tree):
    """`it`, the value that flows"""


@record
class Training(Tree):
    """`training`"""


@record
class Arg(Tree):
    """One argument, in a call or in a tuple: `stride=2`, `x -> f`. `name_span` covers the name."""

    name: str | None
    name_span: Span | None
    value: Expr | Chain


@record
class Tuple(Tree):
    """`(a, b, mask=m)`, `()`. One positional argument with no trailing comma is a parenthesis, not a tuple: `Paren`."""

    items: tuple[Arg, ...]


@record
class Paren(Tree):
    """`(x -> f)`, `(-x)`"""

    value: Expr | Chain


@record
class List(Tree):
    """`[3, 4, 6, 3]`"""

    items: tuple[Expr, ...]


@record
class Comprehension(Tree):
    """`[f(a, b) for (a, b) in xs]`; `targets` has one name, or those of the tuple, `tupled` tells which."""

    body: Expr
    targets: tuple[str, ...]
    tupled: bool
    items: Expr


@record
class Call(Tree):
    """`Conv2d(64, 7, stride=2)`"""

    function: Expr
    args: tuple[Arg, ...]


@record
class Slice(Tree):
    """`1:-1:2` inside an index; a part left out is None."""

    start: Expr | None
    stop: Expr | None
    step: Expr | None


@record
class Ellipsis_(Tree):
    """`...` inside an index or a tensor type"""


@record
class Index(Tree):
    """`x[:, 0]`; each item is an expression (`Nothing` adds an axis), a `Slice` or an `Ellipsis_`."""

    value: Expr
    items: tuple[Expr | Slice | Ellipsis_, ...]


@record
class Attribute(Tree):
    """`wte.weight`, `layers.0`; `name` is the word or the digits after the dot."""

    value: Expr
    name: str


@record
class Unary(Tree):
    """`-x`, `not c`; `operator` is `-` or `not`."""

    operator: str
    value: Expr


@record
class Binary(Tree):
    """`a + b`; `operator` is one of `** * / // % @ + - .. == != < <= > >= in and or`."""

    operator: str
    left: Expr
    right: Expr


@record
class IfExpr(Tree):
    """`a if c else b`"""

    then: Expr
    condition: Expr
    otherwise: Expr


Expr = (
    Name | Int | Float | Str | Bool | Nothing | It | Training | Tuple | Paren | List | Comprehension | Call | Index
    | Attribute | Unary | Binary | IfExpr
)  # fmt: skip
