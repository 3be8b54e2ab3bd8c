"""The syntax tree: frozen nodes with names and spans, nothing resolved."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.source import Source, Span
from archdsl.syntax.nodes import Frozen, node


@node
class Tree(Frozen):
    """Any node; `span` covers its text."""

    span: Span

    def children(self) -> Iterator[Tree]:
        """The nodes directly below, in text order of the fields."""
        for name in self.__match_args__:
            yield from _nodes(getattr(self, name))

    def walk(self) -> Iterator[Tree]:
        """This node and all below it."""
        stack: list[Tree] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(list(node.children())))


def _nodes(value: object) -> Iterator[Tree]:
    if isinstance(value, Tree):
        yield value
    elif isinstance(value, tuple) and not isinstance(value, Span):
        for one in value:
            yield from _nodes(one)


# ── expressions ──────────────────────────────────────────────────────────────────────────────────────────────────────


@node
class Name(Tree):
    """`width`"""

    name: str


@node
class Int(Tree):
    """`50_257`"""

    value: int


@node
class Float(Tree):
    """`1e-5`"""

    value: float


@node
class Str(Tree):
    """`"fan_out"`; `value` has the escapes resolved."""

    value: str


@node
class Bool(Tree):
    """`true`, `false`"""

    value: bool


@node
class Nothing(Tree):
    """`none`"""


@node
class It(Tree):
    """`it`, the value that flows"""


@node
class Training(Tree):
    """`training`"""


@node
class Arg(Tree):
    """One argument, in a call or in a tuple: `stride=2`, `x -> f`. `name_span` covers the name."""

    name: str | None
    name_span: Span | None
    value: Expr | Chain


@node
class Tuple(Tree):
    """`(a, b, mask=m)`, `()`. One positional argument with no trailing comma is a parenthesis, not a tuple: `Paren`."""

    items: tuple[Arg, ...]


@node
class Paren(Tree):
    """`(x -> f)`, `(-x)`"""

    value: Expr | Chain


@node
class List(Tree):
    """`[3, 4, 6, 3]`"""

    items: tuple[Expr, ...]


@node
class Comprehension(Tree):
    """`[f(a, b) for (a, b) in xs]`; `targets` has one name, or those of the tuple, `tupled` tells which."""

    body: Expr
    targets: tuple[str, ...]
    tupled: bool
    items: Expr


@node
class Call(Tree):
    """`Conv2d(64, 7, stride=2)`"""

    function: Expr
    args: tuple[Arg, ...]


@node
class Slice(Tree):
    """`1:-1:2` inside an index; a part left out is None."""

    start: Expr | None
    stop: Expr | None
    step: Expr | None


@node
class Ellipsis_(Tree):
    """`...` inside an index or a tensor type"""


@node
class Index(Tree):
    """`x[:, 0]`; each item is an expression (`Nothing` adds an axis), a `Slice` or an `Ellipsis_`."""

    value: Expr
    items: tuple[Expr | Slice | Ellipsis_, ...]


@node
class Attribute(Tree):
    """`wte.weight`, `layers.0`; `name` is the word or the digits after the dot."""

    value: Expr
    name: str


@node
class Unary(Tree):
    """`-x`, `not c`; `operator` is `-` or `not`."""

    operator: str
    value: Expr


@node
class Binary(Tree):
    """`a + b`; `operator` is one of `** * / // % @ + - .. == != < <= > >= in and or`."""

    operator: str
    left: Expr
    right: Expr


@node
class IfExpr(Tree):
    """`a if c else b`"""

    then: Expr
    condition: Expr
    otherwise: Expr


Expr = (
    Name | Int | Float | Str | Bool | Nothing | It | Training | Tuple | Paren | List | Comprehension | Call | Index
    | Attribute | Unary | Binary | IfExpr
)  # fmt: skip


# ── chains ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@node
class Segment(Tree):
    """One part of a label: `conv1`, `0`, `"denselayer{i + 1}"`. `quoted` tells that `text` is a template."""

    text: str
    quoted: bool


@node
class Path(Tree):
    """`transformer.h`; never empty."""

    segments: tuple[Segment, ...]


@node
class Skip(Tree):
    """`skip(op, …, when=c) { F } via S`"""

    args: tuple[Arg, ...]
    body: Body
    via: Step | None


@node
class Branch(Tree):
    """`branch(op, …) r in rates { … }`; without `in`, `items` is None and `targets` empty."""

    args: tuple[Arg, ...]
    targets: tuple[str, ...]
    tupled: bool
    items: Expr | None
    body: Body


@node
class Repeat(Tree):
    """`repeat i, (a, b) in rows { … }`; `repeat n` has no targets and no index. `items` is the count or what is walked."""

    index: str | None
    targets: tuple[str, ...]
    tupled: bool
    items: Expr
    walks: bool
    body: Body


@node
class ScanInput(Tree):
    """`xt in x`"""

    name: str
    items: Expr


@node
class Scan(Tree):
    """`scan a in A, b in B over axis k reverse { … }`"""

    inputs: tuple[ScanInput, ...]
    axis: Expr
    reverse: bool
    body: Body


@node
class If(Tree):
    """`if c { … } else …`; `otherwise` is a body, another `If` or None."""

    condition: Expr
    then: Body
    otherwise: Body | If | None


Term = Skip | Branch | Repeat | Scan | If | Expr  # or Body, a group


@node
class Step(Tree):
    """`conv1: Conv2d(64, 7)`"""

    label: Path | None
    term: Term | Body


@node
class Link(Tree):
    """A step of a chain, with the names after `as`; None where there is no `as`."""

    step: Step
    names: tuple[str, ...] | None
    tupled: bool


@node
class Chain(Tree):
    """`x -> conv1: Conv2d(64, 7) -> relu as y`; one link or more. Where an expression alone may stand, a chain of one
    unlabelled expression without `as` is given as that expression."""

    links: tuple[Link, ...]


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@node
class TensorTypeTree(Tree):
    """`i64[B, T]`; `dtype` is None where it is left out; a dimension is an expression (`Name` `_` is inferred) or `...`."""

    dtype: str | None
    dims: tuple[Expr | Ellipsis_, ...]


@node
class NamedType(Tree):
    """`int`, `layer`, `none`; also `list[int]`, whose `element` is `int`."""

    name: str
    element: TypeTree | None = None


@node
class UnionType(Tree):
    """`int | list[int]`"""

    options: tuple[TensorTypeTree | NamedType, ...]


TypeTree = TensorTypeTree | NamedType | UnionType


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────


@node
class Let(Tree):
    """`let a, b = expr`; also at the top level."""

    targets: tuple[str, ...]
    value: Expr
    doc: str | None = None


@node
class Require(Tree):
    """`require expr, "why {n}"`"""

    condition: Expr
    message: Str | None


@node
class Expect(Tree):
    """`expect { … }`"""

    conditions: tuple[Expr, ...]


@node
class Param(Tree):
    """`param gain = D: [inner] = ones`; `path` is None where the name is the path."""

    name: str
    path: Path | None
    type: TensorTypeTree
    value: Expr | Chain


@node
class Buffer(Tree):
    """`buffer(persistent=false) m: bool[K, K] = causal_mask(K)`"""

    args: tuple[Arg, ...]
    name: str
    path: Path | None
    type: TensorTypeTree
    value: Expr | Chain


@node
class Shared(Tree):
    """`shared wte = transformer.wte: Embedding(V, D)`"""

    name: str
    step: Step


@node
class Init(Tree):
    """`init Conv2d.weight = kaiming_normal(mode="fan_out")`"""

    layer: str
    leaf: str
    value: Expr


@node
class Default(Tree):
    """`default BatchNorm2d(eps=1e-3)`"""

    value: Expr


@node
class Carry(Tree):
    """`carry h: [B, H] = start`"""

    name: str
    type: TensorTypeTree | None
    value: Expr | Chain


@node
class Yield(Tree):
    """`yield a, b`"""

    values: tuple[Expr | Chain, ...]


@node
class Final(Tree):
    """`final h, c`"""

    names: tuple[Name, ...]


@node
class Until(Tree):
    """`until c`"""

    condition: Expr


@node
class Head(Tree):
    """`head logits when training { … }`; without a body the flow itself is the output."""

    name: str
    training: bool
    body: Body | None


@node
class Assign(Tree):
    """`a, b = chain`"""

    targets: tuple[Name, ...]
    value: Expr | Chain


@node
class Flow(Tree):
    """A line that is a chain: it takes the flow and gives it on."""

    chain: Chain


@node
class Broken(Tree):
    """A statement or item that could not be parsed; the problem is noted, what follows is read."""


Statement = (
    Let | Require | Expect | Param | Buffer | Shared | Init | Default | Carry | Yield | Final | Until | Head | Assign
    | Flow | Broken
)  # fmt: skip


@node
class Body(Tree):
    """`{ … }`"""

    statements: tuple[Statement, ...]


# ── items ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@node
class Used(Tree):
    """`SqueezeExcite as SE`; `name` is what the file calls it."""

    imported: str
    name: str


@node
class Use(Tree):
    """`use std.vision { ConvNorm }`; `module` is dotted words, or the string of a relative path where `relative`.
    Without braces `names` is None: all of the file's items are imported."""

    module: str
    relative: bool
    names: tuple[Used, ...] | None


