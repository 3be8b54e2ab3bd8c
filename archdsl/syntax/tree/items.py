"""Nodes of items, and the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.records import Record, record
from archdsl.source import Source, Span
from archdsl.syntax.tree.node import Tree
from archdsl.syntax.tree.statements import Broken, Let

if TYPE_CHECKING:
    from archdsl.syntax.tree.expressions import Arg, Expr
    from archdsl.syntax.tree.statements import Body
    from archdsl.syntax.tree.steps import Chain, Step
    from archdsl.syntax.tree.types import TensorTypeTree, TypeTree


@record
class Used(Tree):
    """`SqueezeExcite as SE`; `name` is what the file calls it."""

    imported: str
    name: str


@record
class Use(Tree):
    """`use std.vision { ConvNorm }`; `module` is dotted words, or the string of a relative path where `relative`.
    Without braces `names` is None: all of the file's items are imported."""

    module: str
    relative: bool
    names: tuple[Used, ...] | None


@record
class Param_(Tree):
    """One parameter of a header: `stride: int = 1`, `x: [N, C]`."""

    name: str
    type: TypeTree | None
    default: Expr | None


@record
class Out(Tree):
    """`logits: [N, classes] when training`"""

    name: str | None
    type: TensorTypeTree
    training: bool


@record
class Fn(Tree):
    """`fn f(a, b = 1) = expr`, or of tensors with a body. `lists` are the parenthesised parameter lists as written."""

    name: str
    name_span: Span
    lists: tuple[tuple[Param_, ...], ...]
    outs: tuple[Out, ...] | None
    value: Expr | Body
    doc: str | None


@record
class Block(Tree):
    """`block Name(config)(tensors) -> types { … }`"""

    name: str
    name_span: Span
    lists: tuple[tuple[Param_, ...], ...]
    outs: tuple[Out, ...] | None
    body: Body
    doc: str | None


@record
class Arch(Tree):
    """`arch Name(config)(tensors) -> outs { … }`"""

    name: str
    name_span: Span
    lists: tuple[tuple[Param_, ...], ...]
    outs: tuple[Out, ...] | None
    body: Body
    doc: str | None


@record
class Selector(Tree):
    """`layer*.*.bn?`, as it is written: `elaborate.editing.selectors` reads it."""

    text: str


@record
class Edit(Tree):
    """One line of a variant. `word` is `set`, `replace`, `insert after`, `insert before`, `wrap`, `unwrap` or `remove`.
    `selector` is None where `set` gives the base's configuration. `value` is what stands there then: a chain; for `wrap` a step
    whose body is empty; for `set` arguments; None for `unwrap` and `remove`."""

    word: str
    selector: Selector | None
    value: Chain | Step | tuple[Arg, ...] | None


@record
class Variant(Tree):
    """`arch ResNet50 = ResNet(Bottleneck, [3, 4, 6, 3]) { expect { … } }`, or `variant Odd of ResNet50 { … }`, which has `edits`.
    `body` has what stands in the braces otherwise."""

    name: str
    name_span: Span
    value: Expr
    body: Body | None
    doc: str | None
    edits: tuple[Edit, ...] = ()


Item = Use | Let | Fn | Block | Arch | Variant | Broken


@record
class Comment(Record):
    """`# …` with its place; `own_line` tells that nothing stands before it on its line."""

    span: Span
    text: str
    own_line: bool


@record
class File(Record):
    """A parsed file."""

    source: Source
    doc: str | None
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
