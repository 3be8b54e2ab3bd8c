"""Nodes of types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.records import record
from archdsl.syntax.tree.node import Tree

if TYPE_CHECKING:
    from archdsl.syntax.tree.expressions import Ellipsis_, Expr


@record
class TensorTypeTree(Tree):
    """`i64[B, T]`; `dtype` is None where it is left out; a dimension is an expression (`Name` `_` is inferred) or `...`."""

    dtype: str | None
    dims: tuple[Expr | Ellipsis_, ...]


@record
class NamedType(Tree):
    """`int`, `layer`, `none`; also `list[int]`, whose `element` is `int`."""

    name: str
    element: TypeTree | None = None


@record
class UnionType(Tree):
    """`int | list[int]`"""

    options: tuple[TensorTypeTree | NamedType, ...]


TypeTree = TensorTypeTree | NamedType | UnionType
