"""A graph is one specialised block: inputs, outputs, members by label path, and nodes in topological order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archdsl.dims.dim import Size
from archdsl.dims.dtype import FLOAT
from archdsl.dims.facts import Facts
from archdsl.dims.shape import TensorType
from archdsl.ir.node import Node, Path
from archdsl.ir.value import Value
from archdsl.ops.contract import Op
from archdsl.ops.own_float import seen
from archdsl.records import fresh, record
from archdsl.source import Span

if TYPE_CHECKING:
    import networkx


@record
class Initializer:
    """How a tensor gets its first values: a named one with its arguments (`normal(std=0.02)`), or a constant graph without inputs
    and members that computes it (then `name` is `constant`)."""

    name: str
    args: tuple[tuple[str, Any], ...] = ()
    graph: Graph | None = None


@record
class Parameter:
    """`param` or `buffer`: a tensor of the graph itself. It is read by the nodes as the value named `value`."""

    silent = ("span",)

    value: Value
    init: Initializer
    buffer: bool = False
    persistent: bool = True
    span: Span | None = None


@record
class Layer:
    """A bound operator that owns tensors or randomness. `inits` maps its leaves to initializers other than PyTorch's."""

    silent = ("span",)

    op: Op
    inits: tuple[tuple[str, Initializer], ...] = ()
    span: Span | None = None
    float: str = FLOAT
    """The float type of its tensors and of what it computes, where that is not the program's."""

    def parameters(self) -> dict[str, TensorType]:
        """The types of what it owns, by leaf."""
        return {leaf: seen(TensorType(one.shape, one.dtype), self.float) for leaf, one in self.op.parameters().items()}


@record
class Call:
    """An instance of a block."""

    silent = ("span",)

    graph: Graph
    span: Span | None = None


Member = Layer | Call | Parameter


@record
class Output:
    """A result of the graph. `name` is the head's, or None in blocks. `training`: present only in training mode."""

    name: str | None
    value: Value
    training: bool = False


@record
class Input:
    """An input of the graph: its name in the header. `given` is False for an optional input that this specialisation was not
    given."""

    name: str
    value: Value | None
    keyword: bool = False
    """For an arch: an optional input, a keyword argument of `forward`."""
    carried: bool = False
    """What the step before gives, absent at run time in the first step."""


@record
class Loop:
    """A `repeat` as it was written, for readers: iteration i is nodes[start + i*… ] as `ranges[i]` (start, end). `path` is the
    container of a labelled repeat, None for an unlabelled one. Printing and drawing may fold it; nothing depends on it."""

    path: Path | None
    ranges: tuple[tuple[int, int], ...]


