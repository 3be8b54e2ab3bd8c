"""What an expression can be: configuration, tensors, tuples of them, layer templates, shared instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Dim
from archdsl.ir.graph import Graph
from archdsl.ir.node import Path
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.records import mutable, record
from archdsl.source import Span
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.elaborate.program import Module
    from archdsl.elaborate.scope import Scope
    from archdsl.elaborate.unit import Unit


class Absent:
    """What a failed computation gives: it absorbs later checks, so that one mistake gives one message."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Absent()


@record
class Several:
    """A tuple of values; named ones are tensor arguments by name."""

    items: tuple[tuple[str | None, Any], ...]

    @property
    def positional(self) -> tuple[Any, ...]:
        """The values without a name."""
        return tuple(value for name, value in self.items if name is None)


@record
class DType:
    """A dtype as a value: `i64`; `float` is the program's."""

    name: str


@record
class OpWord:
    """An operator's name, not yet called."""

    by_identity = True

    kind: type[Op]


@record
class VariantEdit:
    """An edit of a variant, with the file that it stands in and the variant's own configuration."""

    by_identity = True

    variant: str
    module: Module
    given: tuple[tuple[str, Any], ...]
    edit: tree.Edit

    @property
    def home(self) -> object:
        """The variant itself: its file and its name."""
        return self.module, self.variant


@record
class BlockWord:
    """A block's or an arch's name; `given` is the configuration of the variants it went through, `edits` are theirs in order,
    `called` and `doc` the name and the documentation of the last one that edits."""

    by_identity = True

    item: tree.Block | tree.Arch
    module: Module
    given: tuple[tuple[str, Any], ...] = ()
    edits: tuple[VariantEdit, ...] = ()
    called: str = ""
    doc: str | None = None

    @property
    def name(self) -> str:
        """The block's own name."""
        return self.called or self.item.name


@record
class FnWord:
    """A function's name; `tensors` tells that it is one of tensors."""

    by_identity = True

    item: tree.Fn
    module: Module
    tensors: bool


@record
class ConfigWord:
    """A built-in function of configuration: `len`, `ceil`."""

    by_identity = True

    name: str


@record
class Template:
    """A layer as a value: an operator, a block, a function or a group, with some of its configuration given."""

    by_identity = True

    callee: OpWord | BlockWord | FnWord | Group
    args: tuple[tuple[str, Any], ...] = ()
    span: Span | None = None

    def key(self) -> object:
        """Equal keys elaborate equally."""
        callee = self.callee
        inner: object
        if isinstance(callee, OpWord):
            inner = callee.kind
        elif isinstance(callee, Group):
            inner = (id(callee.body), callee.scope)  # the scope itself: kept alive, its identity is not given to another
        elif isinstance(callee, BlockWord):
            inner = (callee.module, callee.name, key_of(callee.given), callee.edits)
        else:
            inner = (callee.module, callee.item.name)
        return ("template", inner, key_of(self.args))


@record
class Group:
    """`{ Linear(64); relu }` as a layer: its text, and the configuration around it."""

    by_identity = True

    body: tree.Body
    scope: Scope
    module: Module


@mutable
class Instance:
    """A declared instance. It is made at its first use, when its input is known; `unit` is the graph that owns it."""

    unit: Unit
    path: Path
    template: Template
    span: Span
    settings: Any
    op: Op | None = None
    graph: Graph | None = None
    result: Any = None
    visit: Any = None
    """How the steps inside are edited or written down."""


@record
class DerivativeWord:
    """The word `jvp`, not yet given its instance."""


@record
class Derivative:
    """`jvp(f, k)`: a layer that gives what a shared instance gives, and its tangent along one of its input k."""

    instance: Instance
    input: int


@record
class Leaf:
    """`wte.weight`: a tensor that an instance owns."""

    by_identity = True

    instance: Instance
    name: str


PLAIN = frozenset({int, bool, float, str, type(None)})
"""Classes of what is configuration and nothing else: told by one look, for it is most of what is met."""


def key_of(value: object) -> object:
    """A hashable key of a configuration value, for memoising; True, 1 and 1.0 differ.

    What is compared by identity is in the key itself, so that it lives as long and its identity is not given to another.
    """
    kind = value.__class__
    if kind in PLAIN:
        return kind, value
    if isinstance(value, tuple):
        return tuple([key_of(one) for one in value])
    if isinstance(value, Template):
        return value.key()
    if isinstance(value, Value):
        return (id(value), value)
    if isinstance(value, (Instance, Leaf, OpWord, BlockWord, FnWord, ConfigWord, Dim, Derivative)):
        return value
    return kind, value


def is_tensor(value: object) -> bool:
    """Whether a value is a tensor, or a tensor of an instance."""
    return value.__class__ not in PLAIN and isinstance(value, (Value, Leaf))


def has_tensor(value: object) -> bool:
    """Whether there is a tensor in it."""
    if value.__class__ in PLAIN:
        return False
    if isinstance(value, tuple):
        return any(has_tensor(one) for one in value)
    if isinstance(value, Several):
        return any(has_tensor(one) for _, one in value.items)
    return isinstance(value, (Value, Leaf))


def describe(value: object) -> str:
    """A value in words, for messages."""
    match value:
        case Value():
            return f"a tensor {value.type}"
        case Leaf():
            return f"the tensor `{value.name}` of a layer"
        case Several():
            return f"a tuple of {len(value.items)}"
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case int() | float():
            return str(value)
        case str():
            return f'the string "{value}"'
        case Dim():
            return f"the dimension {value}"
        case tuple():
            return f"a list of {len(value)}"
        case DType():
            return f"the dtype {value.name}"
        case Template(callee=OpWord() | BlockWord() | FnWord()):
            return describe(value.callee)
        case Template() | Instance() | Group() | Derivative():
            return "a layer"
        case DerivativeWord():
            return "the layer `jvp`"
        case OpWord():
            return f"the {'layer' if value.kind.layer else 'function'} `{value.kind.name}`"
        case BlockWord():
            return f"the block `{value.name}`"
        case FnWord():
            return f"the function `{value.item.name}`"
        case ConfigWord():
            return f"the function `{value.name}`"
        case range():
            return f"the range {value.start}..{value.stop}"
    return "nothing"
