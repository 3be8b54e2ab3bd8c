"""What can be edited: the steps of an arch, the calls in its expressions, its constructs, each as often as it is elaborated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archdsl.dims.shape import TensorType
from archdsl.elaborate.editing.trie import Way
from archdsl.elaborate.values import Several
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.records import fresh, mutable, record
from archdsl.source import Span
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.elaborate.editing.visit import Visit

Entries = list[Any]
"""Sites, and the visits of what is called from there, in text order."""


@mutable
class Site:
    """One step, or one call in an expression, as it was met in elaborating one block. Paths are relative to the block."""

    node: tree.Step | tree.Expr
    kind: str
    word: str
    block: str
    order: tuple[str, ...] = ()
    """The names of the configuration that stands by position."""
    path: Path = ()
    braces: Path = ()
    """The path of the braces that it stands in."""
    own: bool = False
    """Whether the last segment of the path is its own; else it is the path of the container that it stands in."""
    numbers: int = 0
    """The numbers that it took of its container."""
    takes: tuple[TensorType, ...] = ()
    gives: tuple[TensorType, ...] = ()
    attributes: Mapping[str, Any] = fresh(default_factory=dict)
    tensors: tuple[int, ...] = ()
    """Which arguments of its call are tensors."""
    sent: Any = None
    """What flows into it."""
    declaration: Site | None = None
    """Of the use of a shared layer: where it is declared."""
    made: Node | None = None
    """The step of the program that it became, if it is one."""
    around: list[Node] = fresh(default_factory=list)
    """The steps of the body that this one is of."""

    @property
    def tupled(self) -> bool:
        """Whether a tuple flows into it."""
        return isinstance(self.sent, Several)


@record
class Occurrence:
    """A step of an arch where it stands.

    `path` is its full label path, with its number if it has one; `word` the layer, function, block or construct; `kind` one of
    `layer`, `block`, `function`, `shared` (a declaration), `use` (of a shared layer), and of constructs `skip`, `branch`,
    `repeat`, `scan`, `if`, `group`. `block` is the block or arch whose text it stands in. `takes` and `gives` are types of
    tensors.
    """

    silent = ("site", "way", "home")

    path: Path
    word: str
    kind: str
    block: str
    attributes: Mapping[str, Any]
    takes: tuple[TensorType, ...]
    gives: tuple[TensorType, ...]
    span: Span
    site: Site
    way: Way
    home: Way
    """The part of the way that leads to the instance of the block."""

    @property
    def label(self) -> str | None:
        """Its own label, which its author wrote, or None."""
        label = self.site.node.label if isinstance(self.site.node, tree.Step) else None
        return self.path[-1] if label is not None and self.site.own else None

    @property
    def container(self) -> Path:
        """The path of what it stands in."""
        return self.path[:-1] if self.site.own else self.path

    @property
    def braces(self) -> Path:
        """The path of the braces that it stands in, to which its label, of one segment or several, is added."""
        return (*self.path[: len(self.path) - len(self.site.path)], *self.site.braces)

    @property
    def names(self) -> tuple[Path, ...]:
        """The paths by which it is found: its own, and one that has its word for the number of a step without a label."""
        spoken = () if self.label is not None else ((*self.container, self.word),)
        return (self.path, *spoken) if self.site.own else spoken

    def __str__(self) -> str:
        gives = ", ".join(map(str, self.gives))
        return f"{'.'.join(self.path)}: {self.word}  {gives}  {self.span}"


CONSTRUCTS: dict[type, str] = {
    tree.Skip: "skip", tree.Branch: "branch", tree.Repeat: "repeat", tree.Scan: "scan", tree.If: "if", tree.Body: "group",
}  # fmt: skip


def types_of(value: object) -> tuple[TensorType, ...]:
    """The types of the tensors in a value."""
    if isinstance(value, Value):
        return (value.type,)
    if isinstance(value, Several):
        return tuple(type for _, one in value.items for type in types_of(one))
    if isinstance(value, tuple):
        return tuple(type for one in value for type in types_of(one))
    return ()


def occurrences(visit: Visit, way: Way = (), prefix: Path = ()) -> Iterator[Occurrence]:
    """Everything that was met, by the way on which it was met, each once."""
    seen: set[tuple[Way, Span]] = set()
    for one in _met(visit, way, way, prefix):
        if (one.way, one.span) not in seen:
            seen.add((one.way, one.span))
            yield one


def _met(visit: Visit, way: Way, home: Way, prefix: Path) -> Iterator[Occurrence]:
    for one in visit.entries or ():
        if not isinstance(one, Site):
            further = (*way, one.key)
            if one.prefix is None:
                yield from _met(one, further, home, prefix)
            else:
                yield from _met(one, further, further, (*prefix, *one.prefix))
        else:
            site: Site = one
            path = (*prefix, *site.path)
            yield Occurrence(
                path, site.word, site.kind, site.block, site.attributes, site.takes, site.gives, site.node.span, site, way, home
            )