@node
class Param_(Tree):
    """One parameter of a header: `stride: int = 1`, `x: [N, C]`."""

    name: str
    type: TypeTree | None
    default: Expr | None


@node
class Out(Tree):
    """`logits: [N, classes] when training`"""

    name: str | None
    type: TensorTypeTree
    training: bool


@node
class Fn(Tree):
    """`fn f(a, b = 1) = expr`, or of tensors with a body. `lists` are the parenthesised parameter lists as written."""

    name: str
    name_span: Span
    lists: tuple[tuple[Param_, ...], ...]
    outs: tuple[Out, ...] | None
    value: Expr | Body
    doc: str | None


@node
class Block(Tree):
    """`block Name(config)(tensors) -> types { … }`"""

    name: str
    name_span: Span
    lists: tuple[tuple[Param_, ...], ...]
    outs: tuple[Out, ...] | None
    body: Body
    doc: str | None


@node
class Arch(Tree):
    """`arch Name(config)(tensors) -> outs { … }`"""

    name: str
    name_span: Span
    lists: tuple[tuple[Param_, ...], ...]
    outs: tuple[Out, ...] | None
    body: Body
    doc: str | None


@node
class Variant(Tree):
    """`arch ResNet50 = ResNet(Bottleneck, [3, 4, 6, 3]) { expect { … } }`"""

    name: str
    name_span: Span
    value: Expr
    body: Body | None
    doc: str | None


Item = Use | Let | Fn | Block | Arch | Variant | Broken


@node
class Comment(Frozen):
    """`# …` with its place; `own_line` tells that nothing stands before it on its line."""

    span: Span
    text: str
    own_line: bool


@node
class File(Frozen):
    """A parsed file."""

    source: Source
    doc: str | None
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