@record
class Graph:
    """One specialised block. Frozen; equal calls share one object, so 96 equal blocks are one graph called 96 times.

    Dimensions in types are in the arch's own symbols. `members` is in the order of `state_dict` (by container: parameters,
    buffers, then
    children by first mention); a path is relative to this graph and may be dotted through containers that have no graph of
    their own, or
    reach into an instance made elsewhere. `ties` maps the path of a tensor's alias to the path of the tensor it is (both
    through any
    depth of instances), `aliases` the path of a shared instance's other label to its own path.
    """

    silent = ("loops", "config", "parameters", "doc", "span", "origin")

    name: str
    kind: str
    """`arch`, `block`, `scan`, `constant`, `choice`, or `tangent`: a block with the tangents of its results (`jvp`)."""
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    nodes: tuple[Node, ...]
    members: Mapping[Path, Member] = fresh(default_factory=dict)
    ties: Mapping[Path, Path] = fresh(default_factory=dict)
    aliases: Mapping[Path, Path] = fresh(default_factory=dict)
    borrowed: tuple[tuple[str, Graph | Op], ...] = ()
    """Layers handed in by the caller: name and what they are."""
    containers: tuple[Path, ...] = ()
    """Label paths that are containers (also empty ones), in order of first mention."""
    loops: tuple[Loop, ...] = ()
    config: tuple[tuple[str, Any], ...] = ()
    """The names and values of configuration in force: header parameters, dimensions bound by the header, `let`s; for printing."""
    parameters: tuple[str, ...] = ()
    """Which of `config` are header parameters, in order."""
    facts: Facts = fresh(default_factory=Facts)
    doors: tuple[Door, ...] = ()
    """For an arch: what is checked at run time at the model's door."""
    doc: str = ""
    span: Span | None = None
    origin: Any = None
    """For an arch of a spec: with what it is elaborated again (`elaborate.origin`)."""

    def __hash__(self) -> int:
        return hash((self.name, self.kind, self.inputs, self.outputs, len(self.nodes)))

    def __str__(self) -> str:
        """The graph with all that is below it as text, which `ir.text.read_graph` reads back."""
        from archdsl.ir.text import print_graph

        return print_graph(self)

    def select(self, pattern: str | None = None, /, **attributes: Any) -> Any:
        """The steps that are meant, for an edit, or all: `select("layer1.*.bn?")`, `select("relu")`,
        `select(layer="Conv2d", groups=1)`, `select("Conv2d(groups=1) & ~layer1.**")`.

        The selection's `replace`, `insert_after`, `insert_before`, `wrap`, `remove`, `unwrap` and `set` each give a new graph.
        Raises `ArchError` where nothing is meant, and for a graph that is not as a spec gave it; `ValueError` where none did."""
        if self.origin is None:
            raise ValueError(f"the graph `{self.name}` comes from no spec, and edits are of its text")
        return self.origin.select(self, pattern, attributes)

    def to_networkx(self) -> networkx.MultiDiGraph[Any]:
        """The graph's own nodes (not those below) for networkx; `ir.digraph` says what vertices and edges carry."""
        from archdsl.ir.digraph import to_networkx

        return to_networkx(self)

    @property
    def input_values(self) -> tuple[Value, ...]:
        """The values of the inputs that are given."""
        return tuple(one.value for one in self.inputs if one.value is not None)

    @property
    def output_types(self) -> tuple[TensorType, ...]:
        """Types of all outputs."""
        return tuple(one.value.type for one in self.outputs)

    def graphs(self) -> Iterator[Graph]:
        """The distinct graphs below (instances and scan bodies), each once, callees before callers, this one last."""
        seen: set[int] = set()
        yield from self._graphs(seen)

    def _graphs(self, seen: set[int]) -> Iterator[Graph]:
        for member in self.members.values():
            if isinstance(member, Call) and id(member.graph) not in seen:
                seen.add(id(member.graph))
                yield from member.graph._graphs(seen)
        for node in self.nodes:
            for body in (node.scan.body,) if node.scan else (node.choice.training, node.choice.evaluation) if node.choice else ():
                if id(body) not in seen:
                    seen.add(id(body))
                    yield from body._graphs(seen)
        yield self

    def has_statistics(self) -> bool:
        """Whether a layer in it or below has buffers, which training updates."""
        layers = (member.op for one in self.graphs() for member in one.members.values() if isinstance(member, Layer))
        return any(weight.buffer for op in layers for weight in op.parameters().values())

    def tensors(self) -> Iterator[tuple[Path, Tensor]]:
        """Every tensor of the `state_dict` with its full path, each once under its own path, in order; ties are not repeated."""
        owned = self.ties
        for path, member in self.members.items():
            if isinstance(member, Parameter):
                yield path, Tensor(member.value.type, member.buffer, member.persistent)
            elif isinstance(member, Layer):
                for leaf, weight in member.op.parameters().items():
                    if (*path, *leaf.split(".")) not in owned:
                        type = seen(TensorType(weight.shape, weight.dtype), member.float)
                        yield (*path, leaf), Tensor(type, weight.buffer, weight.persistent)
            else:
                for inner, tensor in member.graph.tensors():
                    if (*path, *".".join(inner).split(".")) not in owned:  # a leaf may have dots: `out_proj.weight`
                        yield (*path, *inner), tensor


@record
class Tensor:
    """A tensor of the `state_dict`."""

    type: TensorType
    buffer: bool
    persistent: bool


@record
class Door:
    """A check at run time: `left op right`, where op is `==`, `<=`, `<` or `%` (left % right == 0), and what to say when it
    fails."""

    silent = ("span",)

    left: Size
    op: str
    right: Size
    message: str
    span: Span | None = None
